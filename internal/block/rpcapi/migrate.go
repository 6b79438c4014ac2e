package rpcapi

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// Methods about volumes that change their type or their place.
const (
	MethodRetype                  = "retype"
	MethodMigrateVolume           = "migrate_volume"
	MethodMigrateVolumeCompletion = "migrate_volume_completion"
	MethodUpdateMigratedVolume    = "update_migrated_volume"
)

// Destination is the pool that a scheduler chose for a volume that is retyped or migrated.
type Destination struct {
	Host             block.Host     // with its pool
	ClusterName      string         // "cluster@backend#pool", empty if it is in none
	AvailabilityZone string         // of the back end's service
	Capabilities     map[string]any // as the pool reported them; JSON values
}

// Queue is whose work it is there: the cluster's, or the host's.
func (d Destination) Queue() block.Host {
	if d.ClusterName != "" {
		return block.Host(d.ClusterName)
	}
	return d.Host
}

// Retype asks the scheduler for a place that suits a volume under its new type, and then the volume service that holds it
// to do what it takes. The row has the new type already, because quota is counted from rows: whoever gives up writes
// OldTypeID and OldMultiattach back.
type Retype struct {
	FlowID         string
	VolumeID       string
	OldTypeID      string
	NewTypeID      string
	OldMultiattach bool
	// OnDemand says that the volume may be moved if its back end does not suit the new type (migration_policy on-demand).
	OnDemand    bool
	Destination Destination // chosen by the scheduler
	// Reservations and OldReservations are quota that a Python API has set aside under the new type and to be given up
	// under the old one, by id; see ExtendVolume. Such an API also leaves the row its old type.
	Reservations    []string `json:",omitempty"`
	OldReservations []string `json:",omitempty"`
}

// MigrateVolume asks the scheduler whether a back end takes a volume, and then the volume service that holds it to move
// it there.
type MigrateVolume struct {
	FlowID        string
	VolumeID      string
	Host          block.Host // asked for: a host's or a cluster's back end, with or without a pool
	ForceHostCopy bool       // the bytes must not be moved by the driver
	Destination   Destination
	Retype        *Retype // set if the volume moves because of its new type
}

// MigrateVolumeCompletion ends a migration that somebody else has made: NewVolumeID takes the place of VolumeID, or with
// Failed is removed again. The answer is the id that stays.
type MigrateVolumeCompletion struct {
	VolumeID    string
	NewVolumeID string
	Failed      bool
}

// UpdateMigratedVolume asks the volume service that a volume was moved to, to give it in storage the name that its id
// stands for; after that SourceHost's removes what is left there, which the row LeftoverID stands for.
type UpdateMigratedVolume struct {
	FlowID     string
	VolumeID   string
	LeftoverID string
	SourceHost block.Host
	Retyped    bool // it moved because of its new type
}

// Retype casts retype.
func (s Scheduler) Retype(ctx context.Context, m *Retype) error {
	return s.cast(ctx, "3.0", MethodRetype, m)
}

// MigrateVolume casts migrate_volume.
func (s Scheduler) MigrateVolume(ctx context.Context, m *MigrateVolume) error {
	return s.cast(ctx, "3.3", MethodMigrateVolume, m)
}
