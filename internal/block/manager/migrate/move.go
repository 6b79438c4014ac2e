package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// move is the state of a volume_migrate while the back end that the volume leaves has it; in the journal, the message.
type move struct {
	rpcapi.MigrateVolume
	volume  *block.Volume
	carried bool // the driver has put the bytes there
	used    bool // an instance uses the volume, and Nova is to put them there
}

// madeID is the id of the volume that is made on the other back end: always the same for one migration, so that every
// run finds what an earlier one made.
func (st *move) madeID() string { return st.derived("target") }

func (st *move) derived(what string) string {
	space, err := uuid.Parse(st.FlowID)
	if err != nil { // a sender that keeps no journal
		space = uuid.NewSHA1(uuid.Nil, []byte(st.VolumeID))
	}
	return uuid.NewSHA1(space, []byte(what)).String()
}

func (s *Service) moveFlow() *flow.Flow[move, store.Tx] {
	return &flow.Flow[move, store.Tx]{
		Name: rpcapi.FlowVolumeMigrate, // of a volume in use it ends in what swap.go has
		Steps: []flow.Step[move, store.Tx]{
			{Name: "cast_cleanup", Undo: s.castCleanup},
			{Name: "on_failure", UndoTx: s.moveFailed},
			{Name: "extract_volume_ref", Do: s.extractMoving},
			{Name: "create_new_entry", Tx: s.enterTarget},
			{Name: "migrate_volume", Do: s.carry},
			{Name: "create_new_volume", Do: s.awaitTarget},
			{Name: "copy_volume_data", Do: s.copyData, Undo: s.leaveSource},
			{Name: "finish_volume_migration", Tx: s.exchange},
			// What is still exported here nobody knows of: whoever does has kept the volume from being exchanged.
			{Name: "remove_export", Do: func(ctx context.Context, st *move) error {
				if st.used {
					return nil
				}
				return within(ctx, s.VerbTimeout, func(ctx context.Context) error { return s.Exports.DisconnectAll(ctx, st.volume) })
			}},
			{Name: "cast_completion", Do: func(ctx context.Context, st *move) error {
				if st.used {
					return s.askNova(ctx, st)
				}
				s.Refresh()
				m := st.completion()
				return s.Volumes.Cast(ctx, st.Destination.Queue(), "3.0", rpcapi.MethodUpdateMigratedVolume, &m)
			}},
		},
		HandOver: func(st *move) *flow.Next {
			if st.used { // exchange has entered what is waited for
				return nil
			}
			return &flow.Next{Name: rpcapi.FlowVolumeMigrated, Owner: st.Destination.Queue().Backend(), State: st.completion()}
		},
	}
}

// completion is what the other back end's service is told.
func (st *move) completion() rpcapi.UpdateMigratedVolume {
	return rpcapi.UpdateMigratedVolume{FlowID: st.FlowID, VolumeID: st.VolumeID, LeftoverID: st.madeID(), SourceHost: st.volume.Queue(),
		Retyped: st.Retype != nil}
}

// movable refuses a volume that is not in a state to be moved, or no longer.
func (s *Service) movable(st *move, v *block.Volume) error {
	used := len(v.Attachments) > 0 || v.Status == block.VolumeInUse
	if used {
		if err := s.usedByServer(v); err != nil {
			return err
		}
	}
	switch {
	case used != st.used:
		return failure("Volume %s was used, or was not used any more, while it was to be moved.", v.ID)
	case used && (v.Status == block.VolumeInUse || slices.Contains(held, v.Status)) && len(export.Legacy(v)) == 0:
	case len(export.Legacy(v)) > 0 || v.Status != block.VolumeAvailable && !slices.Contains(held, v.Status):
		return failure("Volume %s was used while it was to be moved; its status is %s.", v.ID, v.Status)
	case st.Retype != nil && v.VolumeTypeID != st.Retype.NewTypeID:
		return failure("Volume %s was given another type while it was to be moved.", v.ID)
	}
	return nil
}

func (s *Service) extractMoving(ctx context.Context, st *move) error {
	v, err := found(s.Store.Volume(ctx, st.VolumeID, ""))
	switch {
	case err != nil:
		return err
	case v.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	case !slices.Contains(underWay, v.MigrationStatus) && v.MigrationStatus != block.MigrationError:
		return flow.ErrObsolete
	}
	st.volume = v
	return nil
}

