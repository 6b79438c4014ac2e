package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/attachments"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/test/harness"
)

// twoBackends is a configuration with the back ends left and right, each with a directory of its own.
const twoBackends = `[DEFAULT]
enabled_backends = left, right
[left]
volume_driver = file
target_port = 10809
[right]
volume_driver = file
target_port = 10810
`

// addressOf is the pool of one of the two.
func addressOf(backend string) string { return fmt.Sprintf("clinker@%[1]s#%[1]s", backend) }

// placed is a volume as an administrator sees it.
type placed struct {
	ID        string  `json:"id"`
	Status    string  `json:"status"`
	Type      string  `json:"volume_type"`
	Host      string  `json:"os-vol-host-attr:host"`
	Migration *string `json:"os-vol-mig-status-attr:migstat"`
	Name      *string `json:"os-vol-mig-status-attr:name_id"`
}

// migration is the migration status; "" for none.
func (v placed) migration() string {
	if v.Migration == nil {
		return ""
	}
	return *v.Migration
}

func place(t *testing.T, cloud *harness.Cloud, id string) placed {
	t.Helper()
	var body struct{ Volume placed }
	cloud.Do(t, harness.Request{Path: "/v3/volumes/" + id, Version: latest}).Into(t, &body)
	return body.Volume
}

// places reads all volumes of all projects.
func places(t *testing.T, cloud *harness.Cloud) []placed {
	t.Helper()
	var body struct{ Volumes []placed }
	cloud.Do(t, harness.Request{Path: "/v3/volumes/detail?all_tenants=1", Version: latest}).Into(t, &body)
	return body.Volumes
}

// awaitPlaced waits until a volume is neither moved nor retyped any more.
func awaitPlaced(t *testing.T, cloud *harness.Cloud, id string) (v placed) {
	t.Helper()
	harness.Eventually(t, "volume "+id+" coming to rest", func() (bool, string) {
		v = place(t, cloud, id)
		rest := []string{"", "none", "success", "error"}
		return slices.Contains(rest, v.migration()) && slices.Contains([]string{"available", "in-use"}, v.Status), v.Status + ", " + v.migration()
	})
	return v
}

// moved waits until a volume has come to a back end and is settled there, and checks that it left nothing behind: neither a
// file nor a row nor another name. It gives its file.
func moved(t *testing.T, cloud *harness.Cloud, what, id, backend string) os.FileInfo {
	t.Helper()
	v := awaitPlaced(t, cloud, id)
	if v.Status != "available" || v.migration() != "success" || v.Host != addressOf(backend) || v.Name != nil {
		t.Fatalf("%s: the volume is %s on %s, migration status %q, name_id %v", what, v.Status, v.Host, v.migration(), v.Name)
	}
	return alone(t, cloud, what, id, backend)
}

// alone waits until a volume at a back end is the only one of the cloud, by rows and by files, and gives its file.
func alone(t *testing.T, cloud *harness.Cloud, what, id, backend string) os.FileInfo {
	t.Helper()
	files := func(b string) []string {
		all, err := filepath.Glob(filepath.Join(cloud.StateDir, "volumes", b, "volumes", "*"))
		must(t, err)
		return all
	}
	harness.Eventually(t, what+": the place it left becoming empty", func() (bool, string) {
		left := files(other(backend))
		return len(left) == 0 && len(places(t, cloud)) == 1, fmt.Sprint(left)
	})
	now := files(backend)
	if len(now) != 1 || filepath.Base(now[0]) != "volume-"+id {
		t.Fatalf("%s: %s holds %v", what, backend, now)
	}
	info, err := os.Stat(now[0])
	must(t, err)
	return info
}

func other(backend string) string {
	if backend == "left" {
		return "right"
	}
	return "left"
}

// migrate asks for a migration to one of the two back ends.
func migrate(t *testing.T, cloud *harness.Cloud, id, backend string, options map[string]any) harness.Response {
	t.Helper()
	options["host"] = addressOf(backend)
	return action(t, cloud, "volumes", id, "os-migrate_volume", options)
}

