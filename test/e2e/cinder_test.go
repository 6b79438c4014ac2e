package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/test/harness"
)

// shell is a user's shell after eval "$(clinker env ...)". Most of its lines go to one Python that stays, and does for each
// what the cinder command does: starting Python anew for every line takes longer than everything the lines do.
type shell struct {
	t     *testing.T
	setup string
	in    io.Writer
	out   *json.Decoder
}

// stay reads command lines and runs the cinder command's own main for each.
const stay = `
import contextlib, io, json, shlex, sys
from cinderclient import shell
lines, answers = sys.stdin, sys.stdout
for line in lines:
    said, failed = io.StringIO(), False
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            shell.OpenStackCinderShell().main(shlex.split(line)[1:])
        except SystemExit as e:
            failed = bool(e.code)
        except Exception as e:
            failed = True
            print("ERROR: %s" % e)
    print(json.dumps({"said": said.getvalue(), "failed": failed}), file=answers, flush=True)
`

func newShell(t *testing.T, setup string) *shell {
	t.Helper()
	s := &shell{t: t, setup: setup}
	command := s.command("exec python3 -c '" + strings.ReplaceAll(stay, "'", `'\''`) + "'")
	in, err := command.StdinPipe()
	must(t, err)
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		in.Close()
		_ = command.Wait()
	})
	s.in, s.out = in, json.NewDecoder(out)
	return s
}

func (s *shell) command(line string) *exec.Cmd {
	command := exec.CommandContext(s.t.Context(), "sh", "-c", s.setup+"\n"+line)
	// A clean environment: what the developer's own cloud needs must not leak in.
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent", "LC_ALL=C.UTF-8"}
	return command
}

// start runs one command line in a process of its own, which must succeed, and gives what it wrote.
func (s *shell) start(line string) string {
	s.t.Helper()
	out, err := s.command(line).CombinedOutput()
	if err != nil {
		s.t.Fatalf("$ %s\n%v\n%s", line, err, out)
	}
	return string(out)
}

// run runs one command line of cinder, which must succeed, and gives what it wrote.
func (s *shell) run(line string) string {
	s.t.Helper()
	out, err := s.try(line)
	if err != nil {
		s.t.Fatalf("$ %s\n%v\n%s", line, err, out)
	}
	return out
}

func (s *shell) try(line string) (string, error) {
	s.t.Helper()
	_, err := fmt.Fprintln(s.in, line)
	must(s.t, err)
	var answer struct {
		Said   string
		Failed bool
	}
	must(s.t, s.out.Decode(&answer))
	if answer.Failed {
		return answer.Said, errors.New("it failed")
	}
	return answer.Said, nil
}

// refuse runs one command line that must fail and say these words.
func (s *shell) refuse(line string, words ...string) {
	s.t.Helper()
	out, err := s.try(line)
	if err == nil {
		s.t.Errorf("$ %s\nsucceeded, want a refusal:\n%s", line, out)
	}
	has(s.t, "$ "+line, out, words...)
}

// cells are the values of the column of a table that the cinder command draws, or of the row of one property.
func cells(table, column string) []string {
	var header, found []string
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		fields := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		switch {
		case header == nil:
			header = fields
		case header[0] == "Property" && len(fields) > 1 && fields[0] == column:
			found = append(found, fields[1])
		default:
			for i, h := range header {
				if h == column && i < len(fields) {
					found = append(found, fields[i])
				}
			}
		}
	}
	return found
}

