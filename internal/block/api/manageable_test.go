package api_test

import (
	"fmt"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

func TestManageVolume(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/os-volume-manage", "/manageable_volumes"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c := cloud(t)
			admin := c.As(t, apitest.Admin, "p").At("3.8")
			c.Driver.AddExisting("lun7", 3, false)
			admin.Get(path+"?host="+apitest.Backend).Is(200, `{"manageable-volumes": [{"reference": {"source-name": "lun7"}, "size": 3, "safe_to_manage": true}]}`)
			a := admin.Post(path, object("volume", object("host", apitest.Backend, "ref", object("source-name", "lun7"), "name", " n ", "description", "d",
				"bootable", true, "metadata", object("k", "v")))).OK(202)
			id := a.Text("volume", "id")
			a.Is(202, fill(`{"volume": {"id": "<V>", "status": "creating", "size": 0, "availability_zone": "nova", "created_at": "<time>", "updated_at": null,
				"name": "n", "description": "d", "volume_type": "__DEFAULT__", "snapshot_id": null, "source_volid": null, "metadata": {"k": "v"},
				"links": [{"rel": "self", "href": "http://cloud/p/volumes/<V>"}, {"rel": "bookmark", "href": "http://cloud/p/volumes/<V>"}],
				"user_id": "user-of-p", "bootable": "true", "encrypted": false, "replication_status": null, "consistencygroup_id": null,
				"multiattach": false, "attachments": [], "migration_status": null}}`, "<V>", id))
			v := admin.Row(id)
			if v.Status != block.VolumeAvailable || v.SizeGiB != 3 || v.Host != apitest.Pool || !v.Bootable || v.Metadata["k"] != "v" {
				t.Errorf("the row is %+v", v)
			}
			if size, made := c.Driver.VolumeSizeGiB(id); !made || size != 3 {
				t.Errorf("the storage has %d GiB, %v", size, made)
			}
			admin.Get(path+"/detail?host="+apitest.Backend).Is(200, fill(`{"manageable-volumes": [{"reference": {"source-name": "volume-<V>"}, "size": 3,
				"safe_to_manage": false, "reason_not_safe": "already managed", "cinder_id": "<V>", "extra_info": null}]}`, "<V>", id))
			admin.Post(path, object("volume", object("host", apitest.Backend, "ref", object("source-name", "volume-"+id)))).Fault(400,
				"Invalid volume: Unable to manage existing volume. The volume is already managed")

			admin.Action("/volumes/"+id, "os-unmanage", nil).Empty(202)
			admin.Get("/volumes/"+id).Fault(404, "could not be found.")
			if u, err := c.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Volumes != 0 {
				t.Errorf("%+v, %v", u, err)
			}
			admin.Get(path+"?host="+apitest.Backend).Is(200, fill(`{"manageable-volumes": [{"reference": {"source-name": "unmanaged-volume-<V>"}, "size": 3,
				"safe_to_manage": true}]}`, "<V>", id))
		})
	}
}

func TestManageVolumeRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t, func(o *apitest.Options) { o.Quota.Gigabytes, o.Quota.UseDefaultQuotaClass = 5, false })
	admin := c.As(t, apitest.Admin, "p").At("3.16")
	ref := object("source-name", "lun7")
	for name, tc := range map[string]struct {
		version string
		body    map[string]any
		text    string
	}{
		"no host":            {"3.8", object("ref", ref), "Invalid input received: Host field is missing."},
		"neither":            {"3.16", object("ref", ref), "Invalid input received: One and only one of cluster and host must be set."},
		"both":               {"3.16", object("ref", ref, "host", apitest.Backend, "cluster", "c"), "One and only one of cluster and host must be set."},
		"an unknown host":    {"3.8", object("ref", ref, "host", "x@y"), "Host 'x@y' not found"},
		"an unknown cluster": {"3.16", object("ref", ref, "cluster", "c"), "Cluster 'c' not found"},
		"a cluster, early":   {"3.15", object("ref", ref, "host", apitest.Backend, "cluster", "c"), "Additional properties are not allowed"},
		"an unknown type":    {"3.8", object("ref", ref, "host", apitest.Backend, "volume_type", "x"), "Invalid volume type: Cannot find requested 'x' volume type"},
		"no reference":       {"3.8", object("host", apitest.Backend), "ref"},
		"a bad bootable":     {"3.8", object("ref", ref, "host", apitest.Backend, "bootable", "x"), "bootable"},
	} {
		t.Run(name, func(t *testing.T) {
			admin.On(t).At(tc.version).Post("/manageable_volumes", object("volume", tc.body)).Fault(400, tc.text)
		})
	}
	admin.At("3.7").Post("/manageable_volumes", object("volume", object("ref", ref, "host", apitest.Backend))).Fault(404, "")
	c.As(t, apitest.Member, "p").Post("/os-volume-manage", object("volume", object("ref", ref, "host", apitest.Backend))).Fault(403, "volume_extension:volume_manage")

	// A reference to nothing shows only later, and so does one that is too large. Nothing has happened to the storage then.
	c.Driver.AddExisting("large", 6, false)
	for _, name := range []string{"nothing", "large"} {
		id := admin.Post("/manageable_volumes", object("volume", object("host", apitest.Pool, "ref", object("source-name", name)))).OK(202).Text("volume", "id")
		if v := admin.Row(id); v.Status != block.VolumeErrorManaging || v.SizeGiB != 0 || v.Host != apitest.Pool {
			t.Errorf("%s: the row is %+v", name, v)
		}
		if got := admin.Get("/volumes/"+id).Text("volume", "status"); got != "error" {
			t.Errorf("it is shown as %s", got)
		}
		admin.Delete("/volumes/" + id).Empty(202)
		admin.Get("/volumes/"+id).Fault(404, "could not be found.")
	}
	admin.Get("/os-volume-manage?host="+apitest.Backend).Is(200, `{"manageable-volumes": [{"reference": {"source-name": "large"}, "size": 6, "safe_to_manage": true}]}`)
	admin.Put("/os-services/disable", object("host", apitest.Backend, "binary", "cinder-volume")).OK(200)
	admin.Post("/os-volume-manage", object("volume", object("ref", ref, "host", apitest.Backend))).Fault(400, "Service is unavailable at this time.")
}

func TestManageableList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin := c.As(t, apitest.Admin, "p").At("3.17")
	for i := range 4 {
		c.Driver.AddExisting(fmt.Sprintf("lun%d", i), int64(9-i), false)
	}
	first := func(query string) string {
		t.Helper()
		list := listed(admin, "/manageable_volumes?host="+apitest.Backend+query, "manageable-volumes")
		if len(list) == 0 {
			return ""
		}
		return list[0].(map[string]any)["reference"].(map[string]any)["source-name"].(string)
	}
	for query, want := range map[string]string{"": "lun3", "&sort=reference:asc": "lun0", "&sort=size:asc": "lun3", "&sort_key=size": "lun0", "&sort_dir=asc": "lun0",
		"&offset=1": "lun2", "&limit=0": "", "&marker=%7B%22source-name%22:%22lun2%22%7D": "lun1"} {
		if got := first(query); got != want {
			t.Errorf("%q begins with %q, want %q", query, got, want)
		}
	}
	for query, text := range map[string]string{"&sort=name:asc": "Invalid sort keys passed: name", "&limit=-1": "limit param must be positive",
		"&marker=x": "Invalid input received: marker x can not be analysed, please use json like format", "&marker=%7B%7D": "marker not found", "&cluster=c": "One and only one"} {
		admin.Get("/manageable_volumes?host="+apitest.Backend+query).Fault(400, text)
	}
	admin.Get("/manageable_volumes").Fault(400, "One and only one of cluster and host must be set.")
	admin.At("3.8").Get("/manageable_volumes").Fault(400, "Host field is missing.")
	admin.Get("/manageable_volumes?host=x").Fault(404, "Service cinder-volume could not be found on host x.")
	admin.At("3.7").Get("/manageable_volumes?host="+apitest.Backend).Fault(404, "")
	admin.At("3.0").Get("/os-volume-manage?host=" + apitest.Backend).OK(200)
	c.As(t, apitest.Member, "p").Get("/os-volume-manage?host="+apitest.Backend).Fault(403, "volume_extension:list_manageable")
}

