package e2e

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/limits"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/quotasets"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/snapshots"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/test/harness"
)

// atOnce sends n requests at the same instant and gives the answers by their index.
func atOnce(t *testing.T, cloud *harness.Cloud, n int, request func(i int) harness.Request) []harness.Response {
	t.Helper()
	answers, errs, start := make([]harness.Response, n), make([]error, n), make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			answers[i], errs[i] = cloud.Send(context.WithoutCancel(t.Context()), request(i))
		})
	}
	close(start)
	group.Wait()
	for _, err := range errs {
		must(t, err)
	}
	return answers
}

// count sorts answers by status; those refused must say so in these words.
func count(t *testing.T, answers []harness.Response, refusal string) map[int]int {
	t.Helper()
	by := map[int]int{}
	for _, r := range answers {
		by[r.Status]++
		if r.Status >= 400 {
			wantFault(t, "the refusal", r, 413, refusal)
		}
	}
	return by
}

// wantUsage checks that a project's quota set shows these numbers in use and nothing reserved, and that the rows are as many.
func wantUsage(t *testing.T, cloud *harness.Cloud, project string, nVolumes, gigabytes, nSnapshots int) {
	t.Helper()
	c := cloud.Client(t, project, latest)
	u, err := quotasets.GetUsage(t.Context(), c, project).Extract()
	must(t, err)
	ofType, gigabytesOfType := typeUsage(t, cloud, project)
	for what, pair := range map[string][2]int{
		"volumes": {u.Volumes.InUse, nVolumes}, "gigabytes": {u.Gigabytes.InUse, gigabytes}, "snapshots": {u.Snapshots.InUse, nSnapshots},
		"volumes of the type": {ofType, nVolumes}, "gigabytes of the type": {gigabytesOfType, gigabytes},
		"reserved volumes": {u.Volumes.Reserved, 0}, "reserved gigabytes": {u.Gigabytes.Reserved, 0},
	} {
		if pair[0] != pair[1] {
			t.Errorf("quota usage of %s: %s %d, want %d", project, what, pair[0], pair[1])
		}
	}
	rows, sum := 0, 0
	for _, v := range list(t, c, volumes.ListOpts{}) {
		rows, sum = rows+1, sum+v.Size
	}
	pages, err := snapshots.ListDetail(c, snapshots.ListOpts{}).AllPages(t.Context())
	must(t, err)
	taken, err := snapshots.ExtractSnapshots(pages)
	must(t, err)
	for _, s := range taken {
		sum += s.Size
	}
	if rows != nVolumes || sum != gigabytes || len(taken) != nSnapshots {
		t.Errorf("%s has %d volumes and %d snapshots of %d GiB together, want %d, %d, %d", project, rows, len(taken), sum, nVolumes, nSnapshots, gigabytes)
	}
	l, err := limits.Get(t.Context(), c).Extract()
	must(t, err)
	if l.Absolute.TotalVolumesUsed != nVolumes || l.Absolute.TotalGigabytesUsed != gigabytes || l.Absolute.TotalSnapshotsUsed != nSnapshots {
		t.Errorf("limits of %s: %+v", project, l.Absolute)
	}
}

// typeUsage reads what a quota set shows in use of the default type's own resources, which gophercloud leaves out.
func typeUsage(t *testing.T, cloud *harness.Cloud, project string) (nVolumes, gigabytes int) {
	t.Helper()
	var body struct {
		Set struct {
			Volumes struct {
				InUse int `json:"in_use"`
			} `json:"volumes___DEFAULT__"`
			Gigabytes struct {
				InUse int `json:"in_use"`
			} `json:"gigabytes___DEFAULT__"`
		} `json:"quota_set"`
	}
	cloud.Do(t, harness.Request{Path: "/v3/os-quota-sets/" + project + "?usage=true", Project: project}).Into(t, &body)
	return body.Set.Volumes.InUse, body.Set.Gigabytes.InUse
}

func creation(project string, sizeGiB int) harness.Request {
	return harness.Request{Path: "/v3/volumes", Project: project, Body: map[string]any{"volume": map[string]any{"size": sizeGiB}}}
}

