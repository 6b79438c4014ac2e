package posix_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/backup/repository/posix"
	"github.com/clinker/clinker/internal/block/backup/repository/repositorytest"
)

// interop says where to leave backups for upstream's driver to restore; see testdata/interop.py.
var interop = flag.String("interop", "", "write backups for testdata/interop.py into this `directory`")

// row is what a backup's row says of where it lies, and what the volume was: the entries of rows.json.
type row struct {
	ID              string  `json:"id"`
	VolumeID        string  `json:"volume_id"`
	ParentID        *string `json:"parent_id"`
	Container       string  `json:"container"`
	ServiceMetadata string  `json:"service_metadata"`
	SizeBytes       int64   `json:"size_bytes"`
	SHA256          string  `json:"sha256"`
	Objects         int64   `json:"objects"`
}

func (r row) backup() *block.Backup {
	return &block.Backup{ID: r.ID, VolumeID: r.VolumeID, Container: &r.Container, ServiceMetadata: r.ServiceMetadata, SizeGiB: 1}
}

const cinderBlockBytes = 4096

func withMethod(method string) func(c *posix.Config) {
	return func(c *posix.Config) {
		c.Compression, c.FileBytes, c.BlockBytes = method, 16*cinderBlockBytes, cinderBlockBytes
	}
}

// TestCindersBackups restores what the driver of Cinder 26 has saved, and goes on from there: the next difference to its
// backup is one that holds what has changed and nothing else.
func TestCindersBackups(t *testing.T) {
	dir := t.TempDir()
	unpack(t, "testdata/cinder-26.tar.gz", dir)
	for _, method := range []string{"zlib", "bz2", "zstd", "none"} {
		r, _ := open(t, func(c *posix.Config) {
			withMethod(method)(c)
			c.Path = filepath.Join(dir, method)
		})
		text, err := os.ReadFile(filepath.Join(dir, method, "rows.json"))
		if err != nil {
			t.Fatal(err)
		}
		var rows []row
		if err := json.Unmarshal(text, &rows); err != nil {
			t.Fatal(err)
		}
		var chain []*block.Backup
		var v *repositorytest.Volume
		for _, one := range rows {
			chain = append(chain, one.backup())
			v = repositorytest.NewVolume(int(one.SizeBytes), cinderBlockBytes, 1)
			restored, err := r.Restore(t.Context(), repository.Restore{Chain: chain, Target: v, SizeBytes: one.SizeBytes})
			if err != nil || !strings.Contains(restored.VolumeMeta, `"display_name": "python"`) {
				t.Errorf("%s: %q, %v", method, restored.VolumeMeta, err)
			}
			if got := sumOf(t, v, one.SizeBytes); got != one.SHA256 {
				t.Errorf("%s: backup %s has other bytes", method, one.ID)
			}
		}
		next := placed(t, r, &block.Backup{ID: id, VolumeID: volumeID, SizeGiB: 1})
		if _, err := v.WriteAt([]byte("changed"), 5*cinderBlockBytes); err != nil {
			t.Fatal(err)
		}
		saved, err := r.Save(t.Context(), repository.Save{Backup: next, Parent: chain[1], Source: v, SizeBytes: rows[1].SizeBytes})
		if err != nil || saved.Objects != 1 {
			t.Errorf("%s: the difference to Cinder's: %+v, %v", method, saved, err)
		}
	}
}

func sumOf(t *testing.T, v *repositorytest.Volume, size int64) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(v, 0, size)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TestForCinder leaves backups of ours for upstream's driver to restore.
func TestForCinder(t *testing.T) {
	if *interop == "" {
		t.Skip("no -interop")
	}
	for _, method := range []string{"zlib", "bz2", "zstd", "none"} {
		r, path := open(t, func(c *posix.Config) {
			withMethod(method)(c)
			c.Path = filepath.Join(*interop, method)
		})
		if err := r.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		const size = 40*cinderBlockBytes + 7
		v := repositorytest.NewVolume(size, cinderBlockBytes, 1)
		var rows []row
		var parent *block.Backup
		for _, one := range []string{"5f1a0c6e-0000-4000-8000-00000000000a", "6f1a0c6e-0000-4000-8000-00000000000b"} {
			b := placed(t, r, &block.Backup{ID: one, VolumeID: volumeID, SizeGiB: 1})
			saved, err := r.Save(t.Context(), repository.Save{Backup: b, Parent: parent, Source: v, SizeBytes: size, VolumeMeta: `{"version": 2}`})
			if err != nil {
				t.Fatal(err)
			}
			entry := row{ID: one, VolumeID: volumeID, Container: *b.Container, ServiceMetadata: b.ServiceMetadata, SizeBytes: size, SHA256: sumOf(t, v, size),
				Objects: saved.Objects}
			if parent != nil {
				entry.ParentID = &parent.ID
			}
			rows, parent = append(rows, entry), b
			_, err = v.WriteAt(bytes.Repeat([]byte("x"), 3*cinderBlockBytes), 11)
			if err := errors.Join(err, v.WriteZeroes(30*cinderBlockBytes, 3*cinderBlockBytes)); err != nil {
				t.Fatal(err)
			}
		}
		text, err := json.Marshal(rows)
		if err == nil {
			err = os.WriteFile(filepath.Join(path, "rows.json"), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := tar.NewReader(z)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.FileInfo().IsDir() {
			err = os.MkdirAll(path, 0o700)
		} else {
			var b []byte
			if b, err = io.ReadAll(in); err == nil {
				err = os.WriteFile(path, b, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
