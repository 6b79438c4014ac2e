package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

// TestBackendAddress: a back end is at host@section, or where backend_host says; and what cannot be is refused when the back end
// is opened, not when a configuration names it that is also others'.
func TestBackendAddress(t *testing.T) {
	opts := newOptions()
	conf, err := config.Load(config.Sources{Overrides: map[string]string{
		"enabled_backends": "one,two,lvm", "one.volume_driver": "fake", "two.volume_driver": "fake", "two.backend_host": "pair", "two.target_helper": "fake",
		"lvm.volume_driver": "cinder.volume.drivers.lvm.LVMVolumeDriver", "one.target_helper": "lioadm"}}, opts.all()...)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{opts: opts, conf: conf, host: "node", statePath: t.TempDir(), log: slog.New(slog.DiscardHandler)}
	if b, err := opts.backends.open(p, "two"); err != nil || b.host != "pair@two" {
		t.Errorf("two is %+v, %v; want pair@two", b, err)
	}
	for name, says := range map[string]string{"one": "one of nbd, fake", "lvm": "there is no such driver"} {
		if _, err := opts.backends.open(p, name); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %s", name, err, says)
		}
	}
}

// TestNameTemplates: what cinder.conf says of names is what storage calls volumes and snapshots; what would be no name is refused.
func TestNameTemplates(t *testing.T) {
	opts, dir := newOptions(), t.TempDir()
	conf, err := config.Load(config.Sources{Overrides: map[string]string{"volume_name_template": "cloud7_%s", "snapshot_name_template": "%s.snap",
		"one.volume_driver": "file", "enabled_backends": "one", "one.file_volume_directory": dir, "one.target_helper": "fake"}}, opts.all()...)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{opts: opts, conf: conf, appOptions: app.OptionsFrom(conf), host: "node", statePath: dir, log: slog.New(slog.DiscardHandler)}
	b, err := opts.backends.open(p, "one")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.storage.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}
	s := driver.Snapshot{ID: uuid.NewString(), Volume: v, SizeGiB: 1}
	if _, err := b.storage.CreateVolume(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if _, err := b.storage.CreateSnapshot(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"volumes/cloud7_" + v.ID, "snapshots/" + s.ID + ".snap"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	for _, template := range []string{"", "volume", "volume-%d", "../%s", "a/%s", "-%s", "%s%s", "volume %s"} {
		_, err := config.Load(config.Sources{Overrides: map[string]string{"volume_name_template": template}}, opts.all()...)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "volume_name_template") {
			t.Errorf("%q: %v", template, err)
		}
	}
}
