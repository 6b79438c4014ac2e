// Package glancetest is the suite that every glance.Service passes, and a small image service over HTTP for tests of clients
// and of the real binary. It is imported by tests only.
package glancetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/reqctx"
)

// Subject is a service to be tested.
type Subject struct {
	Service glance.Service
	// Add puts an image there behind the service's back, as fake.Images has it.
	Add func(i glance.Image, content []byte) *glance.Image
}

// as is the context of a caller of a project, with a token that says so.
func as(t *testing.T, user, project string) context.Context {
	return reqctx.With(t.Context(), reqctx.Request{UserID: user, ProjectID: project, IsAdmin: user == "admin", AuthToken: user + ":" + project})
}

// Noise is n bytes that do not compress, always the same for the same n.
func Noise(n int) []byte {
	b := make([]byte, n)
	random := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = random.Read(b) // it never fails
	return b
}

// Test runs the suite; each subtest has a service of its own.
func Test(t *testing.T, subject func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, Subject){
		"show": testShow, "absent": testAbsent, "by name": testByName, "create and upload": testCreate, "create again": testCreateAgain,
		"bad create": testBadCreate, "an upload that fails": testFailingUpload, "other projects": testProjects, "delete": testDelete,
		"a caller that has gone": testGone, "concurrent": testConcurrent,
	} {
		t.Run(name, func(t *testing.T) { test(t, subject(t)) })
	}
}

func wants(t *testing.T, what string, err error, kind fault.Kind, name string) {
	t.Helper()
	if !fault.Is(err, kind) || fault.NameOf(err) != name {
		t.Errorf("%s: %v (%s %q), want %s %q", what, err, fault.KindOf(err), fault.NameOf(err), kind, name)
	}
}

func testShow(t *testing.T, s Subject) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := s.Add(glance.Image{Name: "cirros", Owner: "p", DiskFormat: "qcow2", VirtualSizeBytes: 1 << 40, MinDiskGiB: 1, MinRAMMiB: 64,
		Protected: true, Visibility: "private", CreatedAt: at, UpdatedAt: at.Add(time.Hour), Locations: []string{"file:///var/lib/images/x"},
		Properties: map[string]string{"os_distro": "cirros", "hw_disk_bus": "virtio"}}, Noise(1000))
	got, err := s.Service.Image(as(t, "u", "p"), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	bare := s.Add(glance.Image{Status: glance.StatusQueued}, nil)
	if got, err = s.Service.Image(as(t, "u", "p"), bare.ID); err != nil || got.Status != glance.StatusQueued || got.SizeBytes != 0 || got.Name != "" {
		t.Errorf("an image without bytes: %+v, %v", got, err)
	}
}

func testAbsent(t *testing.T, s Subject) {
	ctx := as(t, "u", "p")
	for _, id := range []string{uuid.NewString(), "nosuch", "../images", ""} {
		_, err := s.Service.Image(ctx, id)
		wants(t, "show "+id, err, fault.NotFound, "ImageNotFound")
		_, err = s.Service.Download(ctx, id)
		wants(t, "download "+id, err, fault.NotFound, "ImageNotFound")
		wants(t, "delete "+id, s.Service.Delete(ctx, id), fault.NotFound, "ImageNotFound")
		err = s.Service.Upload(ctx, id, glance.Upload{SizeBytes: 1}, bytes.NewReader([]byte{1}))
		wants(t, "upload to "+id, err, fault.NotFound, "ImageNotFound")
	}
}

func testByName(t *testing.T, s Subject) {
	ctx := as(t, "u", "p")
	one := s.Add(glance.Image{Name: "one"}, nil)
	for range 3 {
		s.Add(glance.Image{Name: "many"}, nil)
	}
	s.Add(glance.Image{Name: "hidden", Owner: "q", Visibility: "private"}, nil)
	for name, want := range map[string]int{"one": 1, "many": 2, "none": 0, "in:one,many": 0, "": 0, "hidden": 0, "a&b=c": 0} {
		found, err := s.Service.ImagesByName(ctx, name)
		if err != nil || len(found) != want {
			t.Errorf("%q: %d images, %v; want %d", name, len(found), err, want)
		}
		if name == "one" && len(found) == 1 && found[0].ID != one.ID {
			t.Errorf("another image: %+v", found[0])
		}
	}
}

