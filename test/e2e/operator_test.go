package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/availabilityzones"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/limits"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/schedulerstats"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/services"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumetypes"

	"github.com/clinker/clinker/test/harness"
)

// TestTypes makes, changes, lists and deletes volume types, with extra specs and access.
func TestTypes(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "7e4", latest)
	vt, err := volumetypes.Create(t.Context(), c, volumetypes.CreateOpts{Name: "gold", Description: "dear", ExtraSpecs: map[string]string{"vendor:tier": "1"}}).Extract()
	must(t, err)
	if vt.Name != "gold" || vt.Description != "dear" || !vt.IsPublic || vt.ExtraSpecs["vendor:tier"] != "1" {
		t.Errorf("the new type: %+v", vt)
	}
	refused(t, "another of that name", volumetypes.Create(t.Context(), c, volumetypes.CreateOpts{Name: "gold"}).Err, 409, "gold")
	vt, err = volumetypes.Update(t.Context(), c, vt.ID, volumetypes.UpdateOpts{Name: new("golden"), Description: new("dearer")}).Extract()
	must(t, err)
	if vt.Name != "golden" || vt.Description != "dearer" {
		t.Errorf("after the update: %+v", vt)
	}

	specs, err := volumetypes.CreateExtraSpecs(t.Context(), c, vt.ID, volumetypes.ExtraSpecsOpts{"volume_backend_name": "file", "vendor:k": "v"}).Extract()
	must(t, err)
	if specs["vendor:k"] != "v" {
		t.Errorf("created extra specs: %v", specs)
	}
	_, err = volumetypes.UpdateExtraSpec(t.Context(), c, vt.ID, volumetypes.ExtraSpecsOpts{"vendor:k": "w"}).Extract()
	must(t, err)
	must(t, volumetypes.DeleteExtraSpec(t.Context(), c, vt.ID, "vendor:tier").ExtractErr())
	specs, err = volumetypes.ListExtraSpecs(t.Context(), c, vt.ID).Extract()
	must(t, err)
	if diff := cmp.Diff(map[string]string{"volume_backend_name": "file", "vendor:k": "w"}, specs); diff != "" {
		t.Errorf("extra specs (-want +got):\n%s", diff)
	}
	_, err = volumetypes.GetExtraSpec(t.Context(), c, vt.ID, "vendor:tier").Extract()
	refused(t, "a spec that is gone", err, 404, "vendor:tier")
	create(t, c, volumes.CreateOpts{Size: 1, VolumeType: vt.ID})

	pages, err := volumetypes.List(c, volumetypes.ListOpts{Sort: "name:asc"}).AllPages(t.Context())
	must(t, err)
	all, err := volumetypes.ExtractVolumeTypes(pages)
	must(t, err)
	var got []string
	for _, vt := range all {
		got = append(got, vt.Name)
	}
	if diff := cmp.Diff([]string{"__DEFAULT__", "golden"}, got); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	def, err := volumetypes.Get(t.Context(), c, "default").Extract()
	must(t, err)
	if def.Name != "__DEFAULT__" {
		t.Errorf("the default type is %s", def.Name)
	}
	refused(t, "delete of the default type", volumetypes.Delete(t.Context(), c, def.ID).ExtractErr(), 400)
	refused(t, "a type that is not there", volumetypes.Get(t.Context(), c, nobody).Err, 404, "Volume type "+nobody+" could not be found.")
}