// enterTarget marks the volume as migrating and enters the one that is made for it. It counts for no quota.
func (s *Service) enterTarget(ctx context.Context, tx store.Tx, st *move) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if err != nil {
		return err
	}
	if v.MigrationStatus == block.MigrationError {
		return failure("The migration of volume %s was given up.", v.ID)
	}
	st.used = len(v.Attachments) > 0
	if err := s.movable(st, v); err != nil {
		return err
	}
	ok, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{v.Status}, MigrationStatus: underWay, NoAttachments: !st.used},
		store.VolumeSet{MigrationStatus: new(block.MigrationMigrating)})
	if err != nil {
		return err
	}
	if !ok {
		return failure("The migration of volume %s was given up.", v.ID)
	}
	st.volume = v
	if _, err := tx.Volume(ctx, st.madeID(), ""); !fault.Is(err, fault.NotFound) {
		return err // an earlier run has entered it
	}
	to := st.Destination
	return tx.CreateVolume(ctx, &block.Volume{ID: st.madeID(), UserID: v.UserID, ProjectID: v.ProjectID, Name: v.Name, Description: v.Description,
		SizeGiB: v.SizeGiB, VolumeTypeID: v.VolumeTypeID, VolumeTypeName: v.VolumeTypeName, Host: to.Host, ClusterName: to.ClusterName,
		AvailabilityZone: to.AvailabilityZone, Status: block.VolumeCreating, AttachStatus: block.AttachDetached, MigrationStatus: targetOf + v.ID,
		Bootable: v.Bootable, Multiattach: v.Multiattach, EncryptionKeyID: v.EncryptionKeyID, SharedTargets: v.SharedTargets,
		Metadata: maps.Clone(v.Metadata)})
}

// carry has the driver put the bytes into the other storage, if it can and is not forbidden to. A retype that changes more
// than which back end is asked for may need the other storage to make the volume in its own way.
func (s *Service) carry(ctx context.Context, st *move) error {
	if st.carried = false; st.used {
		return nil
	}
	if st.ForceHostCopy || st.Retype != nil {
		same, err := s.differInPlaceOnly(ctx, st.Retype)
		if err != nil || st.ForceHostCopy || !same {
			return err
		}
	}
	location, _ := st.Destination.Capabilities["location_info"].(string)
	var u driver.Update
	err := within(ctx, s.copyLimit(st.volume), func(ctx context.Context) (err error) {
		st.carried, u, err = s.Storage.MigrateVolume(ctx, export.DriverVolume(st.volume), st.madeID(), location)
		return err
	})
	if err != nil || !st.carried {
		return err
	}
	set := store.VolumeSet{}
	set.ProviderID, set.ProviderLocation, set.ProviderAuth = u.Fields()
	return s.Store.Update(ctx, func(tx store.Tx) error {
		_, err := tx.UpdateVolume(ctx, st.madeID(), store.VolumeWhen{MigrationStatus: []string{targetOf + st.VolumeID}}, set)
		return err
	})
}

// differInPlaceOnly says whether two types differ in nothing but the back end and the zones they ask for; of a migration
// without a retype that is so.
func (s *Service) differInPlaceOnly(ctx context.Context, m *rpcapi.Retype) (bool, error) {
	if m == nil {
		return true, nil
	}
	c, err := s.change(ctx, &retyping{Retype: *m})
	if err != nil {
		return false, err
	}
	specs := func(t driver.Type) map[string]string {
		rest := maps.Clone(t.ExtraSpecs)
		delete(rest, "volume_backend_name")
		delete(rest, "RESKEY:availability_zones")
		return rest
	}
	return maps.Equal(specs(c.From), specs(c.To)) && maps.Equal(c.From.QoS, c.To.QoS), nil
}

// Pauses between two looks at a volume that another service makes.
const (
	firstLook = 5 * time.Millisecond
	lastLook  = time.Second
)

// awaitTarget has the other back end's service make the volume, and waits until it has.
func (s *Service) awaitTarget(ctx context.Context, st *move) error {
	if st.carried {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.CreateTimeout)
	defer cancel()
	made, err := s.target(ctx, st)
	if err != nil || made.Status == block.VolumeAvailable {
		return err
	}
	request := rpcapi.CreateRequest{VolumeID: st.madeID(), Host: st.Destination.Host}
	err = s.Volumes.Cast(ctx, st.Destination.Queue(), "3.0", rpcapi.MethodCreateVolume, &rpcapi.CreateVolume{VolumeID: st.madeID(), Request: request})
	for pause := firstLook; err == nil; pause = min(2*pause, lastLook) {
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
			continue
		case <-time.After(pause):
		}
		if made, err = s.target(ctx, st); err == nil && made.Status == block.VolumeAvailable {
			return nil
		}
	}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return failure("timeout creating new_volume on destination")
	}
	return err
}

// target is the row of the volume that is made.
func (s *Service) target(ctx context.Context, st *move) (*block.Volume, error) {
	made, err := s.Store.Volume(ctx, st.madeID(), "")
	if err == nil && made.Status != block.VolumeCreating && made.Status != block.VolumeAvailable {
		err = failure("failed to create new_volume on destination")
	}
	return made, err
}

