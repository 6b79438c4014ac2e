// Package storagetest is the suite that every store of images passes.
//
// What must not live here: anything that knows a store.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image/storage"
)

// Run runs the suite. open gives an empty store.
func Run(t *testing.T, open func(t *testing.T) storage.Store) {
	for name, part := range map[string]func(t *testing.T, s storage.Store){
		"bytes": testBytes, "ranges": testRanges, "replacing": testReplacing, "failing": testFailing, "giving up": testGivingUp,
		"deleting": testDeleting, "foreign URLs": testForeign, "tidying": testTidy, "at once": testAtOnce,
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

// Content is so many bytes that look random and are the same each time.
func Content(size int) []byte {
	random := rand.NewChaCha8([32]byte{})
	b := make([]byte, size)
	_, _ = random.Read(b)
	return b
}

func put(t testing.TB, s storage.Store, id string, content []byte) string {
	t.Helper()
	url, size, err := s.Put(t.Context(), id, bytes.NewReader(content))
	if err != nil || size != int64(len(content)) || url != s.URL(id) {
		t.Fatalf("Put gave %q (URL says %q), %d of %d bytes, %v", url, s.URL(id), size, len(content), err)
	}
	return url
}

func get(t testing.TB, s storage.Store, url string, offset, length int64) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), url, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func gone(t testing.TB, s storage.Store, url string) {
	t.Helper()
	r, err := s.Open(t.Context(), url, 0, -1)
	if err == nil {
		_, err = io.ReadAll(r)
		_ = r.Close()
	}
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("reading what is not there: %v", err)
	}
}

func testBytes(t *testing.T, s storage.Store) {
	for _, size := range []int{0, 1, 511, 64 << 10, 64<<10 + 1, 12 << 20} {
		content := Content(size)
		if got := get(t, s, put(t, s, uuid.NewString(), content), 0, -1); !bytes.Equal(got, content) {
			t.Errorf("%d bytes came back as %d others", size, len(got))
		}
	}
	holes := make([]byte, 3<<20)
	holes[1<<20] = 1
	if got := get(t, s, put(t, s, uuid.NewString(), holes), 0, -1); !bytes.Equal(got, holes) {
		t.Error("zeros came back as something else")
	}
	slow := Content(100_000)
	url, _, err := s.Put(t.Context(), uuid.NewString(), iotest.HalfReader(bytes.NewReader(slow)))
	if err != nil || !bytes.Equal(get(t, s, url, 0, -1), slow) {
		t.Errorf("what came in small pieces came back as something else: %v", err)
	}
}

func testRanges(t *testing.T, s storage.Store) {
	content := Content(200_000)
	url := put(t, s, uuid.NewString(), content)
	for _, r := range []struct{ offset, length, want int64 }{
		{0, 1, 1}, {0, 200_000, 200_000}, {199_999, 1, 1}, {1000, 50_000, 50_000}, {1000, -1, 199_000}, {150_000, 100_000, 50_000}, {0, 0, 0},
	} {
		if got := get(t, s, url, r.offset, r.length); !bytes.Equal(got, content[r.offset:r.offset+r.want]) {
			t.Errorf("%d bytes from %d on: %d others", r.length, r.offset, len(got))
		}
	}
}

func testReplacing(t *testing.T, s storage.Store) {
	id := uuid.NewString()
	url := put(t, s, id, Content(1000))
	reading, err := s.Open(t.Context(), url, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	put(t, s, id, []byte("new"))
	if got := get(t, s, url, 0, -1); string(got) != "new" {
		t.Errorf("after replacing: %d bytes", len(got))
	}
}

// testFailing: what could not be read is not kept, and what was there before is.
func testFailing(t *testing.T, s storage.Store) {
	id := uuid.NewString()
	broken := errors.New("the client went away")
	source := func() io.Reader {
		return io.MultiReader(bytes.NewReader(Content(7<<20)), iotest.ErrReader(broken))
	}
	if _, _, err := s.Put(t.Context(), id, source()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	gone(t, s, s.URL(id))
	put(t, s, id, []byte("old"))
	if _, _, err := s.Put(t.Context(), id, source()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if got := get(t, s, s.URL(id), 0, -1); string(got) != "old" {
		t.Errorf("the old data is %q", got)
	}
	// What an HTTP body says that broke off.
	cut := io.MultiReader(bytes.NewReader([]byte("x")), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, _, err := s.Put(t.Context(), uuid.NewString(), cut); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half an image was kept: %v", err)
	}
}

func testGivingUp(t *testing.T, s storage.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	id := uuid.NewString()
	endless := readerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})
	if _, _, err := s.Put(ctx, id, endless); err == nil {
		t.Error("a Put whose context has ended went well")
	}
	gone(t, s, s.URL(id))
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func testDeleting(t *testing.T, s storage.Store) {
	id, other := uuid.NewString(), uuid.NewString()
	url := put(t, s, id, []byte("x"))
	kept := put(t, s, other, []byte("y"))
	for range 2 {
		if err := s.Delete(t.Context(), url); err != nil {
			t.Error(err)
		}
	}
	gone(t, s, url)
	if got := get(t, s, kept, 0, -1); string(got) != "y" {
		t.Errorf("the other image is %q", got)
	}
}

func testForeign(t *testing.T, s storage.Store) {
	url := put(t, s, uuid.NewString(), []byte("x"))
	for _, foreign := range []string{"", ":", "http://example.org/image", "file:///etc/passwd", "file://elsewhere/etc/passwd", s.URL("../secret"),
		s.URL("."), s.URL(".."), url + "/..", url + "/../../x", "s3://other/bucket/" + uuid.NewString()} {
		gone(t, s, foreign)
		if err := s.Delete(t.Context(), foreign); err != nil {
			t.Errorf("deleting %q: %v", foreign, err)
		}
	}
	if got := get(t, s, url, 0, -1); string(got) != "x" {
		t.Errorf("the image is %q", got)
	}
}

func testTidy(t *testing.T, s storage.Store) {
	url := put(t, s, uuid.NewString(), []byte("x"))
	if err := s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, url, 0, -1); string(got) != "x" {
		t.Errorf("the image is %q", got)
	}
}

// testAtOnce: many images at once, and one image by many, is whole in the end.
func testAtOnce(t *testing.T, s storage.Store) {
	id := uuid.NewString()
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			put(t, s, id, bytes.Repeat([]byte{byte(n)}, 300_000))
			own := put(t, s, uuid.NewString(), bytes.Repeat([]byte{byte(n)}, 100_000))
			if got := get(t, s, own, 0, -1); len(bytes.Trim(got, string([]byte{byte(n)}))) != 0 {
				t.Error("an image has bytes of another")
			}
		})
	}
	all.Wait()
	got := get(t, s, s.URL(id), 0, -1)
	if len(got) != 300_000 || len(bytes.Trim(got, string(got[:1]))) != 0 {
		t.Errorf("an image that many wrote is %d bytes of several", len(got))
	}
}
