package execx

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/fault"
)

// sh is the one place where a shell is right: a program for tests that does as it is told.
func sh(script string, args ...string) Command {
	return Command{Tool: "sh", Args: append([]string{"-c", script, "sh"}, args...)}
}

func TestRunGivesOutput(t *testing.T) {
	c := sh(`cat; echo "$1" >&2`, `a b; $(exit 3) "`)
	c.Stdin = []byte("from stdin")
	got, err := System{}.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Stdout) != "from stdin" {
		t.Errorf("stdout = %q", got.Stdout)
	}
	if got.Stderr != "a b; $(exit 3) \"\n" {
		t.Errorf("an argument did not arrive as it was: %q", got.Stderr)
	}
}

func TestRunPassesNamedVariablesOnly(t *testing.T) {
	t.Setenv("EXECX_PASSED", "yes")
	t.Setenv("EXECX_SECRET", "no")
	c := Command{Tool: "env", PassEnv: []string{"EXECX_PASSED"}, Env: []string{"EXTRA=1"}}
	got, err := System{}.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(got.Stdout))
	for _, want := range []string{"EXECX_PASSED=yes", "EXTRA=1", "LC_ALL=C"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%s is missing in %q", want, lines)
		}
	}
	if strings.Contains(string(got.Stdout), "EXECX_SECRET") {
		t.Error("a variable nobody named was passed on")
	}
}

func TestRunFailure(t *testing.T) {
	c := sh(`echo "bad key hunter2" >&2; exit 5`)
	c.Secrets = []string{"hunter2"}
	_, err := System{}.Run(t.Context(), c)
	if code, ok := ExitCode(err); !ok || code != 5 {
		t.Errorf("ExitCode = %d, %v", code, ok)
	}
	if got := Stderr(err); got != "bad key ***" {
		t.Errorf("Stderr = %q", got)
	}
	if !fault.Is(err, fault.Internal) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v", err)
	}
	if f, _ := fault.Of(err); strings.Contains(f.Text, "bad key") {
		t.Errorf("the user would read %q", f.Text)
	}
}

func TestRunStopsAtTheOutputLimit(t *testing.T) {
	c := Command{Tool: "yes", OutputBytes: 1000}
	_, err := System{}.Run(t.Context(), c)
	if !errors.Is(err, errOutputLimit) || !fault.Is(err, fault.Internal) {
		t.Errorf("err = %v", err)
	}
	c = sh(`head -c 1000 /dev/zero`)
	c.OutputBytes = 1000
	if got, err := (System{}).Run(t.Context(), c); err != nil || len(got.Stdout) != 1000 {
		t.Errorf("output of exactly the limit: %d bytes, %v", len(got.Stdout), err)
	}
}

func TestRunStopsAtTheTimeLimit(t *testing.T) {
	c := Command{Tool: "sleep", Args: []string{"60"}, Timeout: 20 * time.Millisecond}
	if _, err := (System{}).Run(t.Context(), c); !fault.Is(err, fault.Timeout) {
		t.Errorf("own limit: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	c.Timeout = 0
	if _, err := (System{}).Run(ctx, c); !fault.Is(err, fault.Timeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("caller's limit: %v", err)
	}
}

// Cancelling must reach what the program started, too.
func TestCancelKillsTheGroup(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := System{}.Run(ctx, sh(`sleep 60 & echo $! >"$1.new"; mv "$1.new" "$1"; wait`, pidFile))
		done <- err
	}()
	pid := waitForPID(t, pidFile)
	cancel()
	if err := <-done; !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	// An orphan is reaped by init in its own time; until then it is a zombie, which does nothing any more.
	if state := processState(pid); state != "" && state != "Z" && state != "X" {
		t.Errorf("the grandchild still lives, in state %s", state)
	}
}

func waitForPID(t *testing.T, path string) int {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil {
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal("the program never started")
	return 0
}

// processState is the state letter of a process, empty if there is none. A killed process may be seen running for an
// instant more, so it is asked for until it has left that state.
func processState(pid int) string {
	state := ""
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			return ""
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if state = rest[:1]; state == "Z" || state == "X" {
			return state
		}
	}
	return state
}

// A program that ignores SIGTERM is killed, and a tool that leaves a daemon behind has not failed.
func TestStubbornAndDaemonPrograms(t *testing.T) {
	t.Run("ignores SIGTERM", func(t *testing.T) {
		t.Parallel()
		c := sh(`trap "" TERM; while :; do sleep 1; done`)
		c.Timeout = 50 * time.Millisecond
		begin := time.Now()
		if _, err := (System{}).Run(t.Context(), c); !fault.Is(err, fault.Timeout) {
			t.Errorf("err = %v", err)
		}
		if took := time.Since(begin); took > 2*killDelay {
			t.Errorf("it took %v to end it", took)
		}
	})
	t.Run("leaves a daemon", func(t *testing.T) {
		t.Parallel()
		got, err := System{}.Run(t.Context(), sh(`sleep 5 & echo $!`))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(got.Stdout)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("the daemon did not survive: %v", err)
		}
	})
}

