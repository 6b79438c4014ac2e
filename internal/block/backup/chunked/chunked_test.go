package chunked_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/chunked"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/backup/repository/repositorytest"
	"github.com/clinker/clinker/internal/fault"
)

// memory is a chunked.Store in memory.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	largest int // the longest single write
}

func (m *memory) Make(context.Context, string) error   { return nil }
func (m *memory) Settle(context.Context, string) error { return nil }
func (m *memory) Check(context.Context) error          { return nil }

func (m *memory) List(_ context.Context, container, prefix string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for path := range m.objects {
		if name, inside := strings.CutPrefix(path, container+"|"); inside && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

// growing is an object that is being written.
type growing struct {
	bytes.Buffer
	m    *memory
	path string
}

func (g *growing) Write(p []byte) (int, error) {
	g.m.mu.Lock()
	defer g.m.mu.Unlock()
	g.m.largest = max(g.m.largest, len(p))
	return g.Buffer.Write(p)
}

func (g *growing) Close() error {
	g.m.mu.Lock()
	defer g.m.mu.Unlock()
	g.m.objects[g.path] = g.Bytes()
	return nil
}

func (m *memory) Create(_ context.Context, container, name string) (io.WriteCloser, error) {
	return &growing{m: m, path: container + "|" + name}, nil
}

func (m *memory) Open(_ context.Context, container, name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, there := m.objects[container+"|"+name]
	if !there {
		return nil, fault.New(fault.NotFound, "", "no %s", name)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (m *memory) Remove(_ context.Context, container, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, container+"|"+name)
	return nil
}

func open(t testing.TB, method string, objectBytes, blockBytes int64) (*chunked.Repository, *memory) {
	t.Helper()
	m := &memory{objects: map[string][]byte{}}
	place := func(b *block.Backup) (repository.Place, error) {
		if strings.Contains(b.ID, "/") {
			return repository.Place{}, block.InvalidBackup("no id: %s", b.ID)
		}
		p := repository.Place{Container: "default", ServiceMetadata: "prefix_" + b.ID}
		if b.Container != nil {
			p.Container = *b.Container
		}
		return p, nil
	}
	r, err := chunked.New(m, chunked.Options{Name: "memory", Place: place, ObjectBytes: objectBytes, BlockBytes: blockBytes, Compression: method})
	if err != nil {
		t.Fatal(err)
	}
	return r, m
}

func TestRepository(t *testing.T) {
	for _, method := range []string{"zlib", "gzip", "bz2", "BZIP2", "zstd", "none", "off"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			repositorytest.Run(t, repositorytest.Kit{BlockBytes: 64, Quick: method == "none" || method == "zlib",
				Open: func(t *testing.T) (repository.Repository, func() int) {
					r, m := open(t, method, 16*64, 64)
					return r, func() int { return len(m.objects) }
				}})
		})
	}
}

// TestBoundedMemory: no piece of a volume is held that is larger than a few blocks, however large an object is.
func TestBoundedMemory(t *testing.T) {
	r, m := open(t, "none", 1<<40, 4096)
	const size = 16 << 20
	v := repositorytest.NewVolume(size, 4096, 1)
	b := &block.Backup{ID: "b", Container: new("c"), ServiceMetadata: "backup_b", SizeGiB: 1}
	if _, err := r.Save(t.Context(), repository.Save{Backup: b, Source: v, SizeBytes: size}); err != nil {
		t.Fatal(err)
	}
	if m.largest > 1<<20 {
		t.Errorf("%d bytes were written at once", m.largest)
	}
}

// TestLongRuns: where an object has to say how long it is before it begins, a long change is several objects.
func TestLongRuns(t *testing.T) {
	for method, want := range map[string]int64{"zstd": 2, "none": 1} {
		r, _ := open(t, method, 1<<40, 1<<20)
		const size = 40 << 20
		v := repositorytest.NewVolume(size, 1<<20, 1)
		full := &block.Backup{ID: "full", Container: new("c"), ServiceMetadata: "full", SizeGiB: 1}
		if _, err := r.Save(t.Context(), repository.Save{Backup: full, Source: bytes.NewReader(bytes.Repeat([]byte{7}, size)), SizeBytes: size}); err != nil {
			t.Fatal(err)
		}
		next := &block.Backup{ID: "next", Container: new("c"), ServiceMetadata: "next", SizeGiB: 1}
		saved, err := r.Save(t.Context(), repository.Save{Backup: next, Parent: full, Source: v, SizeBytes: size})
		if err != nil || saved.Objects != want {
			t.Errorf("%s: %+v, %v; want %d objects", method, saved, err, want)
		}
		got := repositorytest.NewVolume(size, 1<<20, 2)
		if _, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{full, next}, Target: got, SizeBytes: size}); err != nil {
			t.Error(err)
		}
		if !repositorytest.Equal(v, got) {
			t.Errorf("%s: the bytes are others", method)
		}
	}
}

// FuzzDocuments: whatever the metadata of a backup says, restoring it must not panic, nor write outside of the volume.
func FuzzDocuments(f *testing.F) {
	f.Add(`{"objects": [{"p-00001": {"compression": "none", "length": 3, "md5": "", "offset": 0}}], "version": "1.0.0"}`, []byte("abc"))
	f.Add(`{"objects": [{"p-00001": {"compression": "zlib", "length": 9, "offset": 7}}], "version": "1.0.0"}`, []byte("x\x9cKLJ\x06\x00\x02M\x01'"))
	f.Add(`{"version": "1.0.0", "objects": [], "volume_meta": "x"}`, []byte(nil))
	f.Fuzz(func(t *testing.T, metadata string, object []byte) {
		r, m := open(t, "zlib", 64, 64)
		m.objects["c|p_metadata"], m.objects["c|p-00001"], m.objects["c|p_sha256file"] = []byte(metadata), object, []byte(metadata)
		b := &block.Backup{ID: "p", Container: new("c"), ServiceMetadata: "p", SizeGiB: 1}
		v := repositorytest.NewVolume(64, 64, 1)
		_, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{b}, Target: v, SizeBytes: 64})
		if kind := fault.KindOf(err); err != nil && kind != fault.Invalid && kind != fault.NotFound {
			t.Errorf("kind %v: %v", kind, err)
		}
		next := &block.Backup{ID: "n", Container: new("c"), ServiceMetadata: "n", SizeGiB: 1}
		if _, err := r.Save(t.Context(), repository.Save{Backup: next, Parent: b, Source: v, SizeBytes: 64}); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("a difference: %v", err)
		}
	})
}

func ExampleRepository() {
	_, err := chunked.New(nil, chunked.Options{ObjectBytes: 100, BlockBytes: 32, Compression: "zlib"})
	fmt.Println(fault.UserText(err))
	// Output: backup_file_size must be a multiple of backup_sha_block_size_bytes (32), and is 100.
}
