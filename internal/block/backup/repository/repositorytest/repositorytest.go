// Package repositorytest is the suite that every backup repository passes. It uses small volumes; a repository under test
// is to be made with objects and blocks that are small too, so that a volume has several of each.
//
// What must not live here: anything that knows one repository.
package repositorytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/fault"
)

// Kit is a repository to be tested.
type Kit struct {
	// BlockBytes is in what blocks it looks for changes.
	BlockBytes int
	// Open gives an empty repository. Left says how much of anything is in it, for tests that want nothing left.
	Open func(t *testing.T) (r repository.Repository, left func() int)
	// Quick says that nothing is flushed to a disk or sent over a network, so that hundreds of random chains can be tried.
	Quick bool
}

// Run runs the suite.
func Run(t *testing.T, k Kit) {
	for name, test := range map[string]func(t *testing.T, k Kit){
		"full": testFull, "incremental": testIncremental, "any chain": testAnyChain, "again after a failure": testAgain,
		"deleting": testDeleting, "refusals": testRefusals, "side by side": testSideBySide, "fresh": testFresh, "progress": testProgress,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// Volume is a volume in memory.
type Volume struct {
	mu   sync.Mutex
	data []byte
	// written counts the bytes that were written, zeroed those that were zeroed.
	written, zeroed int64
	failAt          int64 // reads beyond it fail, if it is not 0
}

// NewVolume makes one of a size with noise in it that the seed decides, every third block of it zero.
func NewVolume(sizeBytes int, blockBytes int, seed uint64) *Volume {
	v := &Volume{data: make([]byte, sizeBytes)}
	noise := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	for at := 0; at < sizeBytes; at += blockBytes {
		if at/blockBytes%3 != 0 {
			noise.Read(v.data[at:min(sizeBytes, at+blockBytes)])
		}
	}
	return v
}

// ReadAt implements io.ReaderAt.
func (v *Volume) ReadAt(p []byte, offset int64) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failAt > 0 && offset+int64(len(p)) > v.failAt {
		return 0, errors.New("the disk is broken")
	}
	return bytes.NewReader(v.data).ReadAt(p, offset)
}

// WriteAt implements io.WriterAt.
func (v *Volume) WriteAt(p []byte, offset int64) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if offset < 0 || offset+int64(len(p)) > int64(len(v.data)) {
		return 0, fmt.Errorf("a write of %d at %d", len(p), offset)
	}
	v.written += int64(len(p))
	return copy(v.data[offset:], p), nil
}

// WriteZeroes makes bytes zero.
func (v *Volume) WriteZeroes(offset, length int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if offset < 0 || length < 0 || offset+length > int64(len(v.data)) {
		return fmt.Errorf("zeroes of %d at %d", length, offset)
	}
	v.zeroed += length
	clear(v.data[offset : offset+length])
	return nil
}

// Flush implements repository.Target.
func (*Volume) Flush() error { return nil }

func (v *Volume) copyOf() *Volume { return &Volume{data: bytes.Clone(v.data)} }

// backup is a new backup that has its place.
func backup(t testing.TB, r repository.Repository, change func(b *block.Backup)) *block.Backup {
	t.Helper()
	b := &block.Backup{ID: uuid.NewString(), VolumeID: uuid.NewString(), SizeGiB: 1, Name: new("a \"name\" <&>"), Status: block.BackupCreating}
	if change != nil {
		change(b)
	}
	p, err := r.Place(b)
	if err != nil {
		t.Fatal(err)
	}
	b.Container, b.ServiceMetadata = &p.Container, p.ServiceMetadata
	return b
}

func save(t testing.TB, r repository.Repository, v *Volume, parent *block.Backup, meta string) (*block.Backup, int64) {
	t.Helper()
	b := backup(t, r, func(b *block.Backup) {
		if parent != nil {
			b.ParentID, b.VolumeID = parent.ID, parent.VolumeID
		}
	})
	saved, err := r.Save(t.Context(), repository.Save{Backup: b, Parent: parent, Source: v, SizeBytes: int64(len(v.data)), VolumeMeta: meta})
	if err != nil {
		t.Fatal(err)
	}
	return b, saved.Objects
}

