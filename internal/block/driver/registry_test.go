package driver_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/fault"
)

func TestRegistry(t *testing.T) {
	var made driver.Config
	entry := driver.Entry{
		Names:   []string{"lvm", "cinder.volume.drivers.lvm.LVMVolumeDriver"},
		Options: []driver.Option{{Name: "volume_group", Default: "cinder-volumes"}, {Name: "lvm_mirrors", Default: "0"}},
		New: func(c driver.Config) (driver.Driver, error) {
			made = c
			return fake.New(), nil
		},
	}
	r := driver.NewRegistry()
	for _, e := range []driver.Entry{entry, fake.Entry()} {
		if err := r.Register(e); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []driver.Entry{entry, {}, {Names: []string{"x"}}, {Names: []string{""}, New: entry.New}} {
		if err := r.Register(bad); !fault.Is(err, fault.Internal) {
			t.Errorf("Register(%v): %v", bad.Names, err)
		}
	}
	r.Seal()
	if err := r.Register(driver.Entry{Names: []string{"late"}, New: entry.New}); !fault.Is(err, fault.Internal) {
		t.Errorf("Register after Seal: %v", err)
	}

	if got := r.Names(); !slices.Equal(got, []string{"fake", "lvm"}) {
		t.Errorf("Names = %v", got)
	}
	if _, err := r.New("cinder.volume.drivers.lvm.LVMVolumeDriver", driver.Config{Options: map[string]string{"lvm_mirrors": "2"}}); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"volume_group": "cinder-volumes", "lvm_mirrors": "2"}; !maps.Equal(made.Options, want) || made.Log == nil {
		t.Errorf("the driver was made from %v", made)
	}
	if _, err := r.New("lvm", driver.Config{Options: map[string]string{"lvm_miror": "2"}}); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(err.Error(), "lvm_miror") {
		t.Errorf("an unknown option: %v", err)
	}
	if _, err := r.New("zfs", driver.Config{}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "fake, lvm") {
		t.Errorf("an unknown driver: %v", err)
	}
}