// TestVolumeQuota: of 64 creates at once, ten pass, as many as quota_volumes says.
func TestVolumeQuota(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	answers := atOnce(t, cloud, 64, func(int) harness.Request { return creation("c0ffee", 1) })
	if by := count(t, answers, "VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'."); by[202] != 10 || by[413] != 54 {
		t.Errorf("answers by status: %v, want 10 of 202 and 54 of 413", by)
	}
	c := cloud.Client(t, "c0ffee", latest)
	wantUsage(t, cloud, "c0ffee", 10, 10, 0)
	all := list(t, c, volumes.ListOpts{})
	for _, v := range all {
		await(t, c, v.ID, "available")
	}

	// Each of them is deleted by four at once; what is freed can be taken at once.
	answers = atOnce(t, cloud, 40, func(i int) harness.Request {
		return harness.Request{Method: http.MethodDelete, Path: "/v3/volumes/" + all[i%10].ID, Project: "c0ffee"}
	})
	accepted := 0
	for _, r := range answers {
		switch r.Status {
		case 202:
			accepted++
		case 400, 404:
		default:
			t.Errorf("delete: status %d: %s", r.Status, r.Body)
		}
	}
	if accepted != 10 {
		t.Errorf("%d deletes were accepted, want one for each of 10 volumes", accepted)
	}
	for _, v := range all {
		awaitGone(t, c, v.ID)
	}
	wantUsage(t, cloud, "c0ffee", 0, 0, 0)
	if by := count(t, atOnce(t, cloud, 16, func(int) harness.Request { return creation("c0ffee", 2) }), "VolumeLimitExceeded"); by[202] != 10 {
		t.Errorf("answers by status after the deletes: %v, want 10 of 202", by)
	}
	wantUsage(t, cloud, "c0ffee", 10, 20, 0)
}

// TestGigabytesQuota: gigabytes hold against creates, snapshots and extends at once; another project is not touched.
func TestGigabytesQuota(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "[DEFAULT]\nuse_default_quota_class = false\nquota_volumes = -1\nquota_gigabytes = 40\n")
	const project, other = "9195", "0123"
	c := cloud.Client(t, project, latest)
	create(t, cloud.Client(t, other, latest), volumes.CreateOpts{Size: 40})

	by := count(t, atOnce(t, cloud, 32, func(int) harness.Request { return creation(project, 3) }), "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 3G, quota is 40G and 39G has been consumed.")
	if by[202] != 13 {
		t.Errorf("creates by status: %v, want 13 of 202", by)
	}
	wantUsage(t, cloud, project, 13, 39, 0)
	all := list(t, c, volumes.ListOpts{})
	for _, v := range all {
		await(t, c, v.ID, "available")
	}
	for _, v := range all[6:] {
		must(t, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr())
		awaitGone(t, c, v.ID)
	}
	all = all[:6] // 18 GiB

	// Each is extended from 3 to 10 GiB: three times 7 of 22 fit.
	answers := atOnce(t, cloud, 6, func(i int) harness.Request {
		return harness.Request{Path: "/v3/volumes/" + all[i].ID + "/action", Project: project, Body: map[string]any{"os-extend": map[string]any{"new_size": 10}}}
	})
	if by := count(t, answers, "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 7G, quota is 40G"); by[202] != 3 {
		t.Errorf("extends by status: %v, want 3 of 202", by)
	}
	for _, v := range all {
		await(t, c, v.ID, "available")
	}
	wantUsage(t, cloud, project, 6, 39, 0)

	// One volume, extended by many: one wins, and it is counted once.
	must(t, quotasets.Update(t.Context(), c, project, quotasets.UpdateOpts{Gigabytes: new(100)}).Err)
	answers = atOnce(t, cloud, 16, func(i int) harness.Request {
		return harness.Request{Path: "/v3/volumes/" + all[0].ID + "/action", Project: project, Body: map[string]any{"os-extend": map[string]any{"new_size": 20 + i}}}
	})
	var size int
	for i, r := range answers {
		if r.Status == 202 {
			size = max(size, 20+i) // later ones may have found it available again
		} else {
			wantFault(t, "an extend of a volume that is being extended", r, 400)
		}
	}
	v := await(t, c, all[0].ID, "available")
	if v.Size != size {
		t.Errorf("the volume has %d GiB, want the largest of what was accepted, %d", v.Size, size)
	}
	sum := 0
	for _, v := range list(t, c, volumes.ListOpts{}) {
		sum += v.Size
	}
	wantUsage(t, cloud, project, 6, sum, 0)
	wantUsage(t, cloud, other, 1, 40, 0)
	refused(t, "one more for the other project", volumes.Create(t.Context(), cloud.Client(t, other, latest), volumes.CreateOpts{Size: 1}, nil).Err, 413, "VolumeSizeExceedsAvailableQuota")
}

// TestSnapshotQuota: snapshots are counted by number, and their size as gigabytes.
func TestSnapshotQuota(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "[DEFAULT]\nuse_default_quota_class = false\nquota_snapshots = 5\n")
	c := cloud.Client(t, "5a4", latest)
	v := create(t, c, volumes.CreateOpts{Size: 2})
	answers := atOnce(t, cloud, 24, func(int) harness.Request {
		return harness.Request{Path: "/v3/snapshots", Project: "5a4", Body: map[string]any{"snapshot": map[string]any{"volume_id": v.ID, "force": true}}}
	})
	if by := count(t, answers, "SnapshotLimitExceeded: Maximum number of snapshots allowed (5) exceeded"); by[202] != 5 {
		t.Errorf("snapshots by status: %v, want 5 of 202", by)
	}
	wantUsage(t, cloud, "5a4", 1, 12, 5)
	harness.Eventually(t, "the snapshots being made", func() (bool, string) {
		s := get(t, c, v.ID).Status
		done := volumes.Delete(t.Context(), c, v.ID, volumes.DeleteOpts{Cascade: true}).ExtractErr() == nil
		return done, s
	})
	awaitGone(t, c, v.ID)
	wantUsage(t, cloud, "5a4", 0, 0, 0)
}

