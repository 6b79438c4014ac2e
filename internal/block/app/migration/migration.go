// Package migration is the use cases of volumes that change their type or their place: retype, migrate, and the end of a
// migration that somebody else has made.
//
// What they come to is the volume service's affair; what must not live here is how bytes get from one back end to another.
package migration

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/volumes"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Migration is the use cases. It is safe for concurrent use.
type Migration struct {
	*app.Core
	volumes *volumes.Volumes
}

// New makes the use cases over the shared parts.
func New(core *app.Core) *Migration { return &Migration{Core: core, volumes: volumes.New(core)} }

// settled are the states in which a volume may be retyped or migrated.
var settled = []block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse}

// encryption is how volumes of a type are encrypted, nil if they are not.
func encryption(ctx context.Context, r store.EncryptionReader, typeID string) (*block.TypeEncryption, error) {
	e, err := r.TypeEncryption(ctx, typeID)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return e, err
}