// TestTypeAccess: a private type is for the projects that were let in.
func TestTypeAccess(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "7e5", latest)
	vt, err := volumetypes.Create(t.Context(), c, volumetypes.CreateOpts{Name: "secret", IsPublic: new(false)}).Extract()
	must(t, err)
	if vt.IsPublic || vt.PublicAccess {
		t.Errorf("the private type: %+v", vt)
	}
	access := func() (projects []string) {
		t.Helper()
		pages, err := volumetypes.ListAccesses(c, vt.ID).AllPages(t.Context())
		must(t, err)
		list, err := volumetypes.ExtractAccesses(pages)
		must(t, err)
		for _, a := range list {
			projects = append(projects, a.ProjectID)
		}
		slices.Sort(projects)
		return projects
	}
	for _, project := range []string{"0a", "0b"} {
		must(t, volumetypes.AddAccess(t.Context(), c, vt.ID, volumetypes.AddAccessOpts{Project: project}).ExtractErr())
	}
	refused(t, "access that is there", volumetypes.AddAccess(t.Context(), c, vt.ID, volumetypes.AddAccessOpts{Project: "0a"}).ExtractErr(), 409, "0a")
	if diff := cmp.Diff([]string{"0a", "0b"}, access()); diff != "" {
		t.Error(diff)
	}
	must(t, volumetypes.RemoveAccess(t.Context(), c, vt.ID, volumetypes.RemoveAccessOpts{Project: "0a"}).ExtractErr())
	refused(t, "access that is gone", volumetypes.RemoveAccess(t.Context(), c, vt.ID, volumetypes.RemoveAccessOpts{Project: "0a"}).ExtractErr(), 404, "0a")
	if diff := cmp.Diff([]string{"0b"}, access()); diff != "" {
		t.Error(diff)
	}
	public := volumeType(t, c, "open", nil)
	want(t, "access to a public type", cloud.Do(t, harness.Request{Path: "/v3/types/" + public + "/os-volume-type-access"}), 404)
	refused(t, "adding access to a public type", volumetypes.AddAccess(t.Context(), c, public, volumetypes.AddAccessOpts{Project: "0a"}).ExtractErr(), 400)
	for query, n := range map[string]int{"is_public=False": 1, "is_public=True": 2, "is_public=None": 3} {
		var body struct {
			Types []struct{ Name string } `json:"volume_types"`
		}
		cloud.Do(t, harness.Request{Path: "/v3/types?" + query, Version: latest}).Into(t, &body)
		if len(body.Types) != n {
			t.Errorf("%s: %v, want %d", query, body.Types, n)
		}
	}
}

// TestServices: which services there are; one that is disabled gets no volumes.
func TestServices(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "0d", latest)
	read := func() map[string]services.Service {
		t.Helper()
		pages, err := services.List(c, services.ListOpts{}).AllPages(t.Context())
		must(t, err)
		all, err := services.ExtractServices(pages)
		must(t, err)
		by := map[string]services.Service{}
		for _, s := range all {
			by[s.Binary] = s
		}
		return by
	}
	harness.Eventually(t, "the services being up", func() (bool, string) {
		by := read()
		return len(by) == 3 && by["cinder-scheduler"].State == "up" && by["cinder-volume"].State == "up" && by["cinder-backup"].State == "up", "not all up"
	})
	by := read()
	if s := by["cinder-volume"]; s.Host != "clinker@file" || s.Zone != "nova" || s.Status != "enabled" {
		t.Errorf("the volume service: %+v", s)
	}
	put := func(what string, body map[string]any) harness.Response {
		t.Helper()
		return cloud.Do(t, harness.Request{Method: http.MethodPut, Path: "/v3/os-services/" + what, Body: body, Version: latest})
	}
	service := map[string]any{"host": "clinker@file", "binary": "cinder-volume"}
	reason := map[string]any{"host": "clinker@file", "binary": "cinder-volume", "disabled_reason": "being mended"}
	want(t, "disable", put("disable-log-reason", reason), 200)
	if s := read()["cinder-volume"]; s.Status != "disabled" || s.DisabledReason != "being mended" {
		t.Errorf("after disable-log-reason: %+v", s)
	}
	// The scheduler may look at its list of services a moment later (BUGS.md 2).
	harness.Eventually(t, "a volume with no service to go to", func() (bool, string) {
		v, err := volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1}, nil).Extract()
		must(t, err)
		var status string
		harness.Eventually(t, "the create being over", func() (bool, string) {
			status = get(t, c, v.ID).Status
			return status != "creating", status
		})
		must(t, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr())
		awaitGone(t, c, v.ID)
		return status == "error", status
	})
	want(t, "enable", put("enable", service), 200)
	wantFault(t, "a service that is not there", put("enable", map[string]any{"host": "moon", "binary": "cinder-volume"}), 404)

	var u *volumes.Volume
	harness.Eventually(t, "a volume for the service that is enabled again", func() (bool, string) {
		v, err := volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1}, nil).Extract()
		must(t, err)
		harness.Eventually(t, "the create being over", func() (bool, string) {
			u = get(t, c, v.ID)
			return u.Status != "creating", u.Status
		})
		if u.Status != "available" {
			must(t, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr())
		}
		return u.Status == "available", u.Status
	})
	want(t, "freeze", put("freeze", map[string]any{"host": "clinker@file"}), 200)
	refused(t, "delete on a frozen back end", volumes.Delete(t.Context(), c, u.ID, nil).ExtractErr(), 400)
	want(t, "thaw", put("thaw", map[string]any{"host": "clinker@file"}), 200)
	must(t, volumes.Delete(t.Context(), c, u.ID, nil).ExtractErr())
	awaitGone(t, c, u.ID)
}

