package maintenancetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// testWorkers: rows are claimed, dropped and forgotten, each only as it was read.
func testWorkers(t *testing.T, s store.Store) {
	var one, other *block.Service
	update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		if one, err = tx.RegisterService(ctx, &block.Service{Host: "n@a", Binary: block.BinaryVolume, Topic: "cinder-volume"}); err != nil {
			return err
		}
		other, err = tx.RegisterService(ctx, &block.Service{Host: "n@b", Binary: block.BinaryVolume, Topic: "cinder-volume"})
		return err
	})
	left := []store.Worker{
		{ResourceType: "Volume", ResourceID: "v", Status: "creating", ServiceID: one.ID},
		{ResourceType: "Snapshot", ResourceID: "v", Status: "creating", ServiceID: one.ID},
		{ResourceType: "Volume", ResourceID: "w", Status: "deleting"},
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, w := range left {
			if err := tx.LeaveWorker(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
	read := func(q store.WorkerQuery) []store.Worker {
		t.Helper()
		found, err := s.Workers(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	all := read(store.WorkerQuery{})
	if diff := cmp.Diff(left, all, cmpopts.IgnoreFields(store.Worker{}, "ID", "UpdatedAt")); diff != "" {
		t.Fatalf("what was left (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		name string
		q    store.WorkerQuery
		want []store.Worker
	}{
		{"of a service", store.WorkerQuery{ServiceID: one.ID}, all[:2]},
		{"of another", store.WorkerQuery{ServiceID: other.ID}, nil},
		{"of a resource", store.WorkerQuery{ResourceID: "v", ResourceType: "Snapshot"}, all[1:2]},
		{"after one", store.WorkerQuery{AfterID: all[0].ID, Limit: 1}, all[1:2]},
		{"until now", store.WorkerQuery{Until: later()}, all},
		{"until before", store.WorkerQuery{Until: all[0].UpdatedAt.Add(-time.Second)}, nil},
	} {
		if diff := cmp.Diff(c.want, read(c.q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	testClaims(t, s, all, other)
}

// testClaims takes the third of the workers in hand, drops it, and has another in the place of the first.
func testClaims(t *testing.T, s store.Store, all []store.Worker, other *block.Service) {
	read := func(q store.WorkerQuery) []store.Worker {
		t.Helper()
		found, err := s.Workers(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	change := func(name string, want bool, do func(ctx context.Context, tx store.Tx) (bool, error)) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			got, err := do(ctx, tx)
			if got != want {
				t.Errorf("%s: %v", name, got)
			}
			return err
		})
	}
	claim := func(ctx context.Context, tx store.Tx) (bool, error) { return tx.ClaimWorker(ctx, all[2], other.ID) }
	change("claim", true, claim)
	change("claim again", false, claim)
	change("drop what was claimed", false, func(ctx context.Context, tx store.Tx) (bool, error) { return tx.DropWorker(ctx, all[2]) })
	claimed := read(store.WorkerQuery{ServiceID: other.ID})
	if len(claimed) != 1 || claimed[0].Race != all[2].Race+1 || claimed[0].Status != "deleting" {
		t.Errorf("claimed: %+v", claimed)
	}
	change("drop", true, func(ctx context.Context, tx store.Tx) (bool, error) { return tx.DropWorker(ctx, claimed[0]) })
	for range 2 {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.ForgetWorker(ctx, "Snapshot", "v") })
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.LeaveWorker(ctx, store.Worker{ResourceType: "Volume", ResourceID: "v", Status: "deleting", ServiceID: other.ID})
	})
	end := read(store.WorkerQuery{})
	if len(end) != 1 || end[0].Status != "deleting" || end[0].ServiceID != other.ID {
		t.Errorf("at last: %+v", end)
	}
}
