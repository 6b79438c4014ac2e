package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

const nowhere = "00000000-0000-4000-8000-000000000000" // an id of nothing

// volumeAtCreation is the answer to a create at 3.0, to a member.
const volumeAtCreation = `{"volume": {"id": "<V>", "status": "creating", "size": 2, "availability_zone": "nova", "created_at": "<time>", "updated_at": null,
	"name": "n", "description": "d", "volume_type": "__DEFAULT__", "snapshot_id": null, "source_volid": null, "metadata": {"k": "v"},
	"links": [{"rel": "self", "href": "http://cloud/p/volumes/<V>"}, {"rel": "bookmark", "href": "http://cloud/p/volumes/<V>"}],
	"user_id": "user-of-p", "bootable": "false", "encrypted": false, "replication_status": null, "consistencygroup_id": null,
	"multiattach": false, "attachments": []}}`

func TestVolumeCreate(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p")
	a := m.Post("/volumes", object("volume", object("size", 2, "name", " n ", "description", "d ", "metadata", object("k", "v"))))
	id := a.OK(202).Text("volume", "id")
	a.Is(202, fill(volumeAtCreation, "<V>", id))
	v := m.Row(id)
	if v.Status != block.VolumeAvailable || v.SizeGiB != 2 || *v.Name != "n" || *v.Description != "d" || v.Metadata["k"] != "v" || v.ProjectID != "p" ||
		v.UserID != "user-of-p" || v.Host != apitest.Pool || v.AttachStatus != block.AttachDetached || !v.UseQuota || v.LaunchedAt.IsZero() {
		t.Errorf("the row is %+v", v)
	}
	if size, made := c.Driver.VolumeSizeGiB(id); !made || size != 2 {
		t.Errorf("the storage has %d GiB, %v", size, made)
	}

	m.SetBootable(id)
	snapshot := m.Snapshot(id)
	for name, tc := range map[string]struct {
		body map[string]any
		is   func(v *block.Volume) bool
	}{
		"of text size":           {object("size", "3"), func(v *block.Volume) bool { return v.SizeGiB == 3 && v.Name == nil }},
		"old keys":               {object("size", 1, "display_name", "x", "display_description", "y"), func(v *block.Volume) bool { return *v.Name == "x" && *v.Description == "y" }},
		"empty name":             {object("size", 1, "name", "  "), func(v *block.Volume) bool { return *v.Name == "" }},
		"clone":                  {object("source_volid", id), func(v *block.Volume) bool { return v.SizeGiB == 2 && v.SourceVolumeID == id && v.Bootable }},
		"larger clone":           {object("source_volid", id, "size", 4), func(v *block.Volume) bool { return v.SizeGiB == 4 }},
		"of snapshot":            {object("snapshot_id", snapshot), func(v *block.Volume) bool { return v.SizeGiB == 2 && v.SnapshotID == snapshot && v.Bootable }},
		"larger than a snapshot": {object("snapshot_id", snapshot, "size", 5), func(v *block.Volume) bool { return v.SizeGiB == 5 }},
		"type by name":           {object("size", 1, "volume_type", "__DEFAULT__"), func(v *block.Volume) bool { return v.VolumeTypeName == "__DEFAULT__" }},
		"type by id":             {object("size", 1, "volume_type", v.VolumeTypeID), func(n *block.Volume) bool { return n.VolumeTypeID == v.VolumeTypeID }},
		"nulls":                  {object("size", 1, "name", nil, "metadata", nil, "volume_type", nil, "snapshot_id", nil, "source_volid", nil, "imageRef", nil), func(v *block.Volume) bool { return v.Name == nil }},
		"longest name":           {object("size", 1, "name", strings.Repeat("ä", 255)), func(v *block.Volume) bool { return len(*v.Name) == 510 }},
	} {
		t.Run(name, func(t *testing.T) {
			m := c.As(t, apitest.Admin, "p").On(t)
			id := m.Post("/volumes", object("volume", tc.body)).OK(202).Text("volume", "id")
			if v := m.Row(id); v.Status != block.VolumeAvailable || !tc.is(v) {
				t.Errorf("the row is %+v", v)
			}
			m.Delete("/volumes/" + id).Empty(202)
		})
	}
}

func TestVolumeCreateRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p").At("3.71")
	big := m.Volume("size", 5)
	snapshot := m.Snapshot(big)
	broken := m.Volume()
	m.SetStatus(broken, block.VolumeError)
	hidden := admin.Post("/types", object("volume_type", object("name", "hidden", "os-volume-type-access:is_public", false))).OK(200).Text("volume_type", "id")
	bounded := admin.Post("/types", object("volume_type", object("name", "bounded", "extra_specs",
		object("provisioning:min_vol_size", "2", "provisioning:max_vol_size", "3")))).OK(200).Text("volume_type", "id")
	far := admin.Post("/types", object("volume_type", object("name", "far", "extra_specs", object("RESKEY:availability_zones", "mars,venus")))).OK(200).Text("volume_type", "id")
	before := len(listed(m, "/volumes", "volumes"))
	for name, tc := range map[string]struct {
		version string
		body    any
		status  int
		text    string
	}{
		"no size":                {"", object(), 400, "Volume size 'None' must be an integer and greater than 0"},
		"size 0":                 {"", object("size", 0), 400, "size"},
		"negative size":          {"", object("size", -1), 400, "size"},
		"broken size":            {"", object("size", 1.5), 400, "size"},
		"huge size":              {"", object("size", 1<<31), 400, "size"},
		"size of another type":   {"", object("size", []int{1}), 400, "size"},
		"long name":              {"", object("size", 1, "name", strings.Repeat("x", 256)), 400, "name"},
		"long key":               {"", object("size", 1, "metadata", object(strings.Repeat("k", 256), "v")), 400, "metadata"},
		"empty key":              {"", object("size", 1, "metadata", object("", "v")), 400, "metadata"},
		"long value":             {"", object("size", 1, "metadata", object("k", strings.Repeat("v", 256))), 400, "v"},
		"multiattach":            {"", object("size", 1, "multiattach", true), 400, "multiattach parameter has been removed."},
		"unknown key":            {"3.53", object("size", 1, "x", 1), 400, "Additional properties are not allowed"},
		"no such type":           {"", object("size", 1, "volume_type", "x"), 404, "Volume type with name x could not be found."},
		"hidden type":            {"", object("size", 1, "volume_type", hidden), 404, "could not be found."},
		"no such snapshot":       {"", object("snapshot_id", nowhere), 404, "Snapshot " + nowhere + " could not be found."},
		"no such volume":         {"", object("source_volid", nowhere), 404, "Volume " + nowhere + " could not be found."},
		"no such group":          {"3.13", object("size", 1, "group_id", nowhere), 404, "Group " + nowhere + " could not be found."},
		"no such backup":         {"3.47", object("backup_id", nowhere), 404, "Backup " + nowhere + " could not be found."},
		"an absent image":        {"", object("size", 1, "imageRef", nowhere), 400, "Invalid image identifier or unable to access requested image."},
		"two sources":            {"", object("snapshot_id", snapshot, "source_volid", big), 400, "May specify only one of snapshot, imageRef, source_volume or backup"},
		"smaller than snapshot":  {"", object("snapshot_id", snapshot, "size", 4), 400, "Volume size '4'GB cannot be smaller than the snapshot size 5GB. They must be >= original snapshot size."},
		"smaller than volume":    {"", object("source_volid", big, "size", 4), 400, "Volume size '4'GB cannot be smaller than original volume size  5GB. They must be >= original volume size."},
		"broken source":          {"", object("source_volid", broken), 400, "Invalid volume: Originating source volume status must be one of 'available, in-use' values"},
		"type's least":           {"", object("size", 1, "volume_type", bounded), 400, "Specified volume size of '1' is less than the minimum required size of '2' for volume type 'bounded'."},
		"type's most":            {"", object("size", 4, "volume_type", bounded), 400, "Specified volume size of '4' is greater than the maximum allowable size of '3' for volume type 'bounded'."},
		"no such zone":           {"", object("size", 1, "availability_zone", "mars"), 400, "Availability zone 'mars' is invalid."},
		"type of other zones":    {"", object("size", 1, "volume_type", far), 400, "Volume type is only supported in these availability zones: ['mars', 'venus']"},
		"too many gigabytes":     {"", object("size", 996), 413, "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 996G, quota is 1000G and 11G has been consumed."},
		"hints of a wrong shape": {"", "{\"volume\": {\"size\": 1}, \"OS-SCH-HNT:scheduler_hints\": 5}", 400, "OS-SCH-HNT:scheduler_hints"},
		"no volume":              {"", "{}", 400, "volume"},
		"no JSON":                {"", "{", 400, "Malformed request body"},
		"no object":              {"", "[]", 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			body := tc.body
			if o, ok := body.(map[string]any); ok {
				body = object("volume", o)
			}
			m.On(t).At(tc.version).Post("/volumes", body).Fault(tc.status, tc.text)
		})
	}
	if after := len(listed(m, "/volumes", "volumes")); after != before {
		t.Errorf("there were %d volumes, there are %d", before, after)
	}
}

