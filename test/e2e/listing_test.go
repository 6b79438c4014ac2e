package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/snapshots"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/pagination"

	"github.com/clinker/clinker/test/harness"
)

// names are the names of volumes, in the order given.
func names(all []volumes.Volume) []string {
	list := make([]string, 0, len(all))
	for _, v := range all {
		list = append(list, v.Name)
	}
	return list
}

// sequence is the names of volumes from one number to another, forwards or backwards.
func sequence(from, to int) []string {
	var list []string
	for i := min(from, to); i <= max(from, to); i++ {
		list = append(list, name(i))
	}
	if from > to {
		slices.Reverse(list)
	}
	return list
}

// TestPaging walks 25 volumes with gophercloud's pager, whose next links are the server's.
func TestPaging(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "[DEFAULT]\nuse_default_quota_class = false\nquota_volumes = -1\nquota_snapshots = -1\n")
	c := cloud.Client(t, "9a9e5", latest)
	for i := range 25 {
		create(t, c, volumes.CreateOpts{Size: 1 + i%3, Name: name(i), Metadata: map[string]string{"parity": fmt.Sprint(i % 2), "n": fmt.Sprint(i)}})
	}
	create(t, cloud.Client(t, "07e4", latest), volumes.CreateOpts{Size: 1, Name: "another project's"})

	for _, limit := range []int{1, 7, 24, 25, 26} {
		var got []string
		pages := 0
		err := volumes.List(c, volumes.ListOpts{Limit: limit}).EachPage(t.Context(), func(_ context.Context, page pagination.Page) (bool, error) {
			part, err := volumes.ExtractVolumes(page)
			if len(part) > limit {
				t.Errorf("limit %d: a page of %d", limit, len(part))
			}
			pages++
			got = append(got, names(part)...)
			return true, err
		})
		must(t, err)
		if diff := cmp.Diff(sequence(24, 0), got); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
		if least := 25 / limit; pages < least || pages > least+1 {
			t.Errorf("limit %d: %d pages", limit, pages)
		}
	}
	for _, q := range []struct {
		what string
		opts volumes.ListOpts
		want []string
	}{
		{"by name", volumes.ListOpts{Sort: "name:asc", Limit: 4}, sequence(0, 24)},
		{"by name, backwards", volumes.ListOpts{Sort: "name:desc", Limit: 10}, sequence(24, 0)},
		{"by creation", volumes.ListOpts{Sort: "created_at:asc", Limit: 10}, sequence(0, 24)},
		{"by size and name", volumes.ListOpts{Sort: "size:desc,name:asc", Limit: 3}, bySize()},
		{"with offset", volumes.ListOpts{Sort: "name:asc", Offset: 20}, sequence(20, 24)},
		{"of one name", volumes.ListOpts{Name: name(7)}, []string{name(7)}},
		{"of one status", volumes.ListOpts{Status: "error"}, []string{}},
		{"of one metadata entry", volumes.ListOpts{Metadata: map[string]string{"n": "3"}}, []string{name(3)}},
		{"of two metadata entries", volumes.ListOpts{Metadata: map[string]string{"n": "3", "parity": "0"}}, []string{}},
		{"that are bootable", volumes.ListOpts{Bootable: new(true)}, []string{}},
		{"of another project, without all_tenants", volumes.ListOpts{TenantID: "07e4"}, nil},
		{"of another project", volumes.ListOpts{TenantID: "07e4", AllTenants: true}, []string{"another project's"}},
	} {
		got := names(list(t, c, q.opts))
		if q.want == nil {
			if slices.Contains(got, "another project's") {
				t.Errorf("volumes %s: %v", q.what, got)
			}
			continue
		}
		if diff := cmp.Diff(q.want, got); diff != "" {
			t.Errorf("volumes %s (-want +got):\n%s", q.what, diff)
		}
	}
	if n := len(list(t, c, volumes.ListOpts{AllTenants: true})); n != 26 {
		t.Errorf("all_tenants shows %d, want 26", n)
	}
	pageByHand(t, cloud)
}

func bySize() []string {
	var list []string
	for _, rest := range []int{2, 1, 0} {
		for i := rest; i < 25; i += 3 {
			list = append(list, name(i))
		}
	}
	return list
}