// TestMigration moves a volume between two back ends, carried by the driver and copied, with every byte compared.
func TestMigration(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, twoBackends)
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 2, Name: "wanderer", Metadata: map[string]string{"kept": "yes"}})
	at := "left"
	if v.Host == addressOf("right") {
		at = "right"
	}
	picture := harness.NewPicture(2)
	withDevice(t, c, v.ID, func(uri string) { picture.Upload(t, uri) })
	before := func() os.FileInfo {
		info, err := os.Stat(filepath.Join(cloud.StateDir, "volumes", at, "volumes", "volume-"+v.ID))
		must(t, err)
		return info
	}

	for _, move := range []struct {
		what string
		copy bool
	}{{"carried by the driver", false}, {"copied", true}, {"copied back", true}, {"carried again", false}} {
		was := before()
		want(t, move.what, migrate(t, cloud, v.ID, other(at), map[string]any{"force_host_copy": move.copy}), 202)
		at = other(at)
		is := moved(t, cloud, move.what, v.ID, at)
		if os.SameFile(was, is) == move.copy {
			t.Errorf("%s: the file is the one it was: %t", move.what, !move.copy)
		}
		withDevice(t, c, v.ID, func(uri string) {
			picture.Compare(t, move.what, uri)
			picture.Overwrite(t, uri)
		})
	}
	if v = get(t, c, v.ID); v.Name != "wanderer" || v.Metadata["kept"] != "yes" || v.Size != 2 {
		t.Errorf("after all: %+v", v)
	}
	wantFault(t, "to where it is", migrate(t, cloud, v.ID, at, map[string]any{}), 400,
		"destination host/cluster must be different than the current one")
	wantFault(t, "to nowhere", action(t, cloud, "volumes", v.ID, "os-migrate_volume", map[string]any{"host": "clinker@nowhere#x"}), 400,
		"No available service named 'clinker@nowhere#x'")

	s := snapshot(t, c, v.ID, "holds it back")
	wantFault(t, "with a snapshot", migrate(t, cloud, v.ID, other(at), map[string]any{}), 400, "must not", "have snapshots")
	want(t, "delete of the snapshot", cloud.Do(t, harness.Request{Method: "DELETE", Path: "/v3/snapshots/" + s.ID, Version: latest}), 202)
	awaitSnapshotGone(t, c, s.ID)

	// Only Nova could move what an instance uses.
	attachment, uri := attach(t, c, v.ID, instance)
	want(t, "in use", migrate(t, cloud, v.ID, other(at), map[string]any{}), 202)
	harness.Eventually(t, "the migration of a volume in use failing", func() (bool, string) {
		now := place(t, cloud, v.ID)
		return now.migration() == "error", now.migration()
	})
	if now := awaitPlaced(t, cloud, v.ID); now.Status != "in-use" || now.Host != addressOf(at) {
		t.Errorf("after the refusal it is %s on %s", now.Status, now.Host)
	}
	picture.Compare(t, "in use all the while", uri)
	detach(t, c, attachment)

	// After a restart it is still where it went.
	want(t, "once more", migrate(t, cloud, v.ID, other(at), map[string]any{"lock_volume": true, "force_host_copy": true}), 202)
	at = other(at)
	moved(t, cloud, "locked", v.ID, at)
	cloud.Stop(t)
	cloud.Run(t)
	withDevice(t, c, v.ID, func(uri string) { picture.Compare(t, "after a restart", uri) })
	must(t, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr())
	awaitGone(t, c, v.ID)
}

// TestMigrationAborted: whoever begins to use a volume that moves ends the migration, unless it is locked; then they wait.
func TestMigrationAborted(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, twoBackends)
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 3})
	at := strings.TrimPrefix(v.Host[strings.IndexByte(v.Host, '#'):], "#")
	picture := harness.NewPicture(3)
	withDevice(t, c, v.ID, func(uri string) { picture.Upload(t, uri) })

	aborted := 0
	for range 5 {
		want(t, "os-migrate_volume", migrate(t, cloud, v.ID, other(at), map[string]any{"force_host_copy": true}), 202)
		var attachment, uri string
		harness.Eventually(t, "an attach while it moves", func() (bool, string) {
			a, err := attachments.Create(t.Context(), c, attachments.CreateOpts{VolumeUUID: v.ID, InstanceUUID: instance, Connector: connector("hasty")}).Extract()
			if err != nil { // it arrives just now
				refused(t, "attach", err, 400)
				return false, err.Error()
			}
			must(t, attachments.Complete(t.Context(), c, a.ID).ExtractErr())
			attachment, uri = a.ID, uriOf(t, a.ConnectionInfo)
			return true, ""
		})
		picture.Overwrite(t, uri)
		now := awaitPlaced(t, cloud, v.ID)
		picture.Compare(t, "attached while it moves", uri)
		detach(t, c, attachment)
		switch now.migration() {
		case "success":
			at = other(at)
		case "error":
			aborted++
		}
		if now.Host != addressOf(at) {
			t.Fatalf("the migration is %q, the volume on %s", now.migration(), now.Host)
		}
		harness.Eventually(t, "what was made going away", func() (bool, string) {
			all := places(t, cloud)
			return len(all) == 1, fmt.Sprint(all)
		})
		withDevice(t, c, v.ID, func(uri string) { picture.Compare(t, "at the end", uri) })
	}
	if aborted == 0 {
		t.Error("no migration was aborted by an attach")
	}

	want(t, "os-migrate_volume", migrate(t, cloud, v.ID, other(at), map[string]any{"force_host_copy": true, "lock_volume": true}), 202)
	err := attachments.Create(t.Context(), c, attachments.CreateOpts{VolumeUUID: v.ID, InstanceUUID: instance}).Err
	if err == nil {
		t.Skip("it has arrived before anybody could try to attach it")
	}
	refused(t, "attach while locked", err, 400, "maintenance")
	moved(t, cloud, "locked", v.ID, other(at))
}

