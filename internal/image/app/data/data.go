// Package data is the use cases of images' data: uploading it, staging it for an import, and downloading it. What writes is a
// flow, so that a client that goes away, or a process that dies, leaves an image that is queued again and no data.
//
// What must not live here: imports; they read what was staged here.
package data

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/recovery"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/intake"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// Service is the use cases.
type Service struct{ *app.Core }

// The flows of this package.
const (
	flowUpload = "image_upload"
	flowStage  = "image_stage"
)

// transfer is the state of both flows.
type transfer struct {
	ImageID string
	Store   string // the store's name; empty for staging

	data     io.Reader
	image    *image.Image // as it was when the transfer began
	quota    int64        // bytes that the project may still use; negative is no limit
	received *intake.Result
	url      string
}

// Upload stores data as an image's and makes the image active. storeID may be empty. sizeBytes is what the client announced,
// negative if it did not.
//
// Faults: Conflict, when the image is not queued; OverLimit, when there is too much data; UnsupportedMedia InvalidImageData,
// when it is not of the image's format or not safe; NotFound ImageGone, when the image was deleted meanwhile.
func (s *Service) Upload(ctx context.Context, id, storeID string, data io.Reader, sizeBytes int64) error {
	target, err := s.Stores.Get(storeID)
	if err != nil {
		return err
	}
	i, err := s.Image(ctx, id)
	if err != nil {
		return err
	}
	if err := s.Authorize(ctx, i, "upload_image"); err != nil {
		return refusedUpload(err, id)
	}
	st := &transfer{ImageID: id, Store: target.ID, data: data}
	if st.quota, err = s.room(ctx, reqctx.From(ctx).ProjectID, id, sizeBytes); err != nil {
		return intake.Explain(err)
	}
	return s.run(ctx, s.upload(), st)
}

// refusedUpload is a refusal in upstream's words.
func refusedUpload(err error, id string) error {
	if fault.Is(err, fault.Forbidden) {
		return fault.New(fault.Forbidden, "Forbidden", "Not allowed to upload image data for image %s", id)
	}
	return err
}

// Stage keeps data to be imported.
func (s *Service) Stage(ctx context.Context, id string, data io.Reader) error {
	i, err := s.Image(ctx, id)
	if err != nil {
		return err
	}
	if err := s.Authorize(ctx, i, "modify_image"); err != nil {
		return err
	}
	return s.run(ctx, s.stage(), &transfer{ImageID: id, data: data, quota: -1})
}

func (s *Service) run(ctx context.Context, f *flow.Flow[transfer, store.Tx], st *transfer) error {
	rec, err := app.NewRecord(f.Name, st.ImageID, st)
	if err != nil {
		return err
	}
	return intake.Explain(flow.Begin(ctx, s.Flows, f, rec, st))
}

// room is how many bytes a project may still keep, negative when there is no limit. Too many announced are refused.
func (s *Service) room(ctx context.Context, projectID, exceptImageID string, sizeBytes int64) (int64, error) {
	if s.Options.UserStorageQuotaBytes <= 0 {
		return -1, nil
	}
	used, err := s.Store.StorageUsage(ctx, projectID, exceptImageID)
	if err != nil {
		return 0, err
	}
	left := max(s.Options.UserStorageQuotaBytes-used, 0)
	if sizeBytes > left || left == 0 {
		return 0, intake.QuotaFull(max(sizeBytes, 0), left)
	}
	return left, nil
}

// begin is the first step of both flows: it takes the image, from queued alone.
func (s *Service) begin(status image.Status) flow.Step[transfer, store.Tx] {
	return flow.Step[transfer, store.Tx]{Name: "mark_" + string(status),
		Tx: func(ctx context.Context, tx store.Tx, st *transfer) error {
			i, err := tx.ImageForUpdate(ctx, st.ImageID)
			if err != nil {
				return err
			}
			if err := i.Become(status); err != nil {
				return err
			}
			st.image = i
			return tx.SaveImage(ctx, i)
		},
		UndoTx: func(ctx context.Context, tx store.Tx, st *transfer, _ error) error {
			i, err := tx.ImageForUpdate(ctx, st.ImageID)
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			if err != nil || i.Status != status {
				return err
			}
			if err := i.Become(image.Queued); err != nil {
				return err
			}
			return tx.SaveImage(ctx, i)
		},
	}
}

