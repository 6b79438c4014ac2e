package mixed

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clinker/clinker/test/harness"
	"github.com/clinker/clinker/test/lab"
)

// across are compositions in which whatever the API asks of a service is asked of the other kind.
var across = []composition{{ours, python, python, "fake"}, {python, ours, ours, "file"}}

// cinder runs a command of python-cinderclient at the newest microversion and gives what it says.
func (c *cloud) cinder(t *testing.T, args ...string) string {
	t.Helper()
	return lab.Do(t, c.admin, append([]string{"run", "cinder", "--os-volume-api-version", "3.70"}, args...)...)
}

// TestLogLevelsAcross: levels are set and told between services of both kinds.
func TestLogLevelsAcross(t *testing.T) {
	for _, c := range across {
		t.Run(c.String(), func(t *testing.T) {
			r := start(t, c)
			loggers := map[kind]string{ours: "clinker", python: "cinder.volume.volume_utils"}
			for _, level := range []string{"DEBUG", "WARNING"} {
				r.cinder(t, "service-set-log", level)
				harness.Within(t, 30*time.Second, "log level "+level, func() (bool, string) {
					out := r.cinder(t, "service-get-log")
					for _, service := range []string{"cinder-scheduler", "cinder-volume"} {
						if !logsAt(out, service, loggers[r.who(service)], level) {
							return false, out
						}
					}
					return true, out
				})
			}
		})
	}
}

// logsAt looks for a row in a table of service-get-log: binary, host, prefix, level.
func logsAt(table, binary, logger, level string) bool {
	for line := range strings.Lines(table) {
		if words := strings.Fields(strings.ReplaceAll(line, "|", " ")); len(words) == 4 && words[0] == binary && words[2] == logger && words[3] == level {
			return true
		}
	}
	return false
}

// sql asks the database of the composition, and gives the rows, a line each.
func (c *cloud) sql(t *testing.T, text string) string {
	t.Helper()
	return strings.TrimSpace(lab.Do(t, nil, "run", "mariadb", "-h", labAddress(c.admin), "-ucinder", "-plab", "cinder", "-N", "-B", "-e", text))
}

// newVolume makes a volume and waits until it is available.
func (c *cloud) newVolume(t *testing.T) (id string) {
	t.Helper()
	out := c.cinder(t, "create", "1")
	for line := range strings.Lines(out) {
		if words := strings.Fields(strings.ReplaceAll(line, "|", " ")); len(words) == 2 && words[0] == "id" {
			id = words[1]
		}
	}
	if id == "" {
		t.Fatalf("a volume without an id:\n%s", out)
	}
	harness.Within(t, time.Minute, "the volume", func() (bool, string) {
		status := c.sql(t, "SELECT status FROM volumes WHERE id = '"+id+"'")
		return status == "available", status
	})
	return id
}

// abandon makes two volumes, and writes what there would be if the volume service had died while it made the one and deleted the other.
func (c *cloud) abandon(t *testing.T) (made, deleted string) {
	t.Helper()
	made, deleted = c.newVolume(t), c.newVolume(t)
	for id, status := range map[string]string{made: "creating", deleted: "deleting"} {
		c.sql(t, "UPDATE volumes SET status = '"+status+"' WHERE id = '"+id+"'; INSERT INTO workers (created_at, updated_at, deleted, resource_type, resource_id, "+
			"status, service_id, race_preventer) SELECT UTC_TIMESTAMP(), UTC_TIMESTAMP() - INTERVAL 5 SECOND, 0, 'Volume', '"+id+"', '"+status+"', id, 0 FROM services "+
			"WHERE `binary` = 'cinder-volume' AND deleted = 0")
	}
	return made, deleted
}

// cleaned waits until the one is in error and the other gone, and nothing is left in workers.
func (c *cloud) cleaned(t *testing.T, made, deleted string) {
	t.Helper()
	harness.Within(t, 30*time.Second, "the cleaning up", func() (bool, string) {
		got := c.sql(t, "SELECT status FROM volumes WHERE id = '"+made+"'; SELECT deleted FROM volumes WHERE id = '"+deleted+"'; "+
			"SELECT resource_type, resource_id, status, service_id FROM workers WHERE resource_type <> 'SENTINEL'")
		return got == "error\n1", got
	})
}

// TestCleanupAcross: POST /workers/cleanup reaches the volume service whoever is between, and operations of one kind's API that the
// other kind's services have carried out leave nothing in workers.
func TestCleanupAcross(t *testing.T) {
	for _, c := range []composition{{python, ours, ours, "file"}, {ours, python, python, "fake"}, {python, python, ours, "file"}, {python, ours, python, "fake"}} {
		t.Run(c.String(), func(t *testing.T) {
			r := start(t, c)
			made, deleted := r.abandon(t)
			out := r.cinder(t, "work-cleanup", "--is-up", "true", "--binary", "cinder-volume")
			if !strings.Contains(out, "lab@"+c.backend) {
				t.Errorf("nobody cleans up:\n%s", out)
			}
			r.cleaned(t, made, deleted)
		})
	}
}