// listed is the items of a list.
func listed(c apitest.Caller, path, name string) []any {
	c.TB.Helper()
	items, ok := c.Get(path).OK(200).At(name).([]any)
	if !ok {
		c.TB.Fatalf("%s lists no %s", path, name)
	}
	return items
}

// ids are the ids of a list, in order.
func ids(c apitest.Caller, path, name string) []string {
	c.TB.Helper()
	out := []string{}
	for _, item := range listed(c, path, name) {
		out = append(out, item.(map[string]any)["id"].(string))
	}
	return out
}

// steps are the members that a view gains (+) and loses (-) from one microversion to the next.
func steps(t *testing.T, view func(version string) map[string]any) map[string]string {
	t.Helper()
	changes := map[string]string{}
	before := view(api.Service.Min.String())
	for v := api.Service.Min; v != api.Service.Max; {
		v.Minor++
		now := view(v.String())
		var all []string
		for _, name := range slices.Sorted(maps.Keys(now)) {
			if _, there := before[name]; !there {
				all = append(all, "+"+name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(before)) {
			if _, there := now[name]; !there {
				all = append(all, "-"+name)
			}
		}
		if len(all) > 0 {
			changes[v.String()] = strings.Join(all, " ")
		}
		before = now
	}
	return changes
}

func TestVolumeView(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "p"), c.As(t, apitest.Member, "p")
	id := m.Volume("name", "n")
	m.Set(id, store.VolumeSet{ProviderID: new("x")})
	service := m.Row(id).ServiceUUID
	typeID := m.Row(id).VolumeTypeID
	want := fill(`{"volume": {"id": "<V>", "status": "available", "size": 1, "availability_zone": "nova", "created_at": "<time>", "updated_at": "<time>",
		"name": "n", "description": null, "volume_type": "__DEFAULT__", "snapshot_id": null, "source_volid": null, "metadata": {},
		"links": [{"rel": "self", "href": "http://cloud/p/volumes/<V>"}, {"rel": "bookmark", "href": "http://cloud/p/volumes/<V>"}],
		"user_id": "user-of-p", "bootable": "false", "encrypted": false, "replication_status": null, "consistencygroup_id": null,
		"multiattach": false, "attachments": [], "migration_status": null, "group_id": null, "provider_id": "x", "shared_targets": false,
		"service_uuid": "<S>", "cluster_name": null, "volume_type_id": "<T>", "consumes_quota": true,
		"os-vol-host-attr:host": "node@fake#fake", "os-vol-tenant-attr:tenant_id": "p", "os-vol-mig-status-attr:migstat": null,
		"os-vol-mig-status-attr:name_id": null}}`, "<V>", id, "<S>", service, "<T>", typeID)
	admin.At("3.71").Get("/volumes/"+id).Is(200, want)
	detail := admin.At("3.71").Get("/volumes/detail?id=" + id).OK(200).At("volumes").([]any)
	if d := cmp.Diff([]any{admin.At("3.71").Get("/volumes/" + id).At("volume")}, detail); d != "" {
		t.Errorf("detail is not show (-show +detail):\n%s", d)
	}
	show := func(c apitest.Caller) func(string) map[string]any {
		return func(version string) map[string]any {
			return c.At(version).Get("/volumes/" + id).OK(200).At("volume").(map[string]any)
		}
	}
	all := map[string]string{"3.13": "+group_id", "3.48": "+service_uuid +shared_targets", "3.63": "+volume_type_id", "3.65": "+consumes_quota"}
	if d := cmp.Diff(all, steps(t, show(m))); d != "" {
		t.Errorf("what a member sees (-want +got):\n%s", d)
	}
	all["3.21"], all["3.61"] = "+provider_id", "+cluster_name"
	if d := cmp.Diff(all, steps(t, show(admin))); d != "" {
		t.Errorf("what an administrator sees (-want +got):\n%s", d)
	}

	m.Set(id, store.VolumeSet{SharedTargets: new((*bool)(nil))})
	for version, want := range map[string]any{"3.68": true, "3.69": nil} {
		if got := m.At(version).Get("/volumes/"+id).At("volume", "shared_targets"); got != want {
			t.Errorf("shared_targets at %s is %v", version, got)
		}
	}
	for status, shown := range map[block.VolumeStatus]string{block.VolumeManaging: "creating", block.VolumeErrorManaging: "error",
		block.VolumeErrorManagingDeleting: "deleting", block.VolumeInUse: "in-use"} {
		m.SetStatus(id, status)
		if got := m.Get("/volumes/"+id).Text("volume", "status"); got != shown {
			t.Errorf("%s is shown as %s", status, got)
		}
	}
	m.Change(func(tx store.Tx) error {
		return tx.PutVolumeAdminMetadata(t.Context(), id, map[string]string{"readonly": "True", "attached_mode": "ro", "secret": "x"})
	})
	m.Change(func(tx store.Tx) error {
		return tx.PutVolumeImageMetadata(t.Context(), id, map[string]string{"os": "x"}, false)
	})
	m.Put("/volumes/"+id, object("volume", object("metadata", object("readonly", "mine", "k", "v")))).OK(200)
	a := m.Get("/volumes/" + id)
	if d := cmp.Diff(object("readonly", "True", "attached_mode", "ro", "k", "v"), a.At("volume", "metadata")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(object("os", "x"), a.At("volume", "volume_image_metadata")); d != "" {
		t.Error(d)
	}
	for path, text := range map[string]string{"/volumes/" + nowhere: "Volume " + nowhere + " could not be found.", "/volumes/x": "Volume x could not be found."} {
		m.Get(path).Fault(404, text)
	}
}

func TestVolumeUpdate(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	id := m.Volume("name", "a", "description", "b", "metadata", object("k", "v"))
	put := func(body any) apitest.Answer { return m.Put("/volumes/"+id, object("volume", body)) }
	a := put(object("name", " c ", "metadata", object("x", "y")))
	if a.OK(200); a.Text("volume", "name") != "c" || a.Text("volume", "description") != "b" || !cmp.Equal(a.At("volume", "metadata"), any(object("x", "y"))) {
		t.Errorf("%s", a.Body)
	}
	if _, extended := a.At("volume").(map[string]any)["os-vol-tenant-attr:tenant_id"]; extended {
		t.Error("the answer to an update has fields of extensions, which upstream's has not")
	}
	put(object("description", nil, "display_name", "d")).OK(200)
	if v := m.Row(id); *v.Name != "d" || v.Description != nil || v.Metadata["x"] != "y" {
		t.Errorf("the row is %+v", v)
	}
	m.At("3.0").Put("/volumes/"+id, object("volume", object())).OK(200)
	for name, tc := range map[string]struct {
		version string
		body    any
		text    string
	}{
		"nothing":      {"3.53", object(), "is not valid"},
		"unknown":      {"3.0", object("size", 5), "Additional properties are not allowed"},
		"long name":    {"3.0", object("name", strings.Repeat("x", 256)), "name"},
		"long value":   {"3.0", object("metadata", object("k", strings.Repeat("v", 256))), "is too long"},
		"null value":   {"3.0", object("metadata", object("k", nil)), ""},
		"bad metadata": {"3.0", object("metadata", "x"), "metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			m.On(t).At(tc.version).Put("/volumes/"+id, object("volume", tc.body)).Fault(400, tc.text)
		})
	}
	m.SetStatus(id, block.VolumeMaintenance)
	put(object("name", "e")).Fault(400, "Invalid volume: The volume cannot be updated during maintenance.")
	m.Put("/volumes/"+nowhere, object("volume", object("name", "e"))).Fault(404, "Volume "+nowhere+" could not be found.")
	if v := m.Row(id); *v.Name != "d" {
		t.Errorf("a refused update wrote %q", *v.Name)
	}
}
