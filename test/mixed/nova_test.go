package mixed

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/test/harness"
	"github.com/clinker/clinker/test/lab"
)

// computeVersion is what the newest of the requests below needs.
const computeVersion = "compute 2.93"

// computeCloud is our services beside a Nova whose hypervisor is a fake: all that it asks of Cinder is real.
type computeCloud struct {
	*cloud
	admin, user     *caller // of block storage
	compute, master *caller // of Nova, as user and as administrator
	image, flavor   string
}

// startNova brings our services up with two back ends of files, and Nova beside them.
func startNova(t *testing.T) *computeCloud {
	t.Helper()
	c := &computeCloud{cloud: start(t, composition{ours, ours, ours, "file,away"})}
	if err := lab.Install(t.Context(), "nova"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = lab.Try("down", "nova-api", "nova-compute", "nova-compute2", "nova-scheduler", "nova-conductor", "placement", "network")
	})
	lab.Do(t, nil, "up", "nova")
	c.admin, c.user = login(t, c.cloud), loginAs(t, c.cloud, "demo")
	c.compute, c.master = c.user.at(":8774/v2.1", computeVersion), c.admin.at(":8774/v2.1", computeVersion)
	c.clear(t)
	c.image = lab.UploadImage(t, c.cloud.admin)
	c.flavor = c.smallest(t)
	for _, backend := range []string{"file", "away"} {
		var made struct {
			Type struct{ ID string } `json:"volume_type"`
		}
		c.admin.must(t, "POST", "/types", `{"volume_type":{"name":"`+backend+`","extra_specs":{"volume_backend_name":"`+backend+`"}}}`, &made)
	}
	return c
}

// at is the same token for another service.
func (c *caller) at(place, version string) *caller {
	other := *c
	host, _, _ := strings.Cut(c.base, ":8776")
	other.base, other.version = host+place, version
	return &other
}

// clear deletes what servers an earlier run has left.
func (c *computeCloud) clear(t *testing.T) {
	t.Helper()
	var list struct{ Servers []struct{ ID string } }
	c.master.must(t, "GET", "/servers?all_tenants=1", "", &list)
	for _, s := range list.Servers {
		c.master.must(t, "DELETE", "/servers/"+s.ID, "", nil)
		c.gone(t, s.ID)
	}
}

// smallest is a flavor.
func (c *computeCloud) smallest(t *testing.T) string {
	t.Helper()
	err := c.master.send("POST", "/flavors", `{"flavor":{"id":"tiny","name":"tiny","vcpus":1,"ram":64,"disk":1}}`, nil)
	if err != nil && !strings.Contains(err.Error(), ": 409 ") {
		t.Fatal(err)
	}
	return "tiny"
}

