package api_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

func TestVolumeList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin, other := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "ops").At("3.71"), c.As(t, apitest.Member, "q").At("3.71")
	one := m.Volume("name", "one", "size", 3, "metadata", object("k", "v", "x", "y"))
	two := m.Volume("name", "two", "size", 1, "metadata", object("k", "w"))
	three := m.Volume("name", "three", "size", 2)
	theirs := other.Volume("name", "one")
	m.SetBootable(two)
	m.SetStatus(three, block.VolumeError)
	later := url.QueryEscape(time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05"))
	names := map[string]string{one: "one", two: "two", three: "three", theirs: "theirs"}
	for _, tc := range []struct {
		as      apitest.Caller
		version string
		query   string
		want    []string
	}{
		{m, "", "", []string{"three", "two", "one"}},
		{other, "", "", []string{"theirs"}},
		{admin, "", "", nil},
		{admin, "", "all_tenants=1", []string{"theirs", "three", "two", "one"}},
		{m, "", "all_tenants=1", []string{"three", "two", "one"}},
		{m, "", "all_tenants=maybe", []string{"three", "two", "one"}},
		{admin, "", "all_tenants=1&project_id=q", []string{"theirs"}},
		{m, "", "project_id=q", []string{"three", "two", "one"}}, // dropped before 3.31
		{m, "", "limit=0", nil},
		{m, "", "limit=2", []string{"three", "two"}},
		{m, "", "limit=2&marker=" + two, []string{"one"}},
		{m, "", "limit=1&offset=1", []string{"two"}},
		{m, "", "marker=" + one, nil},
		{m, "", "sort=name:asc", []string{"one", "three", "two"}},
		{m, "", "sort=size:desc", []string{"one", "three", "two"}},
		{m, "", "sort_key=size&sort_dir=asc", []string{"two", "three", "one"}},
		{m, "", "sort=status:desc,name:asc", []string{"three", "one", "two"}},
		{m, "", "name=two", []string{"two"}},
		{m, "", "name~=t", []string{"three", "two", "one"}}, // dropped before 3.31
		{admin, "3.34", "all_tenants=1&name~=t", []string{"three", "two"}},
		{m, "", "status=error", []string{"three"}},
		{m, "", "size=1", []string{"two"}},
		{m, "", "size=[1,3]", []string{"two", "one"}},
		{m, "", "status=" + url.QueryEscape("['error', 'available']"), []string{"three", "two", "one"}},
		{m, "", "status=" + url.QueryEscape("'error'"), []string{"three"}},
		{m, "3.31", "group_id=None", []string{"three", "two", "one"}},
		{m, "", "bootable=true", []string{"two"}},
		{m, "", "bootable=0", []string{"three", "one"}},
		{m, "", "availability_zone=nova&status=available", []string{"two", "one"}},
		{m, "", "metadata=" + url.QueryEscape("{'k': 'v'}"), []string{"one"}},
		{m, "", "metadata=" + url.QueryEscape(`{"k": "w"}`), []string{"two"}},
		{m, "", "metadata=" + url.QueryEscape("{'k': 'v', 'x': 'z'}"), nil},
		{m, "", "metadata=k", nil},
		{m, "3.30", "created_at=gt:" + later, []string{"three", "two", "one"}},
		{admin, "3.30", "all_tenants=1&created_at=gt:" + later, []string{"theirs", "three", "two", "one"}},
		{m, "3.31", "created_at=lt:" + later, []string{"three", "two", "one"}},
		{m, "3.31", "created_at=gt:" + later, nil},
		{m, "3.31", "consumes_quota=true", []string{"three", "two", "one"}},
		{m, "3.31", "consumes_quota=false", nil},
		{m, "3.30", "consumes_quota=true", nil}, // not known yet, but among the filters
		{admin, "3.30", "all_tenants=1&use_quota=false", []string{"theirs", "three", "two", "one"}},
		{admin, "3.31", "all_tenants=1&use_quota=false", nil},
		{admin, "3.31", "all_tenants=1&with_count=1", nil}, // a filter as yet, and no column
		{m, "3.30", "caf%C3%A9=x", []string{"three", "two", "one"}},
		{m, "3.30", "unknown=x", []string{"three", "two", "one"}},
	} {
		t.Run(fmt.Sprintf("%s %s %s", tc.as.Request.ProjectID, tc.version, tc.query), func(t *testing.T) {
			var got []string
			as := tc.as.On(t).At(tc.version)
			for _, id := range ids(as, "/volumes?"+tc.query, "volumes") {
				got = append(got, names[id])
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(ids(as, "/volumes?"+tc.query, "volumes"), ids(as, "/volumes/detail?"+tc.query, "volumes")); d != "" {
				t.Errorf("detail lists others (-index +detail): %s", d)
			}
		})
	}

	m.Get("/volumes?limit=1").Is(200, fill(`{"volumes": [{"id": "<V>", "name": "three", "links": [
		{"rel": "self", "href": "http://cloud/p/volumes/<V>"}, {"rel": "bookmark", "href": "http://cloud/p/volumes/<V>"}]}],
		"volumes_links": [{"rel": "next", "href": "http://cloud/p/volumes?limit=1&marker=<V>"}]}`, "<V>", three))
	for path, want := range map[string]bool{"/volumes/detail?limit=3": true, "/volumes/detail?limit=4": false, "/volumes/detail": false} {
		if _, link := m.Get(path).JSON()["volumes_links"]; link != want {
			t.Errorf("%s has a next link: %v", path, link)
		}
	}
}

func TestVolumeListMore(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "p")
	m.Volume("metadata", object("k", "v"))
	m.Volume("size", 4, "metadata", object("k", "w"))
	for version, want := range map[string]any{"3.30": nil, "3.45": 2.0} {
		if got := m.At(version).Get("/volumes?limit=1&with_count=true").OK(200).At("count"); got != want {
			t.Errorf("count at %s is %v", version, got)
		}
	}
	for _, tc := range []struct {
		as      apitest.Caller
		version string
		query   string
		text    string
	}{
		{m, "", "limit=x", "limit param must be an integer"},
		{m, "", "limit=-1", "limit param must be positive"},
		{m, "", "offset=x", "offset must be an integer"},
		{m, "", "offset=-1", "offset must be >= 0"},
		{m, "", "sort=nothing", "Invalid input received: Invalid sort key"},
		{m, "", "sort=name:up", "Unknown sort direction, must be 'desc' or 'asc'."},
		{m, "", "sort=name&sort_key=name", "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter."},
		{m, "3.31", "unknown=x&bad=y", "Invalid filters bad,unknown are found in query options."},
		{m, "3.31", "caf%C3%A9=x", "Filter keys can only contain ASCII characters."},
		{m, "3.45", "with_count=maybe", "Value 'maybe' for 'with_count' is not a boolean."},
		{admin, "", "all_tenants=maybe", "Value 'maybe' for 'all_tenants' is not a boolean."},
		{m, "3.2", "bootable=maybe", "'bootable = maybe'"},
		{m, "3.31", "created_at=near:2026-01-01", "Invalid near operator"},
		{m, "3.31", "created_at=gt:soon", "Invalid soon value"},
		{m, "3.31", "consumes_quota=maybe", "Value 'maybe' for 'use_quota' is not a boolean."},
		{m, "3.34", "name~=x", "Invalid filters name~ are found in query options."},
		{m, "3.44", "with_count=1", "Invalid filters with_count are found in query options."},
	} {
		tc.as.At(tc.version).Get("/volumes?"+tc.query).Fault(400, tc.text)
	}
	m.Get("/volumes?marker="+nowhere).Fault(404, "Volume "+nowhere+" could not be found.")

	m.At("3.11").Get("/volumes/summary").Fault(404, "")
	m.At("3.12").Get("/volumes/summary").Is(200, `{"volume-summary": {"total_count": 2, "total_size": 5}}`)
	m.At("3.36").Get("/volumes/summary?unknown=x&limit=x").Is(200, `{"volume-summary": {"total_count": 2, "total_size": 5, "metadata": {"k": ["v", "w"]}}}`)
	m.At("3.36").Get("/volumes/summary?size=4").Is(200, `{"volume-summary": {"total_count": 1, "total_size": 4, "metadata": {"k": ["w"]}}}`)
	m.At("3.12").Get("/volumes/summary?status=error").Is(200, `{"volume-summary": {"total_count": 0, "total_size": 0}}`)
	m.At("3.12").Get("/volumes/summary?bootable=maybe").Fault(400, "'bootable = maybe'")
	target := m.Volume("metadata", object("t", "t"))
	m.Set(target, store.VolumeSet{MigrationStatus: new("target:" + target)})
	if got := len(ids(m, "/volumes", "volumes")); got != 2 {
		t.Errorf("a member sees %d volumes, what one is moved to among them", got)
	}
	if got := len(ids(admin, "/volumes", "volumes")); got != 3 {
		t.Errorf("an administrator sees %d volumes", got)
	}
	m.Set(target, store.VolumeSet{MigrationStatus: new("")})
	m.Delete("/volumes/" + target).Empty(202)
	c.As(t, apitest.Member, "q").At("3.36").Get("/volumes/summary?all_tenants=1").Is(200, `{"volume-summary": {"total_count": 0, "total_size": 0, "metadata": {}}}`)
	c.As(t, apitest.Admin, "q").At("3.12").Get("/volumes/summary?all_tenants=1").Is(200, `{"volume-summary": {"total_count": 2, "total_size": 5}}`)
}