// exchange gives the volume the storage that was made for it, and the row that was made the storage it had; that one is to
// be deleted with it. It is the instant of the move: whatever else was changed about the volume meanwhile stays, and a
// change that its bytes may not have followed ends the migration.
func (s *Service) exchange(ctx context.Context, tx store.Tx, st *move) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if err != nil {
		return err
	}
	made, err := tx.Volume(ctx, st.madeID(), "")
	if err != nil {
		return err
	}
	givenUp := failure("Volume %s was used while it was moved, or its migration was given up.", v.ID)
	if v.MigrationStatus != block.MigrationMigrating {
		return givenUp
	}
	if err := s.movable(st, v); err != nil {
		return err
	}
	if v.SizeGiB != made.SizeGiB {
		return failure("Volume %s was extended while it was moved.", v.ID)
	}
	st.volume = v
	if st.used {
		return s.waiting(ctx, tx, st)
	}
	status := v.Status
	if status == block.VolumeAvailable { // nobody is to use it before it has arrived
		status = block.VolumeMaintenance
	}
	ok, err := s.swapRows(ctx, tx, v, made, status)
	if err == nil && !ok {
		err = givenUp
	}
	return err
}

// swapRows gives the volume the storage that was made for it, and the row that was made the storage it had, which is to be deleted
// with it; it says whether the volume was still as v says.
func (s *Service) swapRows(ctx context.Context, tx store.Tx, v, made *block.Volume, status block.VolumeStatus) (bool, error) {
	ok, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{v.Status}, MigrationStatus: []string{block.MigrationMigrating}, Host: v.Host,
		NoAttachments: true, NoSnapshots: true}, store.VolumeSet{Status: &status, MigrationStatus: new(block.MigrationCompleting), AvailabilityZone: &made.AvailabilityZone,
		Host: &made.Host, ClusterName: &made.ClusterName, NameID: new(made.BackendID()), ProviderID: &made.ProviderID,
		ProviderLocation: &made.ProviderLocation, ProviderAuth: &made.ProviderAuth, ProviderGeometry: &made.ProviderGeometry})
	if err != nil || !ok {
		return false, err
	}
	name, about := v.BackendID(), new("migration src for "+v.ID)
	return tx.UpdateVolume(ctx, made.ID, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeDeleting), MigrationStatus: new(block.MigrationDeleting),
		Description: &about, TerminatedAt: new(s.Now().UTC()), AvailabilityZone: &v.AvailabilityZone, Host: &v.Host, ClusterName: &v.ClusterName,
		NameID: &name, ProviderID: &v.ProviderID, ProviderLocation: &v.ProviderLocation, ProviderAuth: &v.ProviderAuth,
		ProviderGeometry: &v.ProviderGeometry})
}

// moveFailed shows the failure at the volume, which is where and what it was, and has what was made deleted.
func (s *Service) moveFailed(ctx context.Context, tx store.Tx, st *move, _ error) error {
	if err := s.discard(ctx, tx, st); err != nil {
		return err
	}
	v, err := found(tx.Volume(ctx, st.VolumeID, ""))
	if errors.Is(err, flow.ErrObsolete) {
		return nil
	}
	if err != nil || v.Queue().Backend() != s.Backend || v.MigrationStatus != block.MigrationError && !slices.Contains(underWay, v.MigrationStatus) {
		return err
	}
	set := store.VolumeSet{MigrationStatus: new(block.MigrationError)}
	if slices.Contains(held, v.Status) {
		set.Status = new(previous(v))
	}
	if st.Retype != nil && v.VolumeTypeID == st.Retype.NewTypeID {
		return s.giveTypeBack(ctx, tx, v, st.Retype, set)
	}
	_, err = tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{v.Status}}, set)
	return err
}

// discard marks the volume that was made for deletion, and enters that in the journal of the back end it is on.
func (s *Service) discard(ctx context.Context, tx store.Tx, st *move) error {
	made, err := tx.Volume(ctx, st.madeID(), "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || !strings.HasPrefix(made.MigrationStatus, targetOf) {
		return err
	}
	_, err = tx.UpdateVolume(ctx, made.ID, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeDeleting), MigrationStatus: new(block.MigrationDeleting),
		TerminatedAt: new(s.Now().UTC())})
	if err != nil {
		return err
	}
	m := st.cleanup()
	state, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return tx.PutFlow(ctx, flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeDelete, Owner: made.Queue().Backend(), ResourceType: "volume",
		ResourceID: made.ID, State: state})
}

// cleanup is the deletion of what was made.
func (st *move) cleanup() rpcapi.DeleteVolume {
	return rpcapi.DeleteVolume{FlowID: st.derived("cleanup"), VolumeID: st.madeID()}
}

// castCleanup tells the user that the volume did not move, and the other back end what to delete. It runs after on_failure
// was undone.
func (s *Service) castCleanup(ctx context.Context, st *move, cause error) error {
	if st.volume != nil {
		s.Tell(ctx, st.volume, block.MessageScheduleVolume, block.MessageUnknownError, cause)
	}
	if st.Destination.Host == "" {
		return nil
	}
	m := st.cleanup()
	return s.Volumes.Cast(ctx, st.Destination.Queue(), "3.0", rpcapi.MethodDeleteVolume, &m)
}
