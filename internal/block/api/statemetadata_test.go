package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

func TestImageMetadataActions(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, reader := c.As(t, apitest.Member, "p"), c.As(t, apitest.Reader, "p")
	id := m.Volume()
	path := "/volumes/" + id
	set := func(c apitest.Caller, md any) apitest.Answer {
		return c.Action(path, "os-set_image_metadata", object("metadata", md))
	}
	unset := func(c apitest.Caller, key string) apitest.Answer {
		return c.Action(path, "os-unset_image_metadata", object("key", key))
	}
	m.Action(path, "os-show_image_metadata", nil).Fault(404, "Glance metadata for volume/snapshot "+id+" cannot be found.")
	set(m, object("os", "linux", "min_ram", "0")).Is(200, `{"metadata": {"os": "linux", "min_ram": "0"}}`)
	set(m, object("os", "bsd")).Is(200, `{"metadata": {"os": "bsd", "min_ram": "0"}}`)
	reader.Action(path, "os-show_image_metadata", object()).Is(200, `{"metadata": {"os": "bsd", "min_ram": "0"}}`)
	unset(m, "min_ram").Empty(200)
	if d := cmp.Diff(map[string]string{"os": "bsd"}, m.Row(id).ImageMetadata); d != "" {
		t.Errorf("the row (-want +got):\n%s", d)
	}
	unset(m, "min_ram").Fault(404, "Glance metadata for volume/snapshot "+id+" cannot be found.")
	set(reader, object("a", "b")).Fault(403, "volume_extension:volume_image_metadata:set")
	unset(reader, "os").Fault(403, "volume_extension:volume_image_metadata:remove")
	other := c.As(t, apitest.Member, "q")
	for _, a := range []apitest.Answer{set(other, object("a", "b")), unset(other, "os"), other.Action(path, "os-show_image_metadata", nil)} {
		a.Fault(404, "Volume "+id+" could not be found.")
	}
	for name, md := range map[string]any{"a number": object("a", 1), "a key that is too long": object(strings.Repeat("k", 256), "v"), "no object": "x", "a bad key": object("ä", "v")} {
		t.Run(name, func(t *testing.T) { set(m.On(t), md).Fault(400, "") })
	}
	m.SetStatus(id, block.VolumeUploading)
	set(m, object("a", "b")).Fault(400, "Invalid volume: Updating volume metadata is not allowed for volumes in uploading status.")
	unset(m, "os").Fault(400, "Invalid volume: Deleting volume metadata is not allowed for volumes in uploading status.")
}

func TestUpdateSnapshotStatus(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p")
	id := m.Snapshot(m.Volume())
	report := func(status string, more ...any) apitest.Answer {
		return m.Action("/snapshots/"+id, "os-update_snapshot_status", object(append([]any{"status", status}, more...)...))
	}
	in := func(status block.SnapshotStatus) {
		m.Change(func(tx store.Tx) error {
			_, err := tx.UpdateSnapshot(t.Context(), id, store.SnapshotWhen{}, store.SnapshotSet{Status: &status})
			return err
		})
	}
	report("available").Fault(400, "Snapshot status available not allowed for update_snapshot_status")
	for _, tc := range []struct {
		from    block.SnapshotStatus
		to      string
		allowed bool
	}{
		{block.SnapshotCreating, "creating", true}, {block.SnapshotCreating, "available", true}, {block.SnapshotCreating, "error", true},
		{block.SnapshotCreating, "deleting", false}, {block.SnapshotDeleting, "deleting", true}, {block.SnapshotDeleting, "error_deleting", true},
		{block.SnapshotDeleting, "available", false},
	} {
		in(tc.from)
		if !tc.allowed {
			report(tc.to).Fault(400, "Provided snapshot status "+tc.to+" not allowed for snapshot with status "+string(tc.from)+".")
			continue
		}
		report(tc.to, "progress", "42%").Empty(202)
		if s := m.SnapshotRow(id); string(s.Status) != tc.to || s.Progress != "42%" {
			t.Errorf("from %s to %s: %+v", tc.from, tc.to, s)
		}
	}
	report("creating", "progress", "101%").Fault(400, "progress must be an integer percentage")
}

func TestExtendCompletion(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "p").At("3.71")
	id := m.Volume()
	complete := func(argument any) apitest.Answer {
		return admin.Action("/volumes/"+id, "os-extend_volume_completion", argument)
	}
	waits := func(size, reservations string) {
		m.SetStatus(id, block.VolumeExtending)
		m.Change(func(tx store.Tx) error {
			return tx.PutVolumeAdminMetadata(t.Context(), id, map[string]string{"extend_new_size": size, "extend_reservations": reservations})
		})
	}
	complete(object()).Fault(400, "Invalid volume: Volume is not being extended.")
	m.SetStatus(id, block.VolumeExtending)
	complete(object()).Fault(400, "Invalid volume: Required volume admin metadata is malformed or missing.")
	waits("1", "[]")
	complete(object()).Fault(400, "is smaller or equal to the current volume size.")
	waits("3", "{}")
	complete(object()).Fault(400, "The stored quota reservations for extending the volume must be in a list format.")
	waits("3", `["x"]`)
	m.Action("/volumes/"+id, "os-extend_volume_completion", object()).Fault(403, "extend_volume_completion")
	complete(object("error", true)).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeErrorExtending || v.SizeGiB != 1 || len(v.AdminMetadata) != 0 {
		t.Errorf("the row is %+v", v)
	}
	waits("3", `["x"]`)
	complete(object("error", nil)).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeAvailable || v.SizeGiB != 3 || len(v.AdminMetadata) != 0 {
		t.Errorf("the row is %+v", v)
	}
}