// boot starts a server and waits until it runs. more is what the request has beside the usual.
func (c *computeCloud) boot(t *testing.T, name string, more map[string]any) string {
	t.Helper()
	server := map[string]any{"name": name, "flavorRef": c.flavor, "networks": "none"}
	for k, v := range more {
		server[k] = v
	}
	var made struct{ Server struct{ ID string } }
	c.compute.must(t, "POST", "/servers", encode(t, map[string]any{"server": server}), &made)
	if made.Server.ID == "" {
		t.FailNow()
	}
	c.becomes(t, made.Server.ID, "ACTIVE")
	return made.Server.ID
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

type server struct {
	Status   string
	Task     *string `json:"OS-EXT-STS:task_state"`
	Fault    struct{ Message, Details string }
	Host     string `json:"OS-EXT-SRV-ATTR:host"`
	Attached []struct {
		ID     string
		Delete bool `json:"delete_on_termination"`
	} `json:"os-extended-volumes:volumes_attached"`
}

func (c *computeCloud) becomes(t *testing.T, id, status string) {
	t.Helper()
	harness.Within(t, time.Minute, "a server becoming "+status, func() (bool, string) {
		var s struct{ Server server }
		if err := c.master.send("GET", "/servers/"+id, "", &s); err != nil {
			return false, err.Error()
		}
		if s.Server.Status == "ERROR" && status != "ERROR" {
			t.Fatalf("server %s: %s %s", id, s.Server.Fault.Message, s.Server.Fault.Details)
		}
		return s.Server.Status == status && s.Server.Task == nil, fmt.Sprintf("%+v", s)
	})
}

func (c *computeCloud) gone(t *testing.T, id string) {
	t.Helper()
	harness.Within(t, time.Minute, "a server being gone", func() (bool, string) {
		err := c.master.send("GET", "/servers/"+id, "", nil)
		return err != nil && strings.Contains(err.Error(), ": 404 "), fmt.Sprint(err)
	})
}

func (c *computeCloud) delete(t *testing.T, id string) {
	t.Helper()
	c.compute.must(t, "DELETE", "/servers/"+id, "", nil)
	c.gone(t, id)
}

// volume makes one of the user's.
func (c *computeCloud) volume(t *testing.T, more map[string]any) string {
	t.Helper()
	v := map[string]any{"size": 1, "volume_type": "file"}
	for key, value := range more {
		v[key] = value
	}
	var made struct{ Volume struct{ ID string } }
	c.user.must(t, "POST", "/volumes", encode(t, map[string]any{"volume": v}), &made)
	c.user.until(t, made.Volume.ID, "available")
	return made.Volume.ID
}

func (c *computeCloud) attach(t *testing.T, serverID, volumeID string) {
	t.Helper()
	c.compute.must(t, "POST", "/servers/"+serverID+"/os-volume_attachments", `{"volumeAttachment":{"volumeId":"`+volumeID+`"}}`, nil)
	c.user.until(t, volumeID, "in-use")
}

func (c *computeCloud) detach(t *testing.T, serverID, volumeID string) {
	t.Helper()
	c.compute.must(t, "DELETE", "/servers/"+serverID+"/os-volume_attachments/"+volumeID, "", nil)
	c.user.until(t, volumeID, "available")
	harness.Within(t, time.Minute, "Nova forgetting the volume", func() (bool, string) {
		used := c.volumes(t, serverID)
		return !slices.Contains(used, volumeID), fmt.Sprint(used)
	})
}

// view is what an administrator sees of a volume.
type view struct {
	Status, Migration string
	Size              int
	Type              string `json:"volume_type"`
	Host              string `json:"os-vol-host-attr:host"`
	MigrationStatus   string `json:"migration_status"`
	Bootable          string
	Attachments       []struct {
		ServerID   string `json:"server_id"`
		Attachment string `json:"attachment_id"`
		Host       string `json:"host_name"`
		Device     string
		Volume     string `json:"volume_id"`
	}
}

func (c *computeCloud) look(t *testing.T, volumeID string) view {
	t.Helper()
	var answer struct{ Volume view }
	c.admin.must(t, "GET", "/volumes/"+volumeID, "", &answer)
	return answer.Volume
}

// eventually waits until an administrator's view of a volume is as wanted.
func (c *computeCloud) eventually(t *testing.T, volumeID, what string, ok func(view) bool) {
	t.Helper()
	harness.Within(t, time.Minute, what, func() (bool, string) {
		v := c.look(t, volumeID)
		return ok(v), fmt.Sprintf("%+v", v)
	})
}

// actions is what Nova has recorded of a server.
func (c *computeCloud) actions(t *testing.T, serverID string) (all []string) {
	t.Helper()
	var list struct {
		Actions []struct {
			Action  string
			Message *string
		} `json:"instanceActions"`
	}
	c.compute.must(t, "GET", "/servers/"+serverID+"/os-instance-actions", "", &list)
	for _, a := range list.Actions {
		if a.Message != nil {
			t.Errorf("server %s: %s: %s", serverID, a.Action, *a.Message)
		}
		all = append(all, a.Action)
	}
	return all
}

// volumes is what Nova shows that a server uses.
func (c *computeCloud) volumes(t *testing.T, serverID string) (ids []string) {
	t.Helper()
	var s struct{ Server server }
	c.compute.must(t, "GET", "/servers/"+serverID, "", &s)
	for _, a := range s.Server.Attached {
		ids = append(ids, a.ID)
	}
	return ids
}

// host is the hypervisor a server is on.
func (c *computeCloud) host(t *testing.T, serverID string) string {
	t.Helper()
	var s struct{ Server server }
	c.master.must(t, "GET", "/servers/"+serverID, "", &s)
	return s.Server.Host
}

// refused expects a refusal with that status.
func refused(t *testing.T, status string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), ": "+status+" ") {
		t.Errorf("want %s, got %v", status, err)
	}
}

