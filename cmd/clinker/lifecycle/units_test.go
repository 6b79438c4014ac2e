package lifecycle

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
)

// TestUnits: each unit of the example set runs the program of its name, and systemd waits longer than the program drains.
func TestUnits(t *testing.T) {
	units, err := filepath.Glob("../../../etc/systemd/*.service")
	if err != nil || len(units) != 5 {
		t.Fatalf("units: %v, %v", units, err)
	}
	conf, err := config.Load(config.Sources{}, ConfigOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range units {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		set := map[string]string{}
		for line := range strings.Lines(string(text)) {
			if name, value, is := strings.Cut(strings.TrimSpace(line), "="); is && !strings.HasPrefix(line, "#") {
				set[name] = value
			}
		}
		name := strings.TrimSuffix(filepath.Base(path), ".service")
		if want := "/usr/local/bin/" + name + " --config-file /etc/cinder/cinder.conf --log-file /var/log/cinder/" + name + ".log"; set["ExecStart"] != want {
			t.Errorf("%s: ExecStart=%s; want %s", name, set["ExecStart"], want)
		}
		if set["Type"] == "oneshot" {
			continue
		}
		if seconds, err := strconv.Atoi(set["TimeoutStopSec"]); err != nil || time.Duration(seconds)*time.Second <= Drain(conf) {
			t.Errorf("%s: TimeoutStopSec=%s is not longer than graceful_shutdown_timeout, %v", name, set["TimeoutStopSec"], Drain(conf))
		}
	}
}
