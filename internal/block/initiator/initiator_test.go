package initiator_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/block/target"
	"github.com/clinker/clinker/internal/block/target/nbd"
	"github.com/clinker/clinker/internal/fault"
)

// exported exports a file of 1 MiB, over TCP if address is not empty, and gives what a consumer is told.
func exported(t *testing.T, address string) (info block.ConnectionInfo, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "volume")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	tg, err := nbd.New(nbd.Config{ListenAddress: address, StateDir: filepath.Join(dir, "nbd")})
	if err != nil {
		t.Fatal(err)
	}
	if err := tg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tg.Close(context.Background()) })
	info, err = tg.Connect(t.Context(), target.Connection{ID: "c", VolumeID: "v", Device: path, SizeBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return info, path
}

func TestOpen(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1"} {
		info, path := exported(t, address)
		b, err := json.Marshal(info) // as it comes from another process
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &info); err != nil {
			t.Fatal(err)
		}
		d, err := initiator.Open(t.Context(), info)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.WriteAt([]byte("clinker"), 4096); err != nil || d.Size() != 1<<20 {
			t.Errorf("size %d, %v", d.Size(), err)
		}
		if err := d.Flush(); err != nil {
			t.Error(err)
		}
		if stored, err := os.ReadFile(path); err != nil || string(stored[4096:4103]) != "clinker" {
			t.Errorf("stored %q, %v", stored[4096:4103], err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefused(t *testing.T) {
	gone := map[string]any{"unix_socket": filepath.Join(t.TempDir(), "nothing"), "export": "x"}
	for what, c := range map[string]struct {
		info block.ConnectionInfo
		want fault.Kind
	}{
		"another protocol":      {block.ConnectionInfo{DriverVolumeType: "iscsi"}, fault.NotImplemented},
		"no address":            {block.ConnectionInfo{DriverVolumeType: "nbd", Data: map[string]any{"export": "x"}}, fault.Invalid},
		"no export":             {block.ConnectionInfo{DriverVolumeType: "nbd", Data: map[string]any{"unix_socket": "/s"}}, fault.Invalid},
		"no port":               {block.ConnectionInfo{DriverVolumeType: "nbd", Data: map[string]any{"host": "127.0.0.1", "export": "x"}}, fault.Invalid},
		"nobody who would hear": {block.ConnectionInfo{DriverVolumeType: "nbd", Data: gone}, fault.Unavailable},
	} {
		if _, err := initiator.Open(t.Context(), c.info); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