// restore restores a chain into a volume and gives its metadata.
func restore(t testing.TB, r repository.Repository, v *Volume, chain ...*block.Backup) string {
	t.Helper()
	restored, err := r.Restore(t.Context(), repository.Restore{Chain: chain, Target: v, SizeBytes: int64(len(v.data))})
	if err != nil {
		t.Fatal(err)
	}
	return restored.VolumeMeta
}

func same(t testing.TB, what string, want, got *Volume) {
	t.Helper()
	if !bytes.Equal(want.data, got.data) {
		t.Errorf("%s: the bytes are others", what)
	}
}

// sizeOf is the size of the suite's volumes: a few objects, and an end that fills no block.
func (k Kit) sizeOf() int { return 41*k.BlockBytes + k.BlockBytes/2 }

func open(t *testing.T, k Kit) (repository.Repository, func() int) {
	t.Helper()
	r, left := k.Open(t)
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Name() == "" {
		t.Error("the repository has no name")
	}
	return r, left
}

func testFull(t *testing.T, k Kit) {
	r, _ := open(t, k)
	v := NewVolume(k.sizeOf(), k.BlockBytes, 1)
	b, objects := save(t, r, v, nil, `{"version": 2}`)
	if objects < 1 {
		t.Errorf("%d objects", objects)
	}
	target := NewVolume(k.sizeOf()+5*k.BlockBytes, k.BlockBytes, 2)
	behind := bytes.Clone(target.data[k.sizeOf():])
	if meta := restore(t, r, target, b); meta != `{"version": 2}` {
		t.Errorf("metadata %q", meta)
	}
	if !bytes.Equal(target.data, append(bytes.Clone(v.data), behind...)) {
		t.Error("the bytes are others, or what lies behind them was touched")
	}
	empty := &Volume{data: make([]byte, k.sizeOf())}
	b, _ = save(t, r, empty, nil, "")
	got := NewVolume(k.sizeOf(), k.BlockBytes, 3)
	if meta := restore(t, r, got, b); meta != "" {
		t.Errorf("metadata %q", meta)
	}
	same(t, "an empty volume", empty, got)
}

func testIncremental(t *testing.T, k Kit) {
	r, _ := open(t, k)
	v := NewVolume(k.sizeOf(), k.BlockBytes, 1)
	full, _ := save(t, r, v, nil, `"first"`)
	first := v.copyOf()
	if none, objects := save(t, r, v, full, ""); objects != 0 {
		t.Errorf("nothing changed, and there are %d objects", objects)
	} else {
		got := &Volume{data: make([]byte, k.sizeOf())}
		restore(t, r, got, full, none)
		same(t, "nothing changed", v, got)
	}
	v.data[k.BlockBytes*7+1] ^= 1
	clear(v.data[k.BlockBytes*22 : k.BlockBytes*24])
	v.data[len(v.data)-1] ^= 1
	second, objects := save(t, r, v, full, `"second"`)
	if objects != 3 {
		t.Errorf("three places changed, and there are %d objects", objects)
	}
	got := NewVolume(k.sizeOf(), k.BlockBytes, 9)
	if meta := restore(t, r, got, full, second); meta != `"second"` {
		t.Errorf("metadata %q", meta)
	}
	same(t, "the second", v, got)
	restore(t, r, got, full)
	same(t, "the first", first, got)
}

