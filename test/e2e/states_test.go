package e2e

import (
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/snapshots"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/test/harness"
)

const refusedDelete = "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing " +
	"and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer."

// TestDelete: what Cinder refuses to delete, and what it deletes.
func TestDelete(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1})
	s := snapshot(t, c, v.ID, "one")
	refused(t, "with a snapshot", volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr(), 400, refusedDelete)
	refused(t, "by force, with a snapshot", volumes.ForceDelete(t.Context(), c, v.ID).ExtractErr(), 400, "Invalid volume: Volume  must not be migrating")
	must(t, snapshots.Delete(t.Context(), c, s.ID).ExtractErr())
	awaitSnapshotGone(t, c, s.ID)

	for _, status := range []string{"creating", "attaching", "extending", "maintenance", "in-use", "reserved", "backing-up"} {
		reset(t, cloud, c, v.ID, status)
		refused(t, "while "+status, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr(), 400, refusedDelete)
	}
	for _, status := range []string{"error", "error_restoring", "error_extending", "error_managing"} {
		w := create(t, c, volumes.CreateOpts{Size: 1})
		reset(t, cloud, c, w.ID, status)
		must(t, volumes.Delete(t.Context(), c, w.ID, nil).ExtractErr())
		awaitGone(t, c, w.ID)
	}
	must(t, volumes.ForceDelete(t.Context(), c, v.ID).ExtractErr())
	awaitGone(t, c, v.ID)
	refused(t, "a volume that is gone", volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr(), 404, "Volume "+v.ID+" could not be found.")

	migrating := create(t, c, volumes.CreateOpts{Size: 1})
	want(t, "os-reset_status", action(t, cloud, "volumes", migrating.ID, "os-reset_status", map[string]any{"migration_status": "migrating"}), 202)
	refused(t, "while migrating", volumes.Delete(t.Context(), c, migrating.ID, nil).ExtractErr(), 400, refusedDelete)
	want(t, "os-reset_status", action(t, cloud, "volumes", migrating.ID, "os-reset_status", map[string]any{"migration_status": "none"}), 202)

	must(t, volumes.Delete(t.Context(), cloud.Client(t, "admin", "3.23"), migrating.ID, nil).ExtractErr())
	awaitGone(t, c, migrating.ID)

	forced := create(t, c, volumes.CreateOpts{Size: 1})
	reset(t, cloud, c, forced.ID, "extending")
	path := "/v3/volumes/" + forced.ID + "?force=true"
	wantFault(t, "force before 3.23", cloud.Do(t, harness.Request{Method: "DELETE", Path: path, Version: "3.22"}), 400, "Invalid volume")
	want(t, "force since 3.23", cloud.Do(t, harness.Request{Method: "DELETE", Path: path, Version: "3.23"}), 202)
	awaitGone(t, c, forced.ID)
}

// reset writes a status by hand. A volume that is to look in use is marked so in a way that needs no attachment.
func reset(t *testing.T, cloud *harness.Cloud, c *client, id, status string) {
	t.Helper()
	if status == "in-use" {
		wantFault(t, "in-use without attachment", action(t, cloud, "volumes", id, "os-reset_status", map[string]any{"status": status}), 400,
			"Cannot reset-state to in-use because volume does not have any attachments.")
		return
	}
	want(t, "os-reset_status to "+status, action(t, cloud, "volumes", id, "os-reset_status", map[string]any{"status": status}), 202)
	shown := map[string]string{"error_managing": "error"}[status]
	if shown == "" {
		shown = status
	}
	wantStatus(t, c, "os-reset_status", id, shown)
}

