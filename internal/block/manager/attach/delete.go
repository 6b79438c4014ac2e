package attach

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// deleteState is the state of an attachment_delete.
type deleteState struct {
	rpcapi.AttachmentDelete
	volume *block.Volume
}

// Delete ends an attachment and its export, and derives the volume's states from the attachments that are left. One that
// is gone already is no error. A failure leaves the attachment error_detaching.
func (s *Service) Delete(ctx context.Context, m *rpcapi.AttachmentDelete) error {
	return flow.Begin(ctx, s.Flows, s.del, s.record(rpcapi.FlowAttachmentDelete, m.AttachmentID), &deleteState{AttachmentDelete: *m})
}

func (s *Service) deleteFlow() *flow.Flow[deleteState, store.Tx] {
	return &flow.Flow[deleteState, store.Tx]{
		Name: rpcapi.FlowAttachmentDelete,
		Steps: []flow.Step[deleteState, store.Tx]{
			{Name: "extract_attachment", Tx: s.beginDelete, UndoTx: s.undoBeginDelete},
			{Name: "remove_export", Do: s.disconnect},
			{Name: "volume_detached", Tx: s.finishDelete},
			{Name: "notify", Do: func(ctx context.Context, st *deleteState) error {
				s.Notify(ctx, "detach.end", st.volume)
				return nil
			}},
		},
	}
}

// beginDelete checks what is asked; the transaction is there to enter the flow in the journal.
func (s *Service) beginDelete(ctx context.Context, tx store.Tx, st *deleteState) (err error) {
	st.volume, err = s.ours(ctx, tx, st.VolumeID)
	return err
}

// undoBeginDelete shows that the consumer could not be severed.
func (s *Service) undoBeginDelete(ctx context.Context, tx store.Tx, st *deleteState, _ error) error {
	_, err := tx.UpdateAttachment(ctx, st.AttachmentID, nil, store.AttachmentSet{AttachStatus: new(block.AttachErrorDetaching)})
	if err != nil {
		return err
	}
	_, err = tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeDetaching}},
		store.VolumeSet{Status: new(block.VolumeInUse)})
	return err
}

func (s *Service) disconnect(ctx context.Context, st *deleteState) error {
	s.Notify(ctx, "detach.start", st.volume)
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	var err error
	if lastOf(st.volume, st.AttachmentID) {
		err = s.Exports.DisconnectAll(ctx, st.volume)
	} else {
		err = s.Exports.Disconnect(ctx, st.volume, st.AttachmentID)
	}
	if err != nil {
		return fault.Wrap(err, fault.KindOf(err), "VolumeBackendAPIException",
			"Bad or unexpected response from the storage volume backend API: Terminate volume connection failed: %s", fault.UserText(err))
	}
	return nil
}

// lastOf says whether v has no attachment but this one: then the connections made the old way go with it, as upstream
// removes the export.
func lastOf(v *block.Volume, attachmentID string) bool {
	for _, a := range v.Attachments {
		if a.ID != attachmentID {
			return false
		}
	}
	return true
}

func (s *Service) finishDelete(ctx context.Context, tx store.Tx, st *deleteState) error {
	if err := tx.DestroyAttachment(ctx, st.AttachmentID); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	keys := []string{"attached_mode"}
	if lastOf(st.volume, st.AttachmentID) {
		keys = append(keys, export.LegacyKeys(st.volume)...)
	}
	for _, key := range keys {
		if _, ok := st.volume.AdminMetadata[key]; !ok {
			continue
		}
		if err := tx.DeleteVolumeAdminMetadata(ctx, st.VolumeID, key); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return store.Settle(ctx, tx, st.VolumeID)
}
