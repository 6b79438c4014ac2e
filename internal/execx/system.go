package execx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// System runs programs on this machine. The zero value is ready and safe for concurrent use.
type System struct{}

var _ Runner = System{}

// killDelay is how long a program has to end by itself after SIGTERM, and how long we wait for whoever inherited its
// output after it ended. A storage tool in the middle of writing its metadata needs a moment.
const killDelay = 2 * time.Second

var (
	errTimeLimit   = errors.New("time limit reached")
	errOutputLimit = errors.New("output limit reached")
)

// Run implements Runner. When ctx ends or a limit is reached, the program and everything it started (its process group)
// get SIGTERM and, two seconds later, SIGKILL. When our own process is killed, the program is too (on Linux): one that went on
// writing would meet whoever takes the work up again.
func (System) Run(ctx context.Context, c Command) (Result, error) {
	path, err := Lookup(c.Tool)
	if err != nil {
		return Result{}, err
	}
	timeout := limit(c.Timeout, DefaultTimeout, MaxTimeout)
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	running, release := context.WithTimeoutCause(running, timeout, errTimeLimit)
	defer release()

	stdout := &boundedBuffer{limit: limit(c.OutputBytes, DefaultOutputBytes, MaxOutputBytes), full: func() { stop(errOutputLimit) }}
	stderr := &tailBuffer{limit: stderrBytes + c.longestSecret()}
	cmd := exec.CommandContext(running, path, c.Args...)
	cmd.Env = environment(c)
	cmd.Stdin = bytes.NewReader(c.Stdin)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return signalGroup(cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killDelay

	// The kernel takes the end of the thread that started the program for our end, so that thread must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if cmd.Process != nil && running.Err() != nil {
		// The leader is gone now; what it started may not be.
		_ = signalGroup(cmd.Process.Pid, syscall.SIGKILL)
	}
	if errors.Is(err, exec.ErrWaitDelay) && running.Err() == nil {
		err = nil // it ended well and left a daemon behind that holds its output open
	}
	if err != nil {
		return Result{}, runError(running, c, cmd, err, c.excerpt(stderr.kept))
	}
	return Result{Stdout: stdout.kept, Stderr: c.excerpt(stderr.kept)}, nil
}

// runError turns what exec said into a fault.
func runError(running context.Context, c Command, cmd *exec.Cmd, err error, stderr string) error {
	exit := &ExitError{Command: c.text(), Code: -1, Stderr: strings.TrimSpace(stderr)}
	if cmd.ProcessState != nil {
		exit.Code = cmd.ProcessState.ExitCode()
	}
	switch cause := context.Cause(running); {
	case errors.Is(cause, errOutputLimit):
		return fault.Wrap(fmt.Errorf("%w: %w", cause, exit), fault.Internal, "", "The program %s wrote more than it may.", c.Tool)
	case errors.Is(cause, errTimeLimit) || errors.Is(running.Err(), context.DeadlineExceeded):
		return fault.Wrap(fmt.Errorf("%w: %w", cause, exit), fault.Timeout, "", "The program %s did not finish in time.", c.Tool)
	case cause != nil:
		return fault.Wrap(fmt.Errorf("%w: %w", cause, exit), fault.Unavailable, "", "The program %s was stopped.", c.Tool)
	}
	if cmd.ProcessState == nil { // it never started
		return fault.Wrap(fmt.Errorf("%s: %w", c.text(), err), fault.Internal, "", "The program %s could not be started.", c.Tool)
	}
	return fault.Wrap(exit, fault.Internal, "", "The program %s failed.", c.Tool)
}

// signalGroup reports a group that is gone already as exec wants it.
func signalGroup(leader int, signal syscall.Signal) error {
	err := syscall.Kill(-leader, signal)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// environment is all a program sees. Messages are in English wherever we run, since drivers match on some of them.
func environment(c Command) []string {
	env := []string{"LC_ALL=C", "PATH=" + strings.Join(searchPath(), ":")}
	for _, name := range slices.Concat([]string{"HOME", "TMPDIR"}, c.PassEnv) {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, c.Env...)
}

// limit is asked, within what is allowed.
func limit[N int | time.Duration](asked, normal, most N) N {
	if asked <= 0 {
		return normal
	}
	return min(asked, most)
}

// boundedBuffer keeps what fits and calls full for what does not.
type boundedBuffer struct {
	kept  []byte
	limit int
	full  func()
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(b.kept)+len(p) > b.limit {
		b.full()
		return 0, errOutputLimit
	}
	b.kept = append(b.kept, p...)
	return len(p), nil
}

// tailBuffer keeps the last bytes of what is written to it: tools say last what stopped them.
type tailBuffer struct {
	kept  []byte
	limit int
}

func (b *tailBuffer) Write(p []byte) (int, error) {
	n := len(p)
	p = p[max(0, len(p)-b.limit):]
	b.kept = b.kept[max(0, len(b.kept)+len(p)-b.limit):]
	b.kept = append(b.kept, p...)
	return n, nil
}
