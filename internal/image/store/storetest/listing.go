package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
)

// ids lists the ids that q chooses, all on one page unless it says otherwise.
func ids(t testing.TB, s store.Reader, q store.ImageQuery) (found []string) {
	t.Helper()
	if q.Page.Limit == 0 {
		q.Page.Limit = 100
	}
	images, err := s.Images(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range images {
		found = append(found, i.ID)
	}
	return found
}

// names are the names of what q chooses, in alphabetical order.
func names(t testing.TB, s store.Reader, q store.ImageQuery) string {
	t.Helper()
	q.Page = store.Page{Limit: 100, Sort: []store.Sort{{Key: "name"}}}
	images, err := s.Images(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, i := range images {
		text += *i.Name
	}
	return text
}

func testVisibility(t *testing.T, s store.Store) {
	with := func(n int, owner string, v image.Visibility) *image.Image {
		return newImage(n, func(i *image.Image) { i.Owner, i.Visibility = owner, v })
	}
	// a b c d are mine, e f g h theirs; i is shared with me and accepted, j pending, k rejected; l is nobody's.
	list := []*image.Image{with(0, mine, image.Private), with(1, mine, image.Shared), with(2, mine, image.Community), with(3, mine, image.Public),
		with(4, theirs, image.Private), with(5, theirs, image.Shared), with(6, theirs, image.Community), with(7, theirs, image.Public),
		with(8, theirs, image.Shared), with(9, theirs, image.Shared), with(10, theirs, image.Shared), with(11, "", image.Shared)}
	create(t, s, list...)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for n, status := range map[int]image.MemberStatus{8: image.MemberAccepted, 9: image.MemberPending, 10: image.MemberRejected} {
			if err := tx.CreateMember(ctx, &image.Member{ImageID: list[n].ID, MemberID: mine, Status: status}); err != nil {
				return err
			}
		}
		// One who was to have it while it was private does not see it.
		return tx.CreateMember(ctx, &image.Member{ImageID: list[4].ID, MemberID: mine, Status: image.MemberAccepted})
	})
	me := store.Viewer{ProjectID: mine, MemberStatus: image.MemberAccepted}
	admin := store.Viewer{ProjectID: mine, All: true}
	for _, c := range []struct {
		viewer     store.Viewer
		visibility string
		want       string
	}{
		{me, "", "abcdhi"}, {me, "all", "abcdghi"}, {me, "public", "dh"}, {me, "community", "cg"}, {me, "shared", "bi"}, {me, "private", "a"},
		{store.Viewer{ProjectID: mine, MemberStatus: image.MemberPending}, "shared", "bj"},
		{store.Viewer{ProjectID: mine}, "shared", "bijk"},
		{store.Viewer{ProjectID: others, MemberStatus: image.MemberAccepted}, "", "dh"},
		{store.Viewer{}, "", "dh"}, {store.Viewer{}, "all", "cdgh"},
		{admin, "", "abcdefhijkl"}, {admin, "all", "abcdefghijkl"}, {admin, "private", "ae"}, {admin, "community", "cg"},
		{store.Viewer{All: true}, "", "abdefhijkl"},
	} {
		if got := names(t, s, store.ImageQuery{Viewer: c.viewer, Visibility: c.visibility}); got != c.want {
			t.Errorf("%+v sees with %q %s, want %s", c.viewer, c.visibility, got, c.want)
		}
	}
}

