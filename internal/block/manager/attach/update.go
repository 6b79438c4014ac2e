package attach

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// updateState is the state of an attachment_update. What is exported is in the journal.
type updateState struct {
	rpcapi.AttachmentUpdate
	Prior       block.AttachStatus `json:"prior,omitempty"`        // the attachment's status before
	WasExported bool               `json:"was_exported,omitempty"` // it had a connection before, which stays whatever happens
	Interrupted bool               `json:"interrupted,omitempty"`  // the process died: nobody waits for the answer

	volume   *block.Volume
	mode     string
	readOnly bool
	info     map[string]any
}

// Update exports the volume to an attachment's connector and gives the connection info as attachments have it: the data
// with driver_volume_type among it. A failure leaves the attachment error_attaching.
func (s *Service) Update(ctx context.Context, m *rpcapi.AttachmentUpdate) (map[string]any, error) {
	st := &updateState{AttachmentUpdate: *m}
	if err := flow.Begin(ctx, s.Flows, s.update, s.record(rpcapi.FlowAttachmentUpdate, m.AttachmentID), st); err != nil {
		s.Tell(ctx, st.volume, block.MessageUpdateAttachment, block.MessageUnknownError, err)
		return nil, err
	}
	return st.info, nil
}

func (s *Service) updateFlow() *flow.Flow[updateState, store.Tx] {
	return &flow.Flow[updateState, store.Tx]{
		Name: rpcapi.FlowAttachmentUpdate,
		Steps: []flow.Step[updateState, store.Tx]{
			{Name: "extract_attachment", Tx: s.beginUpdate, UndoTx: s.undoBeginUpdate},
			{Name: "create_export", Do: s.export, Undo: s.unexport},
			{Name: "volume_attaching", Tx: s.finishUpdate},
		},
	}
}

// undoUpdate is the recovery of an update.
func (s *Service) undoUpdate(ctx context.Context, r flow.Record) error {
	var st updateState
	if err := json.Unmarshal(r.State, &st); err == nil && !r.Unwinding {
		st.Interrupted = true
		if r.State, err = json.Marshal(st); err != nil {
			return fault.Wrap(err, fault.Internal, "", "the state of %s cannot be written", r.Name)
		}
	}
	return flow.Undo(ctx, s.Flows, s.update, r,
		fault.New(fault.Unavailable, "", "The volume service was restarted while it attached the volume; it is reserved again."))
}

// beginUpdate checks what is asked; the transaction is there to enter the flow in the journal before anything is exported.
func (s *Service) beginUpdate(ctx context.Context, tx store.Tx, st *updateState) error {
	v, err := s.ours(ctx, tx, st.VolumeID)
	if err != nil {
		return err
	}
	a, ok := find(v, st.AttachmentID)
	if !ok {
		return block.AttachmentNotFound(st.AttachmentID)
	}
	if a.InstanceUUID != "" && uuid.Validate(a.InstanceUUID) != nil {
		return fault.New(fault.Invalid, "InvalidUUID", "Expected a uuid but received %.40q.", a.InstanceUUID)
	}
	// A mode given when the attachment was made counts before the connector's.
	st.mode = a.AttachMode
	if st.mode == "" || st.mode == "null" {
		if st.mode = st.Connector.Text("mode"); st.mode == "" {
			st.mode = "rw"
		}
	}
	connector := maps.Clone(st.Connector)
	if connector == nil {
		connector = block.Connector{}
	}
	if st.mode == a.AttachMode {
		connector["mode"] = st.mode
	}
	st.Connector, st.volume, st.readOnly = connector, v, export.ReadOnly(v, st.mode)
	st.Prior, st.WasExported = a.AttachStatus, len(a.Connection) != 0
	return nil
}

// undoBeginUpdate says in the rows that nothing came of it. After a crash the attachment is as good as new; after a
// failure it shows that there was one.
func (s *Service) undoBeginUpdate(ctx context.Context, tx store.Tx, st *updateState, _ error) error {
	status := block.AttachErrorAttaching
	switch {
	case st.WasExported:
		status = st.Prior
	case st.Interrupted:
		status = block.AttachReserved
	}
	ok, err := tx.UpdateAttachment(ctx, st.AttachmentID, nil, store.AttachmentSet{AttachStatus: &status})
	if err != nil || !ok {
		return err
	}
	return store.Settle(ctx, tx, st.VolumeID)
}

func (s *Service) export(ctx context.Context, st *updateState) error {
	s.Notify(ctx, "attach.start", st.volume)
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	info, err := s.Exports.Connect(ctx, st.volume, st.AttachmentID, st.Connector, st.readOnly)
	if err != nil {
		return err
	}
	st.info, err = s.connection(ctx, st.volume, info, st.readOnly, st.Connector)
	if err != nil {
		return err
	}
	st.info["driver_volume_type"] = info.DriverVolumeType
	st.info["attachment_id"] = st.AttachmentID
	return nil
}

func (s *Service) unexport(ctx context.Context, st *updateState, _ error) error {
	if st.WasExported {
		return nil
	}
	v := st.volume
	if v == nil {
		var err error
		if v, err = s.Store.Volume(ctx, st.VolumeID, ""); fault.Is(err, fault.NotFound) {
			return nil // deleting the volume has ended its exports
		} else if err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return s.Exports.Disconnect(ctx, v, st.AttachmentID)
}

func (s *Service) finishUpdate(ctx context.Context, tx store.Tx, st *updateState) error {
	mountpoint := st.Connector.Text("mountpoint")
	if mountpoint == "" {
		mountpoint = "na" // upstream's word for not given
	}
	ok, err := tx.UpdateAttachment(ctx, st.AttachmentID, nil, store.AttachmentSet{
		AttachStatus: new(block.AttachAttaching), AttachMode: &st.mode, AttachedHost: new(st.Connector.Text("host")),
		Mountpoint: &mountpoint, AttachTime: new(s.Now().UTC()), Connection: &st.info, Connector: &st.Connector})
	if err != nil {
		return err
	}
	if !ok {
		return block.AttachmentNotFound(st.AttachmentID)
	}
	v, err := s.ours(ctx, tx, st.VolumeID)
	if err != nil {
		return err
	}
	// A volume that a migration has made is Nova's to attach, so that it can put the bytes there.
	if made := strings.HasPrefix(v.MigrationStatus, "target:") && v.Status == block.VolumeReserved; !made && !v.StatusFollowsAttachments() {
		return block.InvalidVolume("Volume %s cannot be attached while its status is %s.", v.ID, v.Status)
	}
	_, err = tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{},
		store.VolumeSet{Status: new(block.VolumeAttaching), AttachStatus: new(block.AttachAttaching)})
	return err
}
