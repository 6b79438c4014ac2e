package manager

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/backups"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/hold"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// creation is the state of a volume_create. The journal keeps the request; the rest is read afresh by every run.
type creation struct {
	rpcapi.CreateRequest
	FlowID string `json:"flow_id,omitempty"`

	volume   *block.Volume
	volType  *block.VolumeType // nil unless ReadExtraSpecs
	snapshot *block.Snapshot
	source   *block.Volume // the source volume, or the one the snapshot is of
	update   driver.Update
	bootable bool              // that what it is made of is
	image    map[string]string // the properties of the image that what it is made of came from
	// rescheduled is set while the flow is undone: the row is free for another back end.
	rescheduled bool
}

// SetFlowID says which operation of the journal this is.
func (st *creation) SetFlowID(id string) { st.FlowID = id }

// createFlow is upstream's volume_create_manager, with its task names. For an empty volume it costs one read, the driver,
// and one transaction.
func (m *Manager) createFlow() *flow.Flow[creation, store.Tx] {
	return &flow.Flow[creation, store.Tx]{
		Name: "volume_create_manager",
		Hold: hold.While(m.locks, sourceLock),
		Steps: []flow.Step[creation, store.Tx]{
			{Name: "cast_to_scheduler", Undo: m.castBack},
			{Name: "on_failure_reschedule", UndoTx: m.onFailureReschedule},
			{Name: "extract_volume_ref", Do: m.extractVolumeRef},
			{Name: "extract_volume_spec", Do: m.extractVolumeSpec},
			{Name: "notify", Do: func(ctx context.Context, st *creation) error {
				m.notifyVolume(ctx, "create.start", st.volume)
				return nil
			}},
			{Name: "create_from_spec", Do: m.createFromSpec, Undo: m.removeHalfMade},
			{Name: "on_finish", Tx: m.createOnFinish},
			{Name: "publish", Do: func(ctx context.Context, st *creation) error {
				m.capacity.add(st.volume.Host, st.volume.SizeGiB)
				if r := st.restoring(); r.Wanted() {
					return r.Cast(ctx, rpcapi.Backup{Client: m.Transport})
				}
				m.notifyVolume(ctx, "create.end", st.volume)
				return nil
			}},
		},
		Together: func(*creation) string { return rpcapi.FlowVolumeCreate },
		HandOver: func(st *creation) *flow.Next { return st.restoring().Next() },
		HandBack: func(st *creation, cause error) *flow.Next {
			if !st.rescheduled {
				return nil
			}
			return &flow.Next{Name: rpcapi.FlowVolumeCreate, Owner: rpcapi.SchedulerOwner, State: m.nextRequest(st, cause)}
		},
	}
}

// sourceLock is what keeps the source of a volume from being deleted before the volume is made.
func sourceLock(st *creation) []string {
	switch {
	case st.SnapshotID != "":
		return []string{block.LockDeletingSnapshot(st.SnapshotID)}
	case st.SourceVolumeID != "":
		return []string{block.LockDeletingVolume(st.SourceVolumeID)}
	}
	return nil
}

// restoring is what comes after a volume that was made for a backup.
func (st *creation) restoring() backups.Restoring {
	return backups.Restoring{Request: st.CreateRequest, FlowID: st.FlowID}
}

func (m *Manager) extractVolumeRef(ctx context.Context, st *creation) error {
	v, err := m.Store.Volume(ctx, st.VolumeID, "")
	if err != nil {
		// A row that is gone ends in an undo, not just in silence: an earlier run may have made the volume.
		return err
	}
	switch {
	case !beingMade(v):
		return flow.ErrObsolete
	case v.Queue().Backend() != m.queue:
		return flow.ErrTaken
	}
	st.volume = v
	if m.ReadExtraSpecs && v.VolumeTypeID != "" {
		if st.volType, err = m.Store.VolumeType(ctx, v.VolumeTypeID, ""); err != nil {
			return err
		}
	}
	return nil
}

