package fake_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/drivertest"
	"github.com/clinker/clinker/internal/block/driver/fake"
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
