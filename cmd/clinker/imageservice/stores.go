package imageservice

import (
	"cmp"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/image/storage/filesystem"
	"github.com/clinker/clinker/internal/oslo/config"
)

// storeName is what a store may be called: it is the name of a directory, too.
var storeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// reserved begins the names of stores that upstream keeps for itself; staging is the directory where data is staged.
const (
	reserved = "os_glance_"
	staging  = "staging"
)

// openStores makes the stores that the configuration names.
func (o *Options) openStores(c *config.Config, stateDir string) (*app.Stores, error) {
	base, err := filepath.Abs(or(o.dataDir, c, stateDir, "images"))
	if err != nil {
		return nil, o.dataDir.Refuse(c, "", err.Error(), "a directory")
	}
	var all []app.NamedStore
	names := map[string]bool{}
	for _, entry := range o.stores.Get(c) {
		name, kind, _ := strings.Cut(entry, ":")
		if !storeName.MatchString(name) || strings.HasPrefix(name, reserved) || name == staging || names[name] {
			return nil, o.stores.Refuse(c, "", "a store is called "+strconv.Quote(name), "names of letters, digits, dots, dashes and underscores, each once, as in fast:file, cloud:s3")
		}
		names[name] = true
		s, err := o.openStore(c, kind, filepath.Join(base, name))
		if err != nil {
			return nil, err
		}
		weight, err := strconv.Atoi(cmp.Or(o.weights.Get(c)[name], "0"))
		if err != nil {
			return nil, o.weights.Refuse(c, "", "the weight of "+name+" is no whole number", "store:weight, as in fast:10")
		}
		all = append(all, app.NamedStore{Store: s, ID: name, Weight: weight})
	}
	if len(all) == 0 {
		return nil, o.stores.Refuse(c, "", "there is no store", "names of stores with their types, as in file:file")
	}
	initial := cmp.Or(o.initial.Get(c), all[0].ID)
	if !names[initial] {
		return nil, o.initial.Refuse(c, "", "there is no such store", "one of the names in [clinker] image_stores")
	}
	area, err := filesystem.New(filesystem.Options{Directory: filepath.Join(base, staging), FileMode: 0o600, Thin: true})
	if err != nil {
		return nil, err
	}
	return app.NewStores(all, initial, area), nil
}

func (o *Options) openStore(c *config.Config, kind, dir string) (storage.Store, error) {
	if kind == "file" {
		return filesystem.New(filesystem.Options{Directory: dir, Thin: o.thin.Get(c)})
	}
	return nil, o.stores.Refuse(c, "", "there is no store of type "+strconv.Quote(kind), "file")
}
