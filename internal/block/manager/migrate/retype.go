package migrate

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// retyping is the state of a volume_retype; in the journal, the message. The row has the new type already, or the old one if
// a Python API asks: then it gets the new one when the driver has done its part.
type retyping struct {
	rpcapi.Retype
	volume  *block.Volume
	change  driver.TypeChange
	inPlace bool
	update  driver.Update
}

// of says whether the volume is under this very retype.
func (st *retyping) of(v *block.Volume) bool {
	return v.Status == block.VolumeRetyping && (v.VolumeTypeID == st.NewTypeID || v.VolumeTypeID == st.OldTypeID)
}

func (s *Service) retypeFlow() *flow.Flow[retyping, store.Tx] {
	return &flow.Flow[retyping, store.Tx]{
		Name: rpcapi.FlowVolumeRetype,
		Steps: []flow.Step[retyping, store.Tx]{
			{Name: "on_failure", UndoTx: s.retypeFailed},
			{Name: "extract_volume_ref", Do: s.extractRetyping, Undo: func(ctx context.Context, st *retyping, cause error) error {
				s.Tell(ctx, st.volume, block.MessageScheduleVolume, block.MessageUnknownError, cause)
				return nil
			}},
			{Name: "retype", Do: s.retypeInPlace, Undo: s.retypeBack},
			{Name: "on_finish", Tx: s.retypeOnFinish},
			{Name: "publish", Do: func(ctx context.Context, st *retyping) error {
				if !st.inPlace {
					m := st.migration()
					return s.Migrate(ctx, &m)
				}
				s.Notify(ctx, "retype", st.volume)
				s.Refresh()
				return nil
			}},
		},
		HandOver: func(st *retyping) *flow.Next {
			if st.inPlace {
				return nil
			}
			return &flow.Next{Name: rpcapi.FlowVolumeMigrate, Owner: s.Backend, State: st.migration()}
		},
	}
}

// migration is the migration that a retype becomes.
func (st *retyping) migration() rpcapi.MigrateVolume {
	return rpcapi.MigrateVolume{FlowID: st.FlowID, VolumeID: st.VolumeID, Host: st.Destination.Host, Destination: st.Destination, Retype: &st.Retype}
}

func (s *Service) extractRetyping(ctx context.Context, st *retyping) error {
	v, err := found(s.Store.Volume(ctx, st.VolumeID, ""))
	switch {
	case err != nil:
		return err
	case !st.of(v):
		return flow.ErrObsolete
	case v.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	}
	st.volume = v
	st.change, err = s.change(ctx, st)
	return err
}

// change is what the two types say that a driver may heed.
func (s *Service) change(ctx context.Context, st *retyping) (c driver.TypeChange, err error) {
	if c.From, err = s.driverType(ctx, st.OldTypeID); err == nil {
		c.To, err = s.driverType(ctx, st.NewTypeID)
	}
	return c, err
}

func (s *Service) driverType(ctx context.Context, id string) (driver.Type, error) {
	t, err := s.Store.VolumeType(ctx, id, "")
	if fault.Is(err, fault.NotFound) { // the old one may have been deleted meanwhile
		return driver.Type{}, nil
	}
	if err != nil {
		return driver.Type{}, err
	}
	d := driver.Type{ExtraSpecs: t.ExtraSpecs}
	if t.QoSSpecsID == "" {
		return d, nil
	}
	q, err := s.Store.QoSSpecs(ctx, t.QoSSpecsID)
	switch {
	case fault.Is(err, fault.NotFound):
		return d, nil
	case err == nil && q.Consumer != block.QoSFrontEnd:
		d.QoS = q.Texts()
	}
	return d, err
}

// stays says whether the scheduler chose the pool that the volume is on; one from before pools has an address without one.
func (st *retyping) stays() bool {
	chosen, is := st.Destination.Host, st.volume.Host
	return chosen == is || is.Pool() == "" && chosen.Backend() == is.Backend()
}

// retypeInPlace has the driver change the volume, if there is anything to change and the driver can. What goes wrong with
// that is no failure yet: the volume may have to move instead.
func (s *Service) retypeInPlace(ctx context.Context, st *retyping) error {
	if st.inPlace = false; !st.stays() {
		return nil
	}
	if maps.Equal(st.change.From.ExtraSpecs, st.change.To.ExtraSpecs) && maps.Equal(st.change.From.QoS, st.change.To.QoS) {
		st.inPlace = true
		return nil
	}
	err := within(ctx, s.VerbTimeout, func(ctx context.Context) (err error) {
		st.inPlace, st.update, err = s.Storage.Retype(ctx, export.DriverVolume(st.volume), st.change)
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "the driver could not retype a volume; it is to be moved instead", "volume_id", st.VolumeID, "error", err)
		return nil
	}
	return err
}