func (s *Service) upload() *flow.Flow[transfer, store.Tx] {
	return &flow.Flow[transfer, store.Tx]{Name: flowUpload, Steps: []flow.Step[transfer, store.Tx]{
		s.begin(image.Saving),
		{Name: "store_data", Do: func(ctx context.Context, st *transfer) (err error) {
			target, err := s.Stores.Get(st.Store)
			if err != nil {
				return err
			}
			st.received, st.url, err = intake.Into(ctx, s.Core, target, st.image, st.data, st.quota)
			return err
		}, Undo: func(ctx context.Context, st *transfer, _ error) error {
			target, err := s.Stores.Get(st.Store)
			if err != nil {
				return nil // a store that is no longer configured has nothing of ours to undo
			}
			return target.Delete(ctx, target.URL(st.ImageID))
		}},
		{Name: "activate", Tx: func(ctx context.Context, tx store.Tx, st *transfer) error {
			i, err := tx.ImageForUpdate(ctx, st.ImageID)
			if fault.Is(err, fault.NotFound) || err == nil && i.Status != image.Saving {
				return fault.New(fault.NotFound, "ImageGone", "Image %s could not be found after upload. The image may have been deleted "+
					"during the upload, cleaning up the chunks uploaded.", st.ImageID)
			}
			if err != nil {
				return err
			}
			if err := i.Become(image.Active); err != nil {
				return err
			}
			st.received.Fill(i)
			i.Locations = []image.Location{{URL: st.url, Metadata: map[string]any{image.StoreMetadata: st.Store}}}
			return tx.SaveImage(ctx, i)
		}},
	}}
}

func (s *Service) stage() *flow.Flow[transfer, store.Tx] {
	return &flow.Flow[transfer, store.Tx]{Name: flowStage, Steps: []flow.Step[transfer, store.Tx]{
		s.begin(image.Uploading),
		{Name: "stage_data", Do: func(ctx context.Context, st *transfer) (err error) {
			st.received = new(intake.Result)
			_, st.received.SizeBytes, err = s.Stores.Staging.Put(ctx, st.ImageID, intake.Capped(st.data, s.Options.SizeCapBytes, intake.TooLarge()))
			return err
		}, Undo: func(ctx context.Context, st *transfer, _ error) error {
			return s.Stores.Staging.Delete(ctx, s.Stores.Staging.URL(st.ImageID))
		}},
		{Name: "note_size", Tx: func(ctx context.Context, tx store.Tx, st *transfer) error {
			i, err := tx.ImageForUpdate(ctx, st.ImageID)
			if err != nil {
				return err
			}
			if i.Status != image.Uploading {
				return fault.New(fault.Conflict, "", "Image %s is no longer being staged.", st.ImageID)
			}
			i.SizeBytes = new(st.received.SizeBytes)
			return tx.SaveImage(ctx, i)
		}},
	}}
}

// Resumptions says how the flows of this package are seen to that a dead process left: the client is gone, so they are undone.
func (s *Service) Resumptions() map[string]recovery.Resume {
	undo := func(f *flow.Flow[transfer, store.Tx]) recovery.Resume {
		return func(ctx context.Context, r flow.Record) error {
			cause := fault.New(fault.Unavailable, "", "The service stopped while the data was being received.")
			if err := flow.Undo(ctx, s.Flows, f, r, cause); fault.UserText(err) != cause.Text {
				return err
			}
			return nil
		}
	}
	return map[string]recovery.Resume{flowUpload: undo(s.upload()), flowStage: undo(s.stage())}
}

// Tidy removes what a dead process has left in the stores and in the staging area and the journal does not know of. It must not
// run beside uploads.
func (s *Service) Tidy(ctx context.Context) error {
	problems := []error{s.Stores.Staging.Tidy(ctx)}
	for _, one := range s.Stores.All() {
		if err := one.Tidy(ctx); err != nil {
			problems = append(problems, fmt.Errorf("store %s: %w", one.ID, err))
		}
	}
	ids, err := s.Stores.Staging.IDs(ctx)
	problems = append(problems, err)
	for _, id := range ids {
		i, err := s.Store.Image(ctx, id)
		switch {
		case err == nil && (i.Status == image.Uploading || i.Status == image.Importing):
		case err == nil, fault.Is(err, fault.NotFound):
			problems = append(problems, s.Stores.Staging.Delete(ctx, s.Stores.Staging.URL(id)))
		default:
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// ErrNoData says that an image has no data yet.
var ErrNoData = fault.New(fault.NotFound, "NoData", "The image has no data.")

// Downloadable reads an image whose data the caller may download.
func (s *Service) Downloadable(ctx context.Context, id string) (*image.Image, error) {
	i, err := s.Image(ctx, id)
	if err != nil {
		return nil, err
	}
	if i.Status == image.Deactivated && !reqctx.From(ctx).IsAdmin {
		return nil, fault.New(fault.Forbidden, "Forbidden", "The requested image has been deactivated. Image data download is forbidden.")
	}
	return i, s.Authorize(ctx, i, "download_image")
}

// Open opens the data of an image that Downloadable gave, from the best of the stores that have it and can be read: length bytes
// from offset on, negative for all. ErrNoData when there is none.
func (s *Service) Open(ctx context.Context, i *image.Image, offset, length int64) (io.ReadCloser, error) {
	var last error = ErrNoData
	for _, c := range s.Stores.Readable(i) {
		r, err := c.Store.Open(ctx, c.URL, offset, length)
		if err == nil {
			return r, nil
		}
		last = err
		s.Log.WarnContext(ctx, "the data of an image cannot be read in a store that should have it", "image_id", i.ID, "store", c.Store.ID, "error", err)
	}
	return nil, last
}
