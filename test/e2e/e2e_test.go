// Package e2e drives the real clinker binary as its users do: with gophercloud, with plain HTTP, with the cinder command
// and with Debian's NBD clients.
package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/attachments"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/snapshots"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumetypes"

	"github.com/clinker/clinker/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// client is what a test talks through.
type client = gophercloud.ServiceClient

// Microversions the tests speak.
const (
	latest = "3.71"
	oldest = ""
)

// instance is the id of a server that a test says it attaches to.
const (
	instance = "7a1f4e1e-7d3c-4f6b-9d57-0d5a5a2b1c01"
	another  = "7a1f4e1e-7d3c-4f6b-9d57-0d5a5a2b1c02"
	nobody   = "7a1f4e1e-7d3c-4f6b-9d57-0d5a5a2b1c99" // the id of nothing
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks that a call of gophercloud was refused with this status and a text that holds all of these words.
func refused(t *testing.T, what string, err error, status int, words ...string) {
	t.Helper()
	var answer gophercloud.ErrUnexpectedResponseCode
	if !errors.As(err, &answer) {
		t.Errorf("%s: %v, want status %d", what, err, status)
		return
	}
	if answer.Actual != status {
		t.Errorf("%s: status %d, want %d: %s", what, answer.Actual, status, answer.Body)
	}
	for _, w := range words {
		if !strings.Contains(string(answer.Body), w) {
			t.Errorf("%s: no %q in %s", what, w, answer.Body)
		}
	}
}

// create makes a volume and waits until it is there.
func create(t *testing.T, c *client, opts volumes.CreateOpts) *volumes.Volume {
	t.Helper()
	v, err := volumes.Create(t.Context(), c, opts, nil).Extract()
	if err != nil {
		t.Fatal(err)
	}
	return await(t, c, v.ID, "available")
}

// get reads a volume.
func get(t *testing.T, c *client, id string) *volumes.Volume {
	t.Helper()
	v, err := volumes.Get(t.Context(), c, id).Extract()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// await waits until a volume has a status.
func await(t *testing.T, c *client, id, status string) (v *volumes.Volume) {
	t.Helper()
	harness.Eventually(t, "volume "+id+" becoming "+status, func() (bool, string) {
		v = get(t, c, id)
		if v.Status != status && strings.HasPrefix(v.Status, "error") {
			t.Fatalf("volume %s became %s, want %s", id, v.Status, status)
		}
		return v.Status == status, v.Status
	})
	return v
}

// awaitGone waits until a volume is no more.
func awaitGone(t *testing.T, c *client, id string) {
	t.Helper()
	harness.Eventually(t, "volume "+id+" going away", func() (bool, string) {
		v, err := volumes.Get(t.Context(), c, id).Extract()
		if gophercloud.ResponseCodeIs(err, 404) {
			return true, ""
		}
		must(t, err)
		return false, v.Status
	})
}

// wantStatus checks the status of a volume now.
func wantStatus(t *testing.T, c *client, what, id, status string) {
	t.Helper()
	if v := get(t, c, id); v.Status != status {
		t.Errorf("%s: the volume is %s, want %s", what, v.Status, status)
	}
}

// snapshot makes a snapshot, of a volume in use too, and waits until it is there.
func snapshot(t *testing.T, c *client, volumeID, name string) *snapshots.Snapshot {
	t.Helper()
	s, err := snapshots.Create(t.Context(), c, snapshots.CreateOpts{VolumeID: volumeID, Name: name, Force: true}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	return awaitSnapshot(t, c, s.ID, "available")
}

func awaitSnapshot(t *testing.T, c *client, id, status string) (s *snapshots.Snapshot) {
	t.Helper()
	harness.Eventually(t, "snapshot "+id+" becoming "+status, func() (bool, string) {
		var err error
		if s, err = snapshots.Get(t.Context(), c, id).Extract(); err != nil {
			t.Fatal(err)
		}
		return s.Status == status, s.Status
	})
	return s
}

func awaitSnapshotGone(t *testing.T, c *client, id string) {
	t.Helper()
	harness.Eventually(t, "snapshot "+id+" going away", func() (bool, string) {
		s, err := snapshots.Get(t.Context(), c, id).Extract()
		if gophercloud.ResponseCodeIs(err, 404) {
			return true, ""
		}
		must(t, err)
		return false, s.Status
	})
}

// connector is what a hypervisor says of itself.
func connector(host string) map[string]any {
	return map[string]any{"host": host, "ip": "127.0.0.1", "initiator": "iqn.1993-08.org.debian:01:" + host,
		"multipath": false, "os_type": "linux", "platform": "x86_64"}
}

// attach attaches a volume for reading and writing as a new client does, and gives the attachment and its NBD URI.
func attach(t *testing.T, c *client, volumeID, server string) (id, uri string) {
	t.Helper()
	return attachMode(t, c, volumeID, server, "rw")
}

// attachMode is attach with the mode "rw" or "ro".
func attachMode(t *testing.T, c *client, volumeID, server, mode string) (id, uri string) {
	t.Helper()
	a, err := attachments.Create(t.Context(), c, attachments.CreateOpts{VolumeUUID: volumeID, InstanceUUID: server,
		Connector: connector("host-" + server[len(server)-2:]), Mode: mode}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	must(t, attachments.Complete(t.Context(), c, a.ID).ExtractErr())
	wantStatus(t, c, "after os-complete", volumeID, "in-use")
	return a.ID, uriOf(t, a.ConnectionInfo)
}

// uriOf is the NBD URI in connection_info.
func uriOf(t *testing.T, info map[string]any) string {
	t.Helper()
	uri, _ := info["uri"].(string)
	if !strings.HasPrefix(uri, "nbd://") {
		t.Fatalf("connection_info has no nbd URI: %v", info)
	}
	return uri
}

// detach ends an attachment; the volume is available after it unless it has others.
func detach(t *testing.T, c *client, attachmentID string) {
	t.Helper()
	must(t, attachments.Delete(t.Context(), c, attachmentID).ExtractErr())
}

// withDevice attaches a volume, lets do use its NBD URI, and detaches it again.
func withDevice(t *testing.T, c *client, volumeID string, do func(uri string)) {
	t.Helper()
	id, uri := attach(t, c, volumeID, instance)
	do(uri)
	detach(t, c, id)
	wantStatus(t, c, "after the attachment's delete", volumeID, "available")
}

// volumeType makes a volume type.
func volumeType(t *testing.T, c *client, name string, specs map[string]string) string {
	t.Helper()
	vt, err := volumetypes.Create(t.Context(), c, volumetypes.CreateOpts{Name: name, ExtraSpecs: specs}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	return vt.ID
}

// action posts an action of a volume or snapshot as it stands; for those gophercloud has not, or bends.
func action(t *testing.T, cloud *harness.Cloud, collection, id, name string, argument any) harness.Response {
	t.Helper()
	return cloud.Do(t, harness.Request{Path: "/v3/" + collection + "/" + id + "/action", Body: map[string]any{name: argument}, Version: latest})
}

// wantFault checks status and fault body of a plain answer, and that its message holds these words.
func wantFault(t *testing.T, what string, r harness.Response, status int, words ...string) {
	t.Helper()
	name, code, message, ok := r.Fault()
	if r.Status != status || !ok || code != status || name != faultName(status) {
		t.Errorf("%s: status %d and %.300q, want the fault %s of %d", what, r.Status, r.Body, faultName(status), status)
		return
	}
	for _, w := range words {
		if !strings.Contains(message, w) {
			t.Errorf("%s: no %q in %q", what, w, message)
		}
	}
}

// faultName is the one member of a fault body, as upstream's Fault has it.
func faultName(status int) string {
	switch status {
	case 400:
		return "badRequest"
	case 401:
		return "unauthorized"
	case 403:
		return "forbidden"
	case 404:
		return "itemNotFound"
	case 405:
		return "badMethod"
	case 409:
		return "conflictingRequest"
	case 413:
		return "overLimit"
	case 415:
		return "badMediaType"
	case 501:
		return "notImplemented"
	case 503:
		return "serviceUnavailable"
	}
	return "computeFault"
}

// want checks a plain answer's status.
func want(t *testing.T, what string, r harness.Response, status int) {
	t.Helper()
	if r.Status != status {
		t.Errorf("%s: status %d, want %d: %.500s", what, r.Status, status, r.Body)
	}
}

func name(i int) string { return fmt.Sprintf("volume-%02d", i) }
