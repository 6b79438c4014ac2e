package app

import (
	"context"
	"time"
)

// What is to be sent once rows have changed must not stop with its caller, and has limits of its own.
const (
	// castTimeout is how long a message to a service of ours waits for the message broker: that service finds the operation in the journal
	// when it does not hear of it.
	castTimeout = 10 * time.Second
	// castPatience is how long one waits that is for a Python service, which hears of it by the message or not at all. Upstream waits for
	// ever, because its RPC clients leave oslo.messaging's retry at None, and so do callers who ask its API while there is no broker; what
	// they asked for is done when there is one again.
	castPatience = 10 * time.Minute
	// maxPatient is how many may wait beyond castTimeout at once; further ones fail then.
	maxPatient = 1000
)

// Cast sends a message about an operation whose rows have changed already: cast is called once, with a context that keeps ctx's values, outlives its
// caller, and ends after castTimeout, or castPatience if the owner of the operation is no service of ours. Errors are cast's.
func (c *Core) Cast(ctx context.Context, owner string, cast func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), castPatience)
	defer cancel()
	waiting := time.AfterFunc(castTimeout, func() {
		defer c.patient.Add(-1)
		if c.patient.Add(1) > maxPatient {
			cancel()
			return
		}
		if ours, err := c.Ours(ctx, c.Store, owner); err != nil || ours {
			cancel()
			return
		}
		c.Log.WarnContext(ctx, "the message broker takes no message; it is waited for", "owner", owner)
		<-ctx.Done()
	})
	defer waiting.Stop()
	return cast(ctx)
}
