package loglevels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestModulesAreThere: what a name of Cinder's stands for are packages of this module, under the names that log lines have.
func TestModulesAreThere(t *testing.T) {
	for theirs, ours := range Modules() {
		for _, name := range ours {
			path, ok := strings.CutPrefix(name+".", "clinker.")
			if info, err := os.Stat(filepath.Join("../..", strings.ReplaceAll(path, ".", "/"))); !ok || err != nil || !info.IsDir() {
				t.Errorf("%s stands for %s, which is no package: %v", theirs, name, err)
			}
		}
	}
}
