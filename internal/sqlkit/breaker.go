package sqlkit

import (
	"context"
	"errors"
)

// Breaker is a connection of a driver that can be broken off while a statement runs on it, from any goroutine, however often.
// The statement then fails at once, and the connection is of no more use.
//
// Drivers end a statement when its context ends by way of a goroutine that is told of every statement, and database/sql has
// one more for every query. To a server that answers within a tenth of a millisecond that is much. With a Breaker neither
// hears of a context that can end.
type Breaker interface{ Break() }

// until runs fn, which runs one statement, with a context that does not end; the end of ctx breaks the connection instead.
func (c *conn) until(ctx context.Context, fn func(ctx context.Context) error) error {
	if c.breaker == nil || ctx.Done() == nil {
		return fn(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, c.breaker.Break)
	err := fn(context.WithoutCancel(ctx))
	if stop() {
		return err
	}
	c.broken = true // or is just now, although the statement has ended
	if err != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return err
}