func testFilters(t *testing.T, s store.Store) {
	a, b, c := full(0), newImage(1, nil), newImage(2, func(i *image.Image) {
		i.SizeBytes, i.DiskFormat, i.Tags = new(int64(5)), "raw", []string{"blue"}
		i.Properties = map[string]string{"os_distro": "Debian", "x": "1"}
	})
	create(t, s, a, b, c)
	all := store.Viewer{All: true}
	text := func(column string, values ...string) store.ImageQuery {
		return store.ImageQuery{In: map[string][]string{column: values}}
	}
	for name, q := range map[string]struct {
		query store.ImageQuery
		want  string
	}{
		"nothing":           {store.ImageQuery{}, "abc"},
		"hidden":            {store.ImageQuery{Hidden: new(true)}, "a"},
		"not hidden":        {store.ImageQuery{Hidden: new(false)}, "bc"},
		"protected":         {store.ImageQuery{Protected: new(true)}, "a"},
		"name":              {text("name", "b"), "b"},
		"names":             {text("name", "b", "c", "x"), "bc"},
		"name in capitals":  {text("name", "B"), ""},
		"no name":           {text("name"), ""},
		"id":                {text("id", a.ID), "a"},
		"status":            {text("status", "queued"), "bc"},
		"owner":             {text("owner", mine), "abc"},
		"formats":           {text("disk_format", "raw", "qcow2"), "ac"},
		"checksum":          {text("checksum", a.Checksum), "a"},
		"size":              {store.ImageQuery{Equal: map[string]int64{"size": 5}}, "c"},
		"size at least":     {store.ImageQuery{Min: map[string]int64{"size": 5}}, "ac"},
		"size at most":      {store.ImageQuery{Max: map[string]int64{"size": 5}}, "c"},
		"ram":               {store.ImageQuery{Min: map[string]int64{"min_ram": 1}, Max: map[string]int64{"min_disk": 3}}, "a"},
		"tag":               {store.ImageQuery{Tags: []string{"blue"}}, "ac"},
		"tags":              {store.ImageQuery{Tags: []string{"blue", "grün"}}, "a"},
		"property":          {store.ImageQuery{Properties: map[string]string{"os_distro": "debian"}}, "a"},
		"properties":        {store.ImageQuery{Properties: map[string]string{"os_distro": "Debian", "x": "1"}}, "c"},
		"unknown property":  {store.ImageQuery{Properties: map[string]string{"y": ""}}, ""},
		"an empty property": {store.ImageQuery{Properties: map[string]string{"empty": ""}}, "a"},
	} {
		q.query.Viewer = all
		if got := names(t, s, q.query); got != q.want {
			t.Errorf("%s: %q, want %q", name, got, q.want)
		}
	}
	for _, q := range []store.ImageQuery{text("x; DROP TABLE images", "1"), {Equal: map[string]int64{"name": 1}}, {Times: []store.TimeFilter{{Key: "name", Op: "eq"}}},
		{Times: []store.TimeFilter{{Key: "created_at", Op: "is"}}}} {
		q.Page.Limit = 1
		if _, err := s.Images(t.Context(), q); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func testTimes(t *testing.T, s store.Store) {
	create(t, s, newImage(0, nil), newImage(1, nil), newImage(2, nil))
	for op, want := range map[string]string{"lt": "a", "lte": "ab", "gt": "c", "gte": "bc", "eq": "b", "neq": "ac"} {
		for _, key := range []string{"created_at", "updated_at"} {
			q := store.ImageQuery{Viewer: store.Viewer{All: true}, Times: []store.TimeFilter{{Key: key, Op: op, At: began.Add(time.Second)}}}
			if got := names(t, s, q); got != want {
				t.Errorf("%s %s: %s, want %s", key, op, got, want)
			}
		}
	}
}

// testPaging: whatever the order, pages put together are the whole list.
func testPaging(t *testing.T, s store.Store) {
	var list []*image.Image
	for n := range 7 {
		list = append(list, newImage(n/2, func(i *image.Image) { // some were made at the same moment
			if n%3 > 0 {
				i.SizeBytes = new(int64(n % 2))
			}
			if n == 4 {
				i.Name = nil
			}
		}))
	}
	create(t, s, list...)
	for _, sort := range [][]store.Sort{nil, {{Key: "created_at"}}, {{Key: "id", Desc: true}}, {{Key: "size"}}, {{Key: "size", Desc: true}},
		{{Key: "name", Desc: true}, {Key: "size"}}, {{Key: "status"}, {Key: "name"}}, {{Key: "updated_at", Desc: true}, {Key: "id"}}, {{Key: "size"}, {Key: "size", Desc: true}}} {
		q := store.ImageQuery{Viewer: store.Viewer{All: true}, Page: store.Page{Limit: 100, Sort: sort}}
		want := ids(t, s, q)
		if len(want) != len(list) {
			t.Errorf("sorted by %v: %d images", sort, len(want))
		}
		var got []string
		for q.Page.Limit = 2; len(got) <= len(list); q.Page.Marker = got[len(got)-1] {
			page := ids(t, s, q)
			got = append(got, page...)
			if len(page) < 2 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("sorted by %v: pages %v, the whole %v", sort, got, want)
		}
	}
	newest := ids(t, s, store.ImageQuery{Viewer: store.Viewer{All: true}})
	if newest[0] != list[6].ID {
		t.Error("the newest does not come first")
	}
}

func testPagingMistakes(t *testing.T, s store.Store) {
	create(t, s, newImage(0, nil))
	all := store.Viewer{All: true}
	_, err := s.Images(t.Context(), store.ImageQuery{Viewer: all, Page: store.Page{Limit: 1, Marker: uuid.NewString()}})
	wantFault(t, err, fault.NotFound, "ImageNotFound")
	_, err = s.Images(t.Context(), store.ImageQuery{Viewer: all, Page: store.Page{Limit: 1, Sort: []store.Sort{{Key: "1; --"}}}})
	wantFault(t, err, fault.Invalid, "InvalidSortKey")
	if none, err := s.Images(t.Context(), store.ImageQuery{Viewer: all}); err != nil || len(none) != 0 {
		t.Errorf("a page of nothing has %v, %v", none, err)
	}
}
