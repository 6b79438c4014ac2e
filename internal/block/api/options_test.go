package api_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/oslo/config"
)

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