// TestCleanupAfterTheOtherKind: a service cleans up what one of the other kind, which was in its place before, had in hand.
func TestCleanupAfterTheOtherKind(t *testing.T) {
	r := start(t, composition{python, python, python, "fake"})
	made, deleted := r.abandon(t)
	r.stop(t, "cinder-volume")
	r.run(t, "cinder-volume", ours)
	r.cleaned(t, made, deleted)
}

// TestHandBack: what a service of ours left in its journal is cleaned up by a Python one that takes its place, once it was handed back.
func TestHandBack(t *testing.T) {
	r := start(t, composition{python, python, ours, "fake"})
	made, deleted := r.newVolume(t), r.newVolume(t)
	r.stop(t, "cinder-volume")
	for id, status := range map[string]string{made: "creating", deleted: "deleting"} {
		r.sql(t, "UPDATE volumes SET status = '"+status+"' WHERE id = '"+id+"'; INSERT INTO clinker_flows (id, name, owner, resource_type, resource_id, state, "+
			"unwinding, attempts, created_at, updated_at) VALUES (UUID(), 'volume_x', 'lab@fake', 'volume', '"+id+"', '{}', 0, 0, UTC_TIMESTAMP(), UTC_TIMESTAMP())")
	}
	handBack := func() (string, error) {
		out, err := exec.CommandContext(t.Context(), harness.Binary(t), "database", "hand-back", "--config-file", r.file).CombinedOutput()
		return string(out), err
	}
	if out, err := handBack(); err == nil || !strings.Contains(out, "stop it, wait, and repeat") {
		t.Errorf("while the service counts as up: %v, %s", err, out)
	}
	r.sql(t, "UPDATE services SET updated_at = updated_at - INTERVAL 5 MINUTE WHERE host = 'lab@fake'; "+
		"UPDATE clinker_services SET seen_at = seen_at - INTERVAL 5 MINUTE WHERE host = 'lab@fake'")
	if out, err := handBack(); err != nil || !strings.Contains(out, "2 operations were given") {
		t.Errorf("%v, %s", err, out)
	}
	r.run(t, "cinder-volume", python)
	r.cleaned(t, made, deleted)
}

// TestBackendsAcross: a back end is frozen, thawed and failed over by the API of the other kind. None here replicates, so that the last ends
// in an error.
func TestBackendsAcross(t *testing.T) {
	for _, c := range across {
		t.Run(c.String(), func(t *testing.T) {
			r := start(t, c)
			const row = "SELECT disabled, IFNULL(disabled_reason, ''), frozen, replication_status FROM services WHERE `binary` = 'cinder-volume' AND deleted = 0"
			becomes := func(what, want string) {
				t.Helper()
				harness.Within(t, 30*time.Second, what, func() (bool, string) {
					got := r.sql(t, row)
					return strings.HasPrefix(got, want), got
				})
			}
			r.cinder(t, "freeze-host", "lab@"+c.backend)
			becomes("the freeze", "1\tfrozen\t1\t")
			r.cinder(t, "thaw-host", "lab@"+c.backend)
			becomes("the thaw", "0\t\t0\t")
			r.sql(t, "UPDATE services SET replication_status = 'enabled' WHERE `binary` = 'cinder-volume'")
			r.cinder(t, "failover-host", "lab@"+c.backend, "--backend_id", "dr")
			becomes("the failover", "1\t\t0\tfailover-error")
		})
	}
}

// TestPins: beside a service of an older release, messages to its kind are as old as it is, and Python's newer ones take them; when
// its row is gone, SIGHUP has them be new again.
func TestPins(t *testing.T) {
	r := start(t, composition{ours, python, python, "fake"})
	r.sql(t, "INSERT INTO services (created_at, updated_at, deleted, uuid, host, `binary`, topic, report_count, disabled, availability_zone, rpc_current_version, "+
		"object_current_version, replication_status, frozen) SELECT UTC_TIMESTAMP(), UTC_TIMESTAMP() - INTERVAL 1 DAY, 0, UUID(), CONCAT('old-', `binary`), `binary`, "+
		"topic, 0, 0, 'nova', IF(`binary` = 'cinder-volume', '3.16', '3.11'), '1.38', 'disabled', 0 FROM services WHERE deleted = 0")
	reload := func() {
		t.Helper()
		if err := syscall.Kill(r.pids["cinder-api"], syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // there is nothing to be seen from outside
	}
	reload()
	id := r.newVolume(t)
	reimage := func() string {
		out, _ := lab.TryAs(r.admin, "run", "cinder", "--os-volume-api-version", "3.68", "reimage", id, lab.UploadImage(t, r.admin))
		return out
	}
	if out := reimage(); !strings.Contains(out, "too old to accept reimage request. Required RPC API version is 3.18") {
		t.Errorf("a message that the old service does not know: %s", out)
	}
	r.cinder(t, "reset-state", "--state", "available", id)
	r.cinder(t, "delete", id)
	harness.Within(t, 30*time.Second, "the delete", func() (bool, string) {
		got := r.sql(t, "SELECT deleted, status FROM volumes WHERE id = '"+id+"'")
		return strings.HasPrefix(got, "1"), got
	})
	r.sql(t, "DELETE FROM services WHERE host LIKE 'old-%'")
	reload()
	id = r.newVolume(t)
	if out := reimage(); strings.Contains(out, "too old") {
		t.Errorf("when the old service is gone: %s", out)
	}
}
