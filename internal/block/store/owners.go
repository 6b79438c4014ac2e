package store

import (
	"context"
	"time"
)

// OwnService is a service of ours, as opposed to a Python one in the same row of the services table: it keeps the journal's
// records under Owner.
type OwnService struct {
	Host, Binary, Owner string
	SeenAt              time.Time // when it last said so; set by the store
}

// OwnServiceReader reads which services are ours.
type OwnServiceReader interface {
	// OwnServices are all that ever were ours, of one binary. Whether one still is follows from the services table: a Python
	// service that has taken its place reports there and not here.
	OwnServices(ctx context.Context, binary string) ([]OwnService, error)
}

// OwnServiceWriter writes it.
type OwnServiceWriter interface {
	// MarkOwn says that a service is ours now. It belongs into the transaction of the heartbeat, so that the two times are one.
	MarkOwn(ctx context.Context, s OwnService) error
}