func TestManageSnapshot(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "p").At("3.71"), c.As(t, apitest.Member, "p")
	volume := m.Volume()
	c.Driver.AddExisting("picture", 2, true)
	admin.Get("/manageable_snapshots?host="+apitest.Backend).Is(200,
		`{"manageable-snapshots": [{"reference": {"source-name": "picture"}, "size": 2, "safe_to_manage": true, "source_reference": null}]}`)
	a := admin.At("3.8").Post("/manageable_snapshots", object("snapshot", object("volume_id", volume, "ref", "picture", "name", "n", "metadata", object("k", "v"))))
	id := a.OK(202).Text("snapshot", "id")
	a.Is(202, fill(`{"snapshot": {"id": "<S>", "name": "n", "description": null, "created_at": "<time>", "updated_at": null, "volume_id": "<V>",
		"status": "creating", "size": 1, "metadata": {"k": "v"}}}`, "<S>", id, "<V>", volume))
	if s := m.SnapshotRow(id); s.Status != block.SnapshotAvailable || s.VolumeSizeGiB != 2 || s.Progress != "0%" {
		t.Errorf("the row is %+v", s)
	}
	if u, err := c.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Snapshots != 1 || u.SnapshotGigabytes != 2 {
		t.Errorf("%+v, %v", u, err)
	}
	list := listed(admin, "/os-snapshot-manage/detail?host="+apitest.Backend, "manageable-snapshots")
	if e := list[0].(map[string]any); e["cinder_id"] != id || e["safe_to_manage"] != false || e["source_reference"].(map[string]any)["source-name"] != "volume-"+volume {
		t.Errorf("the list shows %v", e)
	}
	m.Action("/snapshots/"+id, "os-unmanage", nil).Fault(403, "snapshot_extension:snapshot_unmanage")
	m.Change(func(tx store.Tx) error {
		_, err := tx.UpdateSnapshot(t.Context(), id, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotCreating)})
		return err
	})
	admin.Action("/snapshots/"+id, "os-unmanage", nil).Fault(400, "Invalid snapshot: Snapshot status must be available or error and must not be part of a group.")
	m.Change(func(tx store.Tx) error {
		_, err := tx.UpdateSnapshot(t.Context(), id, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotAvailable)})
		return err
	})
	admin.Action("/snapshots/"+id, "os-unmanage", nil).Empty(202)
	admin.Get("/snapshots/"+id).Fault(404, "could not be found.")

	for _, ref := range []any{"nothing", nil, object()} {
		id := admin.Post("/os-snapshot-manage", object("snapshot", object("volume_id", volume, "ref", ref))).OK(202).Text("snapshot", "id")
		if s := m.SnapshotRow(id); s.Status != block.SnapshotError {
			t.Errorf("%v: the row is %+v", ref, s)
		}
		m.Delete("/snapshots/" + id).Empty(202)
	}
	admin.Post("/os-snapshot-manage", object("snapshot", object("volume_id", nowhere, "ref", "x"))).Fault(404, "Volume "+nowhere+" could not be found.")
	m.Post("/os-snapshot-manage", object("snapshot", object("volume_id", volume, "ref", "x"))).Fault(403, "snapshot_extension:snapshot_manage")
	m.At("3.7").Post("/manageable_snapshots", object("snapshot", object("volume_id", volume, "ref", "x"))).Fault(404, "")
}

func TestUnmanageRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "p"), c.As(t, apitest.Member, "p")
	id := m.Volume()
	unmanage := func() apitest.Answer { return admin.Action("/volumes/"+id, "os-unmanage", object()) }
	m.Action("/volumes/"+id, "os-unmanage", nil).Fault(403, "volume_extension:volume_unmanage")
	m.Snapshot(id)
	unmanage().Fault(400, "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating")
	other := m.Volume()
	m.SetStatus(other, block.VolumeInUse)
	admin.Action("/volumes/"+other, "os-unmanage", nil).Fault(400, "must not be migrating")
	if v := m.Row(id); v.Status != block.VolumeAvailable {
		t.Errorf("the volume is %s", v.Status)
	}
	third := m.Volume()
	c.Driver.FailNext("unmanage", fmt.Errorf("it broke"))
	admin.Action("/volumes/"+third, "os-unmanage", nil).Empty(202)
	if v := m.Row(third); v.Status != block.VolumeErrorUnmanaging {
		t.Errorf("the volume is %s", v.Status)
	}
}
