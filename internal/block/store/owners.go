package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
)

// OwnService is a service of ours, as opposed to a Python one in the same row of the services table: it keeps the journal's
// records under Owner.
type OwnService struct {
	Host, Binary, Owner string
	SeenAt              time.Time // when it last said so; set by the store
}

// slack is how much later than its mark a service of ours may seem to have reported: databases round times.
const slack = 2 * time.Second

// Replaced says whether somebody else has written a service's row since: a Python service is in the place of ours.
func (o OwnService) Replaced(row *block.Service) bool {
	return row.UpdatedAt.After(o.SeenAt.Add(slack))
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
