package query_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/image/api/query"
)

func limit(asked *int) int {
	if asked == nil {
		return 25
	}
	return min(*asked, 1000)
}

func TestLinks(t *testing.T) {
	for raw, want := range map[string][2]string{
		"": {"", "?marker=m+1"}, "limit=2": {"?limit=2", "?limit=2&marker=m+1"}, "marker=old&b=1&a=%20x": {"?b=1&a=+x", "?b=1&a=+x&marker=m+1"},
		"tag=a&tag=b&&c": {"?tag=a&tag=b&c=", "?tag=a&tag=b&c=&marker=m+1"}, "bad=%zz&x=1": {"?x=1", "?x=1&marker=m+1"},
	} {
		first, next := query.Links(raw, "m 1")
		if first != want[0] || next != want[1] {
			t.Errorf("%q: %q and %q, want %q", raw, first, next, want)
		}
	}
	if _, next := query.Links("a=b", ""); next != "" {
		t.Errorf("a next page: %q", next)
	}
}

func TestQuotedLists(t *testing.T) {
	for text, want := range map[string][]string{
		"in:a": {"a"}, "in:a,b": {"a", "b"}, `in:"a,b",c`: {"a,b", "c"}, `in:"a\"b"`: {`a\"b`}, "a": {"a"}, "eq:a": {"a"}, "in:": nil, `in:"a b","c"`: {"a b", "c"},
	} {
		q, err := query.Images(url.Values{"name": {text}}, limit)
		if err != nil || !slices.Equal(q.In["name"], want) {
			t.Errorf("%s: %q, %v", text, q.In["name"], err)
		}
	}
}

func TestTooManyFilters(t *testing.T) {
	values := url.Values{}
	for n := range 101 {
		values.Set(strings.Repeat("x", n+1), "1")
	}
	if _, err := query.Images(values, limit); err == nil {
		t.Error("101 filters are let through")
	}
}

// FuzzImages: whatever a query string says, it is read or refused, and names no column that there is not.
func FuzzImages(f *testing.F) {
	for _, raw := range []string{"name=in:%22a,b%22,c&sort=name:asc,size", "created_at=gte:2020-01-01T00:00:00Z&size_min=5", "limit=-1&marker=x&member_status=all",
		"os_hidden=true&visibility=public&tag=a&tag=b", "sort_key=id&sort_key=name&sort_dir=asc", "x_min=1&deleted=1"} {
		f.Add(raw)
	}
	known := []string{"id", "name", "status", "owner", "container_format", "disk_format", "checksum", "os_hash_algo", "os_hash_value", "size", "virtual_size",
		"min_disk", "min_ram", "created_at", "updated_at"}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := query.Images(values, limit)
		if err != nil {
			return
		}
		if q.Page.Limit < 0 || q.Page.Limit > 1000 || len(q.Page.Sort) == 0 {
			t.Errorf("%q: page %+v", raw, q.Page)
		}
		names := []string{}
		for name := range q.In {
			names = append(names, name)
		}
		for _, m := range []map[string]int64{q.Equal, q.Min, q.Max} {
			for name := range m {
				names = append(names, name)
			}
		}
		for _, s := range q.Page.Sort {
			names = append(names, s.Key)
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				t.Errorf("%q: there is no column %q", raw, name)
			}
		}
		first, next := query.Links(raw, "marker")
		for _, link := range []string{first, next} {
			if _, err := url.ParseQuery(strings.TrimPrefix(link, "?")); err != nil {
				t.Errorf("%q: the link %q is none: %v", raw, link, err)
			}
		}
	})
}
