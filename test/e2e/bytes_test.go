package e2e

import (
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/attachments"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/snapshots"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/test/harness"
)

// TestBytes follows every byte of a volume through snapshot, overwrite, clone, volume from snapshot and extend.
func TestBytes(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "b17e5", latest)

	origin := create(t, c, volumes.CreateOpts{Name: "origin", Size: 1})
	first := harness.NewPicture(1)
	withDevice(t, c, origin.ID, func(uri string) {
		first.Compare(t, "a new volume", uri)
		first.Upload(t, uri)
		first.Compare(t, "after the first writes", uri)
	})
	before := snapshot(t, c, origin.ID, "before")

	now := first.Clone()
	withDevice(t, c, origin.ID, func(uri string) {
		first.Compare(t, "after detach and attach", uri)
		now.Overwrite(t, uri)
		now.Compare(t, "after overwriting", uri)
	})
	after := snapshot(t, c, origin.ID, "after")

	clone := create(t, c, volumes.CreateOpts{Name: "clone", SourceVolID: origin.ID})
	fromBefore := create(t, c, volumes.CreateOpts{Name: "from before", SnapshotID: before.ID})
	larger := create(t, c, volumes.CreateOpts{Name: "larger", SnapshotID: after.ID, Size: 2})
	largerClone := create(t, c, volumes.CreateOpts{Name: "larger clone", SourceVolID: fromBefore.ID, Size: 2})
	for _, made := range []struct {
		what    string
		v       *volumes.Volume
		sizeGiB int64
		picture *harness.Picture
	}{
		{"the clone", clone, 1, now}, {"the volume from the first snapshot", fromBefore, 1, first},
		{"the larger volume from the second snapshot", larger, 2, now}, {"the larger clone", largerClone, 2, first},
		{"the origin", origin, 1, now},
	} {
		if int64(made.v.Size) != made.sizeGiB {
			t.Errorf("%s has %d GiB, want %d", made.what, made.v.Size, made.sizeGiB)
		}
		picture := made.picture.Clone()
		picture.Grow(made.sizeGiB)
		withDevice(t, c, made.v.ID, func(uri string) { picture.Compare(t, made.what, uri) })
	}

	// Copies are independent, both ways.
	cloned, larger2 := now.Clone(), now.Clone()
	larger2.Grow(2)
	withDevice(t, c, clone.ID, func(uri string) { cloned.Overwrite(t, uri) })
	withDevice(t, c, larger.ID, func(uri string) { larger2.Upload(t, uri) })
	withDevice(t, c, origin.ID, func(uri string) {
		now.Compare(t, "the origin after its copies were written", uri)
		now.Overwrite(t, uri)
	})
	withDevice(t, c, clone.ID, func(uri string) { cloned.Compare(t, "the clone after the origin was written", uri) })
	again := create(t, c, volumes.CreateOpts{Name: "again", SnapshotID: before.ID})
	withDevice(t, c, again.ID, func(uri string) { first.Compare(t, "the first snapshot, later", uri) })

	// Everything a copy came from may go.
	must(t, volumes.Delete(t.Context(), c, origin.ID, volumes.DeleteOpts{Cascade: true}).ExtractErr())
	awaitGone(t, c, origin.ID)
	for _, s := range []string{before.ID, after.ID} {
		if _, err := snapshots.Get(t.Context(), c, s).Extract(); err == nil {
			t.Errorf("snapshot %s has outlived its volume", s)
		}
	}
	withDevice(t, c, clone.ID, func(uri string) { cloned.Compare(t, "the clone without its source", uri) })
	withDevice(t, c, larger.ID, func(uri string) { larger2.Compare(t, "the larger volume without its snapshot", uri) })
}

// TestExtendBytes grows a volume while it is available and while it is used.
func TestExtendBytes(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "e47e2d", latest)

	v := create(t, c, volumes.CreateOpts{Size: 1})
	picture := harness.NewPicture(1)
	withDevice(t, c, v.ID, func(uri string) { picture.Upload(t, uri) })

	must(t, volumes.ExtendSize(t.Context(), c, v.ID, volumes.ExtendSizeOpts{NewSize: 2}).ExtractErr())
	if v = await(t, c, v.ID, "available"); v.Size != 2 {
		t.Errorf("the volume has %d GiB, want 2", v.Size)
	}
	picture.Grow(2)
	attachment, uri := attach(t, c, v.ID, instance)
	picture.Compare(t, "extended while available", uri)
	picture.Upload(t, uri)

	old := cloud.Client(t, "e47e2d", "3.41")
	refused(t, "extend in use before 3.42", volumes.ExtendSize(t.Context(), old, v.ID, volumes.ExtendSizeOpts{NewSize: 3}).ExtractErr(), 400, "in-use")
	consumer := harness.OpenSession(t, uri)
	if line := consumer.Do(t, "read 0 512"); !strings.HasPrefix(line, "read 512") {
		t.Fatalf("the consumer cannot read: %s", line)
	}
	must(t, volumes.ExtendSize(t.Context(), c, v.ID, volumes.ExtendSizeOpts{NewSize: 3}).ExtractErr())
	if v = await(t, c, v.ID, "in-use"); v.Size != 3 {
		t.Errorf("the volume has %d GiB, want 3", v.Size)
	}
	if line := consumer.Do(t, "write -P 9 4k 4k"); !strings.HasPrefix(line, "wrote 4096") {
		t.Errorf("the consumer was cut off by the extend: %s", line)
	}
	must(t, harness.QemuIO(t, uri, "read -P 9 4k 4k"))
	picture.Grow(3)
	picture.Upload(t, uri)
	picture.Compare(t, "extended while in use", uri)
	detach(t, c, attachment)

	for what, size := range map[string]int{"the same size": 3, "a smaller size": 1} {
		refused(t, "extend to "+what, volumes.ExtendSize(t.Context(), c, v.ID, volumes.ExtendSizeOpts{NewSize: size}).ExtractErr(), 400, "must be greater")
	}
}

