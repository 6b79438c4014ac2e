package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/backups"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/test/harness"
)

// backupConf has small files, so that a backup of a gibibyte is made of several.
const backupConf = "[DEFAULT]\nbackup_file_size = 67108864\nbackup_compression_algorithm = zstd\n"

// backupPatience is how long a backup or restore may take: it reads or writes a whole volume.
const backupPatience = time.Minute

// backup makes a backup and waits until it is there.
func backup(t *testing.T, c *client, opts backups.CreateOpts) string {
	t.Helper()
	b, err := backups.Create(t.Context(), c, opts).Extract()
	must(t, err)
	awaitBackup(t, c, b.ID, "available")
	return b.ID
}

// awaitBackup waits until a backup has one of some statuses.
func awaitBackup(t *testing.T, c *client, id string, statuses ...string) (b *backups.Backup) {
	t.Helper()
	harness.Within(t, backupPatience, "backup "+id+" becoming "+strings.Join(statuses, " or "), func() (bool, string) {
		var err error
		b, err = backups.Get(t.Context(), c, id).Extract()
		must(t, err)
		for _, s := range statuses {
			if b.Status == s {
				return true, ""
			}
		}
		if b.Status == "error" {
			t.Fatalf("backup %s failed: %s", id, b.FailReason)
		}
		return false, b.Status
	})
	return b
}

func awaitBackupGone(t *testing.T, c *client, id string) {
	t.Helper()
	harness.Eventually(t, "backup "+id+" going away", func() (bool, string) {
		b, err := backups.Get(t.Context(), c, id).Extract()
		if gophercloud.ResponseCodeIs(err, 404) {
			return true, ""
		}
		must(t, err)
		return false, b.Status + " " + b.FailReason
	})
}

// restore writes a backup into a volume, a new one if there is none, and waits until it is available.
func restore(t *testing.T, c *client, id, volumeID string) string {
	t.Helper()
	r, err := backups.RestoreFromBackup(t.Context(), c, id, backups.RestoreOpts{VolumeID: volumeID}).Extract()
	must(t, err)
	awaitRestored(t, c, id, r.VolumeID)
	return r.VolumeID
}

// awaitRestored waits until a volume holds a backup.
func awaitRestored(t *testing.T, c *client, id, volumeID string) {
	t.Helper()
	harness.Within(t, backupPatience, "volume "+volumeID+" being restored", func() (bool, string) {
		status := get(t, c, volumeID).Status
		if strings.HasPrefix(status, "error") {
			t.Fatalf("the volume became %s", status)
		}
		return status == "available", status
	})
	awaitBackup(t, c, id, "available")
}

// backupFiles are the files in the backup repository of a cloud.
func backupFiles(t *testing.T, cloud *harness.Cloud) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(cloud.StateDir, "backup"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return nil // what goes while it is looked for
	})
	must(t, err)
	return files
}

// allocated is how many bytes of a file the file system keeps.
func allocated(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// TestBackups follows every byte of a volume into full and incremental backups, of itself, of itself in use and of a
// snapshot, and back into this, another and new volumes.
func TestBackups(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, backupConf)
	c := cloud.Client(t, "bac4", latest)

	origin := create(t, c, volumes.CreateOpts{Name: "origin", Size: 1, Metadata: map[string]string{"k": "v"}})
	first := harness.NewPicture(1)
	withDevice(t, c, origin.ID, func(uri string) { first.Upload(t, uri) })
	full := backup(t, c, backups.CreateOpts{VolumeID: origin.ID, Name: "full"})
	taken := snapshot(t, c, origin.ID, "taken")

	now := first.Clone()
	withDevice(t, c, origin.ID, func(uri string) { now.Overwrite(t, uri) })
	second := now.Clone()
	incremental := backup(t, c, backups.CreateOpts{VolumeID: origin.ID, Incremental: true})
	attachment, uri := attach(t, c, origin.ID, instance)
	now.Overwrite(t, uri)
	third := now.Clone()
	refused(t, "a backup of what is in use", backups.Create(t.Context(), c, backups.CreateOpts{VolumeID: origin.ID}).Err, 400, "force")
	inUse := backup(t, c, backups.CreateOpts{VolumeID: origin.ID, Incremental: true, Force: true})
	third.Compare(t, "the origin in use, after its backup", uri)
	wantStatus(t, c, "after the backup", origin.ID, "in-use")
	ofSnapshot := backup(t, c, backups.CreateOpts{VolumeID: origin.ID, SnapshotID: taken.ID})
	now.Overwrite(t, uri)
	detach(t, c, attachment)
	if all := places(t, cloud); len(all) != 1 {
		t.Errorf("there are the volumes %v", all)
	}

	for _, r := range []struct {
		what, backup, into string
		picture            *harness.Picture
	}{
		{"the incremental backup in a new volume", incremental, "", second}, {"the backup of the snapshot in a new volume", ofSnapshot, "", first},
		{"the backup of the volume in use, in its volume", inUse, origin.ID, third},
	} {
		restored := restore(t, c, r.backup, r.into)
		withDevice(t, c, restored, func(uri string) { r.picture.Compare(t, r.what, uri) })
		if v := get(t, c, restored); v.Name != "origin" || v.Metadata["k"] != "v" {
			t.Errorf("%s is called %q and has %v", r.what, v.Name, v.Metadata)
		}
	}
	made, err := volumes.Create(t.Context(), c, volumes.CreateOpts{Name: "larger", BackupID: full, Size: 2}, nil).Extract()
	must(t, err)
	awaitRestored(t, c, full, made.ID)
	first.Grow(2)
	withDevice(t, c, made.ID, func(uri string) { first.Compare(t, "the larger volume made from the full backup", uri) })

	refused(t, "delete of what others need", backups.Delete(t.Context(), c, full).Err, 400, "Incremental backups exist")
	for _, id := range []string{inUse, incremental, ofSnapshot, full} {
		must(t, backups.Delete(t.Context(), c, id).ExtractErr())
		awaitBackupGone(t, c, id)
	}
	if files := backupFiles(t, cloud); len(files) != 0 {
		t.Errorf("the repository still has %v", files)
	}
}

