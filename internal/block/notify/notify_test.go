package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/notification"
)

// told keeps what is sent, as one line each, and the newest payload.
type told struct {
	lines   []string
	payload map[string]any
}

func (n *told) Send(_ context.Context, publisherID, eventType string, p notification.Priority, payload map[string]any) {
	n.lines, n.payload = append(n.lines, fmt.Sprint(publisherID, " ", eventType, " ", p)), payload
}

// same compares what stands in a payload with JSON.
func same(t *testing.T, got map[string]any, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var g, w any
	if err := errors.Join(json.Unmarshal(text, &g), json.Unmarshal([]byte(want), &w)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("payload (-want +got):\n%s", d)
	}
}

var at = time.Date(2026, 11, 26, 11, 24, 34, 732269000, time.UTC)

// TestVolume: the payloads that a running Cinder 26 sent for the same rows, without what does not leave the house.
func TestVolume(t *testing.T) {
	name := "n"
	v := &block.Volume{ID: "v1", ProjectID: "project-1", UserID: "user-1", Host: "h@b#p", AvailabilityZone: "nova", VolumeTypeID: "t1", Name: &name,
		Timestamps: block.Timestamps{CreatedAt: at}, Status: block.VolumeErrorManagingDeleting, SizeGiB: 1, Metadata: map[string]string{"k": "v", "a": "b"},
		ProviderAuth: "CHAP user hush"}
	synctest.Test(t, func(t *testing.T) { // its clock stands at the beginning of the year 2000
		same(t, Volume(v), `{"tenant_id": "project-1", "host": "h@b#p", "user_id": "user-1", "availability_zone": "nova", "volume_id": "v1",
			"volume_type": "t1", "display_name": "n", "launched_at": "2000-01-01T00:00:00", "created_at": "2026-11-26T11:24:34.732269+00:00",
			"status": "deleting", "snapshot_id": null, "size": 1, "replication_status": null, "replication_extended_status": null,
			"replication_driver_data": null, "metadata": [{"key": "a", "value": "b"}, {"key": "k", "value": "v"}], "volume_attachment": []}`)
	})
	*v = block.Volume{ID: "v1", Timestamps: v.Timestamps, LaunchedAt: at.Truncate(time.Second), Status: block.VolumeInUse, ReplicationStatus: "disabled",
		ImageMetadata: map[string]string{"image_id": "img"},
		Attachments: []block.Attachment{{ID: "a1", VolumeID: "v1", AttachedHost: "hh", Mountpoint: "/dev/vdb", AttachStatus: block.AttachAttached, AttachMode: "rw",
			Connector: block.Connector{"host": "x"}, Connection: map[string]any{"auth_password": "hush"}, AttachTime: at, Timestamps: block.Timestamps{CreatedAt: at}}}}
	same(t, Volume(v), `{"tenant_id": "", "host": null, "user_id": "", "availability_zone": null, "volume_id": "v1",
		"volume_type": null, "display_name": null, "launched_at": "2026-11-26T11:24:34+00:00", "created_at": "2026-11-26T11:24:34.732269+00:00",
		"status": "in-use", "snapshot_id": null, "size": 0, "replication_status": "disabled", "replication_extended_status": null,
		"replication_driver_data": null, "metadata": [], "volume_attachment": [{"id": "a1", "volume_id": "v1", "instance_uuid": null, "attached_host": "hh",
			"mountpoint": "/dev/vdb", "attach_time": "2026-11-26T11:24:34.732269", "detach_time": null, "attach_status": "attached", "attach_mode": "rw",
			"connection_info": null, "connector": "{\"host\":\"x\"}", "deleted_at": null, "deleted": false, "created_at": "2026-11-26T11:24:34.732269", "updated_at": null}],
		"glance_metadata": [{"volume_id": "v1", "snapshot_id": null, "key": "image_id", "value": "img", "deleted_at": null, "deleted": false}]}`)
}

func TestSnapshot(t *testing.T) {
	name := "sn"
	s := &block.Snapshot{ID: "s1", VolumeID: "v1", ProjectID: "project-1", UserID: "user-1", VolumeSizeGiB: 1, Name: &name, Status: block.SnapshotCreating,
		Timestamps: block.Timestamps{CreatedAt: at}, Metadata: map[string]string{"a": "b", "c": "d'e"}}
	same(t, Snapshot(s, &block.Volume{AvailabilityZone: "nova"}), `{"tenant_id": "project-1", "user_id": "user-1", "availability_zone": "nova", "volume_id": "v1",
		"volume_size": 1, "snapshot_id": "s1", "display_name": "sn", "created_at": "2026-11-26T11:24:34.732269+00:00", "status": "creating", "deleted": "",
		"metadata": "{'a': 'b', 'c': \"d'e\"}"}`)
	s.Status, s.Metadata = block.SnapshotDeleted, nil
	got := Snapshot(s, nil)
	if got["deleted"] != "True" || got["metadata"] != "" || got["availability_zone"] != nil {
		t.Errorf("a deleted one: %v", got)
	}
}

