package image

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/nova"
)

// reimageState is the state of a reimage; in the journal, the message.
type reimageState struct {
	rpcapi.Reimage
	volume *block.Volume
	image  *glance.Image
}

var downloading = []block.VolumeStatus{block.VolumeDownloading}

// Reimage serves reimage.
func (s *Service) Reimage(ctx context.Context, m *rpcapi.Reimage) error {
	return journal.Continue(ctx, s.Flows, s.reimage, flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeReimage, Owner: s.Backend,
		ResourceType: "volume", ResourceID: m.VolumeID}, &reimageState{Reimage: *m})
}

// reimageFlow overwrites a volume. What is half overwritten when the process dies is overwritten again; what fails leaves the
// volume in error, since it holds neither the one nor the other.
func (s *Service) reimageFlow() *flow.Flow[reimageState, store.Tx] {
	return &flow.Flow[reimageState, store.Tx]{
		Name: rpcapi.FlowVolumeReimage,
		Steps: []flow.Step[reimageState, store.Tx]{
			{Name: "tell", Undo: func(ctx context.Context, st *reimageState, cause error) error {
				s.Tell(ctx, st.volume, block.MessageReimageVolume, block.MessageUnknownError, cause)
				return nil
			}},
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *reimageState, _ error) error {
				_, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: downloading},
					store.VolumeSet{StatusToPrevious: true, Status: new(block.VolumeError)})
				return err
			}},
			{Name: "extract_refs", Do: s.extractReimage},
			{Name: "copy_image_to_volume", Do: s.overwrite},
			{Name: "on_finish", Tx: s.reimaged},
			{Name: "notify_nova", Do: func(ctx context.Context, st *reimageState) error {
				if st.volume.PreviousStatus == block.VolumeReserved { // a server waits for it
					s.TellServers(ctx, st.volume, nova.EventVolumeReimaged, block.MessageReimageVolume, block.MessageReimageFailed)
				}
				return nil
			}},
		},
	}
}

func (s *Service) extractReimage(ctx context.Context, st *reimageState) error {
	v, err := s.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case v.Status != block.VolumeDownloading:
		return flow.ErrObsolete
	case v.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	}
	st.volume = v
	st.image, err = s.usable(ctx, st.ImageID, v)
	return err
}

func (s *Service) overwrite(ctx context.Context, st *reimageState) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	device, err := s.device(ctx, export.DriverVolume(st.volume), true)
	if err != nil {
		return err
	}
	if device.Encryption, err = s.encryption(ctx, st.volume, st.image); err != nil {
		return err
	}
	return s.content.ToDevice(ctx, st.image, device)
}

// reimaged gives the volume its status back, and the new image's properties.
func (s *Service) reimaged(ctx context.Context, tx store.Tx, st *reimageState) error {
	to := st.volume.PreviousStatus
	if to != block.VolumeReserved {
		to = block.VolumeAvailable // also of a volume that was in error: it holds something sound now
	}
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: downloading}, store.VolumeSet{Status: &to, Bootable: new(true)})
	if err != nil || !ok {
		return err
	}
	return tx.PutVolumeImageMetadata(ctx, st.VolumeID, Metadata(st.image), true)
}
