package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

func putFlow(t testing.TB, s store.Store, r flow.Record) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutFlow(ctx, r) })
}

func testFlow(t *testing.T, s store.Store) {
	ctx := t.Context()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	full := flow.Record{ID: "1", Name: "volume_create", Owner: "scheduler", ResourceType: "volume", ResourceID: "v", State: []byte(`{"a":"ü"}`),
		Unwinding: true, Cause: `{"kind":1}`, Attempts: 3, CreatedAt: at}
	putFlow(t, s, full)
	putFlow(t, s, flow.Record{ID: "2", Owner: "scheduler"})
	putFlow(t, s, flow.Record{ID: "3", Owner: "h@b"})
	got := must(s.Flows(ctx, "scheduler", 0, 10))(t)
	if len(got) != 2 || got[0].UpdatedAt.IsZero() || got[1].CreatedAt.IsZero() || got[1].UpdatedAt.Before(got[0].UpdatedAt) {
		t.Fatalf("got %+v", got)
	}
	ignore := cmpopts.IgnoreFields(flow.Record{}, "UpdatedAt")
	if diff := cmp.Diff(full, got[0], ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := must(s.Flows(ctx, "scheduler", time.Hour, 10))(t); len(got) != 0 {
		t.Errorf("records of the last hour are given as older: %+v", got)
	}
	if got := must(s.Flows(ctx, "scheduler", 0, 1))(t); len(got) != 1 || got[0].ID != "1" {
		t.Errorf("the oldest record is %+v", got)
	}
	// A record changes hands, and it is the newest then.
	moved := full
	moved.Owner, moved.State, moved.Unwinding, moved.Cause, moved.Attempts, moved.CreatedAt = "h@b", nil, false, "", 0, time.Time{}
	putFlow(t, s, moved)
	moved.CreatedAt = at
	got = must(s.Flows(ctx, "h@b", 0, 10))(t)
	if len(got) != 2 || got[0].ID != "3" {
		t.Fatalf("got %+v", got)
	}
	if diff := cmp.Diff(moved, got[1], ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for range 2 {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteFlow(ctx, "1") })
	}
	if got := must(s.Flows(ctx, "h@b", 0, 10))(t); len(got) != 1 {
		t.Errorf("got %+v after the deletion", got)
	}
}

// A record is there with the row of the same transaction, or neither is.
func testFlowWithRows(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	stop := errors.New("stop")
	for _, fail := range []error{stop, nil} {
		err := s.Update(ctx, func(tx store.Tx) error {
			if err := tx.CreateVolume(ctx, volume(ty.ID, "v", nil)); err != nil {
				return err
			}
			if err := tx.PutFlow(ctx, flow.Record{ID: "f", Owner: "o"}); err != nil {
				return err
			}
			return fail
		})
		if !errors.Is(err, fail) {
			t.Fatalf("Update = %v; want %v", err, fail)
		}
		_, err = s.Volume(ctx, "v", mine)
		records := len(must(s.Flows(ctx, "o", 0, 10))(t))
		if (err == nil) != (fail == nil) || records == 1 != (fail == nil) || err != nil && !fault.Is(err, fault.NotFound) {
			t.Errorf("after %v: volume %v, %d records", fail, err, records)
		}
	}
}

func testFlowTouch(t *testing.T, s store.Store) {
	putFlow(t, s, flow.Record{ID: "f", Owner: "o", State: []byte("{}")})
	r := must(s.Flows(t.Context(), "o", 0, 1))(t)[0]
	touch := func(what string, r flow.Record, wantThere, wantMine bool) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			there, mine, err := tx.TouchFlow(ctx, r)
			if there != wantThere || mine != wantMine {
				t.Errorf("%s: there %v, mine %v", what, there, mine)
			}
			return err
		})
	}
	touch("as it is", r, true, true)
	if now := must(s.Flows(t.Context(), "o", 0, 1))(t)[0]; !now.UpdatedAt.After(r.UpdatedAt) || now.Attempts != r.Attempts {
		t.Errorf("touched: %+v, was %+v", now, r)
	}
	touch("again", r, true, true)
	other := r
	other.Attempts++
	touch("one that was taken up", other, true, false)
	other = r
	other.Owner = "p"
	touch("one that passed on", other, true, false)
	other.ID = "g"
	touch("none", other, false, false)
}

func testFlowClaim(t *testing.T, s store.Store) {
	ctx := t.Context()
	putFlow(t, s, flow.Record{ID: "f", Owner: "o", State: []byte("{}")})
	claim := func(r flow.Record) (done bool) {
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			done, err = tx.ClaimFlow(ctx, r)
			return err
		})
		return done
	}
	for attempts := range 3 {
		r := must(s.Flows(ctx, "o", 0, 1))(t)[0]
		if r.Attempts != attempts {
			t.Fatalf("attempts %d; want %d", r.Attempts, attempts)
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if claim(r) {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d claimed it; want 1", won.Load())
		}
	}
	r := must(s.Flows(ctx, "o", 0, 1))(t)[0]
	for name, stale := range map[string]func(*flow.Record){
		"other owner": func(r *flow.Record) { r.Owner = "p" },
		"other time":  func(r *flow.Record) { r.UpdatedAt = r.UpdatedAt.Add(-time.Microsecond) },
		"other id":    func(r *flow.Record) { r.ID = "g" },
	} {
		other := r
		stale(&other)
		if claim(other) {
			t.Errorf("%s: claimed", name)
		}
	}
	if string(r.State) != "{}" {
		t.Errorf("state %q after claims", r.State)
	}
}

// testOwnServices: which services are ours is said anew with each report.
func testOwnServices(t *testing.T, s store.Store) {
	mark := func(o store.OwnService) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.MarkOwn(ctx, o) })
	}
	mark(store.OwnService{Host: "n@b", Binary: "cinder-volume", Owner: "before"})
	mark(store.OwnService{Host: "n@b", Binary: "cinder-volume", Owner: "n@b"})
	mark(store.OwnService{Host: "n@a", Binary: "cinder-volume", Owner: "n@a"})
	mark(store.OwnService{Host: "n@b", Binary: "cinder-backup", Owner: "x"})
	own, err := s.OwnServices(t.Context(), "cinder-volume")
	if err != nil || len(own) != 2 {
		t.Fatalf("%+v, %v", own, err)
	}
	for i, want := range []string{"n@a", "n@b"} {
		if o := own[i]; o.Host != want || o.Owner != want || o.Binary != "cinder-volume" || time.Since(o.SeenAt).Abs() > time.Minute {
			t.Errorf("%+v", o)
		}
	}
}
