package directory

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func nothing(string) error { return nil }

// files gives a source that holds data and a hole behind it, both of sizes that are no multiple of anything, what it reads
// as, and an empty file.
func files(t *testing.T) (source, target *os.File, want []byte) {
	t.Helper()
	data := bytes.Repeat([]byte("clinker!"), (3<<20+512)/8)
	want = append(data, make([]byte, 1<<20-512)...)
	path := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(want))); err != nil {
		t.Fatal(err)
	}
	source, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.Close() })
	if target, err = os.Create(filepath.Join(t.TempDir(), "target")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close() })
	return source, target, want
}

func read(t *testing.T, f *os.File) []byte {
	t.Helper()
	got, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCopySparse(t *testing.T) {
	source, target, want := files(t)
	if err := CopySparse(t.Context(), target, source, int64(len(want)), nothing); err != nil {
		t.Fatal(err)
	}
	if got := read(t, target); len(got) > len(want) || !bytes.Equal(got, want[:len(got)]) || len(bytes.TrimRight(want, "\x00")) > len(got) {
		t.Error("the copy differs")
	}
	stop := errors.New("stop")
	if err := CopySparse(t.Context(), target, source, int64(len(want)), func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a copy that was told to stop: %v", err)
	}
}

// TestCopyThroughABuffer: the plain loop of reads and writes does what the system calls do.
func TestCopyThroughABuffer(t *testing.T) {
	source, target, want := files(t)
	w := &copier{step: nothing, file: target, source: source, buffer: make([]byte, bufferBytes)}
	if err := w.copyRange(t.Context(), 0, int64(len(want))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, target), want) {
		t.Error("the copy differs")
	}
	if err := w.copyRange(t.Context(), int64(len(want)), int64(len(want))+1); err == nil {
		t.Error("a copy from beyond the end of the source succeeded")
	}
}