// testAnyChain takes backups of a volume that changes at random, deletes some from the end, and restores each.
func testAnyChain(t *testing.T, k Kit) {
	if !k.Quick {
		t.Skip("package chunked tries it in memory")
	}
	r, left := open(t, k)
	rapid.Check(t, func(rt *rapid.T) {
		v := NewVolume(rapid.IntRange(1, k.sizeOf()).Draw(rt, "size"), k.BlockBytes, rapid.Uint64().Draw(rt, "seed"))
		var chain []*block.Backup
		var states []*Volume
		for range rapid.IntRange(1, 4).Draw(rt, "backups") {
			var parent *block.Backup
			if len(chain) > 0 {
				parent = chain[len(chain)-1]
			}
			b, _ := save(t, r, v, parent, "")
			chain, states = append(chain, b), append(states, v.copyOf())
			for range rapid.IntRange(0, 3).Draw(rt, "changes") {
				from := rapid.IntRange(0, len(v.data)-1).Draw(rt, "from")
				to := rapid.IntRange(from, min(len(v.data), from+3*k.BlockBytes)).Draw(rt, "to")
				for i := range v.data[from:to] {
					v.data[from+i] = rapid.SampledFrom([]byte{0, 1, 255}).Draw(rt, "byte")
					if i > 8 {
						clear(v.data[from+i : to])
						break
					}
				}
			}
		}
		for i := range chain {
			got := NewVolume(len(v.data), k.BlockBytes, uint64(i))
			restore(t, r, got, chain[:i+1]...)
			same(t, fmt.Sprintf("backup %d of %d", i+1, len(chain)), states[i], got)
			fresh := &Volume{data: make([]byte, len(v.data))}
			if _, err := r.Restore(t.Context(), repository.Restore{Chain: chain[:i+1], Target: fresh, SizeBytes: int64(len(v.data)), Fresh: true}); err != nil {
				rt.Fatal(err)
			}
			same(t, fmt.Sprintf("backup %d of %d into a fresh volume", i+1, len(chain)), states[i], fresh)
		}
		for _, b := range chain {
			if err := r.Delete(t.Context(), b); err != nil {
				rt.Fatal(err)
			}
		}
		if n := left(); n != 0 {
			rt.Fatalf("%d things are left", n)
		}
	})
}

// testAgain stops a backup at every piece it reads, as a kill would, and makes it again.
func testAgain(t *testing.T, k Kit) {
	r, left := open(t, k)
	v := NewVolume(k.sizeOf(), k.BlockBytes, 1)
	killed := errors.New("killed")
	for stop := 1; ; stop++ {
		b := backup(t, r, nil)
		calls := 0
		job := repository.Save{Backup: b, Source: v, SizeBytes: int64(len(v.data)), Progress: func(context.Context, int64, int64) error {
			if calls++; calls == stop {
				return killed
			}
			return nil
		}}
		_, err := r.Save(t.Context(), job)
		ended := err == nil
		if !ended && !errors.Is(err, killed) {
			t.Fatal(err)
		}
		if !ended {
			if _, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{b}, Target: v.copyOf(), SizeBytes: int64(len(v.data))}); err == nil {
				t.Error("half a backup was restored")
			}
			job.Progress = nil
			if _, err := r.Save(t.Context(), job); err != nil {
				t.Fatal(err)
			}
		}
		got := NewVolume(k.sizeOf(), k.BlockBytes, 2)
		restore(t, r, got, b)
		same(t, fmt.Sprintf("stopped at call %d", stop), v, got)
		if err := r.Delete(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if ended {
			break
		}
	}
	broken := v.copyOf()
	broken.failAt = int64(k.sizeOf() / 2)
	b := backup(t, r, nil)
	if _, err := r.Save(t.Context(), repository.Save{Backup: b, Source: broken, SizeBytes: int64(len(v.data))}); err == nil {
		t.Error("a volume that cannot be read was saved")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Save(ctx, repository.Save{Backup: b, Source: v, SizeBytes: int64(len(v.data))}); !errors.Is(err, context.Canceled) {
		t.Errorf("a save that was given up: %v", err)
	}
	if err := r.Delete(t.Context(), b); err != nil || left() != 0 {
		t.Errorf("%v, %d things are left", err, left())
	}
}

func testDeleting(t *testing.T, k Kit) {
	r, left := open(t, k)
	v := NewVolume(k.sizeOf(), k.BlockBytes, 1)
	container := new("shared")
	inContainer := func() *block.Backup {
		b := backup(t, r, func(b *block.Backup) { b.Container = container })
		if _, err := r.Save(t.Context(), repository.Save{Backup: b, Source: v, SizeBytes: int64(len(v.data))}); err != nil {
			t.Fatal(err)
		}
		return b
	}
	a, b := inContainer(), inContainer()
	for range 2 {
		if err := r.Delete(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	got := NewVolume(k.sizeOf(), k.BlockBytes, 2)
	restore(t, r, got, b)
	same(t, "the other backup of the container", v, got)
	_, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{a}, Target: got, SizeBytes: int64(len(v.data))})
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("restoring what is gone: %v", err)
	}
	if err := r.Delete(t.Context(), &block.Backup{ID: uuid.NewString()}); err != nil {
		t.Errorf("deleting what was never placed: %v", err)
	}
	if err := r.Delete(t.Context(), b); err != nil || left() != 0 {
		t.Errorf("%v, %d things are left", err, left())
	}
}

