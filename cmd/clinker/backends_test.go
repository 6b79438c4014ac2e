package main

import (
	"log/slog"
	"strings"
	"testing"

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