// TestResetStatus: which states an administrator may write by hand.
func TestResetStatus(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1})
	for what, argument := range map[string]any{
		"deleting": map[string]any{"status": "deleting"}, "error_deleting": map[string]any{"status": "error_deleting"},
		"detaching": map[string]any{"status": "detaching"}, "no state": map[string]any{}, "a state that is none": map[string]any{"status": "asleep"},
		"an attach status that is none":    map[string]any{"attach_status": "perhaps"},
		"a migration status that is none":  map[string]any{"migration_status": "perhaps"},
		"an unknown member":                map[string]any{"status": "error", "colour": "red"},
		"a number":                         map[string]any{"status": 5},
		"a list instead of an object":      []string{"error"},
		"a text instead of an object":      "error",
		"null instead of an object":        nil,
		"a state of the wrong kind, below": map[string]any{"status": map[string]any{"status": "error"}},
	} {
		wantFault(t, "os-reset_status: "+what, action(t, cloud, "volumes", v.ID, "os-reset_status", argument), 400)
	}
	wantStatus(t, c, "after what was refused", v.ID, "available")
	want(t, "upper case", action(t, cloud, "volumes", v.ID, "os-reset_status", map[string]any{"status": "ERROR"}), 202)
	wantStatus(t, c, "upper case", v.ID, "error")
	want(t, "back", action(t, cloud, "volumes", v.ID, "os-reset_status", map[string]any{"status": "available"}), 202)

	id, _ := attach(t, c, v.ID, instance)
	want(t, "attach status", action(t, cloud, "volumes", v.ID, "os-reset_status", map[string]any{"status": "available", "attach_status": "detached"}), 202)
	if v = get(t, c, v.ID); v.Status != "available" || len(v.Attachments) != 0 {
		t.Errorf("after the reset to detached: %s, %+v", v.Status, v.Attachments)
	}
	want(t, "the attachment after it", cloud.Do(t, harness.Request{Path: "/v3/attachments/" + id, Version: latest}), 404)
	wantFault(t, "of a volume that is not there", action(t, cloud, "volumes", nobody, "os-reset_status", map[string]any{"status": "error"}), 404)
	must(t, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr())
	awaitGone(t, c, v.ID)
}

// TestSnapshotStates: when a snapshot may be made, used and deleted.
func TestSnapshotStates(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c, old := cloud.Client(t, "admin", latest), cloud.Client(t, "admin", "3.65")
	v := create(t, c, volumes.CreateOpts{Size: 1, Metadata: map[string]string{"a": "b"}})
	s := snapshot(t, c, v.ID, "first")
	if s.Size != 1 || s.VolumeID != v.ID || s.Progress != "100%" {
		t.Errorf("the snapshot: %+v", s)
	}
	for _, status := range []string{"creating", "deleting", "restoring", "unmanaging", "backing-up"} {
		want(t, "os-reset_status", action(t, cloud, "snapshots", s.ID, "os-reset_status", map[string]any{"status": status}), 202)
		refused(t, "delete of a snapshot while "+status, snapshots.Delete(t.Context(), c, s.ID).ExtractErr(), 400,
			"Invalid snapshot: Snapshot status must be available or error")
		refused(t, "volume from a snapshot while "+status, volumes.Create(t.Context(), c, volumes.CreateOpts{SnapshotID: s.ID}, nil).Err, 400,
			"Invalid snapshot: Originating snapshot status must be one of 'available' values")
	}
	refused(t, "cascade over a snapshot that is in use", volumes.Delete(t.Context(), c, v.ID, volumes.DeleteOpts{Cascade: true}).ExtractErr(), 400, "Invalid volume")
	want(t, "os-force_delete", action(t, cloud, "snapshots", s.ID, "os-force_delete", nil), 202)
	awaitSnapshotGone(t, c, s.ID)
	wantFault(t, "a state that is none", action(t, cloud, "snapshots", s.ID, "os-reset_status", map[string]any{"status": "asleep"}), 400)

	attachment, _ := attach(t, c, v.ID, instance)
	refused(t, "snapshot in use without force", snapshots.Create(t.Context(), old, snapshots.CreateOpts{VolumeID: v.ID}).Err, 400,
		"Invalid volume", "status must be available, but current status is: in-use")
	forced, err := snapshots.Create(t.Context(), old, snapshots.CreateOpts{VolumeID: v.ID, Force: true}).Extract()
	must(t, err)
	awaitSnapshot(t, c, forced.ID, "available")
	body := map[string]any{"snapshot": map[string]any{"volume_id": v.ID, "force": false}}
	wantFault(t, "force false since 3.66", cloud.Do(t, harness.Request{Path: "/v3/snapshots", Body: body, Version: "3.66"}), 400, "Since microversion 3.66")
	unforced, err := snapshots.Create(t.Context(), c, snapshots.CreateOpts{VolumeID: v.ID}).Extract()
	must(t, err)
	awaitSnapshot(t, c, unforced.ID, "available")
	detach(t, c, attachment)

	for _, status := range []string{"error", "creating", "maintenance"} {
		reset(t, cloud, c, v.ID, status)
		refused(t, "snapshot of a volume that is "+status, snapshots.Create(t.Context(), c, snapshots.CreateOpts{VolumeID: v.ID, Force: true}).Err, 400)
		refused(t, "clone of a volume that is "+status, volumes.Create(t.Context(), c, volumes.CreateOpts{SourceVolID: v.ID}, nil).Err, 400,
			"Invalid volume: Originating source volume status must be one of 'available, in-use' values")
	}
	reset(t, cloud, c, v.ID, "available")
	refused(t, "snapshot of nothing", snapshots.Create(t.Context(), c, snapshots.CreateOpts{VolumeID: nobody}).Err, 404, "Volume "+nobody+" could not be found.")
	refused(t, "a snapshot that is not there", snapshots.Get(t.Context(), c, nobody).Err, 404, "Snapshot "+nobody+" could not be found.")

	must(t, volumes.Delete(t.Context(), c, v.ID, volumes.DeleteOpts{Cascade: true}).ExtractErr())
	awaitGone(t, c, v.ID)
	awaitSnapshotGone(t, c, forced.ID)
	awaitSnapshotGone(t, c, unforced.ID)
}

