// Package execx runs other programs: storage tools such as lvs, rbd or qemu-img. A program gets an argument vector and
// never a shell; it has a time limit, an output limit and an environment of named variables only; and when its caller
// goes away, it goes away with everything it started.
//
// What lives here: the contract Runner, the one that really runs programs (System), the scripted one for tests (Script),
// and Lookup. What must not: knowledge of any one tool's arguments or answers.
package execx

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits that apply where a Command says nothing, and the most a Command may ask for.
const (
	DefaultTimeout     = 2 * time.Minute
	MaxTimeout         = 24 * time.Hour
	DefaultOutputBytes = 1 << 20
	MaxOutputBytes     = 64 << 20
)

// Command is one run of a program.
type Command struct {
	// Tool is the program's name, looked for as Lookup does, or its absolute path.
	Tool string
	Args []string
	// Stdin is what the program reads; nil is an empty input.
	Stdin []byte
	// PassEnv names variables of our own environment that the program may see beside the few that every program gets
	// (PATH, HOME, TMPDIR; LC_ALL is always C).
	PassEnv []string
	// Env is further variables, "NAME=value".
	Env []string
	// Timeout bounds the whole run: 0 means DefaultTimeout, more than MaxTimeout means MaxTimeout.
	Timeout time.Duration
	// OutputBytes bounds standard output: 0 means DefaultOutputBytes, more than MaxOutputBytes means MaxOutputBytes. A
	// program that writes more is stopped and the run fails.
	OutputBytes int
	// Secrets are texts that must never reach a log. They are blanked out of every error; they do not belong in Args
	// at all, where any user of the machine can read them.
	Secrets []string
}

// Result is what a program that ended with exit status 0 left behind.
type Result struct {
	Stdout []byte
	// Stderr is the end of what it wrote to standard error, at most some KiB, without the command's secrets.
	Stderr string
}

// Runner runs programs.
type Runner interface {
	// Run runs the command to its end. An exit status other than 0 is an error that ExitCode and Stderr can read. The
	// kinds: fault.Unavailable for a program that is not installed or a cancelled ctx, fault.Timeout when the command's
	// or ctx's time was up, fault.Internal for all else.
	Run(ctx context.Context, c Command) (Result, error)
}

// ExitError says how a program failed. It is found in a Run's error by errors.As, and is for code and the log, not for
// users.
type ExitError struct {
	Command string // the program and its arguments, shortened, without secrets
	Code    int    // exit status; -1 if a signal ended it
	Stderr  string // the end of standard error, without secrets
}

// Error implements error.
func (e *ExitError) Error() string {
	s := fmt.Sprintf("%s: exit status %d", e.Command, e.Code)
	if e.Stderr != "" {
		s += ": " + e.Stderr
	}
	return s
}

// ExitCode is the exit status in a Run's error; ok is false when the program did not get as far as to have one.
func ExitCode(err error) (code int, ok bool) {
	if e, found := errors.AsType[*ExitError](err); found {
		return e.Code, true
	}
	return 0, false
}

// Stderr is the end of the standard error of a program that failed, empty when there is none. Tools that fail with one
// and the same status for everything are told apart by it.
func Stderr(err error) string {
	if e, found := errors.AsType[*ExitError](err); found {
		return e.Stderr
	}
	return ""
}

const (
	commandTextBytes = 300  // of a command in an error
	stderrBytes      = 4096 // of standard error that are kept
	blanked          = "***"
)

// text is the command as it may stand in a log.
func (c Command) text() string {
	s := c.redact(strings.Join(append([]string{c.Tool}, c.Args...), " "))
	if len(s) > commandTextBytes {
		s = strings.ToValidUTF8(s[:commandTextBytes], "") + "..."
	}
	return s
}

// redact blanks the secrets out of s.
func (c Command) redact(s string) string {
	for _, secret := range c.Secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, blanked)
		}
	}
	return s
}

// longestSecret is the length of the longest secret in bytes.
func (c Command) longestSecret() int {
	longest := 0
	for _, secret := range c.Secrets {
		longest = max(longest, len(secret))
	}
	return longest
}

// excerpt is the end of standard error without secrets. It cuts only after blanking, and stderr holds longestSecret
// bytes more than the excerpt, so that a secret cut in two at the front is cut off altogether.
func (c Command) excerpt(stderr []byte) string {
	cut := len(stderr) > stderrBytes
	s := c.redact(string(stderr))
	if cut {
		s = s[min(len(s), c.longestSecret()):]
	}
	return strings.ToValidUTF8(s[max(0, len(s)-stderrBytes):], "?")
}
