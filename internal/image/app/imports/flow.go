package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app/intake"
	"github.com/clinker/clinker/internal/image/store"
)

// job is the state of an import.
type job struct {
	TaskID, ImageID, Owner string
	Method, URI            string
	Stores                 []string
	Partial                bool

	image    *image.Image // as it was when this run began
	received *intake.Result
	urls     map[string]string // by store: where data was put
}

func (s *Service) importFlow() *flow.Flow[job, store.Tx] {
	return &flow.Flow[job, store.Tx]{Name: "image_import", Steps: []flow.Step[job, store.Tx]{
		{Name: "on_failure", UndoTx: s.failed},
		{Name: "begin_processing", Tx: s.beginProcessing},
		{Name: "fetch", Do: s.fetch, Undo: s.deleteStaged},
		{Name: "import_to_stores", Do: s.intoStores, Undo: s.takeBack},
		{Name: "finish", Tx: s.finish},
		{Name: "delete_staged", Do: func(ctx context.Context, st *job) error {
			if err := s.deleteStaged(ctx, st, nil); err != nil {
				s.Log.WarnContext(ctx, "staged data could not be removed; the next start does", "image_id", st.ImageID, "error", err)
			}
			return nil
		}},
	}}
}

// beginProcessing makes the task one that runs.
func (s *Service) beginProcessing(ctx context.Context, tx store.Tx, st *job) error {
	task, err := tx.Task(ctx, st.TaskID)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && task.Ended():
		return flow.ErrObsolete
	case err != nil:
		return err
	}
	if st.image, err = s.held(ctx, tx, st); err != nil {
		return err
	}
	task.Status = image.TaskProcessing
	return tx.SaveTask(ctx, task)
}

// held reads the image, which must be there and in this task's hands.
func (s *Service) held(ctx context.Context, tx store.Tx, st *job) (*image.Image, error) {
	i, err := tx.ImageForUpdate(ctx, st.ImageID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "ImportTaskError", "Image has been deleted, aborting import.")
	}
	if err == nil && i.Properties[image.PropertyImportTask] != st.TaskID {
		err = fault.New(fault.Conflict, "TaskAbortedError", "Task was aborted externally")
	}
	return i, err
}

// fetch brings the data to the staging area, if it is not there.
func (s *Service) fetch(ctx context.Context, st *job) error {
	if st.Method != WebDownload {
		return nil
	}
	body, err := s.fetcher.Fetch(ctx, st.URI)
	if err != nil {
		return err
	}
	_, _, err = s.Stores.Staging.Put(ctx, st.ImageID, intake.Capped(body, s.Options.SizeCapBytes, intake.TooLarge()))
	return errors.Join(err, body.Close())
}

func (s *Service) deleteStaged(ctx context.Context, st *job, _ error) error {
	if st.Method == CopyImage {
		return nil
	}
	return s.Stores.Staging.Delete(ctx, s.Stores.Staging.URL(st.ImageID))
}

// intoStores puts the data into each store.
func (s *Service) intoStores(ctx context.Context, st *job) error {
	st.urls = map[string]string{}
	for _, id := range st.Stores {
		r, url, err := s.intoStore(ctx, st, id)
		if err != nil {
			err = intake.Explain(err)
			if !st.Partial || fault.Is(err, fault.UnsupportedMedia) || ctx.Err() != nil {
				return err
			}
			s.Log.WarnContext(ctx, "data could not be imported into one of several stores", "image_id", st.ImageID, "store", id, "error", err)
			continue
		}
		st.received, st.urls[id] = r, url
	}
	if st.received == nil {
		return fault.New(fault.Unavailable, "", "None of the uploads finished!")
	}
	return nil
}

func (s *Service) intoStore(ctx context.Context, st *job, id string) (r *intake.Result, url string, err error) {
	target, err := s.Stores.Get(id)
	if err != nil {
		return nil, "", err
	}
	source, err := s.source(ctx, st)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	quota, err := s.room(ctx, st)
	if err != nil {
		return nil, "", err
	}
	r, url, err = intake.Into(ctx, s.Core, target, st.image, source, quota)
	if err == nil && st.Method == CopyImage && st.image.Checksum != "" && r.Checksum != st.image.Checksum {
		err = fault.New(fault.Unavailable, "", "Corrupt image download for image %s", st.ImageID)
	}
	return r, url, err
}