// TestCreateRefusals: what a new volume must not be.
func TestCreateRefusals(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 2})
	s := snapshot(t, c, v.ID, "two")
	for _, refusal := range []struct {
		what   string
		body   map[string]any
		status int
		words  string
	}{
		{"no size", map[string]any{}, 400, "Volume size 'None' must be an integer and greater than 0"},
		{"size 0", map[string]any{"size": 0}, 400, ""},
		{"a negative size", map[string]any{"size": -1}, 400, ""},
		{"a size that is no number", map[string]any{"size": "large"}, 400, ""},
		{"a size with a fraction", map[string]any{"size": 1.5}, 400, ""},
		{"a size beyond 32 bits", map[string]any{"size": 1 << 40}, 400, ""},
		{"a size beyond 64 bits", map[string]any{"size": 1e30}, 400, ""},
		{"a snapshot of more", map[string]any{"size": 1, "snapshot_id": s.ID}, 400, "cannot be smaller than the snapshot size 2GB"},
		{"a source of more", map[string]any{"size": 1, "source_volid": v.ID}, 400, "cannot be smaller than original volume size"},
		{"two sources", map[string]any{"snapshot_id": s.ID, "source_volid": v.ID}, 400, "May specify only one of"},
		{"a snapshot that is not there", map[string]any{"size": 1, "snapshot_id": nobody}, 404, "Snapshot " + nobody + " could not be found."},
		{"a source that is not there", map[string]any{"size": 1, "source_volid": nobody}, 404, "Volume " + nobody + " could not be found."},
		{"a snapshot id that is none", map[string]any{"size": 1, "snapshot_id": "x"}, 400, ""},
		{"a type that is not there", map[string]any{"size": 1, "volume_type": "brass"}, 404, "brass"},
		{"a zone that is not there", map[string]any{"size": 1, "availability_zone": "moon"}, 400, "Availability zone 'moon' is invalid."},
		{"an unknown member", map[string]any{"size": 1, "colour": "red"}, 400, "Additional properties are not allowed ('colour' was unexpected)"},
		{"a metadata value that is no text", map[string]any{"size": 1, "metadata": map[string]any{"a": 1}}, 400, ""},
		{"a metadata key too long", map[string]any{"size": 1, "metadata": map[string]any{long(256): "v"}}, 400, ""},
		{"a metadata value too long", map[string]any{"size": 1, "metadata": map[string]any{"k": long(256)}}, 400, ""},
		{"a name too long", map[string]any{"size": 1, "name": long(256)}, 400, ""},
		{"a description too long", map[string]any{"size": 1, "description": long(256)}, 400, ""},
		{"a group that is not there", map[string]any{"size": 1, "group_id": nobody}, 404, "Group " + nobody + " could not be found."},
		{"a backup that is not there", map[string]any{"size": 1, "backup_id": nobody}, 404, "Backup " + nobody + " could not be found."},
	} {
		words := []string{}
		if refusal.words != "" {
			words = append(words, refusal.words)
		}
		r := cloud.Do(t, harness.Request{Path: "/v3/volumes", Body: map[string]any{"volume": refusal.body}, Version: latest})
		wantFault(t, refusal.what, r, refusal.status, words...)
	}
	if n := len(list(t, c, volumes.ListOpts{})); n != 1 {
		t.Errorf("there are %d volumes, want 1: what was refused has left rows", n)
	}
	for what, body := range map[string]map[string]any{
		"a name of 255":                         {"size": 1, "name": long(255)},
		"a size in a text":                      {"size": "1"},
		"a name in another script":              {"size": 1, "name": "том 1 — 卷"},
		"before 3.53, an unknown member":        {"size": 1, "colour": "red"},
		"names and descriptions under old keys": {"size": 1, "display_name": "old", "display_description": "keys"},
	} {
		version := latest
		if _, strict := body["colour"]; strict {
			version = "3.52"
		}
		want(t, what, cloud.Do(t, harness.Request{Path: "/v3/volumes", Body: map[string]any{"volume": body}, Version: version}), 202)
	}
}

