package images

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/glance"
)

// UploadRequest is what a caller asks of an image to be made of a volume. Zero fields were not given.
type UploadRequest struct {
	Name                        string
	DiskFormat, ContainerFormat string
	Force                       bool // also of a volume that is in use, if the deployment allows it
	Visibility                  string
	Protected                   *bool
}

// Upload is an image on its way.
type Upload struct {
	Volume *block.Volume // as it was before
	Type   *block.VolumeType
	Image  *glance.Image // entered, without bytes
}

// upload is the state of one upload as this service runs it; what the journal keeps of it is the message.
type upload struct {
	rpcapi.CopyVolumeToImage
	Upload
	from  []block.VolumeStatus
	asked glance.NewImage
	keyID string // of the image, if the volume is encrypted
	// left says that the image may be entered although the upload was undone.
	left bool
}

// Upload enters an image and has the volume's bytes sent into it. Faults: Invalid for a volume in another state, and for all
// that the image service refuses or does not answer, as upstream; Forbidden by policy.
func (u *Images) Upload(ctx context.Context, id string, r UploadRequest) (*Upload, error) {
	v, err := u.Volume(ctx, id, "volume:get")
	if err != nil {
		return nil, err
	}
	if err := u.Authorize(ctx, "volume_extension:volume_actions:upload_image"); err != nil {
		return nil, err
	}
	if r.Visibility == "public" {
		if err := u.Authorize(ctx, "volume_extension:volume_actions:upload_public"); err != nil {
			return nil, err
		}
	}
	if v.EncryptionKeyID != "" && (r.DiskFormat != "raw" || r.ContainerFormat != "bare") {
		return nil, fault.New(fault.Invalid, "", "An encrypted volume uploaded as an image must use 'raw' disk_format and 'bare' container_format, "+
			"which are the defaults for these options.")
	}
	s := &upload{Upload: Upload{Volume: v}, from: []block.VolumeStatus{block.VolumeAvailable}, asked: u.newImage(v, r)}
	if r.Force && u.Options.ForceUpload {
		s.from = append(s.from, block.VolumeInUse)
	}
	if s.Type, err = u.Store.VolumeType(ctx, v.VolumeTypeID, ""); err != nil {
		return nil, err
	}
	s.CopyVolumeToImage = rpcapi.CopyVolumeToImage{FlowID: app.NewOperationID(), VolumeID: id, ImageID: s.asked.ID}
	rec := flow.Record{ID: s.FlowID, Name: rpcapi.FlowVolumeUpload, Owner: v.Queue().Backend(), ResourceType: "volume", ResourceID: id}
	if err := flow.Begin(ctx, u.Flows, u.uploadFlow(v.Queue()), rec, s); err != nil {
		return nil, err
	}
	return &s.Upload, nil
}

// newImage is the image to be entered, with the properties of the image that the volume was made from, but for those that
// describe that image's bytes or that the image service keeps for itself.
func (u *Images) newImage(v *block.Volume, r UploadRequest) glance.NewImage {
	n := glance.NewImage{ID: uuid.NewString(), Name: r.Name, DiskFormat: r.DiskFormat, ContainerFormat: r.ContainerFormat,
		Visibility: r.Visibility, Protected: r.Protected, Properties: map[string]string{}}
	own := []string{"id", "name", "disk_format", "container_format", "visibility", "protected"}
	reserved := append([]string{"os_glance", "img_signature", "signature_verified"}, u.Options.ReservedImageNamespaces...)
	for name, value := range v.ImageMetadata {
		isReserved := slices.ContainsFunc(reserved, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if !isReserved && !slices.Contains(own, name) && !slices.Contains(u.Options.CoreImageProperties, name) {
			n.Properties[name] = value
		}
	}
	return n
}

// enterTimeout bounds the entering of an image: a caller waits for it.
const enterTimeout = 20 * time.Second

// uploadFlow marks the volume, enters the image and gives the rest to the volume service, which owns the record from the
// beginning: whatever this process does not come to, that one undoes.
func (u *Images) uploadFlow(queue block.Host) *flow.Flow[upload, store.Tx] {
	return &flow.Flow[upload, store.Tx]{
		Name: "volume_upload_api",
		Steps: []flow.Step[upload, store.Tx]{
			{Name: "mark_uploading", Tx: markUploading, UndoTx: unmarkUploading},
			{Name: "create_image", Do: u.enterImage, Undo: u.withdrawImage},
			{Name: "hand_over", Tx: stillUploading},
			{Name: "volume_cast", Do: func(ctx context.Context, s *upload) error {
				return u.Cast(ctx, queue.Backend(), func(ctx context.Context) error {
					return u.VolumeService.Cast(ctx, queue, "3.0", rpcapi.MethodCopyVolumeToImage, &s.CopyVolumeToImage)
				})
			}},
		},
		HandOver: func(s *upload) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowVolumeUpload, Owner: queue.Backend(), State: s.CopyVolumeToImage}
		},
		HandBack: func(s *upload, _ error) *flow.Next {
			if !s.left {
				return nil
			}
			return &flow.Next{Name: rpcapi.FlowImageDiscard, Owner: queue.Backend(), State: s.CopyVolumeToImage}
		},
	}
}

