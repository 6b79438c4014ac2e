package driver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/fault"
)

func newBackend(t *testing.T, d driver.Driver, change ...func(*driver.Options)) *driver.Backend {
	t.Helper()
	o := driver.Options{BackendName: "files", StorageProtocol: "nbd"}
	for _, f := range change {
		f(&o)
	}
	b, err := driver.NewBackend(d, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func volume(sizeGiB int64) driver.Volume {
	return driver.Volume{ID: uuid.NewString(), SizeGiB: sizeGiB}
}

func snapshot(v driver.Volume) driver.Snapshot {
	return driver.Snapshot{ID: uuid.NewString(), Volume: v, SizeGiB: v.SizeGiB}
}

// verbs calls every verb that is about a volume or snapshot.
func verbs(b *driver.Backend, v, source driver.Volume, s driver.Snapshot) map[string]func(context.Context) error {
	forget := func(_ driver.Update, err error) error { return err }
	return map[string]func(context.Context) error{
		"create_volume":   func(ctx context.Context) error { return forget(b.CreateVolume(ctx, v)) },
		"delete_volume":   func(ctx context.Context) error { return b.DeleteVolume(ctx, v) },
		"extend_volume":   func(ctx context.Context) error { return b.ExtendVolume(ctx, v, v.SizeGiB+1) },
		"create_snapshot": func(ctx context.Context) error { return forget(b.CreateSnapshot(ctx, s)) },
		"delete_snapshot": func(ctx context.Context) error { return b.DeleteSnapshot(ctx, s) },
		"create_volume_from_snapshot": func(ctx context.Context) error {
			return forget(b.CreateVolumeFromSnapshot(ctx, v, s))
		},
		"create_cloned_volume": func(ctx context.Context) error { return forget(b.CloneVolume(ctx, v, source)) },
		"revert_to_snapshot":   func(ctx context.Context) error { return b.RevertToSnapshot(ctx, v, s) },
		"local_path": func(ctx context.Context) error {
			_, err := b.Device(ctx, v)
			return err
		},
	}
}

func TestBackendRefusesHostileIDs(t *testing.T) {
	good := uuid.NewString()
	hostile := []string{
		"", ".", "..", "../../etc/passwd", "volume", "-rf", good + "\n", " " + good, good[:35] + "/", good[:35] + "\x00",
		strings.ToUpper("abcdefab-cdef-4abc-8def-abcdefabcdef"), "{" + good + "}", "urn:uuid:" + good, strings.ReplaceAll(good, "-", ""),
		strings.Repeat("a", 5000), good + ".tmp", "é" + good[2:],
	}
	f := fake.New()
	b := newBackend(t, f)
	before := len(f.Calls())
	for _, id := range hostile {
		ok := volume(1)
		for verb, call := range verbs(b, driver.Volume{ID: id, SizeGiB: 1}, ok, snapshot(ok)) {
			if strings.Contains(verb, "snapshot") && !strings.Contains(verb, "volume") {
				continue // about the snapshot alone: below
			}
			if err := call(t.Context()); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s of volume %.40q: %v", verb, id, err)
			}
		}
		bad := snapshot(ok)
		bad.ID = id
		for verb, call := range verbs(b, ok, volume(1), bad) {
			if strings.Contains(verb, "snapshot") && !fault.Is(call(t.Context()), fault.Invalid) {
				t.Errorf("%s with snapshot %.40q was not refused", verb, id)
			}
		}
		badSource := driver.Volume{ID: id, SizeGiB: 1}
		if _, err := b.CloneVolume(t.Context(), ok, badSource); !fault.Is(err, fault.Invalid) {
			t.Errorf("clone of %.40q: %v", id, err)
		}
		if _, err := b.CreateSnapshot(t.Context(), snapshot(badSource)); !fault.Is(err, fault.Invalid) {
			t.Errorf("snapshot of %.40q: %v", id, err)
		}
	}
	if now := len(f.Calls()); now != before {
		t.Errorf("the driver was called: %v", f.Calls()[before:])
	}
}

func TestBackendRefusesAbsurdSizes(t *testing.T) {
	b := newBackend(t, fake.New())
	for _, size := range []int64{0, -1, -1 << 62, block.MaxSizeGiB + 1, 1<<63 - 1} {
		if _, err := b.CreateVolume(t.Context(), volume(size)); !fault.Is(err, fault.Invalid) {
			t.Errorf("create with %d GiB: %v", size, err)
		}
		if err := b.ExtendVolume(t.Context(), volume(1), size); !fault.Is(err, fault.Invalid) {
			t.Errorf("extend to %d GiB: %v", size, err)
		}
		if _, err := b.CloneVolume(t.Context(), volume(2), volume(size)); !fault.Is(err, fault.Invalid) {
			t.Errorf("clone of %d GiB: %v", size, err)
		}
		if _, err := b.CreateSnapshot(t.Context(), snapshot(volume(size))); !fault.Is(err, fault.Invalid) {
			t.Errorf("snapshot of %d GiB: %v", size, err)
		}
	}
	if err := b.ExtendVolume(t.Context(), volume(3), 2); !fault.Is(err, fault.Invalid) {
		t.Errorf("shrinking: %v", err)
	}
	if _, err := b.CloneVolume(t.Context(), volume(1), volume(2)); !fault.Is(err, fault.Invalid) {
		t.Errorf("clone smaller than its source: %v", err)
	}
	if _, err := b.CreateVolumeFromSnapshot(t.Context(), volume(1), snapshot(volume(2))); !fault.Is(err, fault.Invalid) {
		t.Errorf("volume smaller than its snapshot: %v", err)
	}
	v := volume(1)
	if _, err := b.CloneVolume(t.Context(), v, v); !fault.Is(err, fault.Invalid) {
		t.Errorf("clone of itself: %v", err)
	}
	if err := b.DeleteVolume(t.Context(), volume(0)); err != nil {
		t.Errorf("delete must not look at the size: %v", err)
	}
}

func TestBackendBeforeSetupAndAfterClose(t *testing.T) {
	b, err := driver.NewBackend(fake.New(), driver.Options{BackendName: "files"})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(when string) {
		t.Helper()
		v := volume(1)
		for verb, call := range verbs(b, v, volume(1), snapshot(v)) {
			if err := call(t.Context()); !fault.Is(err, fault.Unavailable) || fault.NameOf(err) != "DriverNotInitialized" {
				t.Errorf("%s %s: %v", verb, when, err)
			}
		}
		if _, err := b.Capabilities(t.Context(), nil); !fault.Is(err, fault.Unavailable) {
			t.Errorf("capabilities %s: %v", when, err)
		}
	}
	refused("before setup")
	if err := b.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateVolume(t.Context(), volume(1)); err != nil {
		t.Errorf("after setup: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused("after close")
}

func TestBackendRepeatsWhenUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fake.New()
		b := newBackend(t, f)
		tests := []struct {
			name     string
			failures int
			err      error
			calls    int
			kind     fault.Kind // of the result, when ok is false
			ok       bool
		}{
			{"comes back", 2, fault.New(fault.Unavailable, "", "away"), 3, 0, true},
			{"stays away", 9, fault.New(fault.Unavailable, "", "away"), 3, fault.Unavailable, false},
			{"another kind", 9, fault.New(fault.Busy, "", "busy"), 1, fault.Busy, false},
			{"no fault", 9, errors.New("boom"), 1, fault.Internal, false},
			{"full", 9, fmt.Errorf("write: %w", syscall.ENOSPC), 1, fault.OverLimit, false},
			{"over a storage quota", 9, fmt.Errorf("write: %w", syscall.EDQUOT), 1, fault.OverLimit, false},
		}
		for _, tt := range tests {
			calls := 0
			f.SetHook(func(context.Context, fake.Call) error {
				if calls++; calls <= tt.failures {
					return tt.err
				}
				return nil
			})
			_, err := b.CreateVolume(t.Context(), volume(1))
			if (err == nil) != tt.ok || (err != nil && (fault.KindOf(err) != tt.kind || !errors.Is(err, tt.err))) {
				t.Errorf("%s: err = %v", tt.name, err)
			}
			if calls != tt.calls {
				t.Errorf("%s: %d calls, want %d", tt.name, calls, tt.calls)
			}
		}
	})
}

func TestBackendContextErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fake.New()
		b := newBackend(t, f)
		f.SetHook(func(ctx context.Context, _ fake.Call) error {
			<-ctx.Done()
			return ctx.Err()
		})
		late, cancelLate := context.WithTimeout(t.Context(), time.Minute)
		defer cancelLate()
		if _, err := b.CreateVolume(late, volume(1)); !fault.Is(err, fault.Timeout) {
			t.Errorf("deadline: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := b.CreateVolume(gone, volume(1)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("cancelled: %v", err)
		}
		before := len(f.Calls())
		if _, err := b.CreateVolume(gone, volume(1)); !fault.Is(err, fault.Unavailable) || len(f.Calls()) != before {
			t.Errorf("with a context that had ended before: %v, %d calls", err, len(f.Calls())-before)
		}
	})
}

// Crosswise clones take their two locks in one order, and one volume never has two verbs at once.
func TestBackendLocks(t *testing.T) {
	f := fake.New()
	b := newBackend(t, f)
	x, y := volume(1), volume(1)
	var mu sync.Mutex
	busy, most := map[string]int{}, 0
	f.SetHook(func(_ context.Context, c fake.Call) error {
		mu.Lock()
		busy[c.ID]++
		most = max(most, busy[c.ID])
		mu.Unlock()
		defer func() {
			mu.Lock()
			busy[c.ID]--
			mu.Unlock()
		}()
		return nil
	})
	for _, v := range []driver.Volume{x, y} {
		if _, err := b.CreateVolume(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 50 {
		for _, pair := range [][2]driver.Volume{{x, y}, {y, x}} {
			wg.Go(func() {
				if _, err := b.CloneVolume(ctx, pair[0], pair[1]); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("up to %d verbs at once for one volume", most)
	}
}

// Different volumes do not wait for each other, and a device's path is told while its volume is being copied.
func TestBackendDoesNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fake.New()
		b := newBackend(t, f)
		source := volume(1)
		if _, err := b.CreateVolume(t.Context(), source); err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		f.SetHook(func(_ context.Context, c fake.Call) error {
			if c.Verb == "create_cloned_volume" {
				<-release
			}
			return nil
		})
		done := make(chan error, 1)
		go func() {
			_, err := b.CloneVolume(t.Context(), volume(1), source)
			done <- err
		}()
		synctest.Wait()
		if _, err := b.CreateVolume(t.Context(), volume(1)); err != nil {
			t.Errorf("another volume: %v", err)
		}
		if _, err := b.Device(t.Context(), source); err != nil {
			t.Errorf("device: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.DeleteVolume(ctx, source); !fault.Is(err, fault.Timeout) {
			t.Errorf("the source was deleted under the copy: %v", err)
		}
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestBackendTellsTheObserver(t *testing.T) {
	type key struct{}
	var got []string
	f := fake.New()
	b := newBackend(t, f, func(o *driver.Options) {
		o.Observer = func(ctx context.Context, op driver.Operation) (context.Context, func(error)) {
			return context.WithValue(ctx, key{}, op.Verb), func(err error) {
				got = append(got, fmt.Sprintf("%s %s %s %s %v", op.Backend, op.Verb, op.VolumeID, op.SnapshotID, fault.KindOf(err)))
			}
		}
	})
	f.SetHook(func(ctx context.Context, c fake.Call) error {
		if ctx.Value(key{}) != c.Verb {
			t.Errorf("%s ran with the context of %v", c.Verb, ctx.Value(key{}))
		}
		return nil
	})
	v := volume(1)
	s := snapshot(v)
	if _, err := b.CreateVolume(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateSnapshot(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := b.ExtendVolume(t.Context(), v, 0); err == nil {
		t.Fatal("an extend to 0 GiB was accepted")
	}
	want := []string{
		"files do_setup   internal", // KindOf(nil) is the zero kind
		"files create_volume " + v.ID + "  internal",
		"files create_snapshot " + v.ID + " " + s.ID + " internal",
		"files extend_volume " + v.ID + "  invalid",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// plain hides the optional verbs of a driver.
type plain struct{ driver.Driver }

func TestBackendFeatures(t *testing.T) {
	b := newBackend(t, fake.New())
	if diff := cmp.Diff(driver.Features{LocalDevice: true, Reverter: true, Sweeper: true, VolumeAdopter: true, SnapshotAdopter: true,
		GroupSnapshotter: true, GroupReplicator: true, Retyper: true, Renamer: true, Migrator: true}, b.Features()); diff != "" {
		t.Error(diff)
	}
	if _, err := b.Connect(t.Context(), volume(1), uuid.NewString(), nil, false); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("Connect: %v", err)
	}
	if err := b.Disconnect(t.Context(), volume(1), uuid.NewString()); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("Disconnect: %v", err)
	}

	b = newBackend(t, plain{fake.New()})
	if diff := cmp.Diff(driver.Features{}, b.Features()); diff != "" {
		t.Error(diff)
	}
	v := volume(1)
	if _, err := b.Device(t.Context(), v); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("Device: %v", err)
	}
	if err := b.RevertToSnapshot(t.Context(), v, snapshot(v)); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("RevertToSnapshot: %v", err)
	}
	if err := b.RemoveStray(t.Context(), "x"); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("RemoveStray: %v", err)
	}
	if _, err := b.CreateGroupSnapshot(t.Context(), []driver.Snapshot{snapshot(v)}); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("CreateGroupSnapshot: %v", err)
	}
	if err := b.EnableReplication(t.Context(), []driver.Volume{v}); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("EnableReplication: %v", err)
	}
}

func TestBackendRemovesOnlyStrays(t *testing.T) {
	f := fake.New()
	f.AddStray("leftover")
	b := newBackend(t, f)
	if err := b.RemoveStray(t.Context(), "../volumes"); !fault.Is(err, fault.NotFound) {
		t.Errorf("what is no stray: %v", err)
	}
	if err := b.RemoveStray(t.Context(), "leftover"); err != nil {
		t.Error(err)
	}
	all, err := b.Inventory(t.Context())
	if err != nil || len(all.Strays) != 0 {
		t.Errorf("strays %v, %v", all.Strays, err)
	}
}
