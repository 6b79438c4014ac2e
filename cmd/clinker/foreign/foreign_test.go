package foreign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/oslo/config"
)

// TestRecorded: the list has every option once, each with a reason.
func TestRecorded(t *testing.T) {
	seen := map[string]bool{}
	each(func(group, name, reason string) {
		if k := group + " " + name; reason == "" || seen[k] {
			t.Errorf("%s: twice, or without a reason (%q)", k, reason)
		}
		seen[group+" "+name] = true
	})
	if len(seen) < 1300 {
		t.Errorf("%d options are recorded; Cinder 26 has more", len(seen))
	}
	for _, k := range []string{"DEFAULT osapi_volume_workers", "backend_defaults rbd_pool", "backend_defaults netapp_login", "oslo_messaging_rabbit rabbit_quorum_queue", "vault vault_url"} {
		if !seen[k] {
			t.Errorf("%s is not recorded", k)
		}
	}
}

// TestOptions: in an operator's file, what is Cinder's is known, what is not is warned of.
func TestOptions(t *testing.T) {
	backends := config.List(config.DefaultGroup, "enabled_backends", nil, "", config.NamesBackends())
	declared := []config.Option{backends, config.Bool(config.DefaultGroup, "debug", false, "")}
	path := filepath.Join(t.TempDir(), "cinder.conf")
	text := `[DEFAULT]
enabled_backends = ceph
debug = true
scheduler_driver = cinder.scheduler.filter_scheduler.FilterScheduler
frobnicate = 1
[backend_defaults]
netapp_login = x
[ceph]
rbd_pool = volumes
rbd_pol = volumes
[unheard_of]
some = thing
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := config.Load(config.Sources{Files: []string{path}}, append(declared, Options(declared)...)...)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		path + ":5: [DEFAULT] frobnicate is not an option that is known here",
		path + ":10: [ceph] rbd_pol is not an option that is known here; is rbd_pool meant?",
		"set, but without effect here (there is one implementation of each part): [DEFAULT] scheduler_driver",
		"set, but without effect here (volumes on storage of other kinds are served by Python's cinder-volume): [backend_defaults] netapp_login, [ceph] rbd_pool",
	}
	if diff := cmp.Diff(want, conf.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	for option, want := range map[string]string{"scheduler_driver": "cinder.scheduler.filter_scheduler.FilterScheduler", "quota_driver": "", "debug": ""} {
		if text, set := conf.IgnoredText(config.DefaultGroup, option); text != want || set != (want != "") {
			t.Errorf("the ignored %s is %q, %v; want %q", option, text, set, want)
		}
	}
	if strings.Contains(strings.Join(conf.Warnings(), ""), "some") {
		t.Error("a section of another program was looked into")
	}
}