func TestTypes(t *testing.T) {
	d := "d"
	same(t, VolumeType(&block.VolumeType{ID: "t1", Name: "n", Description: &d, IsPublic: true, Timestamps: block.Timestamps{CreatedAt: at}}),
		`{"id": "t1", "name": "n", "description": "d", "qos_specs_id": null, "is_public": true, "deleted_at": null, "deleted": false,
		"created_at": "2026-11-26T11:24:34.732269", "updated_at": null, "extra_specs": {}}`)
	same(t, GroupType(&block.GroupType{ID: "g1", Name: "n", Specs: map[string]*string{"x": &d, "y": nil}}),
		`{"id": "g1", "name": "n", "description": null, "is_public": false, "deleted_at": null, "deleted": false,
		"created_at": null, "updated_at": null, "group_specs": {"x": "d", "y": null}}`)
}

func TestGroups(t *testing.T) {
	name := "n"
	same(t, Group(&block.Group{ID: "g1", ProjectID: "project-1", UserID: "user-1", Name: &name, AvailabilityZone: "nova", GroupTypeID: "t1",
		Status: block.GroupAvailable, Timestamps: block.Timestamps{CreatedAt: at}}),
		`{"tenant_id": "project-1", "user_id": "user-1", "availability_zone": "nova", "group_id": "g1", "group_type": "t1", "name": "n",
		"created_at": "2026-11-26T11:24:34.732269+00:00", "status": "available"}`)
	same(t, GroupSnapshot(&block.GroupSnapshot{ID: "n1", GroupID: "g1", ProjectID: "project-1", UserID: "user-1", Status: block.GroupSnapshotCreating,
		Timestamps: block.Timestamps{CreatedAt: at}}),
		`{"tenant_id": "project-1", "user_id": "user-1", "group_snapshot_id": "n1", "name": null, "group_id": "g1", "group_type": null,
		"created_at": "2026-11-26T11:24:34.732269+00:00", "status": "creating"}`)
}

func TestEvents(t *testing.T) {
	var n told
	e := New(&n, "node@b")
	ctx := t.Context()
	e.Volume(ctx, "create.start", &block.Volume{Host: "node@b#p"})
	e.Volume(ctx, "delete.end", &block.Volume{Host: "node@b#p"})
	e.Volume(ctx, "delete.end", nil)
	e.Snapshot(ctx, "create.end", &block.Snapshot{}, nil)
	e.Snapshot(ctx, "create.end", nil, nil)
	e.Notify(ctx, "groups.reset_status.start", nil)
	e.NotifyError(ctx, "volume_type_encryption.create", nil)
	e.Outcome(ctx, "qos_specs.create", nil, map[string]any{"id": "q"}, nil)
	e.Outcome(ctx, "qos_specs.create", fault.New(fault.Forbidden, "PolicyNotAuthorized", "no"), nil, map[string]any{})
	e.Outcome(ctx, "qos_specs.create", fault.New(fault.Conflict, "QoSSpecsExists", "it's there"), nil, map[string]any{"name": "q"})
	same(t, n.payload, `{"name": "q", "error_message": "QoSSpecsExists(\"it's there\")"}`)
	want := []string{
		"volume.node@b#p volume.create.start INFO", "volume.node@b volume.delete.end INFO", "snapshot.node@b snapshot.create.end INFO",
		"groupStatusUpdate.node@b groups.reset_status.start INFO", "volumeTypeEncryption.node@b volume_type_encryption.create ERROR",
		"QoSSpecs.node@b qos_specs.create INFO", "QoSSpecs.node@b qos_specs.create ERROR",
	}
	if d := cmp.Diff(want, n.lines); d != "" {
		t.Errorf("sent (-want +got):\n%s", d)
	}
	none := New(nil, "node")
	none.Notify(ctx, "e", nil)
	none.NotifyError(ctx, "e", nil)
	none.Volume(ctx, "e", &block.Volume{})
	none.Snapshot(ctx, "e", &block.Snapshot{}, nil)
	none.Outcome(ctx, "e", errors.New("no"), nil, nil)
	if none.On() || !e.On() {
		t.Error("who listens is not known")
	}
	if got := Exception(errors.New("a secret path")); got != "CinderException('"+fault.Unexpected+"')" {
		t.Errorf("an error that is no fault: %s", got)
	}
}
