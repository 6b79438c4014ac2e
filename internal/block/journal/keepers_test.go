package journal

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/flow"
)

func TestKept(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(secondsAgo int) time.Time { return now.Add(-time.Duration(secondsAgo) * time.Second) }
	clustered := func(host string, secondsAgo int) *block.Service {
		return &block.Service{Host: host, ClusterName: "c@b", Timestamps: block.Timestamps{UpdatedAt: at(secondsAgo)}}
	}
	service := func(host string, secondsAgo int) *block.Service {
		return &block.Service{Host: host, Timestamps: block.Timestamps{UpdatedAt: at(secondsAgo)}}
	}
	mark := func(host, owner string, secondsAgo int) store.OwnService {
		return store.OwnService{Host: host, Owner: owner, SeenAt: at(secondsAgo)}
	}
	type services = []*block.Service
	type marks = []store.OwnService
	backup := rpcapi.BackupOwner("n")
	for name, c := range map[string]struct {
		owner    string
		own      marks
		services services
		want     bool
	}{
		"nobody at all":                    {"n@b", nil, nil, false},
		"ours":                             {"n@b", marks{mark("n@b", "n@b", 5)}, services{service("n@b", 5)}, true},
		"ours, rounded up":                 {"n@b", marks{mark("n@b", "n@b", 5)}, services{service("n@b", 4)}, true},
		"ours, down for an hour":           {"n@b", marks{mark("n@b", "n@b", 3600)}, services{service("n@b", 3600)}, true},
		"ours, removed":                    {"n@b", marks{mark("n@b", "n@b", 5)}, nil, false},
		"Python's":                         {"n@b", nil, services{service("n@b", 5)}, false},
		"Python's in the place of ours":    {"n@b", marks{mark("n@b", "n@b", 30)}, services{service("n@b", 5)}, false},
		"Python's there, and down":         {"n@b", marks{mark("n@b", "n@b", 900)}, services{service("n@b", 600)}, false},
		"another back end is Python's":     {"n@b", marks{mark("n@b", "n@b", 5)}, services{service("n@b", 5), service("n@c", 5)}, true},
		"our cluster, one down":            {"c@b", marks{mark("n@b", "c@b", 5), mark("m@b", "c@b", 900)}, services{clustered("n@b", 5), clustered("m@b", 900)}, true},
		"a cluster with one of Python's":   {"c@b", marks{mark("n@b", "c@b", 5)}, services{clustered("n@b", 5), clustered("m@b", 5)}, false},
		"a cluster of Python's":            {"c@b", nil, services{clustered("n@b", 5)}, false},
		"our scheduler":                    {"scheduler", marks{mark("n", "scheduler", 5)}, services{service("n", 5)}, true},
		"two of ours, one down":            {"scheduler", marks{mark("n", "scheduler", 5), mark("m", "scheduler", 900)}, services{service("n", 5), service("m", 900)}, true},
		"beside a Python scheduler":        {"scheduler", marks{mark("n", "scheduler", 5)}, services{service("n", 5), service("m", 5)}, false},
		"beside a Python scheduler of old": {"scheduler", marks{mark("n", "scheduler", 5)}, services{service("n", 5), service("m", 900)}, true},
		"our backup service":               {backup, marks{mark("n", backup, 5)}, services{service("n", 5)}, true},
		"another host's backup service":    {backup, marks{mark("m", rpcapi.BackupOwner("m"), 5)}, services{service("m", 5)}, false},
	} {
		if got := kept(c.owner, c.own, c.services, now, time.Minute); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for owner, want := range map[string]string{"scheduler": "cinder-scheduler", "n@b": "cinder-volume", backup: "cinder-backup"} {
		if got := binaryOf(owner); got != want {
			t.Errorf("%s is a %s", owner, got)
		}
	}
}

// TestRecordsForPython: a record that passes to a Python service goes; one for ours stays, in the same transaction as the rows.
func TestRecordsForPython(t *testing.T) {
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	k := NewKeepers(time.Minute, func() time.Time { return now })
	kept := Keeping(s, k)
	register := func(host, owner string) {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.RegisterService(t.Context(), &block.Service{Host: host, Binary: block.BinaryVolume, Topic: "cinder-volume"})
			if err == nil && owner != "" {
				err = tx.MarkOwn(t.Context(), store.OwnService{Host: host, Binary: block.BinaryVolume, Owner: owner})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	register("n@ours", "n@ours")
	register("n@python", "")
	passing := func(owner string) []flow.Record {
		f := &flow.Flow[string, store.Tx]{Name: "f", Steps: []flow.Step[string, store.Tx]{
			{Name: "a", Tx: func(context.Context, store.Tx, *string) error { return nil }}},
			HandOver: func(*string) *flow.Next { return &flow.Next{Name: "next", Owner: owner, State: "x"} }}
		rec := flow.Record{ID: "of " + owner, Name: "f", Owner: "n@ours", ResourceType: "volume", ResourceID: "v"}
		if err := flow.Begin(t.Context(), flow.NewEngine(New(kept), flow.Options{}), f, rec, new("s")); err != nil {
			t.Fatal(err)
		}
		recs, err := s.Flows(t.Context(), owner, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		return recs
	}
	if recs := passing("n@ours"); len(recs) != 1 || recs[0].Name != "next" {
		t.Errorf("for ours: %+v", recs)
	}
	if recs := passing("n@python"); len(recs) != 0 {
		t.Errorf("for Python's: %+v", recs)
	}
	if recs := passing("n@nobody"); len(recs) != 0 {
		t.Errorf("for nobody: %+v", recs)
	}
	register("n@python", "n@python") // ours takes its place, and a moment later that is known
	now = now.Add(remembered)
	if recs := passing("n@python"); len(recs) != 1 {
		t.Errorf("after the change: %+v", recs)
	}
	if Keeping(s, nil) != store.Store(s) {
		t.Error("inside one process the store is the store")
	}
	if ok, err := (*Keepers)(nil).Kept(t.Context(), s, "anybody"); !ok || err != nil {
		t.Errorf("inside one process: %v, %v", ok, err)
	}
}
