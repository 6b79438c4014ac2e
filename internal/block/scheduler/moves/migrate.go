package moves

import (
	"context"
	"errors"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// migration is the state of a volume_migrate while the scheduler has it: in the journal, a MigrateVolume.
type migration struct {
	rpcapi.MigrateVolume
	volume *block.Volume
}

func (s *Service) migrateFlow() *flow.Flow[migration, store.Tx] {
	return &flow.Flow[migration, store.Tx]{
		Name: "volume_migrate_scheduler",
		Steps: []flow.Step[migration, store.Tx]{
			{Name: "extract_scheduler_spec", Do: func(ctx context.Context, m *migration) (err error) {
				if m.volume, err = found(s.Store.Volume(ctx, m.VolumeID, "")); err == nil && m.volume.MigrationStatus != block.MigrationStarting {
					err = flow.ErrObsolete
				}
				return err
			}},
			{Name: "schedule_migrate_volume", Do: s.checkDestination, Undo: func(ctx context.Context, m *migration, cause error) error {
				s.Pools.Release(m.FlowID)
				if m.volume != nil {
					s.Failed(ctx, "migrate_volume_to_host", m.volume, m.failedState(), cause)
				}
				return nil
			}},
			{Name: "volume_update_db", Tx: s.confirmMigration, UndoTx: failMigration},
			{Name: "volume_cast", Do: func(ctx context.Context, m *migration) error {
				s.Pools.HandOver(m.FlowID)
				return s.Volumes.Cast(ctx, m.volume.Queue(), "3.5", rpcapi.MethodMigrateVolume, new(m.MigrateVolume))
			}},
		},
		HandOver: func(m *migration) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowVolumeMigrate, Owner: m.volume.Queue().Backend(), State: m.MigrateVolume}
		},
	}
}

// checkDestination sees that the place asked for takes the volume; of a back end with several pools, the best one.
func (s *Service) checkDestination(ctx context.Context, m *migration) error {
	request, err := s.Request(ctx, snapshot.MigrateVolume, m.volume)
	if err != nil {
		return err
	}
	request.Backend = m.Host
	pool, err := s.Pools.Place(ctx, m.FlowID, request, 1)
	if err != nil {
		return err
	}
	if pool.Is(place(m.volume)) {
		return block.InvalidVolume("Volume %s is at %s already.", m.VolumeID, pool.ID())
	}
	m.Destination = destination(pool)
	s.Log.InfoContext(ctx, "a migration is scheduled", "volume_id", m.VolumeID, "host", pool.Host)
	return nil
}

// confirmMigration holds the row while the record changes hands.
func (s *Service) confirmMigration(ctx context.Context, tx store.Tx, m *migration) error {
	ok, err := tx.UpdateVolume(ctx, m.VolumeID, store.VolumeWhen{MigrationStatus: []string{block.MigrationStarting}}, store.VolumeSet{})
	if err != nil || ok {
		return err
	}
	s.Pools.Release(m.FlowID)
	return flow.ErrObsolete
}

// failMigration shows the failure, and gives a volume that was locked for it free again.
func failMigration(ctx context.Context, tx store.Tx, m *migration, _ error) error {
	v, err := found(tx.Volume(ctx, m.VolumeID, ""))
	if err != nil {
		return ignoreObsolete(err)
	}
	set := store.VolumeSet{MigrationStatus: new(block.MigrationError)}
	if v.Status == block.VolumeMaintenance {
		set.Status = new(previous(v))
	}
	_, err = tx.UpdateVolume(ctx, m.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{v.Status}, MigrationStatus: []string{block.MigrationStarting}}, set)
	return err
}

// failedState is what becomes of the volume, as notifications have it.
func (m *migration) failedState() map[string]any {
	state := map[string]any{"migration_status": "error"}
	if m.volume.Status == block.VolumeMaintenance {
		state["status"] = string(previous(m.volume))
	}
	return state
}

// ignoreObsolete is for undos: of a row that is gone there is nothing to undo.
func ignoreObsolete(err error) error {
	if errors.Is(err, flow.ErrObsolete) {
		return nil
	}
	return err
}
