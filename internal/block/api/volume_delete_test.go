package api_test

import (
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

const refusedDelete = "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and " +
	"must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer."

func TestVolumeDelete(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "p").At("3.71")
	gone := func(id string) {
		t.Helper()
		if v := m.Row(id); v != nil {
			t.Errorf("the row is still there: %+v", v)
		}
		if _, there := c.Driver.VolumeSizeGiB(id); there {
			t.Error("the storage still has it")
		}
		m.Get("/volumes/"+id).Fault(404, "Volume "+id+" could not be found.")
	}
	for _, status := range []block.VolumeStatus{block.VolumeAvailable, block.VolumeError, block.VolumeErrorRestoring, block.VolumeErrorExtending, block.VolumeErrorManaging} {
		id := m.Volume()
		m.SetStatus(id, status)
		m.Delete("/volumes/" + id).Empty(202)
		gone(id)
	}
	id := m.Volume()
	for _, status := range []block.VolumeStatus{block.VolumeCreating, block.VolumeReserved, block.VolumeAttaching, block.VolumeInUse, block.VolumeDetaching,
		block.VolumeDeleting, block.VolumeErrorDeleting, block.VolumeExtending, block.VolumeMaintenance, block.VolumeAwaitingTransfer, block.VolumeRetyping} {
		m.SetStatus(id, status)
		m.Delete("/volumes/"+id).Fault(400, refusedDelete)
		if v := m.Row(id); v.Status != status {
			t.Errorf("a refused delete of a volume that was %s left it %s", status, v.Status)
		}
	}
	for name, set := range map[string]store.VolumeSet{
		"attached":  {AttachStatus: new(block.AttachAttached)},
		"migrating": {MigrationStatus: new("migrating")},
	} {
		id := m.Volume("name", name)
		m.Set(id, set)
		m.Delete("/volumes/"+id).Fault(400, refusedDelete)
		admin.Delete("/volumes/"+id+"?force=true").Fault(400, "Volume  must not be migrating, attached")
		admin.Action("/volumes/"+id, "os-force_delete", nil).Fault(400, "Volume  must not be migrating, attached")
	}
	m.Delete("/volumes/"+nowhere).Fault(404, "Volume "+nowhere+" could not be found.")
	m.Delete("/volumes/"+id+"?cascade=maybe").Fault(400, "Value 'maybe' for 'cascade' is not a boolean.")
	m.Delete("/volumes/"+id+"?force=maybe").Fault(400, "Value 'maybe' for 'force' is not a boolean.")

	// The volume is in retyping now.
	m.Delete("/volumes/"+id+"?force=true").Fault(403, "Policy doesn't allow volume:force_delete to be performed.")
	admin.At("3.22").Delete("/volumes/"+id+"?force=true").Fault(400, refusedDelete)
	admin.At("3.23").Delete("/volumes/" + id + "?force=true").Empty(202)
	gone(id)
	id = m.Volume()
	m.SetStatus(id, block.VolumeErrorDeleting)
	m.Action("/volumes/"+id, "os-force_delete", nil).Fault(403, "Policy doesn't allow volume_extension:volume_admin_actions:force_delete to be performed.")
	admin.Action("/volumes/"+id, "os-force_delete", object()).Empty(202)
	gone(id)

	// What the back end refuses, is an error to see.
	id = m.Volume()
	c.Driver.FailNext("delete_volume", block.InvalidInput("no"))
	m.Delete("/volumes/" + id).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeErrorDeleting {
		t.Errorf("after a failed delete the volume is %s", v.Status)
	}
}

func TestVolumeDeleteCascade(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "ops").At("3.71")
	id := m.Volume()
	good, bad := m.Snapshot(id), m.Snapshot(id)
	m.Delete("/volumes/"+id).Fault(400, refusedDelete)
	setSnapshot := func(status block.SnapshotStatus) {
		m.Change(func(tx store.Tx) error {
			_, err := tx.UpdateSnapshot(t.Context(), bad, store.SnapshotWhen{}, store.SnapshotSet{Status: &status})
			return err
		})
	}
	setSnapshot(block.SnapshotBackingUp)
	m.Delete("/volumes/"+id+"?cascade=true").Fault(400, refusedDelete)
	if m.Row(id).Status != block.VolumeAvailable || m.SnapshotRow(good).Status != block.SnapshotAvailable {
		t.Error("a refused cascade changed rows")
	}
	setSnapshot(block.SnapshotError)
	m.Delete("/volumes/" + id + "?cascade=true").Empty(202)
	if m.Row(id) != nil || m.SnapshotRow(good) != nil || m.SnapshotRow(bad) != nil {
		t.Error("something is left")
	}

	// A snapshot that an administrator of another project took, is in a member's way and not in an administrator's.
	id = m.Volume()
	theirs := admin.Post("/snapshots", object("snapshot", object("volume_id", id))).OK(202).Text("snapshot", "id")
	m.Delete("/volumes/"+id+"?cascade=true").Fault(400, refusedDelete)
	admin.Delete("/volumes/" + id + "?cascade=true").Empty(202)
	if m.Row(id) != nil || m.SnapshotRow(theirs) != nil {
		t.Error("something is left")
	}
}

// TestVolumeDeleteUnscheduled: what no back end has, the API removes by itself, in any state.
func TestVolumeDeleteUnscheduled(t *testing.T) {
	t.Parallel()
	c := cloud(t, func(o *apitest.Options) { o.Idle = true })
	m := c.As(t, apitest.Member, "p")
	id := m.Post("/volumes", object("volume", object("size", 1))).OK(202).Text("volume", "id")
	if v := m.Row(id); v.Status != block.VolumeCreating || v.Host != "" {
		t.Fatalf("the row is %+v", v)
	}
	m.Post("/snapshots", object("snapshot", object("volume_id", id))).Fault(400, "The snapshot cannot be created because volume has not been scheduled to any host.")
	m.Action("/volumes/"+id, "os-initialize_connection", object("connector", object())).Fault(400, "has not been scheduled to any host")
	m.Delete("/volumes/" + id).Empty(202)
	if m.Row(id) != nil {
		t.Error("the row is still there")
	}
	usage, err := c.Store.QuotaUsage(t.Context(), "p")
	if err != nil || usage.Volumes != 0 || usage.VolumeGigabytes != 0 {
		t.Errorf("usage %+v, %v", usage, err)
	}
}

// TestFrozen: nothing is deleted from, or snapshotted on, a back end that an operator has frozen.
func TestFrozen(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	id := m.Volume()
	snapshot := m.Snapshot(id)
	admin.Put("/os-services/freeze", object("host", apitest.Backend)).Empty(200)
	const text = "Modification is not allowed on a frozen"
	m.Delete("/volumes/"+id).Fault(400, text)
	m.Delete("/snapshots/"+snapshot).Fault(400, text)
	m.Post("/snapshots", object("snapshot", object("volume_id", id))).Fault(400, text)
	if v := m.Row(id); v.Status != block.VolumeAvailable {
		t.Errorf("the volume is %s", v.Status)
	}
	admin.Put("/os-services/thaw", object("host", apitest.Backend)).Empty(200)
	m.Delete("/snapshots/" + snapshot).Empty(202)
	m.Delete("/volumes/" + id).Empty(202)
}