// TestRetype changes a volume's type where it is, and by moving it.
func TestRetype(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, twoBackends)
	c := cloud.Client(t, "admin", latest)
	volumeType(t, c, "gold", map[string]string{"volume_backend_name": "left"})
	volumeType(t, c, "silver", map[string]string{"volume_backend_name": "right"})
	volumeType(t, c, "golden", map[string]string{"volume_backend_name": "left", "vendor:shine": "more"})
	v := create(t, c, volumes.CreateOpts{Size: 1, VolumeType: "gold"})
	picture := harness.NewPicture(1)
	withDevice(t, c, v.ID, func(uri string) { picture.Upload(t, uri) })
	retype := func(name string, policy volumes.MigrationPolicy) error {
		return volumes.ChangeType(t.Context(), c, v.ID, volumes.ChangeTypeOpts{NewType: name, MigrationPolicy: policy}).ExtractErr()
	}
	counts := func(what string, wanted map[string]int) {
		t.Helper()
		var body struct {
			Set map[string]any `json:"quota_set"`
		}
		cloud.Do(t, harness.Request{Path: "/v3/os-quota-sets/admin?usage=true", Version: latest}).Into(t, &body)
		for resource, n := range wanted {
			set, _ := body.Set[resource].(map[string]any)
			if set["in_use"] != float64(n) {
				t.Errorf("%s: quota of %s is %v, want %d in use", what, resource, set, n)
			}
		}
	}
	counts("at first", map[string]int{"volumes": 1, "volumes_gold": 1, "gigabytes_gold": 1})

	must(t, retype("golden", volumes.MigrationPolicyNever))
	if now := awaitPlaced(t, cloud, v.ID); now.Type != "golden" || now.Host != addressOf("left") || now.migration() != "" {
		t.Errorf("in place: %+v", now)
	}
	counts("in place", map[string]int{"volumes": 1, "volumes_gold": 0, "volumes_golden": 1, "gigabytes_golden": 1})

	must(t, retype("silver", volumes.MigrationPolicyNever))
	if now := awaitPlaced(t, cloud, v.ID); now.Type != "golden" || now.Host != addressOf("left") || now.Status != "available" {
		t.Errorf("elsewhere, without being allowed to move: %+v", now)
	}
	counts("not moved", map[string]int{"volumes": 1, "volumes_silver": 0, "volumes_golden": 1})

	must(t, retype("silver", volumes.MigrationPolicyOnDemand))
	moved(t, cloud, "to silver", v.ID, "right")
	if now := place(t, cloud, v.ID); now.Type != "silver" {
		t.Errorf("to silver: %+v", now)
	}
	counts("moved", map[string]int{"volumes": 1, "gigabytes": 1, "volumes_silver": 1, "gigabytes_silver": 1, "volumes_golden": 0, "gigabytes_golden": 0})
	withDevice(t, c, v.ID, func(uri string) {
		picture.Compare(t, "silver", uri)
		picture.Overwrite(t, uri)
	})
	must(t, retype("gold", volumes.MigrationPolicyOnDemand))
	moved(t, cloud, "to gold", v.ID, "left")
	withDevice(t, c, v.ID, func(uri string) { picture.Compare(t, "gold", uri) })

	refused(t, "to what it is", retype("gold", volumes.MigrationPolicyNever), 400, "requested type has to be different that the one from the volume")
	refused(t, "to what there is not", retype("bronze", volumes.MigrationPolicyNever), 404, "bronze")
	want(t, "os-quota-sets", cloud.Do(t, harness.Request{Method: "PUT", Path: "/v3/os-quota-sets/admin",
		Body: map[string]any{"quota_set": map[string]any{"volumes_silver": 0}}}), 200)
	refused(t, "beyond the quota", retype("silver", volumes.MigrationPolicyOnDemand), 413, "VolumeLimitExceeded")
	if now := awaitPlaced(t, cloud, v.ID); now.Type != "gold" || now.Status != "available" {
		t.Errorf("beyond the quota: %+v", now)
	}
}
