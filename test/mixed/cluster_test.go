package mixed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/clinker/clinker/test/harness"
	"github.com/clinker/clinker/test/lab"
)

// startCluster is our API and scheduler before two volume services of Python's that are one cluster, on Ceph, with their locks in
// the database.
func startCluster(t *testing.T) *cloud {
	t.Helper()
	r := start(t, composition{ours, ours, python, "ceph"})
	r.stop(t, "cinder-volume")
	address := labAddress(r.admin)
	text := conf(r.admin, "ceph", "/var/lib/cinder")
	text = strings.Replace(text, "[DEFAULT]\n", "[DEFAULT]\ncluster = pair\n", 1)
	text = strings.Replace(text, "file:///var/lib/cinder/coordination", "mysql://cinder:lab@"+address+"/cinder", 1)
	lab.Feed(t, text, "conf", "cinder.conf")
	lab.Feed(t, "[DEFAULT]\nhost = second\n", "conf", "second.conf")
	r.run(t, "cinder-volume", python)
	lab.Do(t, nil, "up", "cinder-volume-2")
	t.Cleanup(func() { _, _ = lab.Try("down", "cinder-volume-2") })
	harness.Within(t, time.Minute, "a cluster with two members", func() (bool, string) {
		out := r.sql(t, "SELECT host, report_count FROM services WHERE cluster_name = 'pair@ceph' AND deleted = 0 AND report_count > 0 AND updated_at > UTC_TIMESTAMP() - INTERVAL 15 SECOND")
		return strings.Count(out, "\n") == 1, out
	})
	return r
}

// TestPythonCluster: what is a cluster's goes by the cluster's queue, so that it does not matter which member made a volume, nor
// that this one is dead.
func TestPythonCluster(t *testing.T) {
	r := startCluster(t)
	client := login(t, r)
	var ids []string
	for range 6 {
		id := client.create(t)
		client.until(t, id, "available")
		ids = append(ids, id)
	}
	if out := r.sql(t, "SELECT DISTINCT cluster_name FROM volumes WHERE deleted = 0"); out != "pair@ceph#ceph" {
		t.Errorf("the volumes are in the clusters %q", out)
	}
	t.Logf("made by\n%s", r.sql(t, "SELECT host, COUNT(*) FROM volumes WHERE deleted = 0 GROUP BY host"))
	whole := func(id string) {
		t.Helper()
		client.must(t, "POST", "/volumes/"+id+"/action", `{"os-extend":{"new_size":2}}`, nil)
		client.until(t, id, "available")
		var snapshot struct{ Snapshot struct{ ID string } }
		client.must(t, "POST", "/snapshots", fmt.Sprintf(`{"snapshot":{"volume_id":%q}}`, id), &snapshot)
		harness.Within(t, time.Minute, "a snapshot", func() (bool, string) {
			var s struct{ Snapshot struct{ Status string } }
			err := client.send("GET", "/snapshots/"+snapshot.Snapshot.ID, "", &s)
			return s.Snapshot.Status == "available", fmt.Sprint(s.Snapshot.Status, err)
		})
		client.must(t, "DELETE", "/snapshots/"+snapshot.Snapshot.ID, "", nil)
		harness.Within(t, time.Minute, "no snapshot", func() (bool, string) {
			err := client.send("GET", "/snapshots/"+snapshot.Snapshot.ID, "", nil)
			return err != nil && strings.Contains(err.Error(), "404"), fmt.Sprint(err)
		})
		var a struct {
			Attachment struct {
				ID         string
				Connection map[string]any `json:"connection_info"`
			}
		}
		client.must(t, "POST", "/attachments", fmt.Sprintf(`{"attachment":{"volume_uuid":%q,"connector":{"host":"h","initiator":"iqn.x","ip":"127.0.0.1"}}}`, id), &a)
		if a.Attachment.Connection["driver_volume_type"] != "rbd" {
			t.Errorf("the connection is %v", a.Attachment.Connection)
		}
		client.must(t, "DELETE", "/attachments/"+a.Attachment.ID, "", nil)
		client.until(t, id, "available")
		client.must(t, "DELETE", "/volumes/"+id, "", nil)
		client.until(t, id, "")
	}
	whole(ids[0])
	out := r.cinder(t, "--os-volume-api-version", "3.7", "cluster-list", "--detail")
	for _, want := range []string{"pair@ceph", "up", "enabled"} {
		if !strings.Contains(out, want) {
			t.Errorf("cluster-list lacks %q:\n%s", want, out)
		}
	}
	// Whoever made them, all of them say that they are on the member that dies.
	lab.Do(t, nil, "kill", "cinder-volume")
	r.sql(t, "UPDATE volumes SET host = 'lab@ceph#ceph' WHERE deleted = 0")
	for _, id := range ids[1:3] {
		whole(id)
	}
	id := client.create(t)
	client.until(t, id, "available")
	if host := r.sql(t, "SELECT host FROM volumes WHERE id = '"+id+"'"); host != "second@ceph#ceph" {
		t.Errorf("made by %s", host)
	}
	for _, id := range append(ids[3:], id) {
		client.must(t, "DELETE", "/volumes/"+id, "", nil)
		client.until(t, id, "")
	}
}

