package driver_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/fault"
)

// Two group snapshots that share volumes wait for each other, whatever the order in which they name them, and other verbs of
// these volumes wait for both.
func TestBackendLocksWholeGroups(t *testing.T) {
	f := fake.New()
	b := newBackend(t, f)
	v, w := volume(1), volume(1)
	for _, one := range []driver.Volume{v, w} {
		if _, err := b.CreateVolume(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	var busy atomic.Int32
	f.SetHook(func(context.Context, fake.Call) error {
		if busy.Add(1) > 1 {
			t.Error("two verbs at once")
		}
		runtime.Gosched() // the others have their chance
		busy.Add(-1)
		return nil
	})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			pair := []driver.Snapshot{snapshot(v), snapshot(w)}
			if i%2 == 0 {
				slices.Reverse(pair)
			}
			if _, err := b.CreateGroupSnapshot(t.Context(), pair); err != nil {
				t.Error(err)
			}
			if err := b.FailoverReplication(t.Context(), []driver.Volume{w, v}, ""); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if _, err := b.CreateSnapshot(t.Context(), snapshot(v)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := b.DisableReplication(t.Context(), []driver.Volume{{ID: "../x"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a hostile id: %v", err)
	}
}
