package filesystem_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/image/storage/filesystem"
	"github.com/clinker/clinker/internal/image/storage/storagetest"
)

func open(t *testing.T, o filesystem.Options) *filesystem.Store {
	t.Helper()
	if o.Directory == "" {
		o.Directory = filepath.Join(t.TempDir(), "a [dir] with %20 spaces", "images")
	}
	s, err := filesystem.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Run("thick", func(t *testing.T) {
		storagetest.Run(t, func(t *testing.T) storage.Store { return open(t, filesystem.Options{}) })
	})
	t.Run("thin", func(t *testing.T) {
		storagetest.Run(t, func(t *testing.T) storage.Store { return open(t, filesystem.Options{Thin: true, ChunkBytes: 4096}) })
	})
}

// TestFiles: modes are the least that work, zeros take no room where that is wished, and what a killed Put left goes.
func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "images")
	s := open(t, filesystem.Options{Directory: dir, Thin: true})
	id := uuid.NewString()
	if _, _, err := s.Put(t.Context(), id, bytes.NewReader(make([]byte, 8<<20))); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, id))
	if err != nil || info.Size() != 8<<20 || info.Mode().Perm() != 0o640 {
		t.Fatalf("%v, %v", info, err)
	}
	if blocks := info.Sys().(*syscall.Stat_t).Blocks; blocks > 16 {
		t.Errorf("zeros take %d blocks", blocks)
	}
	killed := filepath.Join(dir, ".incoming-"+uuid.NewString()+"-1")
	if err := os.WriteFile(killed, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
	if want := "file://" + dir + "/" + id; s.URL(id) != want {
		t.Errorf("URL %q, want %q", s.URL(id), want)
	}
}

// TestHiddenFilesAndLinks: neither a file that is being written nor a link to elsewhere is an image.
func TestHiddenFilesAndLinks(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filesystem.Options{Directory: dir})
	for name, make := range map[string]func(path string) error{
		".incoming-x": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"link":        func(path string) error { return os.Symlink("/etc/hostname", path) },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(t.Context(), "file://"+dir+"/"+name, 0, -1); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := filesystem.New(filesystem.Options{Directory: "relative"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a relative directory: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := filesystem.New(filesystem.Options{Directory: filepath.Join(file, "below")}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a directory that cannot be: %v", err)
	}
	s := open(t, filesystem.Options{})
	for _, id := range []string{"../x", ".hidden", "a/b", ""} {
		if _, _, err := s.Put(t.Context(), id, bytes.NewReader(nil)); err == nil {
			t.Errorf("an image called %q was kept", id)
		}
	}
}

// TestFull: a store without room says so. A limit on the size of files stands for a full disk.
func TestFull(t *testing.T) {
	s := open(t, filesystem.Options{})
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Skip(err)
	}
	limited := before
	limited.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Skip(err)
	}
	id := uuid.NewString()
	_, _, err := s.Put(t.Context(), id, bytes.NewReader(make([]byte, 2<<20)))
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	if !fault.Is(err, fault.OverLimit) || fault.NameOf(err) != "StorageFull" {
		t.Errorf("got %v", err)
	}
	if _, err := s.Open(t.Context(), s.URL(id), 0, -1); !fault.Is(err, fault.NotFound) {
		t.Errorf("half of it is there: %v", err)
	}
}
