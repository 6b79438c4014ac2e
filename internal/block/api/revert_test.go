package api_test

import (
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

func TestRevert(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.40")
	id := m.Volume()
	revert := func(c apitest.Caller, snapshot any) apitest.Answer {
		return c.Action("/volumes/"+id, "revert", object("snapshot_id", snapshot))
	}
	states := func(volume block.VolumeStatus, snapshotID string) {
		t.Helper()
		if v, s := m.Row(id), m.SnapshotRow(snapshotID); v.Status != volume || s.Status != block.SnapshotAvailable {
			t.Errorf("the volume is %s, the snapshot %s", v.Status, s.Status)
		}
	}
	revert(m, nowhere).Fault(400, "Volume "+id+" doesn't have any snapshots.")
	first := m.Snapshot(id)
	second := m.Snapshot(id)
	revert(m, second).Empty(202)
	states(block.VolumeAvailable, second)
	reverted := false
	for _, call := range c.Driver.Calls() {
		reverted = reverted || call.Verb == "revert_to_snapshot" && call.ID == id
	}
	if !reverted {
		t.Error("the storage was not asked")
	}
	revert(m, first).Fault(400, "Specified snapshot "+first+" is None or not the latest one of volume "+id+".")
	revert(m, nil).Fault(400, "Specified snapshot None is None or not the latest one of volume "+id+".")
	revert(m, 5).Fault(400, "snapshot_id")
	revert(m.At("3.39"), second).Fault(404, "")
	revert(c.As(t, apitest.Reader, "p").At("3.40"), second).Fault(403, "volume:revert_to_snapshot")
	revert(c.As(t, apitest.Member, "q").At("3.40"), second).Fault(404, "Volume "+id+" could not be found.")

	m.SetStatus(id, block.VolumeError)
	revert(m, second).Fault(409, "Invalid volume: Can't revert volume "+id+" to its latest snapshot "+second+". Volume's status must be 'available'.")
	m.SetStatus(id, block.VolumeAvailable)
	m.Change(func(tx store.Tx) error {
		_, err := tx.UpdateSnapshot(t.Context(), second, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotError)})
		return err
	})
	revert(m, second).Fault(409, "Invalid snapshot: Can't revert volume "+id+" to its latest snapshot "+second+". Snapshot's status must be 'available'.")
	if v := m.Row(id); v.Status != block.VolumeAvailable {
		t.Errorf("a revert that was refused left the volume %s", v.Status)
	}
	m.Change(func(tx store.Tx) error {
		_, err := tx.UpdateSnapshot(t.Context(), second, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotAvailable)})
		return err
	})
	c.Driver.FailNext("revert_to_snapshot", fault.New(fault.Internal, "", "it broke"))
	revert(m, second).Empty(202)
	states(block.VolumeError, second)
	m.SetStatus(id, block.VolumeAvailable)
	m.Action("/volumes/"+id, "os-extend", object("new_size", 2)).Empty(202)
	revert(m, second).Fault(400, "The volume size must be equal to the snapshot size.")
}
