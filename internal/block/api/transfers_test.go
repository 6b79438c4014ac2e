package api_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

// offered makes a transfer of a volume and gives its id and key.
func offered(c apitest.Caller, volumeID string, more ...any) (id, key string) {
	c.TB.Helper()
	a := c.Post("/volume-transfers", object("transfer", object(append([]any{"volume_id", volumeID}, more...)...))).OK(202)
	return a.Text("transfer", "id"), a.Text("transfer", "auth_key")
}

func accept(c apitest.Caller, id string, key any) apitest.Answer {
	c.TB.Helper()
	return c.Post("/volume-transfers/"+id+"/accept", object("accept", object("auth_key", key)))
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/os-volume-transfer", "/volume-transfers"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c := cloud(t)
			donor, taker := c.As(t, apitest.Member, "donor"), c.As(t, apitest.Member, "taker")
			id := donor.Volume()
			snapshot := donor.Snapshot(id)
			a := donor.Post(path, object("transfer", object("volume_id", id, "name", " mine "))).OK(202)
			key, transfer := a.Text("transfer", "auth_key"), a.Text("transfer", "id")
			if len(key) != 16 {
				t.Errorf("the key is %q", key)
			}
			links := `"links": [{"rel": "self", "href": "http://cloud/donor/os-volume-transfer/<T>"}, {"rel": "bookmark", "href": "http://cloud/donor/os-volume-transfer/<T>"}]`
			a.Is(202, fill(`{"transfer": {"id": "<T>", "volume_id": "<V>", "name": "mine", "created_at": "<time>", "auth_key": "<K>", `+links+`}}`,
				"<V>", id, "<K>", key, "<T>", transfer))
			if v := donor.Row(id); v.Status != block.VolumeAwaitingTransfer || v.ProjectID != "donor" {
				t.Errorf("the row is %+v", v)
			}
			donor.At("3.57").Get(path+"/"+transfer).Is(200, fill(`{"transfer": {"id": "<T>", "volume_id": "<V>", "name": "mine", "created_at": "<time>",
				"no_snapshots": false, "source_project_id": "donor", "destination_project_id": null, "accepted": false, `+links+`}}`, "<V>", id, "<T>", transfer))
			donor.Get(path).Is(200, fill(`{"transfers": [{"id": "<T>", "volume_id": "<V>", "name": "mine", `+links+`}]}`, "<V>", id, "<T>", transfer))
			donor.Get(path+"/detail").Is(200, fill(`{"transfers": [{"id": "<T>", "volume_id": "<V>", "name": "mine", "created_at": "<time>", `+links+`}]}`,
				"<V>", id, "<T>", transfer))
			// Others see nothing of it, and no wrong key opens it.
			taker.Get(path+"/"+transfer).Fault(404, "Transfer "+transfer+" could not be found.")
			taker.Get(path).Is(200, `{"transfers": []}`)
			taker.Post(path+"/"+transfer+"/accept", object("accept", object("auth_key", 5))).Fault(400,
				"Invalid auth key: Attempt to transfer "+transfer+" with invalid auth key.")

			taker.Post(path+"/"+transfer+"/accept", object("accept", object("auth_key", key))).Is(202, fill(`{"transfer": {"id": "<T>", "volume_id": "<V>",
				"name": "mine", "links": [{"rel": "self", "href": "http://cloud/taker/os-volume-transfer/<T>"},
				{"rel": "bookmark", "href": "http://cloud/taker/os-volume-transfer/<T>"}]}}`, "<V>", id, "<T>", transfer))
			if v := taker.Row(id); v.Status != block.VolumeAvailable || v.ProjectID != "taker" || v.UserID != "user-of-taker" {
				t.Errorf("the row is %+v", v)
			}
			if s := taker.SnapshotRow(snapshot); s.ProjectID != "taker" || s.UserID != "user-of-taker" {
				t.Errorf("the snapshot's row is %+v", s)
			}
			for project, n := range map[string]int64{"donor": 0, "taker": 1} {
				if u, err := c.Store.QuotaUsage(t.Context(), project); err != nil || u.Volumes != n || u.Snapshots != n {
					t.Errorf("%s uses %+v, %v", project, u, err)
				}
			}
			donor.Get("/volumes/"+id).Fault(404, "could not be found.")
			accept(taker, transfer, key).Fault(404, "Transfer "+transfer+" could not be found.")
		})
	}
}