// TestNova is what users of a cloud with servers do with volumes, through a real Nova.
func TestNova(t *testing.T) {
	c := startNova(t)
	t.Run("attached", c.testAttached)
	t.Run("boot from volume", c.testBootFromVolume)
	t.Run("snapshot of a server", c.testServerSnapshot)
	t.Run("rebuild", c.testRebuild)
	t.Run("shelve", c.testShelve)
	t.Run("another hypervisor", c.testOtherHypervisor)
	t.Run("several servers", c.testMultiattach)
	t.Run("reset state", c.testResetState)
	steady(t, c.user)
}

// testAttached: a volume that a server uses is extended, moved to another back end and back, and is only let go by Nova.
func (c *computeCloud) testAttached(t *testing.T) {
	s := c.boot(t, "plain", map[string]any{"imageRef": c.image})
	v := c.volume(t, nil)
	c.attach(t, s, v)
	seen := c.look(t, v)
	if len(seen.Attachments) != 1 || seen.Attachments[0].ServerID != s || seen.Attachments[0].Device != "/dev/sdb" || seen.Attachments[0].Host != c.host(t, s) {
		t.Errorf("attached: %+v", seen)
	}
	if got := c.volumes(t, s); !slices.Equal(got, []string{v}) {
		t.Errorf("Nova shows %v", got)
	}
	attachment := seen.Attachments[0].Attachment
	for _, who := range []*caller{c.user, c.admin} {
		refused(t, "409", who.send("DELETE", "/attachments/"+attachment, "", nil))
		refused(t, "409", who.send("POST", "/volumes/"+v+"/action", `{"os-detach":{"attachment_id":"`+attachment+`"}}`, nil))
	}
	refused(t, "409", c.admin.send("POST", "/volumes/"+v+"/action", `{"os-force_detach":{"attachment_id":"`+attachment+`"}}`, nil))
	refused(t, "400", c.user.send("DELETE", "/volumes/"+v, "", nil))

	c.user.must(t, "POST", "/volumes/"+v+"/action", `{"os-extend":{"new_size":2}}`, nil)
	c.eventually(t, v, "the volume being extended", func(v view) bool { return v.Size == 2 && v.Status == "in-use" })
	harness.Within(t, 10*time.Second, "Nova extending the disk", func() (bool, string) {
		all := c.actions(t, s)
		return slices.Contains(all, "extend_volume"), fmt.Sprint(all)
	})

	c.admin.must(t, "POST", "/volumes/"+v+"/action", `{"os-retype":{"new_type":"away","migration_policy":"on-demand"}}`, nil)
	c.moved(t, s, v, "away")
	// The type that the mixed clouds have goes with any back end.
	c.admin.must(t, "POST", "/volumes/"+v+"/action", `{"os-retype":{"new_type":"lab","migration_policy":"never"}}`, nil)
	c.eventually(t, v, "the volume having another type", func(v view) bool { return v.Type == "lab" && v.Status == "in-use" })
	c.admin.must(t, "POST", "/volumes/"+v+"/action", `{"os-migrate_volume":{"host":"lab@file#file"}}`, nil)
	c.moved(t, s, v, "file")

	c.detach(t, s, v)
	c.attach(t, s, v)
	c.delete(t, s)
	c.user.until(t, v, "available")
	c.user.must(t, "DELETE", "/volumes/"+v, "", nil)
	c.user.until(t, v, "")
}