func testRefusals(t *testing.T, k Kit) {
	r, _ := open(t, k)
	v := NewVolume(k.sizeOf(), k.BlockBytes, 1)
	full, _ := save(t, r, v, nil, "")
	grown := backup(t, r, func(b *block.Backup) { b.SizeGiB = 2 })
	_, err := r.Save(t.Context(), repository.Save{Backup: grown, Parent: full, Source: v, SizeBytes: int64(len(v.data))})
	if fault.NameOf(err) != "InvalidBackup" {
		t.Errorf("the difference to a smaller volume: %v", err)
	}
	small := &Volume{data: make([]byte, k.sizeOf()-1)}
	_, err = r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{full}, Target: small, SizeBytes: int64(len(small.data))})
	if fault.NameOf(err) != "InvalidBackup" {
		t.Errorf("restoring to a smaller volume: %v", err)
	}
	if _, err := r.Place(&block.Backup{ID: "../..", VolumeID: "v"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an id that is none: %v", err)
	}
}

func testSideBySide(t *testing.T, k Kit) {
	r, _ := open(t, k)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			v := NewVolume(k.sizeOf(), k.BlockBytes, uint64(i))
			b := backup(t, r, nil)
			if _, err := r.Save(t.Context(), repository.Save{Backup: b, Source: v, SizeBytes: int64(len(v.data))}); err != nil {
				t.Error(err)
				return
			}
			got := &Volume{data: make([]byte, k.sizeOf())}
			if _, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{b}, Target: got, SizeBytes: int64(len(v.data))}); err != nil {
				t.Error(err)
			}
			same(t, fmt.Sprint("volume ", i), v, got)
			if err := r.Delete(t.Context(), b); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// testFresh: into a volume that is all zero, zeroes are not written; into any other they are, but not as bytes.
func testFresh(t *testing.T, k Kit) {
	r, _ := open(t, k)
	v := &Volume{data: make([]byte, k.sizeOf())}
	b, _ := save(t, r, v, nil, "")
	for _, fresh := range []bool{true, false} {
		got := &Volume{data: make([]byte, k.sizeOf())}
		if _, err := r.Restore(t.Context(), repository.Restore{Chain: []*block.Backup{b}, Target: got, SizeBytes: int64(len(v.data)), Fresh: fresh}); err != nil {
			t.Fatal(err)
		}
		if got.written != 0 || fresh != (got.zeroed == 0) {
			t.Errorf("fresh %v: %d bytes written, %d zeroed", fresh, got.written, got.zeroed)
		}
	}
}

func testProgress(t *testing.T, k Kit) {
	r, _ := open(t, k)
	v := NewVolume(k.sizeOf(), k.BlockBytes, 1)
	b := backup(t, r, nil)
	last := int64(0)
	progress := func(_ context.Context, done, total int64) error {
		if done < last || total != int64(len(v.data)) {
			t.Errorf("%d after %d, of %d", done, last, total)
		}
		last = done
		return nil
	}
	if _, err := r.Save(t.Context(), repository.Save{Backup: b, Source: v, SizeBytes: int64(len(v.data)), Progress: progress}); err != nil || last != int64(len(v.data)) {
		t.Errorf("%v; the last was %d", err, last)
	}
	last = 0
	job := repository.Restore{Chain: []*block.Backup{b}, Target: v.copyOf(), SizeBytes: int64(len(v.data)), Progress: progress}
	if _, err := r.Restore(t.Context(), job); err != nil || last != int64(len(v.data)) {
		t.Errorf("%v; the last was %d", err, last)
	}
	canceled := errors.New("enough")
	job.Progress = func(context.Context, int64, int64) error { return canceled }
	if _, err := r.Restore(t.Context(), job); !errors.Is(err, canceled) {
		t.Errorf("a restore that was given up: %v", err)
	}
}

// Equal says whether two volumes hold the same bytes.
func Equal(a, b *Volume) bool { return bytes.Equal(a.data, b.data) }
