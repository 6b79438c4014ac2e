package manage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/cmd/clinker/coordination"
	"github.com/clinker/clinker/cmd/clinker/database"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/maintenance"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/log"
)

// run runs one command line of cinder-manage on a configuration file.
func run(t *testing.T, conf string, args ...string) (out string, err error) {
	t.Helper()
	return runOf(t, Command, conf, args...)
}

func runOf(t *testing.T, command func(Program) *cobra.Command, conf string, args ...string) (out string, err error) {
	t.Helper()
	db, logging, locks := database.NewOptions(), log.NewOptions(nil), coordination.NewOptions()
	statePath := config.String(config.DefaultGroup, "state_path", "/var/lib/cinder", "")
	backends := config.List(config.DefaultGroup, "enabled_backends", nil, "", config.NamesBackends())
	driver := config.String(config.BackendDefaults, "volume_driver", "", "", config.PerBackend())
	options := append(append(db.All(), logging.All()...), statePath, backends, driver)
	options = append(options, config.Ignored(config.DefaultGroup, "for tests", "periodic_interval", "quota_driver")...)
	options = append(append(append(options, append(LockOptions(), locks.All()...)...), app.ConfigOptions()...), quota.ConfigOptions()...)
	root := command(Program{Declare: func() Declared { return Declared{Options: options, Database: db, Log: logging, Locks: locks} }})
	var buffer bytes.Buffer
	root.SetOut(&buffer)
	root.SetErr(&buffer)
	root.SilenceErrors, root.SilenceUsage, root.CompletionOptions.DisableDefaultCmd = true, true, true
	if conf != "" {
		args = append([]string{"--config-file", conf}, args...)
	}
	root.SetArgs(Arguments(args))
	err = root.ExecuteContext(t.Context())
	return buffer.String(), err
}

func configuration(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "cinder.conf")
	text := "[DEFAULT]\nstate_path = " + dir + "\nlog_file = " + filepath.Join(dir, "log") + "\n[database]\nconnection = sqlite:///" + filepath.Join(dir, "cinder.sqlite") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"foo":                                   "argument category: invalid choice: 'foo' (choose from backup, cg, cluster, config, db, host, quota, service, util, version, volume)",
		"db foo":                                "argument action: invalid choice: 'foo' (choose from online_data_migrations, purge, reset_active_backend, sync, version)",
		"db purge":                              "the following arguments are required: age_in_days",
		"db purge x":                            "argument age_in_days: invalid int value: 'x'",
		"db purge 1 2":                          "unrecognized arguments: 2",
		"service remove cinder-volume":          "the following arguments are required: host_name",
		"volume update_host --currenthost a":    "required: --currenthost, --newhost",
		"db reset_active_backend":               "required: --backend-host",
		"db online_data_migrations --max_count": "flag needs an argument",
		"quota check --fix":                     "unknown flag: --fix",
	} {
		out, err := run(t, "", strings.Fields(line)...)
		if err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%s: %q, %v; want %q", line, out, err, want)
		}
		var usage commandline.Usage
		if !strings.Contains(want, "flag") && !errors.As(err, &usage) { // the program's root turns those into one
			t.Errorf("%s: %v is no mistake in the command line", line, err)
		}
	}
}

func TestSession(t *testing.T) {
	conf := configuration(t)
	for _, step := range []struct {
		line, want string
		status     maintenance.Status
		refused    string
	}{
		{line: "db version", want: "None\n"},
		{line: "service list", refused: "The database is empty; `cinder-manage db sync` makes its tables."},
		{line: "db sync 42", want: "Error during database migration: there is no way to version 42; the tables are made and adopted at 9c74c1c6971f alone.\n", status: 1},
		{line: "db sync"},
		{line: "db sync --bump-versions"},
		{line: "db version", want: "9c74c1c6971f\n"},
		{line: "db purge -1", want: "Must supply a positive value for age\n", status: 1},
		{line: "db purge 30"},
		{line: "host list", want: "host                     \tzone           \n"},
		{line: "service remove cinder-volume h@b", want: "Host not found. Failed to remove cinder-volume on h@b.\nService cinder-volume could not be found on host h@b.\n", status: 2},
		{line: "volume delete nope", refused: "Volume nope could not be found."},
		{line: "util clean_locks --services-offline"},
		{line: "quota sync", want: "Action successfully completed\n"},
		{line: "config list service_down_time", want: "service_down_time = 60\n"},
		{line: "config list database.connection", want: "database.connection = ***\n"},
		{line: "config list nope", refused: "no such option nope"},
		{line: "version list", want: commandline.Release + "\n"},
		{line: "--version", want: commandline.Release + "\n"},
		{line: "--debug --log-dir /nowhere version list", want: commandline.Release + "\n"},
	} {
		out, err := run(t, conf, strings.Fields(step.line)...)
		var status maintenance.Status
		if err != nil && !errors.As(err, &status) && (step.refused == "" || !strings.Contains(err.Error(), step.refused)) {
			t.Fatalf("%s: %v", step.line, err)
		}
		if status != step.status || step.refused != "" && err == nil {
			t.Errorf("%s: status %d, %v; want %d %s", step.line, status, err, step.status, step.refused)
		}
		if diff := cmp.Diff(step.want, out); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.line, diff)
		}
	}
}

func TestWithoutAction(t *testing.T) {
	for line, want := range map[string]string{"": "Available categories:\n\tbackup\n\tcg\n", "db": "online_data_migrations"} {
		out, err := run(t, "", strings.Fields(line)...)
		var status maintenance.Status
		if !errors.As(err, &status) || status != 2 || !strings.Contains(out, want) {
			t.Errorf("%q: %q, %v; want status 2", line, out, err)
		}
	}
}

func TestUpgradeCheck(t *testing.T) {
	conf := configuration(t)
	check := func(want maintenance.Status, says string, args ...string) {
		t.Helper()
		out, err := runOf(t, StatusCommand, conf, append([]string{"upgrade", "check"}, args...)...)
		var status maintenance.Status
		if err != nil && !errors.As(err, &status) {
			t.Fatal(err)
		}
		if status != want || !strings.Contains(out, says) {
			t.Errorf("status %d; want %d; %q in:\n%s", status, want, says, out)
		}
	}
	check(checkBroke, "Error:\n") // the database has no tables
	if _, err := run(t, conf, "db", "sync"); err != nil {
		t.Fatal(err)
	}
	check(0, "| Check: Use of Nested Quota Driver |")
	check(0, `{"check":"Backup Driver Path","result":0,"details":null}`, "--json")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(string(text), "[DEFAULT]\n", "[DEFAULT]\nperiodic_interval = 30\nenabled_backends = old\n", 1)
	if err := os.WriteFile(conf, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	check(1, "Detected non-default value")
	if err := os.WriteFile(conf, []byte(more+"[old]\nvolume_driver = cinder.volume.drivers.zfssa.zfssaiscsi.ZFSSAISCSIDriver\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(2, "configured in your cinder.conf file. This driver has been")
	for _, line := range []string{"", "upgrade", "upgrade check more"} {
		var usage commandline.Usage
		if _, err := runOf(t, StatusCommand, conf, strings.Fields(line)...); !errors.As(err, &usage) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