// moved waits until a volume in use is on a back end, where the server still uses it, and what was made for that is gone.
func (c *computeCloud) moved(t *testing.T, serverID, volumeID, backend string) {
	t.Helper()
	c.eventually(t, volumeID, "the volume being on "+backend, func(v view) bool {
		return v.Host == "lab@"+backend+"#"+backend && v.Status == "in-use" && (v.MigrationStatus == "success" || v.MigrationStatus == "")
	})
	v := c.look(t, volumeID)
	if len(v.Attachments) != 1 || v.Attachments[0].ServerID != serverID || v.Attachments[0].Volume != volumeID {
		t.Errorf("moved to %s: %+v", backend, v)
	}
	if got := c.volumes(t, serverID); !slices.Equal(got, []string{volumeID}) {
		t.Errorf("moved to %s: Nova shows %v", backend, got)
	}
	harness.Within(t, time.Minute, "what was moved away from being gone", func() (bool, string) {
		var list struct{ Volumes []struct{ ID string } }
		c.admin.must(t, "GET", "/volumes?all_tenants=1", "", &list)
		return len(list.Volumes) == 1, fmt.Sprint(list)
	})
}

// testBootFromVolume: the root disk is a volume that Nova makes or is given, and goes with the server or stays.
func (c *computeCloud) testBootFromVolume(t *testing.T) {
	disk := func(source, id string, goes bool) map[string]any {
		return map[string]any{"block_device_mapping_v2": []any{map[string]any{"boot_index": 0, "source_type": source, "uuid": id,
			"destination_type": "volume", "volume_size": 1, "delete_on_termination": goes}}}
	}
	v := c.volume(t, map[string]any{"imageRef": c.image})
	var snapshot struct{ Snapshot struct{ ID string } }
	c.user.must(t, "POST", "/snapshots", `{"snapshot":{"volume_id":"`+v+`"}}`, &snapshot)
	harness.Within(t, time.Minute, "a snapshot", func() (bool, string) {
		var s struct{ Snapshot struct{ Status string } }
		c.user.must(t, "GET", "/snapshots/"+snapshot.Snapshot.ID, "", &s)
		return s.Snapshot.Status == "available", s.Snapshot.Status
	})
	for _, source := range []struct{ kind, id string }{{"image", c.image}, {"snapshot", snapshot.Snapshot.ID}, {"volume", v}} {
		for _, goes := range []bool{false, true} {
			s := c.boot(t, "from "+source.kind, disk(source.kind, source.id, goes))
			used := c.volumes(t, s)
			if len(used) != 1 {
				t.Fatalf("from %s: Nova shows %v", source.kind, used)
			}
			seen := c.look(t, used[0])
			if seen.Status != "in-use" || seen.Bootable != "true" || len(seen.Attachments) != 1 || seen.Attachments[0].Device != "/dev/sda" {
				t.Errorf("from %s: %+v", source.kind, seen)
			}
			if source.kind == "volume" && goes {
				c.user.must(t, "DELETE", "/snapshots/"+snapshot.Snapshot.ID, "", nil)
				harness.Within(t, time.Minute, "the snapshot being gone", func() (bool, string) {
					err := c.user.send("GET", "/snapshots/"+snapshot.Snapshot.ID, "", nil)
					return err != nil, "there"
				})
			}
			c.delete(t, s)
			if goes {
				c.user.until(t, used[0], "")
				continue
			}
			c.user.until(t, used[0], "available")
			if source.kind != "volume" {
				c.user.must(t, "DELETE", "/volumes/"+used[0], "", nil)
				c.user.until(t, used[0], "")
			}
		}
	}
}

// fromImage is a root disk of the given size that Nova makes of an image.
func fromImage(image string) map[string]any {
	return map[string]any{"block_device_mapping_v2": []any{map[string]any{"boot_index": 0, "source_type": "image", "uuid": image,
		"destination_type": "volume", "volume_size": 1, "volume_type": "file", "delete_on_termination": true}}}
}

