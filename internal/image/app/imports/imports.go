// Package imports is the use cases that bring data into images in the service's own time: from where it was staged
// (glance-direct), from the web (web-download), and from one store into others (copy-image). Each is a task for its user, and a
// flow with a record in the journal, so that a process that dies finishes it at its next start.
//
// What must not live here: how a URL is fetched; that is the Fetcher's.
package imports

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/recovery"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/images"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// The import methods.
const (
	GlanceDirect = "glance-direct"
	WebDownload  = "web-download"
	CopyImage    = "copy-image"
)

// Methods lists them.
func Methods() []string { return []string{GlanceDirect, WebDownload, CopyImage} }

// Fetcher gets what is at a URL in the web, as far as the operator allows it.
type Fetcher interface {
	// Check refuses, as fault.Invalid, a URL that would not be fetched, as far as that can be told without asking anybody.
	Check(uri string) error
	// Fetch gives what is there. The caller closes it. A URL that is not allowed is fault.Invalid, wherever it leads in the
	// end; one that does not answer fault.Unavailable. ctx must live as long as the stream.
	Fetch(ctx context.Context, uri string) (io.ReadCloser, error)
}

// Service is the use cases. Make one with New.
type Service struct {
	*app.Core
	fetcher Fetcher
	flow    *flow.Flow[job, store.Tx]
	slots   chan struct{}

	mu   sync.Mutex
	base context.Context // of the work in the background; nil before Start
	work sync.WaitGroup
}

// width is how many imports run at once; more wait in the journal. Upstream: task_pool_threads.
const width = 16

// New makes the use cases. What is asked for before Start waits in the journal.
func New(c *app.Core, f Fetcher) *Service {
	s := &Service{Core: c, fetcher: f, slots: make(chan struct{}, width)}
	s.flow = s.importFlow()
	return s
}

// Start lets imports run, until ctx ends.
func (s *Service) Start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = ctx
}

// Wait returns when no import that this process began runs any more.
func (s *Service) Wait() { s.work.Wait() }

// Resumptions says how the flow of this package is seen to that a dead process left.
func (s *Service) Resumptions() map[string]recovery.Resume {
	return map[string]recovery.Resume{s.flow.Name: func(ctx context.Context, r flow.Record) error {
		return flow.Resume(ctx, s.Flows, s.flow, r)
	}}
}

// Request is what a client asks for.
type Request struct {
	Method, URI string
	// Stores are the stores the data is to be in afterwards; empty is the default one. AllStores means every one there is.
	Stores    []string
	AllStores bool
	// Partial is content with some of the stores: not all_stores_must_succeed.
	Partial bool
	// Body is the request as it was sent, JSON; the task shows it.
	Body  []byte
	alone bool // the task is all there is of the request; else its image is
}

// Import begins to bring data into an image; the image's status, and its task, tell how it goes. Conflict: the image's status
// does not allow it, it lacks its formats, or another task has it in hand.
func (s *Service) Import(ctx context.Context, id string, r Request) error {
	_, err := s.start(ctx, id, r)
	return err
}

// ImportNew makes an image and brings what is at r.URI into it. The task that it gives is the operators' older way to import.
func (s *Service) ImportNew(ctx context.Context, n images.NewImage, r Request) (*image.Task, error) {
	if err := s.AuthorizeTasks(ctx); err != nil {
		return nil, err
	}
	if err := s.fetcher.Check(r.URI); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "", "URI for legacy import task does not pass filtering: %s", r.URI)
	}
	use := images.Service{Core: s.Core}
	i, err := use.Create(ctx, n)
	if err != nil {
		return nil, err
	}
	r.Method, r.alone = WebDownload, true
	id, err := s.start(ctx, i.ID, r)
	if err != nil {
		return nil, errors.Join(err, s.Store.Update(ctx, func(tx store.Tx) error { return tx.DestroyImage(ctx, i.ID) }))
	}
	return s.Store.Task(ctx, id)
}

// start is Import, and gives the id of the task; empty when there is nothing to do.
func (s *Service) start(ctx context.Context, id string, r Request) (string, error) {
	var rec flow.Record
	var st *job
	err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		rec, st = flow.Record{}, nil
		i, err := s.ImageForUpdate(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := statusAllows(i, r.Method); err != nil {
			return err
		}
		rule := "modify_image"
		if r.Method == CopyImage {
			rule = "copy_image"
		}
		if err := s.Authorize(ctx, i, rule); err != nil {
			return err
		}
		if err := unlocked(ctx, tx, i); err != nil {
			return err
		}
		stores, err := s.stores(i, r)
		if err != nil {
			return err
		}
		if len(stores) == 0 {
			return nothingToCopy(ctx, tx, i)
		}
		if r.Method == WebDownload {
			if err := s.fetcher.Check(r.URI); err != nil {
				return fault.Wrap(err, fault.Invalid, "", "URI for web-download does not pass filtering: %s", r.URI)
			}
		}
		st = &job{TaskID: uuid.NewString(), ImageID: id, Method: r.Method, URI: r.URI, Stores: stores, Partial: r.Partial}
		rec, err = s.enter(ctx, tx, i, st, r)
		return err
	})
	if err != nil || st == nil {
		return "", err
	}
	s.begin(ctx, rec, st)
	return st.TaskID, nil
}

