package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/test/harness"
)

// wanted is the variable that "make test-clients" sets.
const wanted = "CLINKER_CLIENTS"

const (
	module       = "github.com/gophercloud/gophercloud/v2"
	suiteTimeout = 15 * time.Minute
)

var update = flag.Bool("update", false, "write what the foreign suites came to anew")

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(wanted) == "" {
		os.Exit(m.Run())
	}
	os.Exit(harness.Main(m))
}

// source is the copy of gophercloud's module that the suites run in: Go runs the tests of a package only inside its own
// module, and the module cache is not ours to write to.
var source = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	dir, err := os.MkdirTemp("", "gophercloud-")
	if err != nil {
		return "", err
	}
	return dir, os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(out))))
})

// outcome is what one of their tests came to: "pass", "fail" or "skip", and the end of what it said.
type outcome struct{ result, output string }

// runSuite runs the acceptance tests of one package, its path below internal/acceptance/openstack, in the environment of
// a client that is given no more than env.
func runSuite(t *testing.T, suite string, env map[string]string) map[string]outcome {
	t.Helper()
	dir, err := source()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), suiteTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-trimpath", "-tags=acceptance",
		"-timeout="+suiteTimeout.String(), "./internal/acceptance/openstack/"+suite)
	command.Dir = dir
	for _, setting := range os.Environ() {
		if !strings.HasPrefix(setting, "OS_") {
			command.Env = append(command.Env, setting)
		}
	}
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	outcomes := parse(t, out)
	if len(outcomes) == 0 {
		t.Fatalf("the suite %s ran no test: %v\n%s%s", suite, err, stderr.String(), out)
	}
	return outcomes
}

// parse reads what "go test -json" says of each test and subtest.
func parse(t *testing.T, out []byte) map[string]outcome {
	t.Helper()
	outcomes := map[string]outcome{}
	said := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var event struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Test == "" {
			continue // of the package, or of the build
		}
		switch event.Action {
		case "output":
			said[event.Test] += event.Output
		case "pass", "fail", "skip":
			outcomes[event.Test] = outcome{event.Action, said[event.Test]}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// check compares what a suite came to with the golden file of that name. A test that fails must have its reason.
func check(t *testing.T, name string, outcomes map[string]outcome, reasons map[string]string) {
	t.Helper()
	var text strings.Builder
	counts := map[string]int{}
	for _, test := range slices.Sorted(maps.Keys(outcomes)) {
		o := outcomes[test]
		counts[o.result]++
		fmt.Fprintf(&text, "%s %s", o.result, test)
		if reason := reasons[test]; reason != "" && o.result == "fail" {
			fmt.Fprintf(&text, ": %s", reason)
		}
		text.WriteByte('\n')
		if o.result == "fail" && reasons[test] == "" {
			t.Errorf("%s fails, and nobody has said why it may:\n%s", test, tail(o.output))
		}
	}
	t.Logf("%s: %d pass, %d fail with a reason, %d skip themselves", name, counts["pass"], counts["fail"], counts["skip"])
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
