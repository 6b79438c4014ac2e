package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A small service's options, as the tests about back ends and warnings use them.
var (
	enabled   = List("DEFAULT", "enabled_backends", nil, "", NamesBackends())
	statePath = String("DEFAULT", "state_path", "/var/lib/cinder", "")
	group     = String(BackendDefaults, "volume_group", "cinder-volumes", "", PerBackend())
	ratio     = Float(BackendDefaults, "reserved", 0, "", PerBackend(), Min(0), Max(100))
	images    = String(BackendDefaults, "image_dir", "$state_path/$volume_group", "", PerBackend())
	password  = String(BackendDefaults, "san_password", "", "", PerBackend(), Secret(), Deprecated("", "san_pass"))
)

func serviceOptions() []Option {
	return append([]Option{enabled, statePath, group, ratio, images, password},
		Ignored("DEFAULT", "one process serves all requests", "osapi_volume_workers", "backlog")...)
}

func TestBackEndsInherit(t *testing.T) {
	conf := load(t, `
[DEFAULT]
enabled_backends = lvm, Ceph,,lvm
[backend_defaults]
volume_group = shared
reserved = 10
[lvm]
volume_group = fast
reserved =
image_dir = /srv/$volume_group
[ceph]
image_dir = ${volume_group}-$state_path
[other]
volume_group = never
`, serviceOptions()...)
	if diff := cmp.Diff([]string{"lvm", "Ceph"}, conf.Backends()); diff != "" {
		t.Error(diff)
	}
	type row struct {
		VolumeGroup, ImageDir string
		Reserved              float64
		Given                 bool
	}
	got := map[string]row{}
	for _, backend := range []string{"", "lvm", "Ceph", "other"} {
		got[backend] = row{group.In(conf, backend), images.In(conf, backend), ratio.In(conf, backend), images.IsSetIn(conf, backend)}
	}
	want := map[string]row{
		"":      {"shared", "/var/lib/cinder/shared", 10, false},
		"lvm":   {"fast", "/srv/fast", 10, true}, // an empty number counts as not given
		"Ceph":  {"shared", "shared-/var/lib/cinder", 10, true},
		"other": {"shared", "/var/lib/cinder/shared", 10, false}, // not enabled: its section says nothing
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestABackEndsBadValueNamesItsSection(t *testing.T) {
	got := refuse(t, "[DEFAULT]\nenabled_backends = lvm\n[lvm]\nreserved = 101\n", serviceOptions()...)
	if want := `cinder.conf:4: [lvm] reserved = "101": too large; accepted: a number from 0 to 100`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRefuseSpeaksAsLoadDoes(t *testing.T) {
	conf := load(t, "[DEFAULT]\nenabled_backends = lvm\n[lvm]\nvolume_group = vg\nsan_password = hush\n", serviceOptions()...)
	for _, tt := range []struct{ got, want string }{
		{group.Refuse(conf, "lvm", "no such volume group", "one that vgs lists").Error(),
			`cinder.conf:4: [lvm] volume_group = "vg": no such volume group; accepted: one that vgs lists`},
		{password.Refuse(conf, "lvm", "refused by the array", "").Error(),
			`cinder.conf:5: [lvm] san_password = "***": refused by the array`},
		{statePath.Refuse(conf, "", "not a directory", "a directory").Error(),
			`[DEFAULT] state_path = "/var/lib/cinder": not a directory; accepted: a directory`},
	} {
		if got := strings.ReplaceAll(short(tt.got), `"cinder"`, `"/var/lib/cinder"`); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	conf := load(t, `[DEFAULT]
enabled_backends = lvm, lvm
state-path = /x
volume_group = vg
osapi_volume_workers = 8
[lvm]
san_pass = secret
volume_grup = x
[unrelated]
anything = goes
[ lvm ]
a = b
[default]
c = d
`, serviceOptions()...)
	var got []string
	for _, w := range conf.Warnings() {
		got = append(got, short(w))
	}
	want := []string{
		`[DEFAULT] enabled_backends names the back end "lvm" twice; it is started once`,
		`cinder.conf:3: [DEFAULT] state-path is not an option that is known here; is state_path meant?`,
		`cinder.conf:4: [DEFAULT] volume_group is an option of back ends and has no effect here; set it in [backend_defaults] or in the section of a back end`,
		`cinder.conf:7: [lvm] san_pass is the old name of [lvm] san_password; use that`,
		`cinder.conf:8: [lvm] volume_grup is not an option that is known here; is volume_group meant?`,
		`cinder.conf:11: the section [ lvm ] is not [lvm], and what it says has no effect`,
		`cinder.conf:13: the section [default] is not [DEFAULT], and what it says has no effect`,
		`set, but without effect here (one process serves all requests): [DEFAULT] osapi_volume_workers`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := password.In(conf, "lvm"); got != "secret" {
		t.Errorf("the value under the old name: %q", got)
	}
	for _, s := range conf.Settings() {
		if strings.Contains(s.Text, "secret") {
			t.Errorf("a secret is shown: %v", s)
		}
	}
}

func TestDeprecatedNamesFromAnotherGroup(t *testing.T) {
	limit := Int("quota", "volumes", 10, "", Deprecated("DEFAULT", "quota-volumes"), Deprecated("Old", ""))
	for text, want := range map[string]int{
		"[DEFAULT]\nquota_volumes = 5\n":                       5,
		"[old]\nvolumes = 6\n":                                 6,
		"[quota]\nvolumes = 7\n[DEFAULT]\nquota_volumes = 5\n": 7,
	} {
		if got := limit.Get(load(t, text, limit)); got != want {
			t.Errorf("%q gives %d, want %d", text, got, want)
		}
	}
	gone := String("DEFAULT", "gone", "", "", DeprecatedForRemoval("use something else."))
	conf := load(t, "[DEFAULT]\ngone = x\n", gone)
	want := []string{"cinder.conf:2: [DEFAULT] gone is deprecated for removal: use something else."}
	if got := conf.Warnings(); len(got) != 1 || short(got[0]) != want[0] {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAHandleThatWasNotLoadedIsNoticed(t *testing.T) {
	conf, err := Load(Sources{}, statePath)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if got := recover(); got != "config: the option [backend_defaults] volume_group was not passed to Load" {
			t.Errorf("panicked with %v", got)
		}
	}()
	group.Get(conf)
}

func TestBuiltInDefaultsMayNameBackEndsThatAreNotEnabled(t *testing.T) {
	conf, err := Load(Sources{Defaults: map[string]string{"enabled_backends": "file", "file.volume_group": "x"},
		Overrides: map[string]string{"enabled_backends": "lvm"}}, serviceOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"lvm"}, conf.Backends()); diff != "" {
		t.Error(diff)
	}
}