// source opens the data.
func (s *Service) source(ctx context.Context, st *job) (io.ReadCloser, error) {
	if st.Method != CopyImage {
		return s.Stores.Staging.Open(ctx, s.Stores.Staging.URL(st.ImageID), 0, -1)
	}
	var problems []error
	for _, c := range s.Stores.Readable(st.image) {
		r, err := c.Store.Open(ctx, c.URL, 0, -1)
		if err == nil {
			return r, nil
		}
		problems = append(problems, err)
	}
	return nil, fault.Wrap(errors.Join(problems...), fault.NotFound, "NotFound", "Image not found in any configured store")
}

// room is how many bytes of data the project may still keep beside what this import has kept already, negative for no limit.
func (s *Service) room(ctx context.Context, st *job) (int64, error) {
	if s.Options.UserStorageQuotaBytes <= 0 {
		return -1, nil
	}
	used, err := s.Store.StorageUsage(ctx, st.Owner, "")
	if st.received != nil {
		used += st.received.SizeBytes * int64(len(st.urls))
	}
	return max(s.Options.UserStorageQuotaBytes-used, 0), err
}

// takeBack removes what was put into stores.
func (s *Service) takeBack(ctx context.Context, st *job, _ error) error {
	var problems []error
	for _, id := range st.Stores {
		if target, err := s.Stores.Get(id); err == nil {
			problems = append(problems, target.Delete(ctx, target.URL(st.ImageID)))
		}
	}
	return errors.Join(problems...)
}

// finish makes the image one that may be used.
func (s *Service) finish(ctx context.Context, tx store.Tx, st *job) error {
	i, err := s.held(ctx, tx, st)
	if err != nil {
		return err
	}
	var failed []string
	for _, id := range st.Stores {
		url, ok := st.urls[id]
		if !ok {
			failed = append(failed, id)
			continue
		}
		i.Locations = append(i.Locations, image.Location{URL: url, Metadata: map[string]any{image.StoreMetadata: id}})
	}
	if st.Method != CopyImage {
		st.received.Fill(i)
		if err := i.Become(image.Active); err != nil {
			return err
		}
	}
	unlock(i, st, failed)
	if err := tx.SaveImage(ctx, i); err != nil {
		return err
	}
	result, err := json.Marshal(map[string]string{"image_id": st.ImageID})
	if err != nil {
		return err
	}
	return s.end(ctx, tx, st, image.TaskSuccess, result, fmt.Sprintf("Copied %d MiB", st.received.SizeBytes>>20))
}

// unlock takes the image out of the task's hands.
func unlock(i *image.Image, st *job, failed []string) {
	delete(i.Properties, image.PropertyImportTask)
	i.Properties[image.PropertyImportingStores] = merged(i.Properties[image.PropertyImportingStores], nil, st.Stores)
	i.Properties[image.PropertyFailedStores] = merged(i.Properties[image.PropertyFailedStores], failed, nil)
}

// failed makes the image what it was before the import, but that staged data is gone, and tells why in the task.
func (s *Service) failed(ctx context.Context, tx store.Tx, st *job, cause error) error {
	task, err := tx.Task(ctx, st.TaskID)
	if fault.Is(err, fault.NotFound) || err == nil && task.Ended() {
		return nil
	}
	if err != nil {
		return err
	}
	i, err := s.held(ctx, tx, st)
	if err != nil && fault.NameOf(err) != "ImportTaskError" && fault.NameOf(err) != "TaskAbortedError" {
		return err
	}
	if err == nil {
		if i.Status == image.Importing {
			if err := i.Become(image.Queued); err != nil {
				return err
			}
		}
		unlock(i, st, st.Stores)
		if err := tx.SaveImage(ctx, i); err != nil {
			return err
		}
	}
	return s.end(ctx, tx, st, image.TaskFailure, nil, fault.UserText(cause))
}

func (s *Service) end(ctx context.Context, tx store.Tx, st *job, status image.TaskStatus, result []byte, message string) error {
	task, err := tx.Task(ctx, st.TaskID)
	if err != nil {
		return err
	}
	task.Status, task.Result, task.Message, task.ExpiresAt = status, result, message, s.expiry()
	return tx.SaveTask(ctx, task)
}
