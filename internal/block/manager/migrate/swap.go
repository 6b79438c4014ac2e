package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// Compute is the compute service that moves the bytes of volumes that its servers use; nova.Service has the contract, and more.
type Compute interface {
	UpdateServerVolume(ctx context.Context, serverID, volumeID, newID string) error
}

const (
	// swapTimeout bounds the question to the compute service: less than a record of the journal rests before it is looked at again.
	swapTimeout = 20 * time.Second
	// maxRecords is how many records of a back end are looked through for that of a volume.
	maxRecords = 10_000
)

// usedByServer refuses a volume in use whose bytes the compute service cannot move.
func (s *Service) usedByServer(v *block.Volume) error {
	switch {
	case s.Compute == nil:
		return failure("Volume %s is in use, and only Nova can move the bytes of a volume that an instance uses; no Nova is connected.", v.ID)
	case len(v.Attachments) != 1 || v.Attachments[0].InstanceUUID == "" || v.Attachments[0].AttachStatus != block.AttachAttached:
		return failure("Volume %s is in use, and Nova can move the bytes of a volume only if one instance, and nobody else, uses it.", v.ID)
	}
	return nil
}

// waiting is the record of a volume whose bytes the compute service moves. It is there from the moment before that one is asked
// until it has ended the migration (os-migrate_volume_completion).
func (s *Service) waiting(ctx context.Context, tx store.Tx, st *move) error {
	state, err := json.Marshal(st.MigrateVolume)
	if err != nil {
		return err
	}
	return tx.PutFlow(ctx, flow.Record{ID: st.derived("swap"), Name: rpcapi.FlowVolumeSwap, Owner: s.Backend, ResourceType: "volume",
		ResourceID: st.VolumeID, State: state})
}

// askNova has the compute service move the bytes. It is the last step: a failure of it is undone here, and not by the
// flow, which has ended.
func (s *Service) askNova(ctx context.Context, st *move) error {
	made, err := s.Store.Volume(ctx, st.madeID(), "")
	if err != nil || len(made.Attachments) > 0 { // it has been asked: before it answers, it attaches the new volume
		return err
	}
	server := st.volume.Attachments[0].InstanceUUID
	err = within(ctx, swapTimeout, func(ctx context.Context) error {
		return s.Compute.UpdateServerVolume(ctx, server, st.VolumeID, st.madeID())
	})
	if err == nil || ctx.Err() != nil { // who goes on after a restart asks again
		return err
	}
	return errors.Join(err, s.giveSwapUp(context.WithoutCancel(ctx), st, err))
}

// errSwapping is that the compute service has the volume in hand.
var errSwapping = errors.New("the compute service uses the volume that was made")

// giveSwapUp ends a migration for which the compute service does nothing. One whose new volume it has begun to use is left to it:
// its answer may have been lost.
func (s *Service) giveSwapUp(ctx context.Context, st *move, cause error) error {
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		made, err := tx.Volume(ctx, st.madeID(), "")
		if err == nil && len(made.Attachments) > 0 {
			return errSwapping
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		return s.endSwap(ctx, tx, st)
	})
	if errors.Is(err, errSwapping) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.castCleanup(ctx, st, cause)
}

// endSwap writes that the migration came to nothing, and forgets it.
func (s *Service) endSwap(ctx context.Context, tx store.Tx, st *move) error {
	if err := s.moveFailed(ctx, tx, st, nil); err != nil {
		return err
	}
	return tx.DeleteFlow(ctx, st.derived("swap"))
}

// resumeSwap looks at a migration that waits for the compute service: whether that one was asked at all is not known when the
// process ended between, and what nobody waits for any more is forgotten.
func (s *Service) resumeSwap(ctx context.Context, rec flow.Record) error {
	st := &move{used: true}
	if err := json.Unmarshal(rec.State, &st.MigrateVolume); err != nil {
		return err
	}
	v, err := s.Store.Volume(ctx, st.VolumeID, "")
	gone := fault.Is(err, fault.NotFound)
	if err != nil && !gone {
		return err
	}
	made, err := s.Store.Volume(ctx, st.madeID(), "")
	switch {
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	case gone || v.MigrationStatus != block.MigrationMigrating || made == nil:
		return s.giveSwapUp(ctx, st, failure("The migration of volume %s was given up.", st.VolumeID))
	case len(made.Attachments) > 0:
		return nil // it is at work
	}
	st.volume = v
	if err := s.usedByServer(v); err != nil {
		return s.giveSwapUp(ctx, st, err)
	}
	return s.askNova(ctx, st)
}