// TestCloud: what the cloud says of itself.
func TestCloud(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "[DEFAULT]\nstorage_availability_zone = here\n")
	c := cloud.Client(t, "0e", latest)
	v := create(t, c, volumes.CreateOpts{Size: 3})
	if v.AvailabilityZone != "here" {
		t.Errorf("the volume is in zone %q", v.AvailabilityZone)
	}

	pages, err := availabilityzones.List(c).AllPages(t.Context())
	must(t, err)
	zones, err := availabilityzones.ExtractAvailabilityZones(pages)
	must(t, err)
	if len(zones) != 1 || zones[0].ZoneName != "here" || !zones[0].ZoneState.Available {
		t.Errorf("zones: %+v", zones)
	}

	l, err := limits.Get(t.Context(), c).Extract()
	must(t, err)
	if a := l.Absolute; a.MaxTotalVolumes != 10 || a.TotalVolumesUsed != 1 || a.TotalGigabytesUsed != 3 || a.MaxTotalVolumeGigabytes != 1000 {
		t.Errorf("limits: %+v", a)
	}

	pages, err = schedulerstats.List(c, schedulerstats.ListOpts{Detail: true}).AllPages(t.Context())
	must(t, err)
	pools, err := schedulerstats.ExtractStoragePools(pages)
	must(t, err)
	if len(pools) != 1 || pools[0].Name != "clinker@file#file" || pools[0].Capabilities.StorageProtocol != "nbd" ||
		pools[0].Capabilities.TotalCapacityGB <= 0 || pools[0].Capabilities.FreeCapacityGB <= 0 {
		t.Errorf("pools: %+v", pools)
	}

	var versions struct {
		Versions []struct {
			ID, Status, Version string
			MinVersion          string `json:"min_version"`
			Links               []struct{ Rel, Href string }
		}
	}
	for path, status := range map[string]int{"/": 300, "/v3/": 200} {
		r := cloud.Do(t, harness.Request{Path: path})
		want(t, path, r, status)
		r.Into(t, &versions)
		if len(versions.Versions) != 1 {
			t.Fatalf("%s: %s", path, r.Body)
		}
		if s := versions.Versions[0]; s.ID != "v3.0" || s.Status != "CURRENT" || s.Version != "3.71" || s.MinVersion != "3.0" ||
			!slices.ContainsFunc(s.Links, func(l struct{ Rel, Href string }) bool { return l.Rel == "self" && l.Href == cloud.URL("/v3/") }) {
			t.Errorf("%s: %+v", path, s)
		}
	}
	for asked, got := range map[string]string{"": "3.0", "3.27": "3.27", "latest": "3.71"} {
		r := cloud.Do(t, harness.Request{Path: "/v3/volumes", Version: asked})
		if h := r.Header.Get("OpenStack-API-Version"); h != "volume "+got || !strings.Contains(r.Header.Get("Vary"), "OpenStack-API-Version") {
			t.Errorf("asked for %q, the answer says %q, Vary %q", asked, h, r.Header.Get("Vary"))
		}
		if id := r.Header.Get("X-Openstack-Request-Id"); !strings.HasPrefix(id, "req-") || id != r.Header.Get("X-Compute-Request-Id") {
			t.Errorf("request ids %q and %q", id, r.Header.Get("X-Compute-Request-Id"))
		}
	}
	var extensions struct{ Extensions []struct{ Alias string } }
	cloud.Do(t, harness.Request{Path: "/v3/extensions"}).Into(t, &extensions)
	if !slices.ContainsFunc(extensions.Extensions, func(e struct{ Alias string }) bool { return e.Alias == "os-quota-sets" }) {
		t.Errorf("extensions: %+v", extensions)
	}
	// Who shows no token gets one, as without Keystone everybody may have it.
	r := cloud.Do(t, harness.Request{Path: "/v3/volumes", Header: http.Header{"X-Auth-Token": nil, "X-Auth-User": {"u"}, "X-Auth-Project-Id": {"0e"}}})
	if r.Status != 204 || r.Header.Get("X-Auth-Token") != "u:0e" {
		t.Errorf("without a token: status %d, token %q", r.Status, r.Header.Get("X-Auth-Token"))
	}
}