// extractVolumeSpec finds out what the volume is to be made of.
func (m *Manager) extractVolumeSpec(ctx context.Context, st *creation) (err error) {
	sourceID := st.volume.SourceVolumeID
	if st.volume.SnapshotID != "" {
		if st.snapshot, err = m.Store.Snapshot(ctx, st.volume.SnapshotID, ""); err != nil {
			return err
		}
		sourceID = st.snapshot.VolumeID
	}
	if sourceID == "" {
		return nil
	}
	if st.source, err = m.Store.Volume(ctx, sourceID, ""); err != nil || !st.source.Bootable {
		return err
	}
	st.bootable, st.image = true, st.source.ImageMetadata
	if st.snapshot != nil {
		st.image, err = m.Store.SnapshotImageMetadata(ctx, st.snapshot.ID)
	}
	return err
}

// making are the states of a volume that is being made.
var making = []block.VolumeStatus{block.VolumeCreating, block.VolumeDownloading}

// beingMade says whether a volume is still being made. One that is downloading may have been reserved meanwhile: who boots
// from a new volume does not wait.
func beingMade(v *block.Volume) bool {
	return slices.Contains(making, v.Status) || v.Status == block.VolumeReserved && v.LaunchedAt.IsZero()
}

func (m *Manager) createFromSpec(ctx context.Context, st *creation) error {
	v := export.DriverVolume(st.volume)
	if st.volType != nil {
		v.ExtraSpecs = st.volType.ExtraSpecs
	}
	limit := m.VerbTimeout
	if st.source != nil || st.ImageID != "" {
		limit = m.CopyTimeout
	}
	return m.within(ctx, limit, func(ctx context.Context) (err error) {
		switch {
		case st.snapshot != nil:
			st.update, err = m.Backend.CreateVolumeFromSnapshot(ctx, v, export.DriverSnapshot(st.snapshot, st.source))
		case st.source != nil:
			st.update, err = m.Backend.CloneVolume(ctx, v, export.DriverVolume(st.source))
		case st.ImageID != "":
			st.bootable = true
			st.update, st.image, err = m.images.Create(ctx, st.volume, v, st.ImageID)
		default:
			st.update, err = m.Backend.CreateVolume(ctx, v)
		}
		return err
	})
}

// removeHalfMade deletes what create_from_spec made, if it came to that. The row decides, because the journal cannot
// tell how far a dead process came: only a volume that has no row, or whose row says that it is being made or deleted
// here, may be touched.
func (m *Manager) removeHalfMade(ctx context.Context, st *creation, _ error) error {
	v, err := m.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		v = &block.Volume{ID: st.VolumeID, Host: st.Host}
	case err != nil:
		return err
	case v.Queue().Backend() != m.queue, !beingMade(v) && v.Status != block.VolumeDeleting:
		return nil
	}
	gone := err != nil
	err = m.within(ctx, m.CopyTimeout, func(ctx context.Context) error {
		return m.Backend.DeleteVolume(ctx, export.DriverVolume(v))
	})
	if gone && fault.Is(err, fault.Invalid) {
		return nil // an id that no volume can have
	}
	return err
}

// resumeCreate resumes a creation from the journal. Whoever wrote the record may have kept the request alone.
func (m *Manager) resumeCreate(ctx context.Context, r flow.Record) error {
	var st creation
	err := json.Unmarshal(r.State, &st)
	if err == nil {
		st.FlowID = r.ID
		r.State, err = json.Marshal(st)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "", "the state of journal record %s cannot be read", r.ID)
	}
	return flow.Resume(ctx, m.Flows, m.flows.create, r)
}

