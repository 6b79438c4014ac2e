package image

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/glance"
)

// uploadState is the state of an upload, and of what is left of one; in the journal, the message.
type uploadState struct {
	rpcapi.CopyVolumeToImage
	volume  *block.Volume
	storeID string // image_service:store_id of the volume's type
}

var uploading = []block.VolumeStatus{block.VolumeUploading}

// Upload serves copy_volume_to_image.
func (s *Service) Upload(ctx context.Context, m *rpcapi.CopyVolumeToImage) error {
	return journal.Continue(ctx, s.Flows, s.upload, flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeUpload, Owner: s.Backend,
		ResourceType: "volume", ResourceID: m.VolumeID}, &uploadState{CopyVolumeToImage: *m})
}

// uploadFlow sends a volume into an image. One that fails gives the volume free at once and leaves its image to a flow of its
// own, which the journal keeps until the image service has heard of it.
func (s *Service) uploadFlow() *flow.Flow[uploadState, store.Tx] {
	return &flow.Flow[uploadState, store.Tx]{
		Name: rpcapi.FlowVolumeUpload,
		Steps: []flow.Step[uploadState, store.Tx]{
			{Name: "discard_image", Undo: func(ctx context.Context, st *uploadState, cause error) error {
				s.Tell(ctx, st.volume, block.MessageCopyVolumeToImage, block.MessageUploadFailed, cause)
				_ = journal.Continue(ctx, s.Flows, s.discard, s.leftover(st), &uploadState{CopyVolumeToImage: st.CopyVolumeToImage})
				return nil // whatever becomes of it is in the journal
			}},
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *uploadState, _ error) error { return st.end(ctx, tx) }},
			{Name: "extract_refs", Do: s.extractUpload},
			{Name: "copy_volume_to_image", Do: s.send},
			{Name: "on_finish", Tx: func(ctx context.Context, tx store.Tx, st *uploadState) error { return st.end(ctx, tx) }},
		},
		HandBack: func(st *uploadState, _ error) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowImageDiscard, Owner: s.Backend, State: st.CopyVolumeToImage}
		},
	}
}

// end gives the volume free, if the upload still has it, with the status that its attachments say.
func (st *uploadState) end(ctx context.Context, tx store.Tx) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	to, _ := block.DeriveStates(v.Attachments)
	_, err = tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: uploading}, store.VolumeSet{Status: &to})
	return err
}

func (s *Service) extractUpload(ctx context.Context, st *uploadState) error {
	v, err := s.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case err != nil:
		return err // also of a volume that is gone: its image must go
	case v.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	case v.Status != block.VolumeUploading:
		return block.InvalidVolume("Volume %s became %s before it was uploaded.", v.ID, v.Status)
	}
	st.volume = v
	if v.VolumeTypeID == "" {
		return nil
	}
	t, err := s.Store.VolumeType(ctx, v.VolumeTypeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	}
	st.storeID = t.ExtraSpecs["image_service:store_id"]
	return nil
}

// How long an image may still be saving for an upload that a dead process had begun: the service notices that nobody sends any
// more, but not at once.
const (
	savingTries = 10
	savingPause = time.Second
)

// send sends the volume's bytes, unless an earlier run has.
func (s *Service) send(ctx context.Context, st *uploadState) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	for try := 1; ; try++ {
		i, err := s.Images.Image(ctx, st.ImageID)
		if err != nil {
			return err
		}
		switch {
		case i.Status == glance.StatusActive:
			return nil
		case i.Status == glance.StatusSaving && try < savingTries:
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(savingPause):
			}
			continue
		case i.Status != glance.StatusQueued:
			return fault.New(fault.Conflict, "", "Image %s is %s and takes no bytes.", i.ID, i.Status)
		}
		device, err := s.device(ctx, export.DriverVolume(st.volume), false)
		if err != nil {
			return err
		}
		return s.content.FromDevice(ctx, i, device, glance.Upload{StoreID: st.storeID, BaseImageID: st.volume.ImageMetadata["image_id"]})
	}
}

// leftover is the journal's record of the image of an upload that failed.
func (s *Service) leftover(st *uploadState) flow.Record {
	return flow.Record{ID: st.FlowID, Name: rpcapi.FlowImageDiscard, Owner: s.Backend, ResourceType: "volume", ResourceID: st.VolumeID}
}

// discardFlow removes the image of an upload that failed. It has nothing but an undo, because only undoing is never given up:
// the record stays until the image service has answered.
func (s *Service) discardFlow() *flow.Flow[uploadState, store.Tx] {
	return &flow.Flow[uploadState, store.Tx]{
		Name: rpcapi.FlowImageDiscard,
		Steps: []flow.Step[uploadState, store.Tx]{{Name: "delete_image",
			Do:   func(context.Context, *uploadState) error { return errDiscard },
			Undo: func(ctx context.Context, st *uploadState, _ error) error { return s.deleteImage(ctx, st.ImageID) }}},
	}
}

// errDiscard is why a discard is undone: that is how it works.
var errDiscard = fault.New(fault.Invalid, "", "The upload came to nothing.")

// deleteImage deletes an image that has not got its bytes. Where we may not, or it is gone, there is nothing more to do.
func (s *Service) deleteImage(ctx context.Context, id string) error {
	i, err := s.Images.Image(ctx, id)
	if err == nil && (i.Status == glance.StatusQueued || i.Status == glance.StatusSaving) {
		err = s.Images.Delete(ctx, id)
	}
	if err == nil || fault.Is(err, fault.NotFound) {
		return nil
	}
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Conflict) {
		s.Log.WarnContext(ctx, "an image without bytes could not be deleted", "image_id", id, "error", err)
		return nil
	}
	return err
}