func testCreate(t *testing.T, s Subject) {
	ctx, content := as(t, "u", "p"), Noise(3<<20)
	n := glance.NewImage{ID: uuid.NewString(), Name: "new", ContainerFormat: "bare", DiskFormat: "raw", Visibility: "private",
		Protected: new(true), Properties: map[string]string{"os_distro": "debian"}}
	made, err := s.Service.Create(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	if made.ID != n.ID || made.Status != glance.StatusQueued || made.Owner != "p" || made.Visibility != "private" || !made.Protected ||
		made.Properties["os_distro"] != "debian" {
		t.Errorf("made %+v", made)
	}
	_, err = s.Service.Download(ctx, n.ID)
	wants(t, "download without bytes", err, fault.NotFound, "ImageNotFound")
	if err := s.Service.Upload(ctx, n.ID, glance.Upload{SizeBytes: int64(len(content))}, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	got, err := s.Service.Image(ctx, n.ID)
	if err != nil || got.Status != glance.StatusActive || got.SizeBytes != int64(len(content)) || got.Checksum == "" || got.HashValue == "" {
		t.Errorf("uploaded: %+v, %v", got, err)
	}
	wants(t, "a second upload", s.Service.Upload(ctx, n.ID, glance.Upload{SizeBytes: 1}, bytes.NewReader([]byte{1})), fault.Conflict, "")
	compare(t, s, ctx, n.ID, content)
}

// compare downloads an image and compares its bytes.
func compare(t *testing.T, s Subject, ctx context.Context, id string, want []byte) {
	t.Helper()
	body, err := s.Service.Download(ctx, id)
	if err != nil {
		t.Error(err)
		return
	}
	got, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the download has %d bytes, %v; want other %d", len(got), err, len(want))
	}
}

// testCreateAgain is an answer that was lost: whoever asked asks again.
func testCreateAgain(t *testing.T, s Subject) {
	n := glance.NewImage{ID: uuid.NewString(), Name: "new", ContainerFormat: "bare", DiskFormat: "raw"}
	for range 2 {
		if i, err := s.Service.Create(as(t, "u", "p"), n); err != nil || i.ID != n.ID {
			t.Fatalf("%+v, %v", i, err)
		}
	}
	_, err := s.Service.Create(as(t, "u", "q"), n)
	wants(t, "create with the id of another project's image", err, fault.Conflict, "")
	// Of a length that is not known before, too.
	content := Noise(100_000)
	if err := s.Service.Upload(as(t, "u", "p"), n.ID, glance.Upload{SizeBytes: -1}, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	compare(t, s, as(t, "u", "p"), n.ID, content)
}

func testBadCreate(t *testing.T, s Subject) {
	_, err := s.Service.Create(as(t, "u", "p"), glance.NewImage{ID: uuid.NewString(), Name: "x", ContainerFormat: "nosuch", DiskFormat: "raw"})
	wants(t, "a bad container format", err, fault.Invalid, "Invalid")
}

func testFailingUpload(t *testing.T, s Subject) {
	ctx := as(t, "u", "p")
	n := glance.NewImage{ID: uuid.NewString(), Name: "new", ContainerFormat: "bare", DiskFormat: "raw"}
	if _, err := s.Service.Create(ctx, n); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the volume cannot be read")
	err := s.Service.Upload(ctx, n.ID, glance.Upload{SizeBytes: 1 << 20}, io.MultiReader(bytes.NewReader(Noise(1000)), failing{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("the upload failed with %v, want the body's own error", err)
	}
	i, err := s.Service.Image(ctx, n.ID)
	for end := time.Now().Add(5 * time.Second); err == nil && i.Status == glance.StatusSaving && time.Now().Before(end); {
		i, err = s.Service.Image(ctx, n.ID) // a service across the network takes a moment to notice
	}
	if err != nil || i.Status != glance.StatusQueued {
		t.Errorf("after it the image is %+v, %v", i, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func testProjects(t *testing.T, s Subject) {
	own := s.Add(glance.Image{Owner: "p", Visibility: "private"}, Noise(10))
	public := s.Add(glance.Image{Owner: "p", Visibility: "public"}, Noise(10))
	ctx := as(t, "u", "q")
	_, err := s.Service.Image(ctx, own.ID)
	wants(t, "show another project's", err, fault.NotFound, "ImageNotFound")
	_, err = s.Service.Download(ctx, own.ID)
	wants(t, "download another project's", err, fault.NotFound, "ImageNotFound")
	compare(t, s, ctx, public.ID, Noise(10))
	wants(t, "delete another project's public one", s.Service.Delete(ctx, public.ID), fault.Forbidden, "ImageNotAuthorized")
	if _, err := s.Service.Image(as(t, "admin", "q"), own.ID); err != nil {
		t.Errorf("an administrator: %v", err)
	}
}

func testDelete(t *testing.T, s Subject) {
	ctx := as(t, "u", "p")
	kept := s.Add(glance.Image{Owner: "p", Protected: true}, Noise(10))
	wants(t, "delete a protected one", s.Service.Delete(ctx, kept.ID), fault.Forbidden, "ImageNotAuthorized")
	i := s.Add(glance.Image{Owner: "p"}, Noise(10))
	if err := s.Service.Delete(ctx, i.ID); err != nil {
		t.Error(err)
	}
	_, err := s.Service.Image(ctx, i.ID)
	wants(t, "show the deleted", err, fault.NotFound, "ImageNotFound")
}

func testGone(t *testing.T, s Subject) {
	i := s.Add(glance.Image{}, Noise(10))
	ctx, cancel := context.WithCancel(as(t, "u", "p"))
	cancel()
	_, err := s.Service.Image(ctx, i.ID)
	wants(t, "show", err, fault.Unavailable, "GlanceConnectionFailed")
	_, err = s.Service.Download(ctx, i.ID)
	wants(t, "download", err, fault.Unavailable, "GlanceConnectionFailed")
}

func testConcurrent(t *testing.T, s Subject) {
	content := Noise(1 << 20)
	i := s.Add(glance.Image{}, content)
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			compare(t, s, as(t, "u", "p"), i.ID, content)
		}()
	}
	for range 8 {
		<-done
	}
}
