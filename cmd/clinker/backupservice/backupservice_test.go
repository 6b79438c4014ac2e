package backupservice

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block/backup/repository/posix"
	"github.com/clinker/clinker/internal/oslo/config"
)

// TestRepository: the repository is found by either of its names, what cannot be is refused by the name of the option, and
// nothing is made before the service starts.
func TestRepository(t *testing.T) {
	const none = ""
	for name, c := range map[string]struct {
		set     map[string]string
		refused string
	}{
		"nothing set":        {nil, none},
		"the short name":     {map[string]string{"backup_driver": "posix"}, none},
		"upstream's module":  {map[string]string{"backup_driver": "cinder.backup.drivers.posix"}, none},
		"another repository": {map[string]string{"backup_driver": "cinder.backup.drivers.swift.SwiftBackupDriver"}, "backup_driver"},
		"files of no blocks": {map[string]string{"backup_file_size": "40000"}, "backup_file_size"},
		"no such algorithm":  {map[string]string{"backup_compression_algorithm": "lzma"}, "backup_compression_algorithm"},
		"a name for others":  {map[string]string{"backup_container": "../x"}, "backup_container"},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			if c.set == nil {
				c.set = map[string]string{}
			}
			c.set["state_path"] = state
			conf := NewConfiguration()
			options := append(conf.Options(), config.String(config.DefaultGroup, "state_path", "", ""))
			cfg, err := config.Load(config.Sources{Overrides: c.set}, options...)
			if err == nil {
				var r interface{ Name() string }
				if r, err = conf.Repository(cfg); err == nil && r.Name() != posix.Name {
					t.Errorf("it is called %s", r.Name())
				}
			}
			if (err == nil) != (c.refused == none) || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%v", err)
			}
			if left, err := os.ReadDir(filepath.Clean(state)); err != nil || len(left) != 0 {
				t.Errorf("it has made %v, %v", left, err)
			}
		})
	}
}
