package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
)

func TestSnapshotCreate(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p")
	volume := m.Volume("size", 3)
	a := m.Post("/snapshots", object("snapshot", object("volume_id", volume, "name", " n ", "description", "d", "metadata", object("k", "v"))))
	id := a.OK(202).Text("snapshot", "id")
	a.Is(202, fill(`{"snapshot": {"id": "<S>", "created_at": "<time>", "updated_at": null, "name": "n", "description": "d", "volume_id": "<V>",
		"status": "creating", "size": 3, "metadata": {"k": "v"}}}`, "<S>", id, "<V>", volume))
	s := m.SnapshotRow(id)
	if s.Status != block.SnapshotAvailable || *s.Name != "n" || *s.Description != "d" || s.VolumeSizeGiB != 3 || s.Metadata["k"] != "v" || s.Progress != "100%" ||
		s.ProjectID != "p" || s.UserID != "user-of-p" || s.VolumeTypeID != m.Row(volume).VolumeTypeID || !s.UseQuota {
		t.Errorf("the row is %+v", s)
	}
	m.Get("/snapshots/"+id).Is(200, fill(`{"snapshot": {"id": "<S>", "created_at": "<time>", "updated_at": "<time>", "name": "n", "description": "d",
		"volume_id": "<V>", "status": "available", "size": 3, "metadata": {"k": "v"}, "os-extended-snapshot-attributes:progress": "100%",
		"os-extended-snapshot-attributes:project_id": "p"}}`, "<S>", id, "<V>", volume))
	detail := m.Get("/snapshots/detail").OK(200).At("snapshots").([]any)
	if d := cmp.Diff([]any{m.Get("/snapshots/" + id).At("snapshot")}, detail); d != "" {
		t.Errorf("detail is not show (-show +detail):\n%s", d)
	}
	m.Get("/snapshots").Is(200, fill(`{"snapshots": [{"id": "<S>", "created_at": "<time>", "updated_at": "<time>", "name": "n", "description": "d",
		"volume_id": "<V>", "status": "available", "size": 3, "metadata": {"k": "v"}}]}`, "<S>", id, "<V>", volume))
	added := steps(t, func(version string) map[string]any {
		return m.At(version).Get("/snapshots/" + id).OK(200).At("snapshot").(map[string]any)
	})
	if d := cmp.Diff(map[string]string{"3.14": "+group_snapshot_id", "3.41": "+user_id", "3.65": "+consumes_quota"}, added); d != "" {
		t.Errorf("fields by microversion (-want +got): %s", d)
	}
	m.Get("/snapshots/"+nowhere).Fault(404, "Snapshot "+nowhere+" could not be found.")
}

func TestSnapshotCreateRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, other := c.As(t, apitest.Member, "p"), c.As(t, apitest.Member, "q")
	volume, busy, theirs := m.Volume(), m.Volume(), other.Volume()
	m.SetStatus(busy, block.VolumeInUse)
	const flag = "Since microversion 3.66 the 'force' flag is invalid for this request."
	for name, tc := range map[string]struct {
		version string
		body    map[string]any
		status  int
		text    string
	}{
		"no volume":           {"", object(), 400, "'volume_id' is a required property"},
		"volume of null":      {"", object("volume_id", nil), 404, "could not be found."},
		"no such volume":      {"", object("volume_id", nowhere), 404, "Volume " + nowhere + " could not be found."},
		"other's volume":      {"", object("volume_id", theirs), 404, "Volume " + theirs + " could not be found."},
		"no id":               {"", object("volume_id", "x"), 400, "volume_id"},
		"unknown key":         {"", object("volume_id", volume, "x", 1), 400, "Additional properties are not allowed"},
		"long name":           {"", object("volume_id", volume, "name", strings.Repeat("x", 256)), 400, "name"},
		"long description":    {"", object("volume_id", volume, "description", strings.Repeat("x", 256)), 400, "description"},
		"long metadata":       {"", object("volume_id", volume, "metadata", object("k", strings.Repeat("x", 256))), 400, ""},
		"in use":              {"", object("volume_id", busy), 400, "Invalid volume: Volume " + busy + " status must be available, but current status is: in-use."},
		"in use, not forced":  {"3.65", object("volume_id", busy, "force", false), 400, "status must be available, but"},
		"force false at 3.66": {"3.66", object("volume_id", busy, "force", false), 400, flag},
		"force no boolean":    {"3.66", object("volume_id", busy, "force", "maybe"), 400, "force"},
	} {
		t.Run(name, func(t *testing.T) {
			m.On(t).At(tc.version).Post("/snapshots", object("snapshot", tc.body)).Fault(tc.status, tc.text)
		})
	}
	for _, tc := range []struct {
		status block.VolumeStatus
		text   string
	}{
		{block.VolumeMaintenance, "The snapshot cannot be created when the volume is in maintenance mode."},
		{block.VolumeError, "The snapshot cannot be created when the volume is in error status."},
		{block.VolumeExtending, "status must be available, in-use, but current status is: extending."},
	} {
		m.SetStatus(volume, tc.status)
		m.At("3.66").Post("/snapshots", object("snapshot", object("volume_id", volume))).Fault(400, tc.text)
	}
	if got := listed(m, "/snapshots", "snapshots"); len(got) != 0 {
		t.Errorf("refused creates left %v", got)
	}
	for version, body := range map[string]map[string]any{"3.0": object("volume_id", busy, "force", true), "3.66": object("volume_id", busy), "3.71": object("volume_id", busy, "force", "true")} {
		m.At(version).Post("/snapshots", object("snapshot", body)).OK(202)
	}
	if got := listed(m, "/snapshots?volume_id="+busy, "snapshots"); len(got) != 3 {
		t.Errorf("forced creates made %v", got)
	}
	admin := c.As(t, apitest.Admin, "ops")
	admin.Put("/os-quota-sets/p", object("quota_set", object("snapshots", 3))).OK(200)
	m.At("3.66").Post("/snapshots", object("snapshot", object("volume_id", busy))).Fault(413, "SnapshotLimitExceeded: Maximum number of snapshots allowed (3) exceeded")
}

