// Package fake is an image service in memory, for tests: it implements glance.Service, and fails when it is told to.
//
// Who sees what is what a real service's is by default: a project sees its own images and public and community ones, an
// administrator all. What must not live here: HTTP; package glancetest serves a fake over it.
package fake

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/reqctx"
)

// Images is the fake. It is safe for concurrent use; make one with New.
type Images struct {
	mu     sync.Mutex
	images map[string]*entry
	hook   Hook
	calls  []Call
	most   int64 // bytes taken of an upload; 0: all
	now    func() time.Time
}

type entry struct {
	glance.Image
	bytes []byte
}

// Call is one call of a method: "Image", "Upload", ...; ID is that of the image, for ImagesByName the name.
type Call struct{ Method, ID string }

// Hook is called before every method and may do anything that a service does to a test: fail, wait for ctx, wait for the test. An
// error that it returns is the method's, which then does nothing.
type Hook func(ctx context.Context, call Call) error

var _ glance.Service = (*Images)(nil)

// New makes an empty service.
func New() *Images { return &Images{images: map[string]*entry{}, now: time.Now} }

// SetHook sets what is called before every method; nil ends it.
func (f *Images) SetHook(h Hook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = h
}

// SetUploadLimit makes the service content with the first most bytes of whatever is uploaded, for tests of those who would send
// a whole GiB; 0 makes it take everything.
func (f *Images) SetUploadLimit(most int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.most = most
}

// FailNext makes the next call of the method fail with err, and only that one. It replaces the hook.
func (f *Images) FailNext(method string, err error) {
	var once sync.Once
	f.SetHook(func(_ context.Context, c Call) error {
		var failure error
		if c.Method == method {
			once.Do(func() { failure = err })
		}
		return failure
	})
}

// Calls is the calls that came so far, oldest first.
func (f *Images) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Count is how often a method was called.
func (f *Images) Count(method string) int {
	n := 0
	for _, c := range f.Calls() {
		if c.Method == method {
			n++
		}
	}
	return n
}

// Add enters an image with its bytes, however unlikely, and fills in what i leaves out: an id, active, raw and bare, public, the
// length, the checksums, the times. It gives the image as it stands.
func (f *Images) Add(i glance.Image, content []byte) *glance.Image {
	f.mu.Lock()
	defer f.mu.Unlock()
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&i.ID, uuid.NewString())
	set(&i.Status, glance.StatusActive)
	set(&i.DiskFormat, "raw")
	set(&i.ContainerFormat, "bare")
	set(&i.Visibility, "public")
	e := &entry{Image: i, bytes: content}
	if i.Status == glance.StatusActive {
		given := e.Image
		e.measure()
		if given.SizeBytes != 0 {
			e.SizeBytes = given.SizeBytes
		}
		if given.Checksum != "" {
			e.Checksum = given.Checksum
		}
		if given.HashValue != "" {
			e.HashAlgorithm, e.HashValue = given.HashAlgorithm, given.HashValue
		}
	}
	if e.CreatedAt.IsZero() {
		e.CreatedAt = f.now().UTC().Truncate(time.Second)
	}
	if e.UpdatedAt.IsZero() {
		e.UpdatedAt = e.CreatedAt
	}
	f.images[e.ID] = e
	return e.copy()
}

// measure fills in what follows from the bytes.
func (e *entry) measure() {
	sum, hash := md5.Sum(e.bytes), sha512.Sum512(e.bytes)
	e.SizeBytes, e.Checksum = int64(len(e.bytes)), hex.EncodeToString(sum[:])
	e.HashAlgorithm, e.HashValue = "sha512", hex.EncodeToString(hash[:])
}

// Set changes an image as nobody could through the service. It panics if there is none.
func (f *Images) Set(id string, change func(i *glance.Image)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.images[id].Image)
}

// Bytes is what an image holds; ok is false if there is no such image, or none with bytes.
func (f *Images) Bytes(id string) (content []byte, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.images[id]
	if e == nil || e.Status != glance.StatusActive {
		return nil, false
	}
	return bytes.Clone(e.bytes), true
}

// All is every image, by id.
func (f *Images) All() map[string]*glance.Image {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]*glance.Image{}
	for id, e := range f.images {
		all[id] = e.copy()
	}
	return all
}

func (e *entry) copy() *glance.Image {
	i := e.Image
	i.Locations, i.Properties = slices.Clone(e.Locations), maps.Clone(e.Properties)
	if i.Properties == nil {
		i.Properties = map[string]string{}
	}
	return &i
}

// enter notes a call and runs the hook.
func (f *Images) enter(ctx context.Context, method, id string) error {
	call := Call{method, id}
	f.mu.Lock()
	hook := f.hook
	f.calls = append(f.calls, call)
	f.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, call); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return glance.ConnectionFailed(context.Cause(ctx), "the time was up.")
	}
	return nil
}

func (e *entry) visible(r reqctx.Request) bool {
	return r.IsAdmin || e.Owner == r.ProjectID || e.Visibility == "public" || e.Visibility == "community"
}

// find is the entry that the caller may see; the lock is held.
func (f *Images) find(ctx context.Context, id string) (*entry, error) {
	e := f.images[id]
	if e == nil || !e.visible(reqctx.From(ctx)) {
		return nil, glance.NotFound(id)
	}
	return e, nil
}