// retypeBack undoes what the driver did. An earlier run may have done it, so it is asked in any case that could be.
func (s *Service) retypeBack(ctx context.Context, st *retyping, _ error) error {
	v, err := found(s.Store.Volume(ctx, st.VolumeID, ""))
	if errors.Is(err, flow.ErrObsolete) {
		return nil
	}
	if err != nil || !st.of(v) || v.Queue().Backend() != s.Backend {
		return err
	}
	c, err := s.change(ctx, st)
	if err != nil {
		return err
	}
	return within(ctx, s.VerbTimeout, func(ctx context.Context) error {
		_, _, err := s.Storage.Retype(ctx, export.DriverVolume(v), driver.TypeChange{From: c.To, To: c.From})
		return err
	})
}

// retypeOnFinish gives the volume its status back, or begins to move it if its new type could not be had where it is.
func (s *Service) retypeOnFinish(ctx context.Context, tx store.Tx, st *retyping) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if err != nil {
		return err
	}
	if !st.of(v) {
		return flow.ErrObsolete // somebody reset its status by hand
	}
	set := store.VolumeSet{Status: new(previous(v))}
	set.ProviderID, set.ProviderLocation, set.ProviderAuth = st.update.Fields()
	if v.Host.Pool() == "" {
		set.Host = &st.Destination.Host
	}
	if !st.inPlace {
		if err := s.mayMove(ctx, tx, st, v); err != nil {
			return err
		}
		set = store.VolumeSet{MigrationStatus: new(block.MigrationStarting)}
	}
	ok, err := s.giveType(ctx, tx, st, v, set)
	if err == nil && !ok {
		err = flow.ErrObsolete
	}
	return err
}

// giveType writes what set says into the row of a volume that is retyped, and the new type if it has the old one yet.
func (s *Service) giveType(ctx context.Context, tx store.Tx, st *retyping, v *block.Volume, set store.VolumeSet) (bool, error) {
	when := store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeRetyping}}
	if v.VolumeTypeID == st.NewTypeID {
		return tx.UpdateVolume(ctx, v.ID, when, set)
	}
	if err := tx.ReleaseReservations(ctx, slices.Concat(st.Reservations, st.OldReservations)); err != nil {
		return false, err
	}
	set.VolumeTypeID = &st.NewTypeID
	return store.ChangeType(ctx, tx, v, when, set, s.CountSnapshots)
}

// mayMove refuses to move a volume because of its type where that is not wanted or not possible.
func (s *Service) mayMove(ctx context.Context, tx store.Tx, st *retyping, v *block.Volume) error {
	if !st.OnDemand {
		return failure("Retype requires migration but is not allowed.")
	}
	snapshots, err := tx.Snapshots(ctx, store.SnapshotQuery{VolumeID: v.ID, Page: store.Page{Limit: 1}})
	switch {
	case err != nil:
		return err
	case len(snapshots) > 0:
		return block.InvalidVolume("Volume must not have snapshots.")
	case v.ReplicationStatus != "" && v.ReplicationStatus != "disabled" && v.ReplicationStatus != "not-capable":
		return block.InvalidVolume("Volume must not be replicated.")
	}
	return nil
}

// retypeFailed gives the volume its old type and the status it had.
func (s *Service) retypeFailed(ctx context.Context, tx store.Tx, st *retyping, _ error) error {
	v, err := found(tx.Volume(ctx, st.VolumeID, ""))
	if errors.Is(err, flow.ErrObsolete) {
		return nil
	}
	if err != nil || !st.of(v) {
		return err
	}
	return s.giveTypeBack(ctx, tx, v, &st.Retype, store.VolumeSet{Status: new(previous(v))})
}

// giveTypeBack writes the type that a volume had before a retype, with whatever else set says.
func (s *Service) giveTypeBack(ctx context.Context, tx store.Tx, v *block.Volume, m *rpcapi.Retype, set store.VolumeSet) error {
	if err := tx.ReleaseReservations(ctx, slices.Concat(m.Reservations, m.OldReservations)); err != nil {
		return err
	}
	set.VolumeTypeID, set.Multiattach = &m.OldTypeID, &m.OldMultiattach
	_, err := store.ChangeType(ctx, tx, v, store.VolumeWhen{Status: []block.VolumeStatus{v.Status}}, set, s.CountSnapshots)
	return err
}