func TestSnapshotUpdateAndDelete(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	volume := m.Volume()
	id := m.Snapshot(volume, "name", "a", "description", "b")
	path := "/snapshots/" + id
	put := func(body any) apitest.Answer { return m.Put(path, object("snapshot", body)) }
	if a := put(object("name", " c ")).OK(200); a.Text("snapshot", "name") != "c" || a.Text("snapshot", "description") != "b" {
		t.Errorf("%s", a.Body)
	}
	put(object("display_name", "d", "display_description", nil)).OK(200)
	if s := m.SnapshotRow(id); *s.Name != "d" || s.Description != nil {
		t.Errorf("the row is %+v", s)
	}
	put(object()).Fault(400, "")
	put(object("x", 1)).Fault(400, "Additional properties")
	put(object("name", strings.Repeat("x", 256))).Fault(400, "name")
	m.Put("/snapshots/"+nowhere, object("snapshot", object("name", "x"))).Fault(404, "Snapshot "+nowhere+" could not be found.")

	m.Action(path, "os-reset_status", object("status", "error")).Fault(403, "Policy doesn't allow volume_extension:snapshot_admin_actions:reset_status to be performed.")
	m.Action(path, "os-force_delete", nil).Fault(403, "Policy doesn't allow volume_extension:snapshot_admin_actions:force_delete to be performed.")
	for _, status := range []block.SnapshotStatus{block.SnapshotCreating, block.SnapshotDeleting, block.SnapshotErrorDeleting, block.SnapshotBackingUp, block.SnapshotRestoring} {
		admin.Action(path, "os-reset_status", object("status", strings.ToUpper(string(status)))).Empty(202)
		if s := m.SnapshotRow(id); s.Status != status {
			t.Errorf("reset to %s wrote %s", status, s.Status)
		}
		m.Delete(path).Fault(400, "Invalid snapshot: Snapshot status must be available or error and must not be part of a group.")
	}
	admin.Action(path, "os-reset_status", object("status", "x")).Fault(400, "Snapshot status: x is invalid, valid statuses are: (")
	admin.Action(path, "os-reset_status", object("status", nil)).Fault(400, "")
	admin.Action(path, "os-reset_status", object()).Fault(400, "'status' is a required property")
	admin.Action(path, "os-force_delete", object()).Empty(202)
	if m.SnapshotRow(id) != nil {
		t.Error("the row is still there")
	}
	for _, status := range []string{"available", "error"} {
		id := m.Snapshot(volume)
		admin.Action("/snapshots/"+id, "os-reset_status", object("status", status)).Empty(202)
		m.Delete("/snapshots/" + id).Empty(202)
		if m.SnapshotRow(id) != nil {
			t.Error("the row is still there")
		}
	}
	m.Delete("/snapshots/"+id).Fault(404, "Snapshot "+id+" could not be found.")

	id = m.Snapshot(volume)
	c.Driver.FailNext("delete_snapshot", block.InvalidInput("no"))
	m.Delete("/snapshots/" + id).Empty(202)
	if s := m.SnapshotRow(id); s.Status != block.SnapshotErrorDeleting {
		t.Errorf("after a failed delete the snapshot is %s", s.Status)
	}
	c.Driver.FailNext("create_snapshot", block.InvalidInput("no"))
	failed := m.Post("/snapshots", object("snapshot", object("volume_id", volume))).OK(202).Text("snapshot", "id")
	if s := m.SnapshotRow(failed); s.Status != block.SnapshotError {
		t.Errorf("after a failed create the snapshot is %s", s.Status)
	}
}

