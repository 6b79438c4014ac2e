// Package lab is how tests use the reference lab: OpenStack 2025.1 from Debian trixie's packages, in a chroot that the
// script "lab" beside this file makes, with its clients, its services and Tempest.
//
// What must not live here: what a test asserts, and our own binary.
package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	installTimeout = 20 * time.Minute
	commandTimeout = 5 * time.Minute
	suiteTimeout   = 60 * time.Minute
)

// script is the lab's, whose place this file knows: tests run in the directories of their packages, and paths that were
// trimmed in the building say nothing.
func script() string {
	_, file, _, _ := runtime.Caller(0)
	if path := filepath.Join(filepath.Dir(file), "lab"); filepath.IsAbs(path) {
		return path
	}
	return filepath.Join("..", "lab", "lab")
}

// Install makes the lab, unless it is there: the clients and Tempest, with "all" the services too, with "nova" also Nova.
// Only root can.
func Install(ctx context.Context, more ...string) error {
	args := append([]string{"install"}, more...)
	if out, err := command(ctx, installTimeout, nil, "", args...); err != nil {
		return fmt.Errorf("the lab cannot be installed: %w\n%s", err, tail(out))
	}
	return nil
}

// Do runs one command of the script, with settings such as OS_AUTH_URL for what runs in the chroot, and gives what it said.
// It fails the test when the command does.
func Do(t testing.TB, settings map[string]string, args ...string) string {
	t.Helper()
	out, err := command(t.Context(), commandTimeout, settings, "", args...)
	if err != nil {
		t.Fatalf("lab %s: %v\n%s", strings.Join(args, " "), err, tail(out))
	}
	return out
}

// Feed is Do with something to read on standard input.
func Feed(t testing.TB, input string, args ...string) string {
	t.Helper()
	out, err := command(t.Context(), commandTimeout, nil, input, args...)
	if err != nil {
		t.Fatalf("lab %s: %v\n%s", strings.Join(args, " "), err, tail(out))
	}
	return out
}

// Try is Do for what may fail, also when the test is over.
func Try(args ...string) (string, error) {
	return command(context.Background(), commandTimeout, nil, "", args...)
}

// TryAs is Try with settings for what runs in the chroot.
func TryAs(settings map[string]string, args ...string) (string, error) {
	return command(context.Background(), commandTimeout, settings, "", args...)
}

// Admin is the OS_* variables of the lab's administrator.
func Admin(t testing.TB) map[string]string {
	t.Helper()
	settings := map[string]string{}
	for line := range strings.Lines(Do(t, nil, "admin")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		settings[name] = value
	}
	return settings
}

func command(ctx context.Context, limit time.Duration, settings map[string]string, input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := exec.CommandContext(ctx, script(), args...)
	c.Env = os.Environ()
	for name, value := range settings {
		c.Env = append(c.Env, name+"="+value)
	}
	if input != "" {
		c.Stdin = strings.NewReader(input)
	}
	// A daemon that inherited the pipe would keep it open.
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return string(out), err
}

// Tempest runs the tests that regex names against the cloud of settings, with a tempest.conf, and gives all it said.
// Tempest's own exit status says no more than Verdicts does.
func Tempest(t testing.TB, settings map[string]string, conf, regex string) string {
	t.Helper()
	out, _ := command(t.Context(), suiteTimeout, settings, "", "tempest", conf, "--concurrency", "2", "--regex", regex)
	return out
}

var (
	// verdictLine is how "tempest run" tells of one test: its worker, its name, how long it took, and what it came to.
	verdictLine = regexp.MustCompile(`(?m)^\{\d+\} (\S+(?: \([^)]*\))?)(?: \[[0-9.]+s\])? \.\.\. (ok|FAILED|SKIPPED)(?:: (.*))?$`)
	// setUpLine tells of a class whose fixtures failed or which was skipped whole.
	setUpLine = regexp.MustCompile(`(?m)^(setUpClass|tearDownClass) \((\S+)\)(?: \[[0-9.]+s\])? \.\.\. (ok|FAILED|SKIPPED)(?:: (.*))?$`)
	words     = map[string]string{"ok": "pass", "FAILED": "fail", "SKIPPED": "skip"}
)

// Verdicts reads what Tempest said: "pass", "fail" or "skip" by the name of the test, without the attributes in brackets.
func Verdicts(out string) map[string]string {
	found := map[string]string{}
	for _, m := range verdictLine.FindAllStringSubmatch(out, -1) {
		name, _, _ := strings.Cut(m[1], "[")
		found[strings.ReplaceAll(name, " ", "")] = words[m[2]]
	}
	for _, m := range setUpLine.FindAllStringSubmatch(out, -1) {
		found[m[1]+"("+m[2]+")"] = words[m[3]]
	}
	return found
}

// Check compares what the tests came to with the golden file path, or writes that if update is set. A test that fails must
// have its reason. The whole of out is kept in a file when something is wrong.
func Check(t *testing.T, path, out string, reasons map[string]string, update bool) {
	t.Helper()
	found := Verdicts(out)
	if len(found) == 0 {
		t.Fatalf("Tempest ran no test:\n%s", tail(out))
	}
	text := listing(t, found, reasons)
	name := strings.TrimSuffix(filepath.Base(path), ".txt")
	counts := Counts(found)
	t.Logf("%s: %d pass, %d fail, %d skip themselves", name, counts["pass"], counts["fail"], counts["skip"])
	if update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want, err := os.ReadFile(path); err != nil {
		t.Error(err)
	} else if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s is not what it was; look, and run with -update if it is right (-then +now):\n%s", path, diff)
	}
	if t.Failed() {
		Keep(t, name, out)
	}
}

// Counts is how many tests came to what.
func Counts(found map[string]string) map[string]int {
	counts := map[string]int{}
	for _, verdict := range found {
		counts[verdict]++
	}
	return counts
}

func listing(t *testing.T, found, reasons map[string]string) string {
	t.Helper()
	var text strings.Builder
	for _, test := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&text, "%s %s", found[test], test)
		if reason := reasons[test]; reason != "" && found[test] == "fail" {
			fmt.Fprintf(&text, ": %s", reason)
		} else if found[test] == "fail" {
			t.Errorf("%s fails, and nobody has said why it may", test)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// Keep writes what Tempest said to a file that outlives the test, and says where.
func Keep(t *testing.T, name, out string) {
	t.Helper()
	kept := filepath.Join(os.TempDir(), "clinker-tempest-"+name+".log")
	if err := os.WriteFile(kept, []byte(out), 0o600); err == nil {
		t.Logf("all that Tempest said is in %s", kept)
	}
}

// tail is the end of a long output.
func tail(output string) string {
	const most = 4000
	return output[max(0, len(output)-most):]
}
