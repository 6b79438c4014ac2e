package tempest

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/test/harness"
)

const (
	// wanted is the variable that "make test-tempest" sets.
	wanted         = "CLINKER_TEMPEST"
	lab            = "../lab/lab"
	installTimeout = 20 * time.Minute
	suiteTimeout   = 60 * time.Minute
	clientTimeout  = 2 * time.Minute
)

var update = flag.Bool("update", false, "write what the tests came to anew")

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(wanted) == "" {
		os.Exit(m.Run())
	}
	if out, err := labCommand(context.Background(), installTimeout, nil, "install"); err != nil {
		fmt.Fprintf(os.Stderr, "the lab cannot be installed: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Exit(harness.Main(m))
}

// labCommand runs the lab's script and gives what it said.
func labCommand(ctx context.Context, limit time.Duration, env map[string]string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	command := exec.CommandContext(ctx, lab, args...)
	command.Env = os.Environ()
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

// verdictLine is how "tempest run" tells of one test: its worker, its name, how long it took, and what it came to.
var verdictLine = regexp.MustCompile(`(?m)^\{\d+\} (\S+(?: \([^)]*\))?)(?: \[[0-9.]+s\])? \.\.\. (ok|FAILED|SKIPPED)(?:: (.*))?$`)

// setUpLine tells of a class whose fixtures failed or which was skipped whole.
var setUpLine = regexp.MustCompile(`(?m)^(setUpClass|tearDownClass) \((\S+)\)(?: \[[0-9.]+s\])? \.\.\. (ok|FAILED|SKIPPED)(?:: (.*))?$`)

// verdicts reads what Tempest said. A test's name goes without the attributes in its brackets.
func verdicts(out string) map[string]string {
	found := map[string]string{}
	for _, m := range verdictLine.FindAllStringSubmatch(out, -1) {
		name, _, _ := strings.Cut(m[1], "[")
		switch {
		case strings.HasPrefix(name, "setUpClass"), strings.HasPrefix(name, "tearDownClass"):
			name = strings.ReplaceAll(name, " ", "")
		}
		found[name] = map[string]string{"ok": "pass", "FAILED": "fail", "SKIPPED": "skip"}[m[2]]
	}
	for _, m := range setUpLine.FindAllStringSubmatch(out, -1) {
		found[m[1]+"("+m[2]+")"] = map[string]string{"ok": "pass", "FAILED": "fail", "SKIPPED": "skip"}[m[3]]
	}
	return found
}

// check compares what the tests came to with the golden file of that name. One that fails must have its reason.
func check(t *testing.T, name, out string, reasons map[string]string) {
	t.Helper()
	found := verdicts(out)
	if len(found) == 0 {
		t.Fatalf("Tempest ran no test:\n%s", tail(out))
	}
	counts := map[string]int{}
	var text strings.Builder
	for _, test := range slices.Sorted(maps.Keys(found)) {
		counts[found[test]]++
		fmt.Fprintf(&text, "%s %s", found[test], test)
		if reason := reasons[test]; reason != "" && found[test] == "fail" {
			fmt.Fprintf(&text, ": %s", reason)
		} else if found[test] == "fail" {
			t.Errorf("%s fails, and nobody has said why it may", test)
		}
		text.WriteByte('\n')
	}
	t.Logf("%s: %d pass, %d fail, %d skip themselves", name, counts["pass"], counts["fail"], counts["skip"])
	if t.Failed() {
		kept := filepath.Join(os.TempDir(), "clinker-tempest-"+name+".log")
		if err := os.WriteFile(kept, []byte(out), 0o600); err == nil {
			t.Logf("all that Tempest said is in %s", kept)
		}
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("%s is not what it was; look, and run with -update if it is right (-then +now):\n%s", path, diff)
	}
}

// tail is the end of a long output.
func tail(output string) string {
	const most = 4000
	return output[max(0, len(output)-most):]
}

func TestVerdicts(t *testing.T) {
	out := "{0} tempest.api.volume.test_x.A.test_one [0.251s] ... ok\n" +
		"{1} tempest.api.volume.test_x.A.test_two[id-1,smoke] [1.2s] ... FAILED\n" +
		"{1} tempest.api.volume.test_x.A.test_three ... SKIPPED: not now\n" +
		"{1} setUpClass (tempest.api.volume.test_y.B) ... SKIPPED: no nova\n"
	want := map[string]string{"tempest.api.volume.test_x.A.test_one": "pass", "tempest.api.volume.test_x.A.test_two": "fail",
		"tempest.api.volume.test_x.A.test_three":  "skip",
		"setUpClass(tempest.api.volume.test_y.B)": "skip"}
	if diff := cmp.Diff(want, verdicts(out)); diff != "" {
		t.Error(diff)
	}
}