func TestSnapshotList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	v, w := m.Volume(), m.Volume("size", 2)
	one := m.Snapshot(v, "name", "one", "metadata", object("k", "v"))
	two := m.Snapshot(w, "name", "two")
	theirs := c.As(t, apitest.Member, "q")
	three := theirs.Snapshot(theirs.Volume(), "name", "three")
	names := map[string]string{one: "one", two: "two", three: "three"}
	for _, tc := range []struct {
		as             apitest.Caller
		version, query string
		want           []string
	}{
		{m, "", "", []string{"two", "one"}},
		{admin, "", "all_tenants=1", []string{"three", "two", "one"}},
		{admin, "", "all_tenants=maybe", nil},
		{m, "", "all_tenants=1", []string{"two", "one"}},
		{m, "", "limit=0", nil},
		{m, "", "limit=1", []string{"two"}},
		{m, "", "marker=" + two, []string{"one"}},
		{m, "3.30", "sort=name:asc", []string{"one", "two"}},
		{m, "", "volume_id=" + v, []string{"one"}},
		{m, "", "name=two", []string{"two"}},
		{admin, "3.34", "all_tenants=1&name~=w", []string{"two"}},
		{m, "", "status=error", nil},
		{m, "3.22", "metadata={'k':'v'}", []string{"one"}},
		{m, "3.21", "metadata={'k':'v'}", []string{"two", "one"}},
		{m, "3.65", "consumes_quota=true", []string{"two", "one"}},
		{m, "3.0", "unknown=1", []string{"two", "one"}},
	} {
		var got []string
		for _, id := range ids(tc.as.At(tc.version), "/snapshots?"+tc.query, "snapshots") {
			got = append(got, names[id])
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s at %s: %s", tc.query, tc.version, d)
		}
	}
	a := m.At("3.45").Get("/snapshots?limit=1&with_count=1").OK(200)
	if a.At("count") != 2.0 || a.At("snapshots_links") == nil {
		t.Errorf("%s", a.Body)
	}
	for _, name := range []string{"unknown", "name~", "with_count", "created_at"} {
		m.At("3.34").Get("/snapshots?"+name+"=1").Fault(400, "Invalid filters "+name+" are found in query options.")
	}
	m.At("3.31").Get("/snapshots?consumes_quota=maybe").Fault(400, "Value 'maybe' for 'use_quota' is not a boolean.")
	m.At("3.29").Get("/snapshots?sort=name").Fault(400, "Invalid input received: Invalid sort key")
	m.Get("/snapshots?marker="+nowhere).Fault(404, "Snapshot "+nowhere+" could not be found.")
	m.Get("/snapshots?sort=nothing").Fault(400, "Invalid input received: ")
}

func TestSnapshotMetadata(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	id := m.Snapshot(m.Volume(), "metadata", object("k", "v"))
	path := "/snapshots/" + id + "/metadata"
	if tag := m.Get(path).Is(200, `{"metadata": {"k": "v"}}`).Header.Get("ETag"); tag != "" {
		t.Errorf("there is the ETag %q, which upstream's snapshots have not", tag)
	}
	m.Put(path, object("metadata", object("k", "w")), "If-Match: nonsense").Is(200, `{"metadata": {"k": "w"}}`)
	m.Post(path, object("metadata", object("x", "y"))).Is(200, `{"metadata": {"k": "w", "x": "y"}}`)
	m.Get(path+"/x").Is(200, `{"meta": {"x": "y"}}`)
	m.Put(path+"/x", object("meta", object("x", "z"))).Is(200, `{"meta": {"x": "z"}}`)
	m.Delete(path + "/k").Empty(200)
	if d := cmp.Diff(map[string]string{"x": "z"}, m.SnapshotRow(id).Metadata); d != "" {
		t.Errorf("the row (-want +got): %s", d)
	}
	m.Get(path+"/k").Fault(404, "Snapshot "+id+" has no metadata with key k.")
	m.Delete(path+"/k").Fault(404, "Snapshot "+id+" has no metadata with key k.")
	m.Put(path+"/k", object("meta", object("x", "y"))).Fault(400, "Request body and URI mismatch")
	m.Put(path+"/k", object("meta", object("k", "v", "x", "y"))).Fault(400, "Request body contains too many items")
	m.Post(path, object("metadata", object(strings.Repeat("k", 256), "v"))).Fault(413, "Invalid metadata size: Metadata property key kkk")
	m.Post(path, object("metadata", object("", "v"))).Fault(400, "Metadata key:  has 0 characters, less than 1.")
	m.Post(path, object("metadata", object("k", 5))).Fault(400, "Invalid metadata: Invalid input received: Value for metadata key: k is not a string or unicode")
	m.Post("/snapshots/"+nowhere+"/metadata", object("metadata", object("k", 5))).Fault(404, "Snapshot "+nowhere+" could not be found.")
	for _, body := range []any{object(), object("metadata", nil), object("metadata", 5)} {
		m.Put(path, body).Fault(400, "Missing required element 'metadata' in request body.")
	}
	m.Put(path+"/k", object("metadata", object())).Fault(400, "Missing required element 'meta' in request body.")
	if d := cmp.Diff(map[string]string{"x": "z"}, m.SnapshotRow(id).Metadata); d != "" {
		t.Errorf("refused writes wrote (-want +got): %s", d)
	}
	m.Get("/snapshots/"+nowhere+"/metadata").Fault(404, "Snapshot "+nowhere+" could not be found.")
}