// TestBackupKilled: a backup or restore that SIGKILL interrupts is over soon after the next start: it is done, and right, or
// in error; and the volume is free.
func TestBackupKilled(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	cloud := harness.Start(t, backupConf)
	c := cloud.Client(t, "b4c11", latest)
	v := create(t, c, volumes.CreateOpts{Name: "origin", Size: 1})
	picture := harness.NewPicture(1)
	withDevice(t, c, v.ID, func(uri string) { picture.Upload(t, uri) })

	b, err := backups.Create(t.Context(), c, backups.CreateOpts{VolumeID: v.ID}).Extract()
	must(t, err)
	harness.Eventually(t, "the backup being under way", func() (bool, string) {
		files := backupFiles(t, cloud)
		return len(files) > 3, fmt.Sprint(files)
	})
	cloud.Kill(t)
	cloud.Run(t)
	if was := awaitBackup(t, c, b.ID, "available", "error"); was.Status == "error" {
		t.Fatalf("what could be done again was not: %s", was.FailReason)
	}
	await(t, c, v.ID, "available")

	target := create(t, c, volumes.CreateOpts{Name: "target", Size: 1})
	_, err = backups.RestoreFromBackup(t.Context(), c, b.ID, backups.RestoreOpts{VolumeID: target.ID}).Extract()
	must(t, err)
	file := filepath.Join(cloud.StateDir, "volumes", "file", "volumes", "volume-"+target.ID)
	harness.Eventually(t, "the restore being under way", func() (bool, string) {
		used := allocated(t, file)
		return used > 0, fmt.Sprint(used)
	})
	cloud.Kill(t)
	cloud.Run(t)
	awaitRestored(t, c, b.ID, target.ID)
	withDevice(t, c, target.ID, func(uri string) { picture.Compare(t, "what was restored in spite of the kill", uri) })

	// A delete that is interrupted goes on too, and leaves nothing.
	must(t, backups.Delete(t.Context(), c, b.ID).ExtractErr())
	cloud.Kill(t)
	cloud.Run(t)
	awaitBackupGone(t, c, b.ID)
	if files := backupFiles(t, cloud); len(files) != 0 {
		t.Errorf("the repository still has %v", files)
	}
}

// TestBackupRecord: a cloud that has lost its database takes up a backup by its record.
func TestBackupRecord(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io", "qemu-img", "nbdcopy")
	one := harness.Start(t, "")
	c := one.Client(t, "bec0", latest)
	v := create(t, c, volumes.CreateOpts{Name: "kept", Size: 1})
	picture := harness.NewPicture(1)
	withDevice(t, c, v.ID, func(uri string) { picture.Upload(t, uri) })
	id := backup(t, c, backups.CreateOpts{VolumeID: v.ID})
	record, err := backups.Export(t.Context(), c, id).Extract()
	must(t, err)
	one.Stop(t)

	other := harness.Start(t, "[DEFAULT]\nbackup_posix_path = "+filepath.Join(one.StateDir, "backup")+"\n")
	c = other.Client(t, "bec0", latest)
	imported, err := backups.Import(t.Context(), c, backups.ImportOpts(*record)).Extract()
	must(t, err)
	if imported.ID != id {
		t.Errorf("the backup is %s there, and %s here", id, imported.ID)
	}
	awaitBackup(t, c, id, "available")
	restored := restore(t, c, id, "")
	withDevice(t, c, restored, func(uri string) { picture.Compare(t, "what was restored elsewhere", uri) })
	if got := get(t, c, restored); got.Name != "kept" {
		t.Errorf("it is called %q", got.Name)
	}
}