func TestLookup(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lvs"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "relative:"+dir)
	t.Chdir(dir)
	if got, err := Lookup("lvs"); err != nil || got != filepath.Join(dir, "lvs") {
		t.Errorf("Lookup(lvs) = %q, %v", got, err)
	}
	tests := []struct {
		tool string
		kind fault.Kind
		text string
	}{
		{"data", fault.Unavailable, "The program data is needed"},
		{filepath.Join(dir, "rbd"), fault.Unavailable, "The program rbd is needed and is not installed. On Debian it comes in the package ceph-common"},
		{"no-such-program", fault.Unavailable, "The program no-such-program is needed and is not installed."},
		{"../lvs", fault.Internal, "not the name of a program"},
		{"", fault.Internal, "not the name of a program"},
		{"..", fault.Internal, "not the name of a program"},
	}
	for _, tt := range tests {
		_, err := Lookup(tt.tool)
		if !fault.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("Lookup(%q): %v, want a %v with %q", tt.tool, err, tt.kind, tt.text)
		}
	}
	if _, err := (System{}).Run(t.Context(), Command{Tool: "no-such-program"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Run of a missing program: %v", err)
	}
}

// An unreadable program file has the right bits and still cannot start.
func TestRunOfWhatIsNoProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("\x7fELF, not really"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := System{}.Run(t.Context(), Command{Tool: path})
	if _, ok := ExitCode(err); ok || !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "could not be started") {
		t.Errorf("err = %v", err)
	}
}

func TestTailBufferKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		writes := rapid.SliceOf(rapid.StringMatching(`[a-z]{0,9}`)).Draw(rt, "writes")
		b := &tailBuffer{limit: rapid.IntRange(1, 12).Draw(rt, "limit")}
		for _, w := range writes {
			if n, err := b.Write([]byte(w)); n != len(w) || err != nil {
				rt.Fatalf("Write = %d, %v", n, err)
			}
		}
		all := strings.Join(writes, "")
		if want := all[max(0, len(all)-b.limit):]; string(b.kept) != want {
			rt.Errorf("kept %q, want %q", b.kept, want)
		}
	})
}

// However the end of standard error falls, no part of a secret is left of it.
func TestExcerptNeverHoldsHalfASecret(t *testing.T) {
	const secret = "0123456789"
	for noise := range 2 * len(secret) {
		c := Command{Secrets: []string{secret}}
		b := &tailBuffer{limit: stderrBytes + c.longestSecret()}
		all := strings.Repeat("x", 50) + secret + strings.Repeat("y", stderrBytes-len(secret)/2+noise-len(secret))
		if _, err := b.Write([]byte(all)); err != nil {
			t.Fatal(err)
		}
		got := c.excerpt(b.kept)
		if strings.ContainsAny(got, secret) || !strings.HasSuffix(got, "yyy") || len(got) > stderrBytes {
			t.Fatalf("with %d bytes of noise: %d bytes, begins %.30q", noise, len(got), got)
		}
	}
}

func TestCommandTextIsShortAndClean(t *testing.T) {
	c := Command{Tool: "rbd", Args: []string{"--key", "s3cret", strings.Repeat("é", 500)}, Secrets: []string{"s3cret", ""}}
	got := c.text()
	if strings.Contains(got, "s3cret") || len(got) > commandTextBytes+3 || !strings.HasPrefix(got, "rbd --key ***") {
		t.Errorf("text = %q", got)
	}
}

// recorder stands in for *testing.T.
type recorder struct {
	errors  int
	cleanup []func()
}

func (*recorder) Helper()                 {}
func (r *recorder) Errorf(string, ...any) { r.errors++ }
func (r *recorder) Cleanup(f func())      { r.cleanup = append(r.cleanup, f) }

func TestScript(t *testing.T) {
	r := &recorder{}
	boom := errors.New("boom")
	var stdin string
	s := NewScript(r,
		Step{Want: []string{"lvs", "-o", "*", "vg"}, Stdout: "lv1\n", Check: func(c Command) { stdin = string(c.Stdin) }},
		Step{Want: []string{"lvremove", "..."}, Exit: 5, Stderr: "in use"},
		Step{Want: []string{"lvremove", "..."}, Err: boom},
		Step{Want: []string{"vgs"}},
	)
	got, err := s.Run(t.Context(), Command{Tool: "lvs", Args: []string{"-o", "name", "vg"}, Stdin: []byte("in")})
	if err != nil || string(got.Stdout) != "lv1\n" || stdin != "in" {
		t.Errorf("lvs: %q, %v; stdin %q", got.Stdout, err, stdin)
	}
	_, err = s.Run(t.Context(), Command{Tool: "lvremove", Args: []string{"-f", "vg/lv1"}})
	if code, _ := ExitCode(err); code != 5 || Stderr(err) != "in use" {
		t.Errorf("lvremove: %v", err)
	}
	if _, err = s.Run(t.Context(), Command{Tool: "lvremove"}); !errors.Is(err, boom) {
		t.Errorf("lvremove: %v", err)
	}
	if r.errors != 0 {
		t.Fatalf("%d errors for commands that were expected", r.errors)
	}
	if _, err = s.Run(t.Context(), Command{Tool: "vgs", Args: []string{"--all"}}); err == nil || r.errors != 1 {
		t.Errorf("an unexpected command: %v, %d errors", err, r.errors)
	}
	for _, f := range r.cleanup {
		f()
	}
	if r.errors != 2 {
		t.Errorf("a step that was never run was not reported")
	}
	if len(s.Ran()) != 4 {
		t.Errorf("Ran = %v", s.Ran())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Run(gone, Command{Tool: "vgs"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("with a cancelled context: %v", err)
	}
}
