package fake_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/drivertest"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/fault"
)

func TestDriver(t *testing.T) {
	drivertest.Run(t, func(*testing.T) drivertest.Harness {
		d := fake.New()
		return drivertest.Harness{Driver: d, NoBytes: true,
			AddExisting: func(name string, sizeGiB int64, _ []byte, snapshot bool) { d.AddExisting(name, sizeGiB, snapshot) }}
	})
}

func TestFailNextAndCalls(t *testing.T) {
	d := fake.New()
	boom := errors.New("boom")
	d.FailNext("create_volume", boom)
	v := driver.Volume{ID: uuid.NewString(), SizeGiB: 3}
	if err := d.DeleteVolume(t.Context(), v); err != nil {
		t.Errorf("another verb failed: %v", err)
	}
	if _, err := d.CreateVolume(t.Context(), v); !errors.Is(err, boom) {
		t.Errorf("the first create: %v", err)
	}
	if _, ok := d.VolumeSizeGiB(v.ID); ok {
		t.Error("a create that failed made the volume")
	}
	if _, err := d.CreateVolume(t.Context(), v); err != nil {
		t.Errorf("the second create: %v", err)
	}
	if size, ok := d.VolumeSizeGiB(v.ID); size != 3 || !ok {
		t.Errorf("size = %d, %v", size, ok)
	}
	want := []fake.Call{{Verb: "delete_volume", ID: v.ID}, {Verb: "create_volume", ID: v.ID}, {Verb: "create_volume", ID: v.ID}}
	if diff := cmp.Diff(want, d.Calls()); diff != "" {
		t.Error(diff)
	}
}

// TestBelieving: a driver as configuration makes it, like upstream's, has what it is asked about.
func TestBelieving(t *testing.T) {
	t.Parallel()
	made, err := fake.Entry().New(driver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	v := driver.Volume{ID: "v", SizeGiB: 1}
	if err := made.ExtendVolume(t.Context(), v, 2); err != nil {
		t.Error(err)
	}
	if _, err := made.CreateVolumeFromSnapshot(t.Context(), driver.Volume{ID: "w"}, driver.Snapshot{ID: "s", Volume: v}); err != nil {
		t.Error(err)
	}
	if err := fake.New().ExtendVolume(t.Context(), v, 2); !fault.Is(err, fault.NotFound) {
		t.Errorf("a driver of a test: %v", err)
	}
}