// pageByHand looks at what gophercloud does not show: links, counts, markers, newer filters.
func pageByHand(t *testing.T, cloud *harness.Cloud) {
	t.Helper()
	type page struct {
		Volumes []volumes.Volume `json:"volumes"`
		Links   []struct{ Rel, Href string }
		Count   *int
	}
	read := func(query, version string) (p page) {
		t.Helper()
		r := cloud.Do(t, harness.Request{Path: "/v3/volumes?" + query, Project: "9a9e5", Version: version})
		want(t, query, r, 200)
		text := strings.ReplaceAll(string(r.Body), `"volumes_links"`, `"links"`)
		harness.Response{Body: []byte(text)}.Into(t, &p)
		return p
	}
	first := read("limit=10&sort=name:asc&with_count=true", "3.45")
	if first.Count == nil || *first.Count != 25 || len(first.Volumes) != 10 || len(first.Links) != 1 || first.Links[0].Rel != "next" {
		t.Fatalf("the first page: %d volumes, count %v, links %v", len(first.Volumes), first.Count, first.Links)
	}
	next, err := url.Parse(first.Links[0].Href)
	must(t, err)
	if next.Query().Get("marker") != first.Volumes[9].ID || next.Query().Get("limit") != "10" || next.Host != cloud.Bind+":8776" || next.Path != "/v3/volumes" {
		t.Errorf("the next link: %s", next)
	}
	second := read(next.RawQuery, "3.45")
	if diff := cmp.Diff(sequence(10, 19), names(second.Volumes)); diff != "" {
		t.Error(diff)
	}
	if p := read("limit=10&sort=name:asc&with_count=true", "3.44"); p.Count != nil {
		t.Errorf("a count before 3.45: %d", *p.Count)
	}
	if p := read("limit=0", latest); len(p.Volumes) != 0 {
		t.Errorf("limit=0 shows %d", len(p.Volumes))
	}
	if p := read("sort=name:asc&limit=2&marker="+first.Volumes[24-15].ID, latest); len(p.Volumes) != 2 || p.Volumes[0].Name != name(10) {
		t.Errorf("after the marker: %v", names(p.Volumes))
	}
	for query, n := range map[string]int{
		"name~=volume-1": 10, "status=available": 25, "created_at=gt:2020-01-01T00:00:00": 25, "created_at=lt:2020-01-01T00:00:00": 0, "size=3": 8,
		"metadata=%7B%27parity%27:%20%271%27%7D": 12, "with_count=true&name~=volume-2": 5,
	} {
		p := read(query, latest)
		if len(p.Volumes) != n {
			t.Errorf("%s: %d volumes, want %d", query, len(p.Volumes), n)
		}
		if p.Count != nil && *p.Count != n {
			t.Errorf("%s: count %d, want %d", query, *p.Count, n)
		}
	}
	var sum struct {
		Summary struct {
			Count int `json:"total_count"`
			Size  int `json:"total_size"`
		} `json:"volume-summary"`
	}
	cloud.Do(t, harness.Request{Path: "/v3/volumes/summary", Project: "9a9e5", Version: "3.12"}).Into(t, &sum)
	if sum.Summary.Count != 25 || sum.Summary.Size != 9*1+8*2+8*3 {
		t.Errorf("summary: %+v", sum.Summary)
	}
}

// TestProjects: a project sees its own, and without all_tenants nothing else.
func TestProjects(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	mine, theirs := cloud.Client(t, "0a", latest), cloud.Client(t, "0b", latest)
	v := create(t, mine, volumes.CreateOpts{Size: 1, Name: "mine"})
	snapshot(t, mine, v.ID, "mine")
	if n := len(list(t, theirs, volumes.ListOpts{})); n != 0 {
		t.Errorf("another project sees %d volumes", n)
	}
	pages, err := snapshots.ListDetail(theirs, snapshots.ListOpts{}).AllPages(t.Context())
	must(t, err)
	if all, err := snapshots.ExtractSnapshots(pages); err != nil || len(all) != 0 {
		t.Errorf("another project sees snapshots: %v %v", all, err)
	}
	// Without Keystone everyone is an administrator, who may reach them by their ids.
	if got := get(t, theirs, v.ID); got.TenantID != "0a" {
		t.Errorf("the volume is of project %q", got.TenantID)
	}
}

