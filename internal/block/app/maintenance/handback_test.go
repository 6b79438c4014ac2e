package maintenance

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// TestHandBack: what Python's services clean up is theirs afterwards, the rest is named, and what a service of ours has in hand is
// left to it.
func TestHandBack(t *testing.T) {
	r := newRoom(t)
	kind, err := r.Store.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int64{}
	err = r.Store.Update(t.Context(), func(tx store.Tx) error {
		for _, s := range []struct{ host, binary, owner string }{{"c", block.BinaryScheduler, rpcapi.SchedulerOwner}, {"n@a", block.BinaryVolume, "n@a"}} {
			row, err := tx.RegisterService(t.Context(), &block.Service{Host: s.host, Binary: s.binary, Topic: s.binary})
			if err != nil {
				return err
			}
			ids[s.host] = row.ID
			if err := tx.MarkOwn(t.Context(), store.OwnService{Host: s.host, Binary: s.binary, Owner: s.owner}); err != nil {
				return err
			}
		}
		for id, status := range map[string]block.VolumeStatus{"creating": "creating", "deleting": "deleting", "extending": "extending", "placed": "creating"} {
			v := &block.Volume{ID: id, ProjectID: "p", VolumeTypeID: kind.ID, SizeGiB: 1, Status: status, AttachStatus: block.AttachDetached}
			if err := tx.CreateVolume(t.Context(), v); err != nil {
				return err
			}
		}
		for id, status := range map[string]block.BackupStatus{"saving": block.BackupCreating, "b": block.BackupAvailable} {
			if err := tx.CreateBackup(t.Context(), &block.Backup{ID: id, VolumeID: "placed", ProjectID: "p", Status: status}); err != nil {
				return err
			}
		}
		s := &block.Snapshot{ID: "snap", VolumeID: "extending", ProjectID: "p", VolumeTypeID: kind.ID, Status: block.SnapshotCreating}
		return tx.CreateSnapshot(t.Context(), s)
	})
	if err != nil {
		t.Fatal(err)
	}
	journal(t, r, rpcapi.SchedulerOwner, "volume", "creating")
	journal(t, r, "n@a", "volume", "placed", "deleting", "extending", "gone")
	journal(t, r, "n@a", "snapshot", "snap")
	journal(t, r, "n@a", "backup", "b", "saving")

	hand := func(status error, want ...string) {
		t.Helper()
		r.out.Reset()
		if err := r.HandBack(t.Context()); err != status {
			t.Errorf("%v, want %v", err, status)
		}
		for _, text := range want {
			if !strings.Contains(r.out.String(), text) {
				t.Errorf("it does not say %q:\n%s", text, r.out)
			}
		}
	}
	hand(Status(1), "cinder-scheduler on host c, which is Clinker's", "cinder-volume on host n@a, which is Clinker's", "0 operations were given", "8 stay")
	r.Now = func() time.Time { return at.Add(2 * time.Minute) }
	hand(Status(1), "of volume extending stays: Python's services do not clean up what is extending; set its state", "of backup b stays: Python's services do not clean up what is available", "6 operations were given", "2 stay")
	left, err := r.Store.Workers(t.Context(), store.WorkerQuery{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, w := range left {
		got[w.ResourceType+" "+w.ResourceID+" "+w.Status] = w.ServiceID
	}
	want := map[string]int64{"Volume creating creating": ids["c"], "Volume placed creating": ids["n@a"], "Volume deleting deleting": ids["n@a"], "Snapshot snap creating": ids["n@a"]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workers (-want +got):\n%s", diff)
	}
	hand(Status(1), "0 operations were given", "2 stay")
	err = r.Store.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.UpdateVolume(t.Context(), "extending", store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeUploading)})
		if err == nil {
			err = tx.DeleteFlow(t.Context(), "backup b")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hand(nil, "1 operations were given", "0 stay")
}

// journal enters records.
func journal(t *testing.T, r *room, owner, kind string, ids ...string) {
	t.Helper()
	err := r.Store.Update(t.Context(), func(tx store.Tx) error {
		for _, id := range ids {
			rec := flow.Record{ID: kind + " " + id, Name: kind + "_x", Owner: owner, ResourceType: kind, ResourceID: id, State: []byte("{}")}
			if err := tx.PutFlow(t.Context(), rec); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
