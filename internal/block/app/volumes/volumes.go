// Package volumes is the use cases of volumes: make, read, change, delete, extend, and the transitions that attaching
// the old way (os-reserve, os-attach, ...) goes through.
package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/together"
)

// Volumes is the use cases of volumes. It is safe for concurrent use.
type Volumes struct {
	*app.Core
	create *flow.Flow[creation, store.Tx]
	pages  together.Alike[[]*block.Volume]
}

// New makes the use cases over the shared parts.
func New(core *app.Core) *Volumes {
	v := &Volumes{Core: core}
	v.create = v.createFlow()
	return v
}

// transition is a change of a volume's row as one compare-and-swap; it says whether the row met when.
func (u *Volumes) transition(ctx context.Context, id string, when store.VolumeWhen, set store.VolumeSet) (bool, error) {
	var done bool
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		done, err = tx.UpdateVolume(ctx, id, when, set)
		return err
	})
	return done, err
}