// TestSnapshotList pages and filters snapshots.
func TestSnapshotList(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "5a", latest)
	v, w := create(t, c, volumes.CreateOpts{Size: 1}), create(t, c, volumes.CreateOpts{Size: 1})
	for i := range 6 {
		of := v
		if i%3 == 0 {
			of = w
		}
		snapshot(t, c, of.ID, name(i))
	}
	for _, q := range []struct {
		what string
		opts snapshots.ListOpts
		want []string
	}{
		{"all", snapshots.ListOpts{Limit: 4, Sort: "name:asc"}, sequence(0, 5)},
		{"of a volume", snapshots.ListOpts{VolumeID: w.ID, Sort: "name:asc"}, []string{name(0), name(3)}},
		{"of a name", snapshots.ListOpts{Name: name(4)}, []string{name(4)}},
		{"of a status", snapshots.ListOpts{Status: "error"}, nil},
	} {
		pages, err := snapshots.ListDetail(c, q.opts).AllPages(t.Context())
		must(t, err)
		all, err := snapshots.ExtractSnapshots(pages)
		must(t, err)
		var got []string
		for _, s := range all {
			got = append(got, s.Name)
		}
		if diff := cmp.Diff(q.want, got); diff != "" {
			t.Errorf("snapshots %s (-want +got):\n%s", q.what, diff)
		}
	}
	s, err := snapshots.Update(t.Context(), c, snapshot(t, c, v.ID, "old").ID, snapshots.UpdateOpts{Name: new("new"), Description: new("told")}).Extract()
	must(t, err)
	if s.Name != "new" || s.Description != "told" {
		t.Errorf("after the update: %+v", s)
	}
	md, err := snapshots.UpdateMetadata(t.Context(), c, s.ID, snapshots.UpdateMetadataOpts{Metadata: map[string]any{"k": "v"}}).ExtractMetadata()
	must(t, err)
	if diff := cmp.Diff(map[string]any{"k": "v"}, md); diff != "" {
		t.Error(diff)
	}
}

// TestMetadata: entries are read, merged, replaced and deleted, and If-Match guards against another's change.
func TestMetadata(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1, Metadata: map[string]string{"one": "1"}})
	s := snapshot(t, c, v.ID, "s")
	for _, path := range []string{"/v3/volumes/" + v.ID + "/metadata", "/v3/snapshots/" + s.ID + "/metadata"} {
		do := func(method, path string, body any, ifMatch string) harness.Response {
			t.Helper()
			r := harness.Request{Method: method, Path: path, Body: body, Version: "3.15"}
			if ifMatch != "" {
				r.Header = http.Header{"If-Match": {ifMatch}}
			}
			return cloud.Do(t, r)
		}
		whole := func(what string, r harness.Response, md map[string]string) {
			t.Helper()
			want(t, what, r, 200)
			var body struct{ Metadata map[string]string }
			r.Into(t, &body)
			if diff := cmp.Diff(md, body.Metadata); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", what, path, diff)
			}
		}
		whole("replace", do("PUT", path, map[string]any{"metadata": map[string]string{"one": "1"}}, ""), map[string]string{"one": "1"})
		whole("merge", do("POST", path, map[string]any{"metadata": map[string]string{"two": "2"}}, ""), map[string]string{"one": "1", "two": "2"})
		before := do("GET", path, nil, "")
		whole("read", before, map[string]string{"one": "1", "two": "2"})
		tag := before.Header.Get("ETag")
		if tagged := strings.HasPrefix(path, "/v3/volumes/"); tagged != (tag != "") {
			t.Fatalf("%s has ETag %q; since 3.15 volumes have one, snapshots have none", path, tag)
		}
		whole("replace with the right tag", do("PUT", path, map[string]any{"metadata": map[string]string{"three": "3"}}, tag), map[string]string{"three": "3"})
		if tag != "" {
			want(t, "replace with an old tag", do("PUT", path, map[string]any{"metadata": map[string]string{"four": "4"}}, tag), 412)
			want(t, "set one with an old tag", do("PUT", path+"/three", map[string]any{"meta": map[string]string{"three": "x"}}, tag), 412)
			if now := do("GET", path, nil, "").Header.Get("ETag"); now == tag {
				t.Error("another content has the same ETag")
			}
		}
		whole("after the refusals", do("GET", path, nil, ""), map[string]string{"three": "3"})
		want(t, "set one", do("PUT", path+"/three", map[string]any{"meta": map[string]string{"three": "drei"}}, ""), 200)
		one := do("GET", path+"/three", nil, "")
		if want := `{"meta":{"three":"drei"}}`; strings.ReplaceAll(string(one.Body), " ", "") != want {
			t.Errorf("one entry: %s, want %s", one.Body, want)
		}
		want(t, "delete", do("DELETE", path+"/three", nil, ""), 200)
		wantFault(t, "delete again", do("DELETE", path+"/three", nil, ""), 404, "has no metadata with key three")
		whole("at the end", do("GET", path, nil, ""), map[string]string{})
		if tag := cloud.Do(t, harness.Request{Path: path, Version: "3.14"}).Header.Get("ETag"); tag != "" {
			t.Errorf("an ETag before 3.15: %s", tag)
		}
	}
	updated, err := volumes.Update(t.Context(), c, v.ID, volumes.UpdateOpts{Name: new("renamed"), Description: new("told"), Metadata: map[string]string{"k": "v"}}).Extract()
	must(t, err)
	if updated.Name != "renamed" || updated.Description != "told" || updated.Metadata["k"] != "v" {
		t.Errorf("after the update: %+v", updated)
	}
}