func markUploading(ctx context.Context, tx store.Tx, s *upload) error {
	ok, err := tx.UpdateVolume(ctx, s.VolumeID, store.VolumeWhen{Status: s.from},
		store.VolumeSet{Status: new(block.VolumeUploading), StatusToPrevious: true})
	if err == nil && !ok {
		words := "available"
		if len(s.from) > 1 {
			words = "available or in-use"
		}
		err = block.InvalidVolume("Volume %s status must be %s", s.VolumeID, words)
	}
	return err
}

func unmarkUploading(ctx context.Context, tx store.Tx, s *upload, _ error) error {
	_, err := tx.UpdateVolume(ctx, s.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeUploading}},
		store.VolumeSet{Status: &s.Volume.Status, PreviousStatus: new(block.VolumeStatus(""))})
	return err
}

// stillUploading makes sure that nobody has taken the volume out of the upload while the image was entered.
func stillUploading(ctx context.Context, tx store.Tx, s *upload) error {
	v, err := tx.Volume(ctx, s.VolumeID, "")
	if err == nil && v.Status != block.VolumeUploading {
		err = block.InvalidVolume("Volume %s became %s before it was uploaded.", v.ID, v.Status)
	}
	return err
}

// enterImage enters the image. Whatever the image service says against it is the caller's to know, and a bad request, as
// upstream has it.
func (u *Images) enterImage(ctx context.Context, s *upload) (err error) {
	ctx, cancel := context.WithTimeout(ctx, enterTimeout)
	defer cancel()
	if s.Volume.EncryptionKeyID != "" {
		// A key of its own: the volume's goes with the volume.
		if s.keyID, err = u.CopyKey(ctx, s.Volume.EncryptionKeyID); err != nil {
			return err
		}
		s.asked.Properties[glance.PropertyKeyID], s.asked.Properties[glance.PropertyKeyDeletion] = s.keyID, glance.KeyDeletedWithTheImage
	}
	s.Image, err = service(u.Core).Create(ctx, s.asked)
	if err == nil {
		s.ImageFields = imageFields(s.Image)
		return nil
	}
	s.left = fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Internal) // perhaps its answer was lost
	return fault.Wrap(err, fault.Invalid, fault.NameOf(err), "%s", fault.UserText(err))
}

// imageFields is an image by Glance's names, as a Python volume service wants it in a message.
func imageFields(i *glance.Image) map[string]any {
	return map[string]any{"id": i.ID, "name": i.Name, "status": i.Status, "visibility": i.Visibility, "owner": i.Owner, "protected": i.Protected,
		"container_format": i.ContainerFormat, "disk_format": i.DiskFormat, "size": i.SizeBytes, "min_disk": i.MinDiskGiB, "min_ram": i.MinRAMMiB,
		"checksum": i.Checksum, "os_hash_algo": i.HashAlgorithm, "os_hash_value": i.HashValue, "properties": i.Properties}
}

// withdrawImage deletes the image, if it may be there, and its key. What cannot be deleted now is left to the journal, and
// the key to the image service.
func (u *Images) withdrawImage(ctx context.Context, s *upload, _ error) error {
	defer func() {
		if !s.left {
			u.DropKey(ctx, s.keyID)
		}
	}()
	if s.Image == nil && !s.left {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, enterTimeout)
	defer cancel()
	err := service(u.Core).Delete(ctx, s.ImageID)
	s.left = err != nil && !fault.Is(err, fault.NotFound)
	return nil
}