func TestTransferViews(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p")
	id, _ := offered(m, m.Volume())
	show := func(version string) map[string]any {
		return m.At(version).Get("/volume-transfers/" + id).OK(200).At("transfer").(map[string]any)
	}
	want := map[string]string{"3.55": "+no_snapshots", "3.57": "+accepted +destination_project_id +source_project_id"}
	if d := cmp.Diff(want, steps(t, show)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestTransferList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		id, _ := offered(m, m.Volume(), "name", name)
		all = append(all, id)
	}
	newest := []string{all[2], all[1], all[0]}
	for name, tc := range map[string]struct {
		c    apitest.Caller
		path string
		want []string
	}{
		"in the order of making":   {m, "/volume-transfers", all},
		"always so, the older way": {m.At("3.71"), "/os-volume-transfer", all},
		"sorted, the older way":    {m.At("3.71"), "/os-volume-transfer?sort=created_at:desc", []string{}},
		"a page, too early":        {m.At("3.58"), "/volume-transfers?limit=1", []string{}},
		"newest first":             {m.At("3.59"), "/volume-transfers", newest},
		"sorted":                   {m.At("3.59"), "/volume-transfers?sort=display_name:asc", all},
		"a page":                   {m.At("3.59"), "/volume-transfers?limit=1&marker=" + all[2], all[1:2]},
		"an offset":                {m.At("3.59"), "/volume-transfers?offset=2", all[:1]},
		"by name":                  {m, "/volume-transfers?name=b", all[1:2]},
		"by no column":             {m, "/volume-transfers?x=b", []string{}},
		"of another project":       {admin, "/volume-transfers", []string{}},
		"of all projects":          {admin, "/volume-transfers?all_tenants=1", all},
		"of all, for whom may not": {c.As(t, apitest.Member, "q"), "/volume-transfers?all_tenants=1", []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, ids(tc.c.On(t), tc.path, "transfers")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	links := m.At("3.59").Get("/volume-transfers/detail?limit=2").OK(200).At("transfers_links")
	want := []any{map[string]any{"rel": "next", "href": "http://cloud/p/os-volume-transfer?limit=2&marker=" + all[1]}}
	if d := cmp.Diff(want, links); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	m.At("3.59").Get("/volume-transfers?sort=x:asc").Fault(400, "Invalid sort key")
	m.At("3.59").Get("/volume-transfers?limit=-1").Fault(400, "limit param must be positive")
	m.At("3.59").Get("/volume-transfers?marker="+nowhere).Fault(404, "Transfer "+nowhere+" could not be found.")
}

func TestTransferRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	id, broken := m.Volume(), m.Volume()
	m.SetStatus(broken, block.VolumeError)
	pictured := m.Volume()
	snapshot := m.Snapshot(pictured)
	m.Change(func(tx store.Tx) error {
		_, err := tx.UpdateSnapshot(t.Context(), snapshot, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotError)})
		return err
	})
	for name, tc := range map[string]struct {
		version string
		body    any
		status  int
		text    string
	}{
		"no such volume":      {"3.0", object("volume_id", nowhere), 404, "Volume " + nowhere + " could not be found."},
		"no volume":           {"3.0", object("name", "x"), 400, "volume_id"},
		"no id":               {"3.0", object("volume_id", "x"), 400, "volume_id"},
		"volume in error":     {"3.0", object("volume_id", broken), 400, "Invalid volume: status must be available"},
		"snapshot in error":   {"3.0", object("volume_id", pictured), 400, "Invalid snapshot: snapshot: " + snapshot + " status must be available"},
		"no_snapshots, early": {"3.54", object("volume_id", id, "no_snapshots", true), 400, "Additional properties are not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			m.On(t).At(tc.version).Post("/volume-transfers", object("transfer", tc.body)).Fault(tc.status, tc.text)
		})
	}
	m.Post("/os-volume-transfer", object("transfer", object("volume_id", id, "no_snapshots", true))).Fault(400, "Additional properties")
	transfer, key := offered(m, id)
	m.Post("/volume-transfers", object("transfer", object("volume_id", id))).Fault(400, "Invalid volume: status must be available")
	for name, body := range map[string]any{"no key": object("accept", object()), "a key that is a list": object("accept", object("auth_key", []int{1}))} {
		t.Run(name, func(t *testing.T) {
			m.On(t).Post("/volume-transfers/"+transfer+"/accept", body).Fault(400, "auth_key")
		})
	}
	accept(m, nowhere, key).Fault(404, "Transfer "+nowhere+" could not be found.")
	m.Delete("/volumes/"+id).Fault(400, "awaiting a transfer")
	c.As(t, apitest.Member, "q").Delete("/volume-transfers/"+transfer).Fault(404, "Transfer "+transfer+" could not be found.")
	m.Delete("/volume-transfers/" + transfer).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeAvailable {
		t.Errorf("the volume is %s after its transfer was withdrawn", v.Status)
	}
	m.Delete("/volume-transfers/"+transfer).Fault(404, "Transfer "+transfer+" could not be found.")

	// A volume that somebody put into another state stays in it.
	transfer, key = offered(m, id)
	m.SetStatus(id, block.VolumeMaintenance)
	accept(c.As(t, apitest.Member, "q"), transfer, key).Fault(400, "The volume cannot accept transfer in maintenance mode.")
	m.SetStatus(id, block.VolumeError)
	accept(c.As(t, apitest.Member, "q"), transfer, key).Fault(400, "Transfer "+transfer+": Volume id "+id+" expected in awaiting-transfer state.")
	m.Delete("/os-volume-transfer/" + transfer).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeError || v.ProjectID != "p" {
		t.Errorf("the row is %+v", v)
	}
}

