package api_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/oslo/config"
)

// TestChosenExtensions: an operator's choice of extensions takes their routes, actions and fields away, and one there is not
// is refused.
func TestChosenExtensions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cinder.conf")
	read := func(lines ...string) ([]string, error) {
		if err := os.WriteFile(path, []byte("[DEFAULT]\n"+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Sources{Files: []string{path}}, api.ConfigOptions()...)
		if err != nil {
			t.Fatal(err)
		}
		o, err := api.OptionsFrom(c)
		return o.Only, err
	}
	const contrib = "osapi_volume_extension = cinder.api.contrib."
	for _, tc := range []struct {
		lines []string
		want  []string
	}{
		{nil, nil},
		{[]string{contrib + "standard_extensions", contrib + "hosts.Hosts"}, nil},
		{[]string{contrib + "hosts.Hosts", contrib + "volume_actions.Volume_actions"}, []string{"os-hosts", "os-volume-actions"}},
		{[]string{contrib + "select_extensions", "osapi_volume_ext_list = Backups,Qos_specs_manage"}, []string{"backups", "qos-specs"}},
		{[]string{contrib + "select_extensions"}, []string{}},
	} {
		got, err := read(tc.lines...)
		if d := cmp.Diff(tc.want, got); err != nil || d != "" {
			t.Errorf("%v: %v %s", tc.lines, err, d)
		}
	}
	for _, class := range []string{"hosts.Quotas", "nosuch.Nosuch", "Hosts"} {
		if _, err := read(contrib + class); err == nil || !strings.Contains(err.Error(), "there is no extension cinder.api.contrib."+class) {
			t.Errorf("%s: %v", class, err)
		}
	}
	if _, err := read(contrib+"select_extensions", "osapi_volume_ext_list = Hosts,hosts"); err == nil || !strings.Contains(err.Error(), ":3: ") ||
		!strings.Contains(err.Error(), "there is no extension hosts; accepted: Admin_actions, ") {
		t.Errorf("%v", err)
	}

	c := apitest.New(t, nil, func(o *apitest.Options) { o.API.Only = []string{"os-hosts"} })
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "p")
	admin.Get("/os-hosts").OK(200)
	admin.Get("/qos-specs").OK(404)
	admin.Post("/types", object("volume_type", object("name", "x"))).Fault(404, "The resource could not be found.")
	id := m.Volume()
	m.Post("/volumes/"+id+"/action", object("os-extend", object("new_size", 2))).Fault(400, "There is no such action: os-extend.")
	if v := m.Get("/volumes/" + id).OK(200).At("volume").(map[string]any); v["os-vol-tenant-attr:tenant_id"] != nil {
		t.Errorf("an extension that is not loaded adds to %v", v)
	}
	var aliases []string
	for _, e := range listed(m, "/extensions", "extensions") {
		aliases = append(aliases, e.(map[string]any)["alias"].(string))
	}
	if d := cmp.Diff([]string{"OS-SCH-HNT", "os-extended-services", "os-hosts", "os-used-limits"}, aliases); d != "" {
		t.Error(d)
	}
}

// TestFiltersFile: the file of filters is read at the start, one that cannot be used is refused with its place and the
// reason, and only the default need not be there.
func TestFiltersFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	read := func(path string) (listing.Filters, error) {
		conf := write("cinder.conf", "[DEFAULT]\nresource_query_filters_file = "+path+"\n")
		c, err := config.Load(config.Sources{Files: []string{conf}}, api.ConfigOptions()...)
		if err != nil {
			t.Fatal(err)
		}
		o, err := api.OptionsFrom(c)
		return o.Filters, err
	}
	got, err := read(write("good.json", `{"volume": ["name~"]}`))
	if d := cmp.Diff(listing.Filters{{Resource: "volume", Filters: []string{"name~"}}}, got); err != nil || d != "" {
		t.Errorf("%v (-want +got): %s", err, d)
	}
	for path, why := range map[string]string{
		write("bad.json", "{\n\"volumes\": []}"): `bad.json": line 2: there is no resource "volumes"; accepted: volume,`,
		filepath.Join(dir, "absent.json"):        `absent.json": it cannot be read: `,
		dir:                                      `it cannot be read: `,
		write("long.json", strings.Repeat(" ", 1<<20)+"{}"): "it has more than a megabyte",
	} {
		if _, err := read(path); err == nil || !strings.Contains(err.Error(), why) || !strings.HasPrefix(err.Error(), filepath.Join(dir, "cinder.conf")+":2: ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