// TestQuotaSets: limits are set, shown, heeded and taken back.
func TestQuotaSets(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "[DEFAULT]\nuse_default_quota_class = false\nquota_volumes = 3\nper_volume_size_limit = 7\n")
	c := cloud.Client(t, "9a4", latest)
	q, err := quotasets.GetDefaults(t.Context(), c, "9a4").Extract()
	must(t, err)
	if q.Volumes != 3 || q.Snapshots != 10 || q.Gigabytes != 1000 || q.PerVolumeGigabytes != 7 || q.Backups != 10 || q.BackupGigabytes != 1000 || q.Groups != 10 {
		t.Errorf("defaults: %+v", q)
	}
	refused(t, "a volume that is too large", volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 8}, nil).Err, 413,
		"VolumeSizeExceedsLimit: Requested volume size 8G is larger than maximum allowed limit 7G.")
	volumeType(t, c, "gold", nil)
	q, err = quotasets.Update(t.Context(), c, "9a4", quotasets.UpdateOpts{Volumes: new(5), Extra: map[string]any{"volumes_gold": 1}}).Extract()
	must(t, err)
	if q.Volumes != 5 || q.Extra["volumes_gold"] != 1.0 {
		t.Errorf("after the update: %+v", q)
	}
	gold := create(t, c, volumes.CreateOpts{Size: 1, VolumeType: "gold"})
	refused(t, "a second gold one", volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1, VolumeType: "gold"}, nil).Err, 413,
		"Maximum number of volumes allowed (1) exceeded for quota 'volumes_gold'.")
	for range 4 {
		create(t, c, volumes.CreateOpts{Size: 1})
	}
	refused(t, "a sixth", volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1}, nil).Err, 413, "allowed (5) exceeded for quota 'volumes'")
	must(t, quotasets.Delete(t.Context(), c, "9a4").ExtractErr())
	q, err = quotasets.Get(t.Context(), c, "9a4").Extract()
	must(t, err)
	if q.Volumes != 3 || q.Extra["volumes_gold"] != -1.0 {
		t.Errorf("after the delete: %+v", q)
	}
	must(t, volumes.Delete(t.Context(), c, gold.ID, nil).ExtractErr())
	for what, body := range map[string]string{
		"a resource that is not there": `{"quota_set": {"elephants": 1}}`, "less than -1": `{"quota_set": {"volumes": -2}}`,
		"a text": `{"quota_set": {"volumes": "many"}}`, "nothing": `{"quota_set": {}}`, "no object": `{"quota_set": 5}`,
		"too much": `{"quota_set": {"volumes": 2147483648}}`, "a fraction": `{"quota_set": {"volumes": 1.5}}`,
	} {
		wantFault(t, what, cloud.Do(t, harness.Request{Method: http.MethodPut, Path: "/v3/os-quota-sets/9a4", Body: body}), 400)
	}
}

// TestQuotaOptions: the configured limits are those of a new database's default class, as Cinder's first migration writes them.
func TestQuotaOptions(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "[DEFAULT]\nquota_volumes = 3\nquota_snapshots = 4\nquota_gigabytes = 5\nquota_groups = 6\nquota_backups = 7\nquota_backup_gigabytes = 8\n")
	q, err := quotasets.Get(t.Context(), cloud.Client(t, "0917", latest), "0917").Extract()
	must(t, err)
	if q.Volumes != 3 || q.Snapshots != 4 || q.Gigabytes != 5 || q.Groups != 6 || q.Backups != 7 || q.BackupGigabytes != 8 || q.PerVolumeGigabytes != -1 {
		t.Errorf("limits: %+v", q)
	}
}

// TestFirstPoll: a client that looks once, right after its create, finds the volume available.
func TestFirstPoll(t *testing.T) { // not parallel: one client at a time is what is promised
	cloud := harness.Start(t, "[DEFAULT]\nuse_default_quota_class = false\nquota_volumes = -1\n")
	c := cloud.Client(t, "f1257", latest)
	const tries, promised = 100, 99
	// The promise is about a machine with time to spare; one that does much else gets three chances.
	var found map[string]int
	for range 3 {
		found = map[string]int{}
		for i := range tries {
			v, err := volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1, Name: name(i)}, nil).Extract()
			must(t, err)
			if v.Status != "creating" {
				t.Errorf("the answer to the create says %s, want creating", v.Status)
			}
			found[get(t, c, v.ID).Status]++
		}
		if found["available"] >= promised {
			break
		}
	}
	if found["available"] < promised {
		t.Errorf("the first GETs found %v, want at least %d of %d available", found, promised, tries)
	}
	t.Log("the first GETs found", found)
}