func TestTransferWithoutSnapshots(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	donor, taker := c.As(t, apitest.Member, "donor").At("3.55"), c.As(t, apitest.Member, "taker")
	id := donor.Volume()
	snapshot := donor.Snapshot(id)
	transfer, key := offered(donor, id, "no_snapshots", true)
	if donor.Get("/volume-transfers/"+transfer).At("transfer", "no_snapshots") != true {
		t.Error("no_snapshots is not shown")
	}
	accept(taker, transfer, key).OK(202)
	if v, s := taker.Row(id), taker.SnapshotRow(snapshot); v.ProjectID != "taker" || s.ProjectID != "donor" {
		t.Errorf("the volume belongs to %s, the snapshot to %s", v.ProjectID, s.ProjectID)
	}
}

func TestTransferQuota(t *testing.T) {
	t.Parallel()
	c := cloud(t, func(o *apitest.Options) {
		o.Quota.Volumes, o.Quota.Snapshots, o.Quota.Gigabytes, o.Quota.UseDefaultQuotaClass = 2, 1, 12, false
	})
	donor, taker := c.As(t, apitest.Member, "donor"), c.As(t, apitest.Member, "taker")
	id := donor.Volume("size", 4)
	donor.Snapshot(id)
	own := taker.Volume("size", 9)
	transfer, key := offered(donor, id)
	accept(taker, transfer, key).Fault(413, "Requested volume or snapshot exceeds allowed gigabytes quota. Requested 4G, quota is 12G and 9G has been consumed.")
	taker.Delete("/volumes/" + own).Empty(202)
	own = taker.Volume("size", 1)
	pictured := taker.Snapshot(own)
	accept(taker, transfer, key).Fault(413, "SnapshotLimitExceeded: Maximum number of snapshots allowed (1) exceeded")
	if v := donor.Row(id); v.ProjectID != "donor" || v.Status != block.VolumeAwaitingTransfer {
		t.Errorf("the row is %+v", v)
	}
	taker.Delete("/snapshots/" + pictured).Empty(202)

	// Of several who accept at once, one does.
	statuses := make([]int, 4)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() { statuses[i] = accept(taker, transfer, key).Status })
	}
	wg.Wait()
	accepted := 0
	for _, status := range statuses {
		if status == 202 {
			accepted++
		} else if status != 404 {
			t.Errorf("an accept too late: %d", status)
		}
	}
	if u, err := c.Store.QuotaUsage(t.Context(), "taker"); accepted != 1 || err != nil || u.Volumes != 2 || u.Snapshots != 1 || u.VolumeGigabytes != 5 {
		t.Errorf("%d accepted; %+v, %v", accepted, u, err)
	}
}