// TestRestartBytes: consumers come back to the same address after the service was stopped, or killed.
func TestRestartBytes(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "4e57a47", latest)

	used, idle := create(t, c, volumes.CreateOpts{Size: 1}), create(t, c, volumes.CreateOpts{Size: 1})
	attachment, uri := attach(t, c, used.ID, instance)
	picture, idlePicture := harness.NewPicture(1), harness.NewPicture(1)
	withDevice(t, c, idle.ID, func(uri string) { idlePicture.Upload(t, uri) })
	picture.Upload(t, uri)
	s := snapshot(t, c, used.ID, "before the restarts")
	snapshotted := picture.Clone()

	for _, restart := range []struct {
		what string
		do   func()
	}{
		{"SIGTERM", func() { cloud.Stop(t) }}, {"SIGKILL", func() { cloud.Kill(t) }},
	} {
		picture.Overwrite(t, uri)
		restart.do()
		if err := harness.QemuIO(t, uri, "read 0 512"); err == nil {
			t.Fatalf("%s: somebody still serves %s", restart.what, uri)
		}
		cloud.Run(t)
		wantStatus(t, c, restart.what, used.ID, "in-use")
		wantStatus(t, c, restart.what, idle.ID, "available")
		harness.Eventually(t, "the export coming back", func() (bool, string) {
			err := harness.QemuIO(t, uri, "read 0 512")
			if err == nil {
				return true, ""
			}
			return false, err.Error()
		})
		picture.Compare(t, "after "+restart.what, uri)
		picture.Overwrite(t, uri)
		a, err := attachments.Get(t.Context(), c, attachment).Extract()
		must(t, err)
		if now := uriOf(t, a.ConnectionInfo); now != uri || a.Status != "attached" {
			t.Errorf("%s: the attachment is %s at %s, want attached at %s", restart.what, a.Status, now, uri)
		}
	}
	withDevice(t, c, idle.ID, func(uri string) { idlePicture.Compare(t, "the idle volume", uri) })
	copied := create(t, c, volumes.CreateOpts{SnapshotID: s.ID})
	withDevice(t, c, copied.ID, func(uri string) { snapshotted.Compare(t, "the snapshot", uri) })

	detach(t, c, attachment)
	if err := harness.QemuIO(t, uri, "read 0 512"); err == nil {
		t.Error("the export has survived the detach")
	}
	cloud.Stop(t)
	cloud.Run(t)
	if err := harness.QemuIO(t, uri, "read 0 512"); err == nil {
		t.Error("the export of a detached volume has come back")
	}
}

// TestAttachmentModes: a read-only attachment refuses writes, however it was asked for; a detach severs.
func TestAttachmentModes(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io")
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "30de", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1})

	attachment, uri := attach(t, c, v.ID, instance)
	must(t, harness.QemuIO(t, uri, "write -P 7 0 1M", "flush"))
	consumer := harness.OpenSession(t, uri)
	if line := consumer.Do(t, "read -P 7 0 512"); !strings.HasPrefix(line, "read 512") {
		t.Fatalf("the consumer cannot read: %s", line)
	}
	detach(t, c, attachment)
	if line := consumer.Do(t, "read 0 512"); strings.HasPrefix(line, "read 512") {
		t.Error("the consumer still reads after the detach")
	}
	if err := harness.QemuIO(t, uri, "read 0 512"); err == nil {
		t.Error("the export is still there after the detach")
	}

	readOnly := func(what, uri string) {
		t.Helper()
		if err := harness.QemuIOReadOnly(t, uri, "read -P 7 0 1M"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for _, change := range []string{"write -P 1 0 512", "write -z 0 1M", "discard 0 1M"} {
			if err := harness.QemuIO(t, uri, change); err == nil {
				t.Errorf("%s: %q succeeded", what, change)
			}
		}
	}
	attachment, uri = attachMode(t, c, v.ID, instance, "ro")
	readOnly("mode ro of 3.54", uri)
	detach(t, c, attachment)

	ro := connector("compute-1")
	ro["mode"] = "ro"
	c344 := cloud.Client(t, "30de", "3.44")
	a, err := attachments.Create(t.Context(), c344, attachments.CreateOpts{VolumeUUID: v.ID, InstanceUUID: instance, Connector: ro}).Extract()
	must(t, err)
	must(t, attachments.Complete(t.Context(), c344, a.ID).ExtractErr())
	readOnly("mode ro in the connector", uriOf(t, a.ConnectionInfo))
	detach(t, c344, a.ID)

	want(t, "os-update_readonly_flag", cloud.Do(t, harness.Request{Path: "/v3/volumes/" + v.ID + "/action", Project: "30de",
		Body: map[string]any{"os-update_readonly_flag": map[string]any{"readonly": true}}}), 202)
	attachment, uri = attachMode(t, c, v.ID, instance, "rw")
	readOnly("a read-only volume", uri)
	detach(t, c, attachment)
	want(t, "os-update_readonly_flag", cloud.Do(t, harness.Request{Path: "/v3/volumes/" + v.ID + "/action", Project: "30de",
		Body: map[string]any{"os-update_readonly_flag": map[string]any{"readonly": false}}}), 202)
	attachment, uri = attach(t, c, v.ID, instance)
	must(t, harness.QemuIO(t, uri, "write -P 1 0 512"))
	detach(t, c, attachment)
}