// enter writes the rows of an import that begins, and its record in the journal.
func (s *Service) enter(ctx context.Context, tx store.Tx, i *image.Image, st *job, r Request) (flow.Record, error) {
	caller := reqctx.From(ctx)
	st.Owner = caller.ProjectID
	kind := image.TaskImport
	input, err := json.Marshal(map[string]any{"image_id": i.ID, "import_req": json.RawMessage(r.Body), "backend": st.Stores})
	if err != nil {
		return flow.Record{}, err
	}
	if r.alone {
		kind, input = image.TaskImportNew, r.Body
	}
	task := &image.Task{ID: st.TaskID, Type: kind, Status: image.TaskPending, Owner: caller.ProjectID, ImageID: i.ID,
		RequestID: caller.RequestID, UserID: caller.UserID, Input: input}
	if err := tx.CreateTask(ctx, task); err != nil {
		return flow.Record{}, err
	}
	if st.Method != CopyImage {
		if err := i.Become(image.Importing); err != nil {
			return flow.Record{}, err
		}
	}
	i.Properties[image.PropertyImportTask] = st.TaskID
	i.Properties[image.PropertyImportingStores] = merged(i.Properties[image.PropertyImportingStores], st.Stores, nil)
	i.Properties[image.PropertyFailedStores] = merged(i.Properties[image.PropertyFailedStores], nil, st.Stores)
	if err := tx.SaveImage(ctx, i); err != nil {
		return flow.Record{}, err
	}
	rec, err := app.NewRecord(s.flow.Name, i.ID, st)
	if err != nil {
		return flow.Record{}, err
	}
	return rec, tx.PutFlow(ctx, rec)
}

// begin runs an import in the background, if there is room; the journal begins it later otherwise.
func (s *Service) begin(ctx context.Context, rec flow.Record, st *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil || s.base.Err() != nil {
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		return
	}
	work := app.Detached(s.base, ctx)
	s.work.Go(func() {
		defer func() { <-s.slots }()
		// How it ended is in the task, and in the log of the engine.
		_ = flow.Continue(work, s.Flows, s.flow, rec, st)
	})
}

// statusAllows refuses what an image's status does not allow; upstream: ImagesController.import_image.
func statusAllows(i *image.Image, method string) error {
	conflict := func(text string, args ...any) error { return fault.New(fault.Conflict, "", text, args...) }
	switch {
	case i.Status == image.Active && method != CopyImage:
		return conflict("Image with status active cannot be target for import")
	case i.Status != image.Active && method == CopyImage:
		return conflict("Only images with status active can be targeted for copying")
	case i.Status != image.Queued && method == WebDownload:
		return conflict("Image needs to be in 'queued' state to use '%s' method", method)
	case i.Status != image.Uploading && method == GlanceDirect:
		return conflict("Image needs to be staged before 'glance-direct' method can be used")
	case method == GlanceDirect && i.SizeBytes == nil:
		return conflict("Image %s is still being staged", i.ID)
	case i.ContainerFormat == "":
		return conflict("'container_format' needs to be set before import")
	case i.DiskFormat == "":
		return conflict("'disk_format' needs to be set before import")
	}
	return nil
}

// unlocked refuses an image that a task has in hand.
func unlocked(ctx context.Context, tx store.Tx, i *image.Image) error {
	id, locked := i.Properties[image.PropertyImportTask]
	if !locked {
		return nil
	}
	task, err := tx.Task(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && task.Ended() {
		return nil // a lock that was left behind
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "", "Image has active task")
}

// stores are the names of those the data is to go to; none is left when a copy is everywhere already.
func (s *Service) stores(i *image.Image, r Request) ([]string, error) {
	wanted := r.Stores
	if r.AllStores {
		wanted = s.Stores.IDs()
	}
	if len(wanted) == 0 {
		wanted = []string{s.Stores.Default()}
	}
	var list []string
	for _, id := range wanted {
		one, err := s.Stores.Get(id)
		if err != nil {
			return nil, fault.New(fault.Conflict, "UnknownScheme", "%s", fault.UserText(err))
		}
		there := r.Method == CopyImage && slices.Contains(i.Stores(), one.ID)
		switch {
		case there && !r.AllStores:
			return nil, fault.New(fault.Invalid, "", "Image is already present at store '%s'", one.ID)
		case !there && !slices.Contains(list, one.ID):
			list = append(list, one.ID)
		}
	}
	return list, nil
}

// nothingToCopy shows an image that is in all stores as copied: clients wait until the list of stores to come is there and empty.
func nothingToCopy(ctx context.Context, tx store.Tx, i *image.Image) error {
	for _, name := range []string{image.PropertyImportingStores, image.PropertyFailedStores} {
		i.Properties[name] = merged(i.Properties[name], nil, nil)
	}
	return tx.SaveImage(ctx, i)
}

// merged is a list of stores as properties keep it, with some more and others less.
func merged(list string, more, less []string) string {
	stores := slices.Concat(strings.Split(list, ","), more)
	stores = slices.DeleteFunc(stores, func(s string) bool { return s == "" || slices.Contains(less, s) })
	slices.Sort(stores)
	return strings.Join(slices.Compact(stores), ",")
}

// Expire removes tasks that ended long ago.
func (s *Service) Expire(ctx context.Context) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		_, err := tx.DestroyExpiredTasks(ctx)
		return err
	})
}

// expiry is when a task that ends now is removed.
func (s *Service) expiry() time.Time { return s.Now().Add(s.Options.TaskLife) }
