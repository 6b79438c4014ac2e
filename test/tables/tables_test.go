// Package tables holds the tables of README and docs/conformance.md against what foreign suites came to: the files in the
// testdata of test/clients, test/tempest and test/mixed. It runs none of them.
package tables

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables anew")

const gophercloud, tempest = "gophercloud v2.15.0", "Tempest 43"

// suites are the rows, by the files that say what came of each.
var suites = []struct{ what, target, file string }{
	{gophercloud + ", block storage without Keystone", "test-clients", "clients/testdata/blockstorage-noauth.txt"},
	{gophercloud + ", block storage v3, as administrator", "test-clients", "clients/testdata/blockstorage-admin.txt"},
	{gophercloud + ", block storage v3, as an ordinary user", "test-clients", "clients/testdata/blockstorage-demo.txt"},
	{gophercloud + ", identity v3, as administrator", "test-clients", "clients/testdata/identity-admin.txt"},
	{gophercloud + ", identity v3, as an ordinary user", "test-clients", "clients/testdata/identity-demo.txt"},
	{gophercloud + ", image v2, as administrator", "test-clients", "clients/testdata/image-admin.txt"},
	{gophercloud + ", image v2, as an ordinary user", "test-clients", "clients/testdata/image-demo.txt"},
	{tempest + ", `tempest.api.volume`", "test-tempest", "tempest/testdata/volume.txt"},
	{tempest + ", `tempest.api.identity`, v3", "test-tempest", "tempest/testdata/identity.txt"},
	{tempest + ", `tempest.api.image`", "test-tempest", "tempest/testdata/image.txt"},
}

// compositions are those of test/mixed: who is the API, the scheduler and the volume service, and what the volumes lie on.
var compositions = []string{"python-python-python-ceph", "clinker-clinker-clinker-file", "clinker-python-python-ceph",
	"python-clinker-python-ceph", "python-python-clinker-file", "clinker-clinker-python-ceph"}

// count is how many tests of a suite came to what; ok is false if the suite has not been run yet.
func count(t *testing.T, file string) (counts map[string]int, reasons []string, ok bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", file))
	if os.IsNotExist(err) {
		return nil, nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	counts = map[string]int{}
	for line := range strings.Lines(string(text)) {
		verdict, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		counts[verdict]++
		if _, reason, found := strings.Cut(rest, ": "); found && verdict == "fail" && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	return counts, reasons, true
}

// cells are the last cells of a row.
func cells(t *testing.T, file string) string {
	t.Helper()
	counts, reasons, ok := count(t, file)
	if !ok {
		return "not yet run | | |"
	}
	fail := fmt.Sprint(counts["fail"])
	if len(reasons) > 0 {
		fail += ": " + strings.Join(reasons, "; ")
	}
	return fmt.Sprintf("%d | %s | %d |", counts["pass"], fail, counts["skip"])
}

func TestTables(t *testing.T) {
	var foreign, mixed strings.Builder
	foreign.WriteString("| suite | target | pass | fail | skip themselves |\n|---|---|---|---|---|\n")
	for _, s := range suites {
		fmt.Fprintf(&foreign, "| %s | `make %s` | %s\n", s.what, s.target, cells(t, s.file))
	}
	mixed.WriteString("| API | scheduler | volume | back end | pass | fail | skip themselves |\n|---|---|---|---|---|---|---|\n")
	for _, c := range compositions {
		fmt.Fprintf(&mixed, "| %s | %s\n", strings.ReplaceAll(c, "-", " | "), cells(t, "mixed/testdata/"+c+".txt"))
	}
	check(t, "../../docs/conformance.md", "foreign suites", foreign.String())
	check(t, "../../docs/conformance.md", "compositions", mixed.String())
	check(t, "../../README.md", "foreign suites", foreign.String())
}

// check compares the part of a file between two comments with what it has to be.
func check(t *testing.T, path, name, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+": written by go test ./test/tables -update -->\n", "<!-- end of "+name+" -->"
	before, rest, found := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Errorf("%s has no place for the table of %s: %s…%s", path, name, begin, end)
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: the table of %s is not what the suites came to; go test ./test/tables -update (-want +got):\n%s", path, name, diff)
	}
}