// testServerSnapshot: Nova makes an image of a server with a volume by a snapshot of that, and a server of such an image by a
// volume of the snapshot.
func (c *computeCloud) testServerSnapshot(t *testing.T) {
	s := c.boot(t, "original", fromImage(c.image))
	var made struct {
		Image string `json:"image_id"`
	}
	c.compute.must(t, "POST", "/servers/"+s+"/action", `{"createImage":{"name":"of a server"}}`, &made)
	var list struct {
		Snapshots []struct{ ID, Status, Name string }
	}
	harness.Within(t, time.Minute, "a snapshot", func() (bool, string) {
		c.user.must(t, "GET", "/snapshots", "", &list)
		return len(list.Snapshots) == 1 && list.Snapshots[0].Status == "available", fmt.Sprint(list)
	})
	copied := c.boot(t, "copy", map[string]any{"imageRef": made.Image})
	if used := c.volumes(t, copied); len(used) != 1 || c.look(t, used[0]).Status != "in-use" {
		t.Errorf("the copy uses %v", used)
	}
	used := c.volumes(t, copied)
	c.delete(t, copied)
	for _, id := range used { // as with the original
		c.user.until(t, id, "")
	}
	c.user.must(t, "DELETE", "/snapshots/"+list.Snapshots[0].ID, "", nil)
	harness.Within(t, time.Minute, "the snapshot being gone", func() (bool, string) {
		return c.user.send("GET", "/snapshots/"+list.Snapshots[0].ID, "", nil) != nil, "there"
	})
	used = c.volumes(t, s)
	c.delete(t, s)
	c.user.until(t, used[0], "")
}

// testRebuild: Nova has a root disk written anew from another image, and waits to be told that it has been.
func (c *computeCloud) testRebuild(t *testing.T) {
	s := c.boot(t, "rebuilt", fromImage(c.image))
	other := lab.UploadImage(t, c.cloud.admin)
	c.compute.must(t, "POST", "/servers/"+s+"/action", `{"rebuild":{"imageRef":"`+other+`"}}`, nil)
	c.becomes(t, s, "ACTIVE")
	used := c.volumes(t, s)
	c.eventually(t, used[0], "the volume being in use again", func(v view) bool { return v.Status == "in-use" && len(v.Attachments) == 1 })
	var answer struct {
		Volume struct {
			Image struct {
				ID string `json:"image_id"`
			} `json:"volume_image_metadata"`
		}
	}
	c.user.must(t, "GET", "/volumes/"+used[0], "", &answer)
	if answer.Volume.Image.ID != other {
		t.Errorf("after the rebuilding: %+v, want image %s", answer, other)
	}
	c.actions(t, s)
	c.delete(t, s)
	c.user.until(t, used[0], "")
}

// testShelve: a server that is put away keeps its volumes reserved.
func (c *computeCloud) testShelve(t *testing.T) {
	s := c.boot(t, "shelved", fromImage(c.image))
	v := c.volume(t, nil)
	c.attach(t, s, v)
	c.compute.must(t, "POST", "/servers/"+s+"/action", `{"shelve":null}`, nil)
	c.becomes(t, s, "SHELVED_OFFLOADED")
	used := c.volumes(t, s)
	for _, id := range used {
		c.eventually(t, id, "the volume being reserved", func(v view) bool { return v.Status == "reserved" })
	}
	c.compute.must(t, "POST", "/servers/"+s+"/action", `{"unshelve":null}`, nil)
	c.becomes(t, s, "ACTIVE")
	for _, id := range used {
		c.eventually(t, id, "the volume being in use", func(v view) bool { return v.Status == "in-use" && len(v.Attachments) == 1 })
	}
	c.actions(t, s)
	c.delete(t, s)
	c.user.until(t, v, "available")
	c.user.must(t, "DELETE", "/volumes/"+v, "", nil)
}