// owned is find for an image that is to be changed.
func (f *Images) owned(ctx context.Context, id string) (*entry, error) {
	e, err := f.find(ctx, id)
	if r := reqctx.From(ctx); err == nil && !r.IsAdmin && e.Owner != r.ProjectID {
		err = glance.NotAuthorized(nil, id)
	}
	return e, err
}

// Image implements glance.Service.
func (f *Images) Image(ctx context.Context, id string) (*glance.Image, error) {
	if err := f.enter(ctx, "Image", id); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return e.copy(), nil
}

// ImagesByName implements glance.Service.
func (f *Images) ImagesByName(ctx context.Context, name string) ([]*glance.Image, error) {
	if err := f.enter(ctx, "ImagesByName", name); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []*glance.Image
	for _, id := range slices.Sorted(maps.Keys(f.images)) {
		if e := f.images[id]; e.Name == name && e.visible(reqctx.From(ctx)) && len(found) < 2 {
			found = append(found, e.copy())
		}
	}
	return found, nil
}

// containerFormats and diskFormats are what a service accepts by default.
var (
	containerFormats = []string{"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"}
	diskFormats      = []string{"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"}
)

// Create implements glance.Service.
func (f *Images) Create(ctx context.Context, n glance.NewImage) (*glance.Image, error) {
	if err := f.enter(ctx, "Create", n.ID); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(containerFormats, n.ContainerFormat):
		return nil, fault.New(fault.Invalid, "Invalid", "The image service refused it: Invalid container format '%s' for image.", n.ContainerFormat)
	case !slices.Contains(diskFormats, n.DiskFormat):
		return nil, fault.New(fault.Invalid, "Invalid", "The image service refused it: Invalid disk format '%s' for image.", n.DiskFormat)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	caller := reqctx.From(ctx)
	if there := f.images[n.ID]; there != nil {
		if there.Owner == caller.ProjectID {
			return there.copy(), nil
		}
		return nil, fault.New(fault.Conflict, "", "The image service refused it: Image ID %s already exists!", n.ID)
	}
	e := &entry{Image: glance.Image{ID: n.ID, Name: n.Name, Status: glance.StatusQueued, Visibility: n.Visibility, Owner: caller.ProjectID,
		ContainerFormat: n.ContainerFormat, DiskFormat: n.DiskFormat, Properties: maps.Clone(n.Properties)}}
	if e.Visibility == "" {
		e.Visibility = "shared"
	}
	e.Protected = n.Protected != nil && *n.Protected
	e.CreatedAt = f.now().UTC().Truncate(time.Second)
	e.UpdatedAt = e.CreatedAt
	f.images[n.ID] = e
	return e.copy(), nil
}

// Upload implements glance.Service. While the body is read, the image is saving; if that fails, it is queued again.
func (f *Images) Upload(ctx context.Context, id string, u glance.Upload, body io.Reader) error {
	if err := f.enter(ctx, "Upload", id); err != nil {
		return err
	}
	most, err := f.beginSaving(ctx, id)
	if err != nil {
		return err
	}
	if most > 0 && (u.SizeBytes < 0 || u.SizeBytes > most) {
		u.SizeBytes, body = most, io.LimitReader(body, most)
	}
	content, err := io.ReadAll(body)
	if err == nil && u.SizeBytes >= 0 && u.SizeBytes != int64(len(content)) {
		err = glance.ConnectionFailed(nil, "%d bytes were announced and %d came.", u.SizeBytes, len(content))
	}
	if err == nil && ctx.Err() != nil {
		err = glance.ConnectionFailed(context.Cause(ctx), "the time was up.")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.images[id]
	switch {
	case e == nil: // deleted meanwhile
		if err == nil {
			err = glance.NotFound(id)
		}
	case err != nil:
		e.Status = glance.StatusQueued
	default:
		e.Status, e.bytes, e.UpdatedAt = glance.StatusActive, content, f.now().UTC().Truncate(time.Second)
		e.measure()
	}
	return err
}

// beginSaving marks an image, and says how much of its bytes is wanted.
func (f *Images) beginSaving(ctx context.Context, id string) (most int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.owned(ctx, id)
	if err != nil {
		return 0, err
	}
	if e.Status != glance.StatusQueued {
		return 0, fault.New(fault.Conflict, "", "The image service refused it: Image status transition from %s to %s is not allowed", e.Status, glance.StatusSaving)
	}
	e.Status = glance.StatusSaving
	return f.most, nil
}

// Download implements glance.Service.
func (f *Images) Download(ctx context.Context, id string) (io.ReadCloser, error) {
	if err := f.enter(ctx, "Download", id); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if e.Status != glance.StatusActive {
		return nil, glance.NotFound(id)
	}
	return io.NopCloser(bytes.NewReader(e.bytes)), nil
}

// Delete implements glance.Service.
func (f *Images) Delete(ctx context.Context, id string) error {
	if err := f.enter(ctx, "Delete", id); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, err := f.owned(ctx, id)
	if err != nil {
		return err
	}
	if e.Protected {
		return glance.NotAuthorized(nil, id)
	}
	delete(f.images, id)
	return nil
}