func TestVolumeMetadata(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	id := m.Volume("metadata", object("k", "v"))
	path := "/volumes/" + id + "/metadata"
	// What Python's hashlib.md5(json.dumps({"metadata": {"k": "v"}})) gives.
	const tag = "8cfa0e3346bdcec9c73891be4a6c18a7"
	a := m.Get(path).Is(200, `{"metadata": {"k": "v"}}`)
	etag := a.Header.Get("ETag")
	if etag != tag {
		t.Errorf("the ETag is %q", etag)
	}
	if got := m.At("3.14").Get(path).Header.Get("ETag"); got != "" {
		t.Errorf("before 3.15 there is the ETag %q", got)
	}
	m.Put(path, object("metadata", object("k", "w")), "If-Match: nonsense").Empty(412)
	m.Put(path+"/k", object("meta", object("k", "w")), "If-Match: nonsense").Empty(412)
	if got := m.Row(id).Metadata["k"]; got != "v" {
		t.Errorf("a refused write wrote %q", got)
	}
	m.Put(path, object("metadata", object("k", "w")), "If-Match: "+etag).Is(200, `{"metadata": {"k": "w"}}`)
	m.At("3.14").Put(path, object("metadata", object("k", "w2")), "If-Match: nonsense").Is(200, `{"metadata": {"k": "w2"}}`)
	m.Post(path, object("metadata", object("x", "y"))).Is(200, `{"metadata": {"k": "w2", "x": "y"}}`)
	m.Get(path+"/x").Is(200, `{"meta": {"x": "y"}}`)
	m.Put(path+"/x", object("meta", object("x", "z"))).Is(200, `{"meta": {"x": "z"}}`)
	m.Put(path+"/new", object("meta", object("new", ""))).Is(200, `{"meta": {"new": ""}}`)
	m.Delete(path + "/k").Empty(200)
	if d := cmp.Diff(map[string]string{"x": "z", "new": ""}, m.Row(id).Metadata); d != "" {
		t.Errorf("the row (-want +got): %s", d)
	}
	m.Put(path, object("metadata", object())).Is(200, `{"metadata": {}}`)

	m.Get(path+"/k").Fault(404, "Volume "+id+" has no metadata with key k.")
	m.Delete(path+"/k").Fault(404, "Volume "+id+" has no metadata with key k.")
	m.Put(path+"/k", object("meta", object("x", "y"))).Fault(400, "Request body and URI mismatch")
	m.Put(path+"/k", object("meta", object("k", "v", "x", "y"))).Fault(400, "{'k': 'v', 'x': 'y'} has too many properties")
	m.Put(path+"/k", object("meta", object())).Fault(400, "{} should be non-empty")
	m.Put(path, object("metadata", object("", "v"))).Fault(400, "")
	m.Put(path, object("metadata", object("k", 5))).Fault(400, "")
	m.Put(path, object("metadata", nil)).Fault(400, "")
	m.Post(path, object()).Fault(400, "'metadata' is a required property")
	m.Get("/volumes/"+nowhere+"/metadata").Fault(404, "Volume "+nowhere+" could not be found.")
	m.Post(path, object("metadata", object("k", "v"))).OK(200)
	for _, status := range []block.VolumeStatus{block.VolumeMaintenance, block.VolumeUploading} {
		m.Set(id, store.VolumeSet{Status: &status})
		m.Post(path, object("metadata", object("x", "y"))).Fault(400, fmt.Sprintf("Updating volume metadata is not allowed for volumes in %s status.", status))
		m.Delete(path+"/k").Fault(400, fmt.Sprintf("Deleting volume metadata is not allowed for volumes in %s status.", status))
	}
	if d := cmp.Diff(map[string]string{"k": "v"}, m.Row(id).Metadata); d != "" {
		t.Errorf("refused writes wrote (-want +got): %s", d)
	}
}