// testMultiattach: two servers use one volume, and each lets go of its own attachment.
func (c *computeCloud) testMultiattach(t *testing.T) {
	c.admin.must(t, "POST", "/types", `{"volume_type":{"name":"shared","extra_specs":{"volume_backend_name":"file","multiattach":"<is> True"}}}`, nil)
	v := c.volume(t, map[string]any{"volume_type": "shared"})
	one, two := c.boot(t, "one", map[string]any{"imageRef": c.image}), c.boot(t, "two", map[string]any{"imageRef": c.image})
	c.attach(t, one, v)
	c.attach(t, two, v)
	c.eventually(t, v, "both using the volume", func(v view) bool { return len(v.Attachments) == 2 })
	c.compute.must(t, "DELETE", "/servers/"+one+"/os-volume_attachments/"+v, "", nil)
	c.eventually(t, v, "one using the volume", func(seen view) bool {
		return seen.Status == "in-use" && len(seen.Attachments) == 1 && seen.Attachments[0].ServerID == two
	})
	c.delete(t, two)
	c.user.until(t, v, "available")
	c.delete(t, one)
	c.user.must(t, "DELETE", "/volumes/"+v, "", nil)
}

// testResetState: what an administrator has said of a volume does not keep Nova from letting go of it.
func (c *computeCloud) testResetState(t *testing.T) {
	s := c.boot(t, "confused", map[string]any{"imageRef": c.image})
	v := c.volume(t, nil)
	c.attach(t, s, v)
	c.admin.must(t, "POST", "/volumes/"+v+"/action", `{"os-reset_status":{"status":"error"}}`, nil)
	c.admin.must(t, "POST", "/volumes/"+v+"/action", `{"os-reset_status":{"status":"in-use","attach_status":"attached"}}`, nil)
	c.detach(t, s, v)
	c.attach(t, s, v)
	c.admin.must(t, "POST", "/volumes/"+v+"/action", `{"os-reset_status":{"status":"available","attach_status":"detached"}}`, nil)
	c.delete(t, s)
	c.eventually(t, v, "the volume having no attachments", func(v view) bool { return v.Status == "available" && len(v.Attachments) == 0 })
	c.user.must(t, "DELETE", "/volumes/"+v, "", nil)
	c.user.until(t, v, "")
}

// testOtherHypervisor: a server goes to another hypervisor, running or not, or comes back from there, and its volumes with it: both
// hosts have an attachment for a while, and in the end one.
func (c *computeCloud) testOtherHypervisor(t *testing.T) {
	s := c.boot(t, "moving", fromImage(c.image))
	v := c.volume(t, nil)
	c.attach(t, s, v)
	used := c.volumes(t, s)
	if len(used) != 2 {
		t.Fatalf("Nova shows %v", used)
	}
	act := func(body string) { c.master.must(t, "POST", "/servers/"+s+"/action", body, nil) }
	for _, way := range []struct {
		name  string
		do    func()
		moves bool
	}{
		{"live", func() { act(`{"os-migrateLive":{"host":null,"block_migration":"auto"}}`) }, true},
		{"cold", func() { act(`{"migrate":null}`); c.becomes(t, s, "VERIFY_RESIZE"); act(`{"confirmResize":null}`) }, true},
		{"cold and back", func() { act(`{"migrate":null}`); c.becomes(t, s, "VERIFY_RESIZE"); act(`{"revertResize":null}`) }, false},
	} {
		before := c.host(t, s)
		way.do()
		harness.Within(t, time.Minute, way.name+": the server being at its place", func() (bool, string) {
			c.becomes(t, s, "ACTIVE")
			now := c.host(t, s)
			return (now != before) == way.moves, now
		})
		after := c.host(t, s)
		for _, id := range used {
			c.eventually(t, id, way.name+": the volume being attached there", func(v view) bool {
				return v.Status == "in-use" && len(v.Attachments) == 1 && v.Attachments[0].Host == after && v.Attachments[0].ServerID == s
			})
		}
	}
	c.actions(t, s)
	c.delete(t, s)
	c.user.until(t, v, "available")
	c.user.must(t, "DELETE", "/volumes/"+v, "", nil)
	c.user.until(t, v, "")
}