// swapOf is the migration of a volume that waits for the compute service; nil if there is none.
func (s *Service) swapOf(ctx context.Context, volumeID string) (*move, error) {
	records, err := s.Store.Flows(ctx, s.Backend, 0, maxRecords)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(records, func(r flow.Record) bool { return r.Name == rpcapi.FlowVolumeSwap && r.ResourceID == volumeID })
	if i < 0 {
		return nil, nil
	}
	st := &move{used: true}
	return st, json.Unmarshal(records[i].State, &st.MigrateVolume)
}

// completeSwap ends a migration whose bytes the compute service has moved, or could not move. From the commit on the volume is the
// one that was made, with its attachments, and the other back end's service sees to the rest.
func (s *Service) completeSwap(ctx context.Context, st *move, failed bool) (string, error) {
	err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if st.volume, err = tx.Volume(ctx, st.VolumeID, ""); err != nil {
			return err
		}
		if failed {
			return s.endSwap(ctx, tx, st)
		}
		return s.takeOver(ctx, tx, st)
	})
	if err != nil {
		return "", err
	}
	if failed {
		return st.VolumeID, s.castCleanup(ctx, st, failure("Nova could not move the bytes of volume %s.", st.VolumeID))
	}
	s.Refresh()
	m := st.arrived()
	err = errors.Join(within(ctx, s.VerbTimeout, func(ctx context.Context) error { return s.Exports.DisconnectAll(ctx, st.volume) }),
		s.Volumes.Cast(ctx, st.Destination.Queue(), "3.0", rpcapi.MethodUpdateMigratedVolume, &m))
	if err != nil { // the journal has it
		s.Log.WarnContext(ctx, "a volume in use has moved, and what it left behind will be seen to later", "volume_id", st.VolumeID, "error", err)
	}
	return st.VolumeID, nil
}

// arrived is what the other back end's service is told of a volume in use.
func (st *move) arrived() rpcapi.UpdateMigratedVolume {
	m := st.completion()
	m.FlowID = st.derived("arrival")
	return m
}

// takeOver gives the volume the storage and the attachments of the one that was made.
func (s *Service) takeOver(ctx context.Context, tx store.Tx, st *move) error {
	v := st.volume
	made, err := tx.Volume(ctx, st.madeID(), "")
	if err != nil {
		return err
	}
	switch {
	case v.MigrationStatus != block.MigrationMigrating:
		return block.InvalidVolume("The migration of volume %s was given up.", v.ID)
	case len(v.Attachments) > 0:
		return block.InvalidVolume("Volume %s still has attachments.", v.ID)
	case len(made.Attachments) == 0:
		return block.InvalidVolume("No instance uses volume %s, which was made for volume %s.", made.ID, v.ID)
	case v.SizeGiB != made.SizeGiB:
		return block.InvalidVolume("Volume %s was extended while it was moved.", v.ID)
	}
	status, attach := block.DeriveStates(made.Attachments)
	if ok, err := s.swapRows(ctx, tx, v, made, status); err != nil || !ok {
		return errors.Join(err, block.InvalidVolume("The migration of volume %s was given up.", v.ID))
	}
	for _, a := range made.Attachments {
		if _, err := tx.UpdateAttachment(ctx, a.ID, nil, store.AttachmentSet{VolumeID: &v.ID}); err != nil {
			return err
		}
	}
	if _, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{}, store.VolumeSet{AttachStatus: &attach}); err != nil {
		return err
	}
	if _, err := tx.UpdateVolume(ctx, made.ID, store.VolumeWhen{}, store.VolumeSet{AttachStatus: new(block.AttachDetached)}); err != nil {
		return err
	}
	if err := tx.DeleteFlow(ctx, st.derived("swap")); err != nil {
		return err
	}
	m := st.arrived()
	state, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return tx.PutFlow(ctx, flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeMigrated, Owner: made.Queue().Backend(), ResourceType: "volume",
		ResourceID: v.ID, State: state})
}