// createOnFinish makes the volume available, or gives it to a backup service. If it was deleted or given away while it was made, the flow is undone.
func (m *Manager) createOnFinish(ctx context.Context, tx store.Tx, st *creation) error {
	status, err := st.restoring().Begin(ctx, tx)
	if err != nil {
		return err
	}
	set := store.VolumeSet{Status: &status, LaunchedAt: new(m.Now().UTC()), SharedTargets: new(m.sharedTargets())}
	if m.ServiceUUID != "" {
		set.ServiceUUID = &m.ServiceUUID
	}
	if m.Cluster != "" && st.volume.Host.Backend() != m.Host { // another member was chosen, but we were quicker
		set.Host = new(block.Host(m.Host).WithPool(st.volume.Host.Pool()))
	}
	set.ProviderID, set.ProviderLocation, set.ProviderAuth = st.update.Fields()
	if st.bootable {
		set.Bootable = new(true)
		if len(st.image) != 0 {
			if err := tx.PutVolumeImageMetadata(ctx, st.VolumeID, st.image, true); err != nil {
				return err
			}
		}
	}
	when := store.VolumeWhen{Status: making, Host: st.volume.Host}
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, when, set)
	if err != nil || ok {
		return err
	}
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if err != nil {
		return err
	}
	if beingMade(v) { // and reserved, which it stays
		set.Status, when.Status = nil, []block.VolumeStatus{block.VolumeReserved}
		_, err := tx.UpdateVolume(ctx, st.VolumeID, when, set)
		return err
	}
	if v.Status == block.VolumeDeleting || v.Queue().Backend() != m.queue {
		return block.InvalidVolume("Volume %s became %s while it was made.", v.ID, v.Status)
	}
	return flow.ErrObsolete // somebody reset its status by hand; the volume stands
}

// onFailureReschedule frees the volume for another back end, or puts it in error.
func (m *Manager) onFailureReschedule(ctx context.Context, tx store.Tx, st *creation, cause error) error {
	st.rescheduled = false
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !beingMade(v) || v.Queue().Backend() != m.queue {
		return nil
	}
	set := store.VolumeSet{Status: new(block.VolumeError)}
	again := v.Status != block.VolumeReserved && m.mayReschedule(st, cause)
	if again {
		set = store.VolumeSet{Status: new(block.VolumeCreating), Host: new(block.Host("")), ScheduledAt: new(m.Now().UTC())}
		if v.ClusterName != "" {
			set.ClusterName = new("")
		}
	}
	st.Host = v.Host
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{v.Status}, Host: v.Host}, set)
	st.rescheduled = ok && again
	return err
}

// mayReschedule says whether another back end may do better. As upstream has it, a request that the scheduler did not
// count is not given back, and what is wrong with the request or its source is wrong everywhere.
func (m *Manager) mayReschedule(st *creation, cause error) bool {
	if st.Attempts == 0 || st.Attempts >= m.MaxAttempts {
		return false
	}
	switch fault.KindOf(cause) {
	case fault.NotFound, fault.Invalid, fault.Forbidden:
		return false
	}
	return true
}

// nextRequest is what the scheduler gets back. It changes nothing: it may be asked more than once.
func (m *Manager) nextRequest(st *creation, cause error) rpcapi.CreateRequest {
	r := st.CreateRequest
	if !slices.Contains(r.Tried, st.Host) {
		r.Tried = append(slices.Clone(r.Tried), st.Host)
	}
	r.Host, r.LastError = "", fault.UserText(cause)
	return r
}

// castBack tells the scheduler that the volume is in its hands again, or the user that nothing came of it. It runs after on_failure_reschedule was undone.
func (m *Manager) castBack(ctx context.Context, st *creation, cause error) error {
	if !st.rescheduled {
		action, detail := block.MessageCreateVolume, block.MessageDriverFailedCreate
		if st.ImageID != "" {
			action, detail = block.MessageCopyImageToVolume, block.MessageUnknownError
		}
		m.tellVolume(ctx, st.volume, action, detail, cause)
		if st.volume != nil && st.Host != "" { // a row that is left counts until it is deleted
			m.capacity.add(st.Host, st.volume.SizeGiB)
		}
		return nil
	}
	return rpcapi.Scheduler{Client: m.Transport}.CreateVolume(ctx,
		&rpcapi.CreateVolume{FlowID: st.FlowID, VolumeID: st.VolumeID, Request: m.nextRequest(st, cause)})
}

// sharedTargets is upstream's shared_targets: nil where consumers must always lock (NVMe-oF), true only where iSCSI volumes
// share one target, which ours do not.
func (m *Manager) sharedTargets() *bool {
	if m.Target != nil && m.Target.Protocol() == "NVMe-oF" {
		return nil
	}
	return new(false)
}
