package upgrade

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/store"
)

// rows is a database of which only two things are known.
type rows struct {
	store.RepairReader

	uuids, specs bool
	err          error
}

func (r rows) LacksServiceUUID(context.Context) (bool, error)   { return r.uuids, nil }
func (r rows) HasAttachmentSpecs(context.Context) (bool, error) { return r.specs, r.err }

func TestCheck(t *testing.T) {
	dir, withJSON := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(withJSON, "policy.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := Subject{Directory: dir, BackupDriver: "cinder.backup.drivers.posix.PosixBackupDriver", PeriodicInterval: "60", Database: rows{},
		VolumeDrivers: []string{"cinder.volume.drivers.rbd.RBDDriver"}}
	for name, c := range map[string]struct {
		change func(s *Subject)
		check  string // the one that does not succeed
		code   Code
		says   string
	}{
		"good":                {func(*Subject) {}, "", Success, ""},
		"a backup module":     {func(s *Subject) { s.BackupDriver = "cinder.backup.drivers.posix" }, "Backup Driver Path", Failure, "only the module path"},
		"no directory":        {func(s *Subject) { s.Directory = "" }, "Use of Policy File", Warning, "Cannot locate"},
		"policy.json":         {func(s *Subject) { s.Directory = withJSON }, "Use of Policy File", Warning, "policy.json file is present"},
		"policy.json by name": {func(s *Subject) { s.Directory, s.PolicyFile = withJSON, "policy.json" }, "", Success, ""},
		"no policy file":      {func(s *Subject) { s.PolicyFile = "mine.yaml" }, "Use of Policy File", Warning, "'" + filepath.Join(dir, "mine.yaml") + "' does not exist"},
		"a removed driver":    {func(s *Subject) { s.VolumeDrivers = []string{"cinder.volume.drivers.disco.disco.DiscoDriver"} }, "Removed Drivers", Failure, "Found driver cinder.volume.drivers.disco.disco.DiscoDriver"},
		"two removed":         {func(s *Subject) { s.VolumeDrivers = []string{"x.sheepdog", "file", "x.hgst"} }, "Removed Drivers", Failure, "x.sheepdog,\nx.hgst.\n"},
		"an interval":         {func(s *Subject) { s.PeriodicInterval = "30" }, "Periodic Interval Use", Warning, "non-default"},
		"no UUIDs":            {func(s *Subject) { s.Database = rows{uuids: true} }, "Service UUIDs", Failure, "must have a service UUID"},
		"specs":               {func(s *Subject) { s.Database = rows{specs: true} }, "Attachment specs", Failure, "no more AttachmentSpecs"},
		"nested quotas":       {func(s *Subject) { s.QuotaDriver = "cinder.quota.NestedDbQuotaDriver" }, "Use of Nested Quota Driver", Failure, "removed in Wallaby"},
	} {
		s := good
		c.change(&s)
		results, err := Check(t.Context(), s)
		if err != nil || len(results) != 7 {
			t.Fatalf("%s: %d results, %v", name, len(results), err)
		}
		if got := Worst(results); got != c.code {
			t.Errorf("%s: %v; want %v", name, got, c.code)
		}
		for _, r := range results {
			if (r.Code != Success) != (r.Check == c.check) || r.Check == c.check && !strings.Contains(r.Details, c.says) {
				t.Errorf("%s: %s: %v %q", name, r.Check, r.Code, r.Details)
			}
		}
	}
	broken := good
	broken.Database = rows{err: errors.New("away")}
	if _, err := Check(t.Context(), broken); err == nil {
		t.Error("a database that does not answer is no error")
	}
}

// TestReport compares with what Python's cinder-status wrote in the lab.
func TestReport(t *testing.T) {
	results := []Result{{Check: "Attachment specs"}, {"Service UUIDs", Failure,
		"Services and volumes must have a service UUID. Please fix this issue by running Queens online data migrations."}}
	var b strings.Builder
	if err := WriteTable(&b, results); err != nil {
		t.Fatal(err)
	}
	want := `+--------------------------------------------------------------------+
| Upgrade Check Results                                              |
+--------------------------------------------------------------------+
| Check: Attachment specs                                            |
| Result: Success                                                    |
| Details: None                                                      |
+--------------------------------------------------------------------+
| Check: Service UUIDs                                               |
| Result: Failure                                                    |
| Details: Services and volumes must have a service UUID. Please fix |
|   this issue by running Queens online data migrations.             |
+--------------------------------------------------------------------+
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	b.Reset()
	if err := WriteJSON(&b, results); err != nil {
		t.Fatal(err)
	}
	want = `{"name":"Upgrade Check Results","checks":[{"check":"Attachment specs","result":0,"details":null},{"check":"Service UUIDs","result":2,` +
		`"details":"Services and volumes must have a service UUID. Please fix this issue by running Queens online data migrations."}]}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

// TestWrap holds lines to what Python's textwrap.wrap(text, 60, subsequent_indent="  ") gives.
func TestWrap(t *testing.T) {
	for text, want := range map[string][]string{
		"short": {"short"},
		"Detected non-default value for the 'periodic_interval' option.  New configuration": {
			"Detected non-default value for the 'periodic_interval'", "  option.  New configuration"},
		strings.Repeat("x", 70):                          {strings.Repeat("x", 60), "  " + strings.Repeat("x", 10)},
		strings.Repeat("y", 55) + " non-default":         {strings.Repeat("y", 55) + " non-", "  default"},
		"a " + strings.Repeat("z", 70):                   {"a " + strings.Repeat("z", 58), "  " + strings.Repeat("z", 12)},
		strings.Repeat("word ", 12) + "and then another": {strings.TrimSpace(strings.Repeat("word ", 12)), "  and then another"},
	} {
		if diff := cmp.Diff(want, wrap(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}
