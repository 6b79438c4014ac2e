package file_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/file"
)

const mib = 1 << 20

// open makes a sparse file and opens it.
func open(t testing.TB, dir string, size int64) (*file.File, string) {
	t.Helper()
	path := filepath.Join(dir, "disk")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
		t.Fatal(err)
	}
	f, err := file.Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, path
}

// places are the directories to test in: the temporary one, and one of a file system in memory, which cannot zero a
// range of allocated space.
func places(t *testing.T) map[string]string {
	all := map[string]string{"temporary directory": t.TempDir()}
	if dir, err := os.MkdirTemp("/dev/shm", "nbd"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		all["/dev/shm"] = dir
	}
	return all
}

func allocatedBytes(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

func write(t testing.TB, f *file.File, offset, length int64) []byte {
	t.Helper()
	data := bytes.Repeat([]byte("clinker."), int(length/8))
	if _, err := f.WriteAt(data, offset); err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t testing.TB, f *file.File, offset, length int64) []byte {
	t.Helper()
	data := make([]byte, length)
	if _, err := f.ReadAt(data, offset); err != nil {
		t.Fatal(err)
	}
	return data
}

func extents(t testing.TB, f *file.File, offset, length int64) []nbd.Extent {
	t.Helper()
	var all []nbd.Extent
	for e, err := range f.BlockStatus(offset, length) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestZeroing(t *testing.T) {
	for place, dir := range places(t) {
		for what, zero := range map[string]func(f *file.File) error{
			"a hole will do": func(f *file.File) error { return f.WriteZeroes(mib, mib+100, nbd.Zeroing{}) },
			"no hole":        func(f *file.File) error { return f.WriteZeroes(mib, mib+100, nbd.Zeroing{NoHole: true}) },
			"fast, or not at all": func(f *file.File) error {
				if err := f.WriteZeroes(mib, mib+100, nbd.Zeroing{Fast: true, NoHole: true}); !errors.Is(err, errors.ErrUnsupported) {
					return err
				}
				if !bytes.Equal(read(t, f, mib, 8), []byte("clinker.")) {
					t.Error("fast zeroing that cannot be done has changed bytes")
				}
				return f.WriteZeroes(mib, mib+100, nbd.Zeroing{})
			},
		} {
			t.Run(place+"/"+what, func(t *testing.T) {
				f, path := open(t, dir, 8*mib)
				want := write(t, f, 0, 4*mib)
				clear(want[mib:][:mib+100])
				if err := zero(f); err != nil {
					t.Fatalf("WriteZeroes: %v", err)
				}
				if !bytes.Equal(read(t, f, 0, 4*mib), want) {
					t.Error("not exactly the range reads as zero")
				}
				if size, err := f.Size(); size != 8*mib || err != nil {
					t.Errorf("the file has %d bytes now, %v", size, err)
				}
				if n := allocatedBytes(t, path); what == "no hole" && n < 4*mib {
					t.Errorf("%d bytes are allocated, want at least 4 MiB", n)
				}
			})
		}
	}
}

func TestTrimGivesSpaceBack(t *testing.T) {
	for place, dir := range places(t) {
		t.Run(place, func(t *testing.T) {
			f, path := open(t, dir, 8*mib)
			write(t, f, 0, 4*mib)
			if err := errors.Join(f.Flush(), f.Trim(mib, 2*mib), f.Trim(0, 0), f.Flush()); err != nil {
				t.Fatal(err)
			}
			if n := allocatedBytes(t, path); n > 3*mib {
				t.Errorf("%d bytes are allocated after trimming 2 of 4 MiB", n)
			}
			if !bytes.Equal(read(t, f, 3*mib, 8), []byte("clinker.")) {
				t.Error("trim went too far")
			}
		})
	}
}

func TestBlockStatus(t *testing.T) {
	for place, dir := range places(t) {
		t.Run(place, func(t *testing.T) {
			f, _ := open(t, dir, 8*mib)
			write(t, f, 2*mib, mib)
			write(t, f, 6*mib, mib)
			hole := func(n int64) nbd.Extent { return nbd.Extent{Length: n, Hole: true, Zero: true} }
			for _, tt := range []struct {
				what           string
				offset, length int64
				want           []nbd.Extent
			}{
				{"all", 0, 8 * mib, []nbd.Extent{hole(2 * mib), {Length: mib}, hole(3 * mib), {Length: mib}, hole(mib)}},
				{"in a hole", 100, 100, []nbd.Extent{hole(100)}},
				{"in data", 2*mib + 100, 100, []nbd.Extent{{Length: 100}}},
				{"over an edge", 3*mib - 1, 2, []nbd.Extent{{Length: 1}, hole(1)}},
				{"at the end", 8*mib - 1, 1, []nbd.Extent{hole(1)}},
				{"nothing", mib, 0, nil},
			} {
				if diff := cmp.Diff(tt.want, extents(t, f, tt.offset, tt.length)); diff != "" {
					t.Errorf("%s: %s", tt.what, diff)
				}
			}
			for range f.BlockStatus(0, 8*mib) {
				break // the reader may stop early
			}
		})
	}
}

func TestGrowthIsSeen(t *testing.T) {
	f, path := open(t, t.TempDir(), mib)
	if err := os.Truncate(path, 2*mib); err != nil {
		t.Fatal(err)
	}
	if size, err := f.Size(); size != 2*mib || err != nil {
		t.Errorf("Size: %d, %v", size, err)
	}
}

func TestFailedFlushIsNotForgotten(t *testing.T) {
	f, _ := open(t, t.TempDir(), mib)
	if err := f.Flush(); err != nil {
		t.Fatalf("Flush: %v", err)
	}
	f.Close()
	for range 2 {
		if err := f.Flush(); err == nil {
			t.Error("a flush that could not be done was reported done")
		}
	}
}

func TestOpenRefusesWhatIsNoDisk(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, "/dev/null", filepath.Join(dir, "nothing")} {
		for _, readOnly := range []bool{true, false} {
			if f, err := file.Open(path, readOnly); err == nil {
				f.Close()
				t.Errorf("%s was opened (read only %v)", path, readOnly)
			}
		}
	}
}

func TestReadOnlyFileCannotBeWritten(t *testing.T) {
	_, path := open(t, t.TempDir(), mib)
	f, err := file.Open(path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("WriteAt succeeded")
	}
}
