package execx

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/clinker/clinker/internal/fault"
)

// Script is a Runner for tests: it runs nothing, checks that the commands come as written down, and answers as written
// down. Make one with NewScript.
type Script struct {
	t     Reporter
	mu    sync.Mutex
	steps []Step
	ran   []Command
}

// Reporter is the part of *testing.T that a Script needs.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}

// Step is one command a Script expects, and its answer.
type Step struct {
	// Want is the program and its arguments. An argument "*" stands for any one argument, "..." at the end for any
	// number of them.
	Want []string
	// Stdout and Stderr are what it writes; Exit is its status. Err, if set, is what Run returns instead.
	Stdout, Stderr string
	Exit           int
	Err            error
	// Check, if set, sees the command as it came, to look at its input, environment or limits.
	Check func(Command)
}

// NewScript makes a Script of these steps, in order. Whatever was not run when the test ends is reported to t, and so is
// a command that comes when another was expected; such a command fails.
func NewScript(t Reporter, steps ...Step) *Script {
	s := &Script{t: t, steps: steps}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, step := range s.steps {
			t.Errorf("never run: %s", strings.Join(step.Want, " "))
		}
	})
	return s
}

var _ Runner = (*Script)(nil)

// Run implements Runner. Like System it fails when ctx has ended, and then takes no step.
func (s *Script) Run(ctx context.Context, c Command) (Result, error) {
	s.t.Helper()
	if ctx.Err() != nil {
		kind := fault.Unavailable
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			kind = fault.Timeout
		}
		return Result{}, fault.Wrap(context.Cause(ctx), kind, "", "The program %s was stopped.", c.Tool)
	}
	step, err := s.next(c)
	if err != nil {
		s.t.Errorf("%v", err)
		return Result{}, err
	}
	if step.Check != nil {
		step.Check(c)
	}
	switch {
	case step.Err != nil:
		return Result{}, step.Err
	case step.Exit != 0:
		exit := &ExitError{Command: c.text(), Code: step.Exit, Stderr: c.redact(step.Stderr)}
		return Result{}, fault.Wrap(exit, fault.Internal, "", "The program %s failed.", c.Tool)
	}
	return Result{Stdout: []byte(step.Stdout), Stderr: c.redact(step.Stderr)}, nil
}

// Ran is the commands that came so far, oldest first.
func (s *Script) Ran() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ran)
}

func (s *Script) next(c Command) (Step, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran = append(s.ran, c)
	if len(s.steps) == 0 {
		return Step{}, fault.New(fault.Internal, "", "unexpected command: %s", c.text())
	}
	step := s.steps[0]
	if !step.matches(c) {
		return Step{}, fault.New(fault.Internal, "", "command %s, want %s", c.text(), strings.Join(step.Want, " "))
	}
	s.steps = s.steps[1:]
	return step, nil
}

func (s Step) matches(c Command) bool {
	got, want := append([]string{c.Tool}, c.Args...), s.Want
	if n := len(want); n > 0 && want[n-1] == "..." {
		want = want[:n-1]
		got = got[:min(len(got), n-1)]
	}
	return slices.EqualFunc(got, want, func(g, w string) bool { return w == "*" || w == g })
}
