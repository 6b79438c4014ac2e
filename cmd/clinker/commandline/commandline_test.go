package commandline

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/internal/oslo/config"
)

func TestFlags(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want map[string]string
	}{
		"none":        {nil, nil},
		"debug":       {[]string{"-d"}, map[string]string{"debug": "true"}},
		"no debug":    {[]string{"--debug", "--nodebug"}, map[string]string{"debug": "false"}},
		"debug=false": {[]string{"--debug=false"}, map[string]string{"debug": "false"}},
		"underscores": {[]string{"--log_file", "x", "--log-dir=y"}, map[string]string{"log_file": "x", "log_dir": "y"}},
		"syslog":      {[]string{"--use-syslog", "--nowatch-log-file"}, map[string]string{"use_syslog": "true", "watch_log_file": "false"}},
	} {
		var src config.Sources
		cmd := &cobra.Command{Use: "cinder-x", RunE: func(*cobra.Command, []string) error { return nil }}
		Program(cmd, &src)
		cmd.SetArgs(append([]string{"--config-file", "one", "--config_file", "two"}, c.args...))
		if err := cmd.Execute(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !maps.Equal(src.Overrides, c.want) || len(src.Files) != 2 {
			t.Errorf("%s: %v, %v; want %v", name, src.Overrides, src.Files, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for _, path := range []string{filepath.Join(dir, "policy.yaml"), filepath.Join(other, "policy.yaml"), filepath.Join(other, "only")} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src := config.Sources{Files: []string{filepath.Join(other, "cinder.conf"), filepath.Join(dir, "more.conf")}}
	for name, want := range map[string]string{"policy.yaml": filepath.Join(dir, "policy.yaml"), "only": filepath.Join(other, "only"), "nowhere-at-all": "nowhere-at-all",
		"/nowhere": "/nowhere", "": ""} {
		if got := Find(src, name); got != want {
			t.Errorf("%q is found at %q; want %q", name, got, want)
		}
	}
	src.Dirs = []string{other}
	if got := Find(src, "policy.yaml"); got != filepath.Join(other, "policy.yaml") {
		t.Errorf("with a directory: %q", got)
	}
}