// member starts a volume service of ours that is one of a cluster on the driver that stores nothing, and gives what kills it.
func (c *cloud) member(t *testing.T, host string) (kill func()) {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "clinker-lab-"+labAddress(c.admin))
	file, log := filepath.Join(dir, host+".conf"), filepath.Join(dir, host+".log")
	text := "[DEFAULT]\nhost = " + host + "\ncluster = pair\nstate_path = " + filepath.Join(dir, host) + "\nbackend_stats_polling_interval = 3\n[coordination]\nbackend_url = mysql://cinder:lab@" +
		labAddress(c.admin) + "/cinder\n[fake]\nvolume_driver = fake\ntarget_helper = fake\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(harness.Binary(t), "cinder-volume", "--config-file", c.file, "--config-file", filepath.Join(dir, "host.conf"), "--config-file", file)
	command.Stdout, command.Stderr, command.SysProcAttr = out, out, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = out.Close()
	})
	t.Cleanup(kill)
	harness.Within(t, time.Minute, host+" starting", func() (bool, string) {
		text, err := os.ReadFile(log)
		return strings.Contains(string(text), "The service has started."), fmt.Sprint(string(text), err)
	})
	return kill
}

// TestOurCluster kills one of two members of a cluster of ours while volumes are made and deleted: the other finishes what it had in
// hand, so that none is left half made or half deleted, and none that stood is gone.
func TestOurCluster(t *testing.T) {
	r := start(t, composition{ours, ours, ours, "fake"})
	r.stop(t, "cinder-volume")
	r.sql(t, "UPDATE services SET deleted = 1 WHERE topic = 'cinder-volume'")
	kill := r.member(t, "first")
	r.member(t, "second")
	client := login(t, r)
	unlimited(t, client)
	harness.Within(t, time.Minute, "a cluster that is scheduled to", func() (bool, string) {
		out := r.cinder(t, "get-pools")
		return strings.Contains(out, "pair@fake"), out
	})
	stood := client.create(t)
	client.until(t, stood, "available")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				var answer struct{ Volume struct{ ID string } }
				if err := client.send("POST", "/volumes", `{"volume":{"size":1}}`, &answer); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(20 * time.Millisecond)
				_ = client.send("DELETE", "/volumes/"+answer.Volume.ID, "", nil) // which is refused if it is not there yet
			}
		})
	}
	time.Sleep(4 * time.Second)
	kill()
	load.Wait()
	count := "SELECT status, host, COUNT(*) FROM volumes WHERE deleted = 0 GROUP BY status, host"
	t.Logf("when it was over:\n%s\nmade in all: %s", r.sql(t, count), r.sql(t, "SELECT COUNT(*) FROM volumes"))
	harness.Within(t, 2*time.Minute, "no volume in the making or on its way out", func() (bool, string) {
		out := r.sql(t, count)
		return !strings.Contains(out, "creating") && !strings.Contains(out, "deleting"), out
	})
	out := r.sql(t, count)
	t.Logf("in the end:\n%s", out)
	if strings.Contains(out, "error") {
		t.Errorf("volumes are in error:\n%s", out)
	}
	client.until(t, stood, "available")
	if left := r.sql(t, "SELECT COUNT(*) FROM clinker_flows WHERE owner = 'pair@fake'"); left != "0" {
		t.Errorf("%s records are left in the journal", left)
	}
}
