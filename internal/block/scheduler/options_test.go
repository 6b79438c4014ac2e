package scheduler

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

// read loads a cinder.conf with these lines in [DEFAULT].
func read(t *testing.T, lines string) (Options, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cinder.conf")
	if err := os.WriteFile(path, []byte("[DEFAULT]\n"+lines), 0o600); err != nil {
		t.Fatal(err)
	}
	c := NewConfiguration()
	cfg, err := config.Load(config.Sources{Files: []string{path}}, c.Options()...)
	if err != nil {
		return Options{}, err
	}
	var o Options
	return o, c.Read(cfg, &o)
}

func TestConfigurationDefaults(t *testing.T) {
	o, err := read(t, "")
	if err != nil {
		t.Fatal(err)
	}
	want := decide.DefaultOptions()
	want.Handler = "cinder.scheduler.weights." + want.Handler
	if diff := cmp.Diff(&want, o.Decide); diff != "" || o.InitWait != time.Minute {
		t.Errorf("InitWait %v, decide (-want +got):\n%s", o.InitWait, diff)
	}
	if _, err := decide.New(*o.Decide); err != nil {
		t.Error(err)
	}
}

func TestConfigurationIsRead(t *testing.T) {
	o, err := read(t, "scheduler_default_filters = CapacityFilter, RetryFilter\nscheduler_default_weighers = VolumeNumberWeigher\n"+
		"scheduler_max_attempts = 7\nvolume_number_multiplier = 2.5\nscheduler_driver_init_wait_time = 5\n")
	if err != nil {
		t.Fatal(err)
	}
	want := decide.DefaultOptions()
	want.Filters, want.Weighers, want.MaxAttempts = []string{"CapacityFilter", "RetryFilter"}, []string{"VolumeNumberWeigher"}, 7
	want.Handler, want.Multipliers.VolumeNumber = "cinder.scheduler.weights."+want.Handler, 2.5
	if diff := cmp.Diff(&want, o.Decide); diff != "" || o.InitWait != 5*time.Second {
		t.Errorf("InitWait %v, decide (-want +got):\n%s", o.InitWait, diff)
	}
}

func TestConfigurationIsRefused(t *testing.T) {
	for lines, parts := range map[string][]string{
		"scheduler_default_filters = CapacityFilter,NoSuchFilter": {"cinder.conf", "scheduler_default_filters", "NoSuchFilter", "AvailabilityZoneFilter"},
		"scheduler_default_weighers = NoSuchWeigher":              {"cinder.conf", "scheduler_default_weighers", "NoSuchWeigher", "GoodnessWeigher"},
		"scheduler_weight_handler = NoSuchHandler":                {"cinder.conf", "scheduler_weight_handler", "NoSuchHandler", "OrderedHostWeightHandler"},
		"scheduler_max_attempts = 0":                              {"cinder.conf", "scheduler_max_attempts"},
	} {
		_, err := read(t, lines)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want a fault.Invalid", lines, err)
			continue
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error lacks %q: %v", lines, part, err)
			}
		}
	}
}