// long is a text of n characters, none of them ASCII: limits count characters, not bytes.
func long(n int) string {
	text := make([]rune, n)
	for i := range text {
		text[i] = 'ü'
	}
	return string(text)
}

// list reads all volumes a query chooses, page after page.
func list(t *testing.T, c *client, opts volumes.ListOpts) []volumes.Volume {
	t.Helper()
	pages, err := volumes.List(c, opts).AllPages(t.Context())
	must(t, err)
	all, err := volumes.ExtractVolumes(pages)
	must(t, err)
	return all
}

// TestHints: a volume goes where its hints want it, by filters that are configured.
func TestHints(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, `[DEFAULT]
enabled_backends = left, right
scheduler_default_filters = AvailabilityZoneFilter,CapacityFilter,CapabilitiesFilter,DifferentBackendFilter,SameBackendFilter,JsonFilter
[left]
volume_driver = file
target_port = 10809
[right]
volume_driver = file
volume_backend_name = the right one
target_port = 10810
`)
	c := cloud.Client(t, "admin", latest)
	hinted := func(hints volumes.SchedulerHintOpts) (*volumes.Volume, error) {
		return volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1}, hints).Extract()
	}
	settled := func(hints volumes.SchedulerHintOpts) *volumes.Volume {
		t.Helper()
		v, err := hinted(hints)
		must(t, err)
		return await(t, c, v.ID, "available")
	}
	first := create(t, c, volumes.CreateOpts{Size: 1})
	for i := range 3 {
		if v := settled(volumes.SchedulerHintOpts{SameHost: []string{first.ID}}); v.Host != first.Host {
			t.Errorf("same_host %d: on %s, want %s", i, v.Host, first.Host)
		}
	}
	other := settled(volumes.SchedulerHintOpts{DifferentHost: []string{first.ID}})
	if other.Host == first.Host || other.Host == "" {
		t.Errorf("different_host: on %q, as the first", other.Host)
	}
	nowhere, err := hinted(volumes.SchedulerHintOpts{DifferentHost: []string{first.ID, other.ID}})
	must(t, err)
	harness.Eventually(t, "the volume that fits nowhere", func() (bool, string) {
		s := get(t, c, nowhere.ID).Status
		return s == "error", s
	})
	must(t, volumes.Delete(t.Context(), c, nowhere.ID, nil).ExtractErr())
	awaitGone(t, c, nowhere.ID)

	// A query over the pools' capabilities.
	byName := settled(volumes.SchedulerHintOpts{Query: `["=", "$volume_backend_name", "the right one"]`})
	if byName.Host != "clinker@right#right" && byName.Host != "clinker@right#the right one" {
		t.Errorf("query: on %s, want the right one", byName.Host)
	}
	// A type that names a back end.
	for backend, host := range map[string]string{"left": "clinker@left", "the right one": "clinker@right"} {
		volumeType(t, c, backend, map[string]string{"volume_backend_name": backend})
		v := create(t, c, volumes.CreateOpts{Size: 1, VolumeType: backend})
		if got, _, _ := strings.Cut(v.Host, "#"); got != host {
			t.Errorf("type %s: on %s, want %s", backend, v.Host, host)
		}
	}
	r := cloud.Do(t, harness.Request{Path: "/v3/volumes", Body: map[string]any{"volume": map[string]any{"size": 1}, "OS-SCH-HNT:scheduler_hints": "near"}, Version: latest})
	wantFault(t, "hints that are no object", r, 400)
}

// TestNoHost: a volume that no back end takes says so, and can be deleted.
func TestNoHost(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", latest)
	volumeType(t, c, "elsewhere", map[string]string{"volume_backend_name": "elsewhere"})
	v, err := volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1, VolumeType: "elsewhere"}, nil).Extract()
	must(t, err)
	harness.Eventually(t, "the volume for which there is no back end", func() (bool, string) {
		s := get(t, c, v.ID).Status
		return s == "error", s
	})
	harness.Eventually(t, "the log saying why", func() (bool, string) {
		text := cloud.Log(t)
		return strings.Contains(text, "CapabilitiesFilter") && strings.Contains(text, v.ID), "does not name the filter"
	})
	want(t, "quota", cloud.Do(t, harness.Request{Path: "/v3/os-quota-sets/admin?usage=true"}), 200)
	must(t, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr())
	awaitGone(t, c, v.ID)
}
