// Command testrun is what "make test" and "make lint" run: the checks, then the tests, then a closing summary of what
// failed and of what was skipped and why. Its last line is "N passed, N failed, N skipped".
//
// What must not live here: a test. It only starts the go command and reads what it says.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// module is the prefix of our import paths that reports leave out.
const module = "github.com/clinker/clinker/"

func main() {
	lintOnly := flag.Bool("lint", false, "run the checks and the rules of the house, not the other tests")
	flag.Parse()
	began := time.Now()
	r := newReport(os.Stdout)
	if err := run(r, *lintOnly); err != nil {
		fmt.Fprintf(os.Stderr, "testrun: %v\n", err)
		os.Exit(2)
	}
	fmt.Printf("\nIt took %s.\n", time.Since(began).Round(time.Second))
	if !r.summarize() {
		os.Exit(1)
	}
}

// run does everything in the order in which a mistake is cheapest to hear of. An error means that a tool could not be
// run at all; what the tools found is in the report.
func run(r *report, lintOnly bool) error {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"gofmt", []string{"gofmt", "-l", "cmd", "internal", "scripts", "test"}},
		{"go vet", []string{"go", "vet", "./..."}},
		{"staticcheck", []string{"go", "tool", "staticcheck", "./..."}},
	} {
		if err := check(r, c.name, c.args); err != nil {
			return err
		}
	}
	if lintOnly {
		return goTest(r, "./internal/archtest")
	}
	inside, outside, err := packages()
	if err != nil {
		return err
	}
	args := []string{"-timeout=15m", "-vet=off"} // go vet has looked at everything
	if reason := noRaceDetector(); reason != "" {
		r.leaveOut("the race detector", reason)
	} else {
		// SQLite is C that was translated into Go. It has no goroutines of its own, and to watch it takes most of the time.
		args = append(args, "-race", "-gcflags=modernc.org/...=-race=false")
	}
	if err := goTest(r, append(args, inside...)...); err != nil {
		return err
	}
	if len(outside) == 0 {
		return nil
	}
	// Those that start real processes run alone, so that what they measure is the process, and never from the cache,
	// which does not know that they depend on the binary.
	return goTest(r, append([]string{"-timeout=15m", "-vet=off", "-p=1", "-count=1"}, outside...)...)
}

// packages are the packages of the module: those tested by themselves, and those under test/ that start the binary.
func packages() (inside, outside []string, err error) {
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go list: %w: %s", err, stderrOf(err))
	}
	for p := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(p, module+"test/") {
			outside = append(outside, p)
		} else {
			inside = append(inside, p)
		}
	}
	return inside, outside, nil
}

// noRaceDetector says why -race cannot be used, if it cannot: it needs cgo, and that a C compiler.
func noRaceDetector() string {
	out, err := exec.Command("go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return "go env: " + stderrOf(err)
	}
	enabled, compiler, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if enabled != "1" {
		return "cgo is off; it needs a C compiler (Debian packages gcc and libc6-dev)"
	}
	if _, err := exec.LookPath(strings.Fields(compiler + " cc")[0]); err != nil {
		return "there is no C compiler (Debian packages gcc and libc6-dev)"
	}
	return ""
}

// check runs a tool that is content when it says nothing and exits with 0.
func check(r *report, name string, args []string) error {
	began := time.Now()
	if name == "gofmt" { // it fails on a directory that is not there
		args = append(args[:2], existing(args[2:])...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("%s: %w", name, err)
	}
	content := err == nil && (name != "gofmt" || out.Len() == 0)
	r.checked(name, content, out.String(), time.Since(began))
	return nil
}

func existing(dirs []string) (there []string) {
	for _, d := range dirs {
		if _, err := os.Stat(d); err == nil {
			there = append(there, d)
		}
	}
	return there
}

// goTest runs go test and reports as it goes.
func goTest(r *report, args ...string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), cinderSource()...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := r.read(out)
	err = cmd.Wait()
	if readErr != nil {
		return fmt.Errorf("go test -json: %w", readErr)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err
	}
	if err != nil && r.failed() == 0 {
		r.checked("go test", false, err.Error(), 0) // it failed, and no event said why
	}
	return nil
}

// cinderSource tells tests where scripts/need-tools has put Cinder's own files, unless they are told already.
func cinderSource() []string {
	const variable = "CLINKER_CINDER_SOURCE"
	dir, err := filepath.Abs("bin/cinder")
	if _, given := os.LookupEnv(variable); given || err != nil {
		return nil
	}
	return []string{variable + "=" + dir}
}

func stderrOf(err error) string {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}