// TestCinderCommand is the session of the README and more, with Debian's cinder command.
func TestCinderCommand(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "cinder")
	cloud := harness.Start(t, "")
	env, bad, status := clinker(t, "clinker", "env", "--noauth", "--bind", cloud.Bind, "--state-dir", cloud.StateDir)
	if status != 0 || bad != "" {
		t.Fatalf("clinker env ends with %d: %s", status, bad)
	}
	s := newShell(t, env)
	one := func(table, column, value string) {
		t.Helper()
		if got := cells(table, column); len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q, in:\n%s", column, got, value, table)
		}
	}
	idOf := func(command string) string {
		t.Helper()
		ids := cells(s.run(command), "id")
		if len(ids) != 1 {
			t.Fatalf("%s shows the ids %v", command, ids)
		}
		return ids[0]
	}

	made := s.start("cinder create --name second 1")
	one(made, "name", "second")
	if strings.Contains(made, "WARNING") {
		t.Errorf("the session begins with a warning:\n%s", made)
	}
	one(s.start("cinder list"), "Status", "available")
	show := s.run("cinder show second")
	one(show, "status", "available")
	one(show, "size", "1")
	one(show, "volume_type", "__DEFAULT__")

	s.run("cinder snapshot-create --name before second")
	one(s.run("cinder snapshot-list"), "Status", "available")
	s.refuse("cinder delete second", "have snapshots")
	s.run("cinder extend second 2")
	one(s.run("cinder show second"), "size", "2")
	s.run("cinder create --name copy --snapshot-id " + idOf("cinder snapshot-show before"))
	one(s.run("cinder show copy"), "status", "available")

	s.run("cinder metadata second set colour=red")
	s.run("cinder rename second first --description told")
	s.run("cinder reset-state --state error copy")
	show = s.run("cinder show first")
	one(show, "description", "told")
	has(t, "cinder show", show, "colour : red")
	one(s.run("cinder list --name copy"), "Status", "error")
	s.run("cinder delete copy")

	s.run("cinder type-create gold --description dear")
	s.run("cinder type-key gold set volume_backend_name=file")
	has(t, "cinder extra-specs-list", s.run("cinder extra-specs-list"), "{'volume_backend_name': 'file'}")
	s.run("cinder create --name golden --volume-type gold --metadata a=b -- 1")
	one(s.run("cinder show golden"), "volume_type", "gold")
	s.refuse("cinder type-delete gold", "gold")

	one(s.run("cinder quota-show admin"), "volumes", "10")
	s.run("cinder quota-update --volumes 2 admin")
	one(s.run("cinder quota-show admin"), "volumes", "2")
	s.refuse("cinder create 1", "VolumeLimitExceeded", "413")
	if got := cells(s.run("cinder quota-usage admin"), "In_use"); len(got) == 0 {
		t.Error("cinder quota-usage shows nothing")
	}
	has(t, "cinder absolute-limits", s.run("cinder absolute-limits"), "totalVolumesUsed", "totalGigabytesUsed")

	if got := cells(s.run("cinder service-list"), "State"); !slices.Equal(got, []string{"up", "up", "up"}) {
		t.Errorf("the services are %v, want three that are up", got)
	}
	one(s.run("cinder get-pools"), "name", "clinker@file#file")
	has(t, "cinder availability-zone-list", s.run("cinder availability-zone-list"), "nova", "available")
	has(t, "cinder version-list", s.run("cinder version-list"), "3.71")
	s.run("cinder attachment-create first " + instance)
	one(s.run("cinder attachment-list"), "Status", "reserved")
	attachment := cells(s.run("cinder attachment-list"), "ID")[0]
	s.run("cinder attachment-delete " + attachment)
	s.run("cinder attachment-create --connect True --host here --ip 127.0.0.1 --initiator iqn.x --mountpoint /dev/vdb first " + instance)
	attachment = cells(s.run("cinder attachment-list"), "ID")[0]
	has(t, "cinder attachment-show", s.run("cinder attachment-show "+attachment), "nbd://"+cloud.Bind)
	s.run("cinder attachment-complete " + attachment)
	one(s.run("cinder list --name first"), "Status", "in-use")
	s.refuse("cinder delete first", "must be available or error")
	s.run("cinder attachment-delete " + attachment)

	s.run("cinder snapshot-delete before")
	s.run("cinder delete first golden")
	if rest := cells(s.run("cinder list"), "ID"); len(rest) != 0 {
		t.Errorf("there are still volumes: %v", rest)
	}
	s.run("cinder type-delete gold")
}
