package api_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// backup asks for a backup of a volume, with more in its body, and gives its id. It is available then.
func backup(m apitest.Caller, volumeID string, more ...any) string {
	m.TB.Helper()
	id := m.Post("/backups", object("backup", object(append([]any{"volume_id", volumeID}, more...)...))).OK(202).Text("backup", "id")
	if b := backupOf(m, id); b == nil || b.Status != block.BackupAvailable {
		m.TB.Fatalf("the backup that was made is %+v", b)
	}
	return id
}

// backupOf is a backup's row as it stands; nil if there is none.
func backupOf(m apitest.Caller, id string) *block.Backup {
	m.TB.Helper()
	b, err := m.Store.Backup(m.TB.Context(), id, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		m.TB.Fatal(err)
	}
	return b
}

// usage is what a project has of backups, as its limits show it.
func usage(m apitest.Caller) [2]float64 {
	m.TB.Helper()
	a := m.Get("/limits").OK(200)
	return [2]float64{a.At("limits", "absolute", "totalBackupsUsed").(float64), a.At("limits", "absolute", "totalBackupGigabytesUsed").(float64)}
}

// messagesOf are the events and texts of the messages about a resource.
func messagesOf(m apitest.Caller, resourceID string) (list []string) {
	m.TB.Helper()
	for _, one := range m.At("3.5").Get("/messages?resource_uuid=" + resourceID).OK(200).At("messages").([]any) {
		member := one.(map[string]any)
		list = append(list, member["event_id"].(string)+" "+member["user_message"].(string))
	}
	slices.Sort(list)
	return list
}

func TestBackupCreate(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume("size", 2, "name", "data")
	answer := m.Post("/backups", object("backup", object("volume_id", volume, "name", " b ", "description", "d", "container", "c", "metadata", object("k", "v"))))
	id := answer.OK(202).Text("backup", "id")
	answer.Is(202, fill(`{"backup": {"id": "<B>", "name": "b", "links": [{"rel": "self", "href": "http://cloud/p/backups/<B>"},
		{"rel": "bookmark", "href": "http://cloud/p/backups/<B>"}]}}`, "<B>", id))
	b := backupOf(m, id)
	want := &block.Backup{ID: id, VolumeID: volume, UserID: m.Request.UserID, ProjectID: "p", Host: "node", AvailabilityZone: apitest.Zone, Name: new("b"),
		Description: new("d"), Container: new("c"), Status: block.BackupAvailable, Service: apitest.Repository, ServiceMetadata: "backup_" + id, SizeGiB: 2,
		ObjectCount: 1, Metadata: map[string]string{"k": "v"}, DataTimestamp: b.DataTimestamp, Timestamps: b.Timestamps}
	if d := cmp.Diff(want, b); d != "" || b.DataTimestamp.IsZero() {
		t.Errorf("the row (-want +got):\n%s", d)
	}
	if v := m.Row(volume); v.Status != block.VolumeAvailable || v.PreviousStatus != block.VolumeBackingUp {
		t.Errorf("the volume is %s, and was %s", v.Status, v.PreviousStatus)
	}
	if held := c.Repository.Held(); !slices.Equal(held, []string{id}) {
		t.Errorf("the repository holds %v", held)
	}
	if got := usage(m); got != [2]float64{1, 2} {
		t.Errorf("the usage is %v", got)
	}
	m.Delete("/backups/" + id).Empty(202)
	if b := backupOf(m, id); b != nil || len(c.Repository.Held()) != 0 {
		t.Errorf("after the delete: %+v, the repository holds %v", b, c.Repository.Held())
	}
	if got := usage(m); got != [2]float64{} {
		t.Errorf("the usage is %v", got)
	}
}

// TestBackupCopies: what is in use is copied first, whether it is the volume or a snapshot, and the copy is gone afterwards.
func TestBackupCopies(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume()
	snapshot := m.Snapshot(volume)
	attachment := m.Post("/attachments", object("attachment", object("volume_uuid", volume, "instance_uuid", server, "connector", object("host", "h")))).OK(200)
	m.Action("/attachments/"+attachment.Text("attachment", "id"), "os-complete", nil).Empty(204)
	before, err := c.Driver.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.Post("/backups", object("backup", object("volume_id", volume))).Fault(400, "Invalid volume: Backing up an in-use volume must use the force flag.")
	inUse, ofSnapshot := backup(m, volume, "force", true), backup(m, volume, "snapshot_id", snapshot)
	if v := m.Row(volume); v.Status != block.VolumeInUse {
		t.Errorf("the volume is %s", v.Status)
	}
	if s := m.SnapshotRow(snapshot); s.Status != block.SnapshotAvailable {
		t.Errorf("the snapshot is %s", s.Status)
	}
	if b := backupOf(m, inUse); b.SnapshotID != "" || b.TempVolumeID != "" {
		t.Errorf("the volume's backup is %+v", b)
	}
	if b := backupOf(m, ofSnapshot); b.SnapshotID != snapshot || !b.DataTimestamp.Equal(m.SnapshotRow(snapshot).CreatedAt) {
		t.Errorf("the snapshot's backup is %+v", b)
	}
	after, err := c.Driver.Inventory(t.Context())
	if d := cmp.Diff(before, after); err != nil || d != "" {
		t.Errorf("the storage (-before +after): %v\n%s", err, d)
	}
	admin := c.As(t, apitest.Admin, "p")
	if all := admin.Get("/volumes?all_tenants=1").OK(200).At("volumes").([]any); len(all) != 1 {
		t.Errorf("the volumes are %v", all)
	}
}

func TestBackupCreateRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t, func(o *apitest.Options) {
		o.Quota.Backups, o.Quota.BackupGigabytes, o.Quota.UseDefaultQuotaClass = 2, 4, false
	})
	m := c.As(t, apitest.Member, "p")
	f := &fixture{m}
	volume, busy, foreign := m.Volume("size", 2), f.newVolume(inStatus(block.VolumeDeleting)), f.newVolume(func(v *block.Volume) { v.ProjectID = "q" })
	snapshot, other, unready := m.Snapshot(volume), f.newSnapshot(block.SnapshotAvailable), f.newSnapshot(block.SnapshotCreating)
	for what, c := range map[string]struct {
		version string
		body    map[string]any
		status  int
		text    string
	}{
		"no such volume":         {"", object("volume_id", nowhere), 404, "Volume " + nowhere + " could not be found."},
		"somebody else's":        {"", object("volume_id", foreign), 404, "Volume " + foreign + " could not be found."},
		"no such snapshot":       {"", object("volume_id", volume, "snapshot_id", nowhere), 404, "Snapshot " + nowhere + " could not be found."},
		"another's snapshot":     {"", object("volume_id", volume, "snapshot_id", other), 400, "Invalid volume: Volume " + volume + " does not match with snapshot.volume_id "},
		"the snapshot not ready": {"", object("volume_id", m.SnapshotRow(unready).VolumeID, "snapshot_id", unready), 400, `Snapshot to be backed up must be available, but the current status is "creating".`},
		"the volume not ready":   {"", object("volume_id", busy), 400, `Volume to be backed up must be available or in-use, but the current status is "deleting".`},
		"no parent":              {"", object("volume_id", volume, "incremental", true), 400, "Invalid backup: No backups available to do an incremental backup."},
		"metadata too early":     {"3.42", object("volume_id", volume, "metadata", object()), 400, "Additional properties are not allowed ('metadata' was unexpected)"},
		"zone too early":         {"3.50", object("volume_id", volume, "availability_zone", "nova"), 400, "Additional properties are not allowed ('availability_zone' was unexpected)"},
		"a long value":           {"3.43", object("volume_id", volume, "metadata", object("k", strings.Repeat("x", 256))), 400, "is too long"},
	} {
		t.Run(what, func(t *testing.T) {
			m := m.On(t)
			m.At(c.version).Post("/backups", object("backup", c.body)).Fault(c.status, c.text)
			if got := m.Row(volume).Status; got != block.VolumeAvailable {
				t.Errorf("the volume is %s", got)
			}
		})
	}
	c.As(t, apitest.Reader, "p").Post("/backups", object("backup", object("volume_id", volume))).Fault(403, "Policy doesn't allow backup:create to be performed.")
	backup(m, volume, "snapshot_id", snapshot)
	m.Change(func(tx store.Tx) error {
		return tx.PutQuotaLimits(t.Context(), "p", map[string]int64{"backup_gigabytes": 3})
	})
	m.Post("/backups", object("backup", object("volume_id", volume))).Fault(413, "VolumeBackupSizeExceedsAvailableQuota: Requested backup exceeds allowed Backup "+
		"gigabytes quota. Requested 2G, quota is 3G and 2G has been consumed.")
	m.Change(func(tx store.Tx) error {
		return tx.PutQuotaLimits(t.Context(), "p", map[string]int64{"backup_gigabytes": 100, "backups": 1})
	})
	m.Post("/backups", object("backup", object("volume_id", volume))).Fault(413, "BackupLimitExceeded: Maximum number of backups allowed (1) exceeded")
	if got := usage(m); got != [2]float64{1, 2} || m.Row(volume).Status != block.VolumeAvailable {
		t.Errorf("the usage is %v, the volume %s", got, m.Row(volume).Status)
	}
	f.Change(func(tx store.Tx) error { return tx.PutQuotaLimits(t.Context(), "p", map[string]int64{"backups": 2}) })
	backup(m, volume)
}

// TestBackupIncremental: a difference is to the newest backup that can be one to, and that one stays as long as it is needed.
func TestBackupIncremental(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume()
	full := backup(m, volume)
	first := backup(m, volume, "incremental", true)
	snapshot := m.Snapshot(volume)
	second := backup(m, volume, "incremental", true)
	third := backup(m, volume, "incremental", true, "snapshot_id", snapshot)
	for id, parent := range map[string]string{full: "", first: full, second: first, third: first} {
		if got := backupOf(m, id).ParentID; got != parent {
			t.Errorf("the parent of %s is %q, want %q", id, got, parent)
		}
	}
	shown := m.Get("/backups/" + first).OK(200)
	if shown.At("backup", "is_incremental") != true || shown.At("backup", "has_dependent_backups") != true {
		t.Errorf("shown: %s", shown.Body)
	}
	m.Delete("/backups/"+full).Fault(400, "Invalid backup: Incremental backups exist for this backup.")
	c.As(t, apitest.Admin, "ops").Action("/backups/"+full, "os-force_delete", object()).Fault(400, "Invalid backup: Incremental backups exist for this backup.")
	for _, id := range []string{third, second, first, full} {
		m.Delete("/backups/" + id).Empty(202)
	}
	if held := c.Repository.Held(); len(held) != 0 {
		t.Errorf("the repository holds %v", held)
	}
}

func TestBackupRestore(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume("size", 2, "name", "data", "description", "of mine", "metadata", object("k", "v"))
	id := backup(m, volume)
	restore := func(pairs ...any) apitest.Answer {
		return m.Post("/backups/"+id+"/restore", object("restore", object(pairs...)))
	}

	restore("volume_id", volume).Is(202, fill(`{"restore": {"backup_id": "<B>", "volume_id": "<V>", "volume_name": "data"}}`, "<B>", id, "<V>", volume))
	if v := m.Row(volume); v.Status != block.VolumeAvailable || v.Metadata["src_backup_id"] != "" {
		t.Errorf("the volume is %s, metadata %v", v.Status, v.Metadata)
	}
	other := m.Volume("size", 3, "name", "other")
	restore("volume_id", other).OK(202)
	if v := m.Row(other); v.Status != block.VolumeAvailable || *v.Name != "other" || !cmp.Equal(v.Metadata, map[string]string{"k": "v", "src_backup_id": id}) {
		t.Errorf("the other volume is %s, %s, metadata %v", v.Status, *v.Name, v.Metadata)
	}
	for name, want := range map[string]string{"": "data", "fresh": "fresh"} {
		var body []any
		if name != "" {
			body = []any{"name", name}
		}
		v := m.Row(restore(body...).OK(202).Text("restore", "volume_id"))
		if v.Status != block.VolumeAvailable || *v.Name != want || v.SizeGiB != 2 || v.LaunchedAt.IsZero() || v.Metadata["src_backup_id"] != id {
			t.Errorf("%q: the new volume is %+v", name, v)
		}
	}
	if b := backupOf(m, id); b.Status != block.BackupAvailable || b.RestoreVolume == "" {
		t.Errorf("the backup is %+v", b)
	}

	small, busy := m.Volume(), (&fixture{m}).newVolume(inStatus(block.VolumeInUse))
	restore("volume_id", small).Fault(400, "Invalid volume: volume size 1 is too small to restore backup of size 2.")
	restore("volume_id", busy).Fault(400, "Invalid volume: Volume to be restored to must be available")
	restore("volume_id", nowhere).Fault(404, "Volume "+nowhere+" could not be found.")
	c.As(t, apitest.Member, "q").Post("/backups/"+id+"/restore", object("restore", object())).Fault(404, "Backup "+id+" could not be found.")
	c.As(t, apitest.Reader, "p").Post("/backups/"+id+"/restore", object("restore", object())).Fault(403, "Policy doesn't allow backup:restore to be performed.")
	unready := (&fixture{m}).newBackup(func(b *block.Backup) { b.Status = block.BackupError })
	m.Post("/backups/"+unready+"/restore", object("restore", object())).Fault(400, "Invalid backup: Backup status must be available")
}

func TestBackupRestoreFails(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	id := backup(m, m.Volume())
	c.Repository.FailWith(func(verb, _ string) error {
		if verb == "restore" {
			return fault.New(fault.Internal, "", "an object is damaged")
		}
		return nil
	})
	target := m.Volume()
	m.Post("/backups/"+id+"/restore", object("restore", object("volume_id", target))).OK(202)
	created := m.Post("/backups/"+id+"/restore", object("restore", object())).OK(202).Text("restore", "volume_id")
	for _, volume := range []string{target, created} {
		if v := m.Row(volume); v.Status != block.VolumeErrorRestoring {
			t.Errorf("the volume is %s", v.Status)
		}
	}
	if b := backupOf(m, id); b.Status != block.BackupAvailable {
		t.Errorf("the backup is %s", b.Status)
	}
	told := "VOLUME_VOLUME_BACKUP_015_026 restore backup:Backup driver failed to restore backup."
	if d := cmp.Diff([]string{told, told}, messagesOf(m, id)); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
	m.Delete("/volumes/" + target).Empty(202)
	m.Delete("/volumes/" + created).Empty(202)
}

func TestVolumeOfBackup(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	id := backup(m, m.Volume("size", 2, "name", "data"))
	for size, want := range map[any]int64{nil: 2, 3: 3} {
		v := m.Row(m.Post("/volumes", object("volume", object("backup_id", id, "size", size, "name", "of a backup"))).OK(202).Text("volume", "id"))
		if v.Status != block.VolumeAvailable || v.SizeGiB != want || *v.Name != "of a backup" || v.Metadata["src_backup_id"] != id {
			t.Errorf("the volume is %+v", v)
		}
	}
	m.Post("/volumes", object("volume", object("backup_id", id, "size", 1))).Fault(400, "Volume size 1GB cannot be smaller than the backup size 2GB. It must be >= backup size.")
	unready := (&fixture{m}).newBackup(func(b *block.Backup) { b.Status = block.BackupCreating })
	m.Post("/volumes", object("volume", object("backup_id", unready))).Fault(400, "Invalid backup: Originating backup status must be one of 'available' values")
	m.At("3.46").Post("/volumes", object("volume", object("backup_id", "x"))).Fault(404, "Backup x could not be found.") // upstream heeds it early
	m.At("3.47").Post("/volumes", object("volume", object("backup_id", "x"))).Fault(400, "Invalid input for field/attribute backup_id.")

	c.As(t, apitest.Admin, "ops").Put("/os-services/disable", object("host", "node", "binary", block.BinaryBackup)).OK(200)
	m.Post("/volumes", object("volume", object("backup_id", id))).Fault(404, "Service cinder-backup could not be found.")
	m.Post("/backups/"+id+"/restore", object("restore", object())).Fault(404, "Service cinder-backup could not be found.")
	m.Delete("/backups/"+id).Fault(404, "Service cinder-backup could not be found.")
}

// TestBackupUnscheduled: without a backup service that is up a backup ends in error, with its volume free again.
func TestBackupUnscheduled(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "ops")
	volume := m.Volume()
	admin.Put("/os-services/disable", object("host", "node", "binary", block.BinaryBackup)).OK(200)
	id := m.Post("/backups", object("backup", object("volume_id", volume))).OK(202).Text("backup", "id")
	b := backupOf(m, id)
	if b.Status != block.BackupError || b.FailReason == "" || m.Row(volume).Status != block.VolumeAvailable {
		t.Errorf("the backup is %+v, the volume %s", b, m.Row(volume).Status)
	}
	if d := cmp.Diff([]string{"VOLUME_VOLUME_BACKUP_013_024 create backup:Backup failed to schedule. Service not found for creating backup."}, messagesOf(m, id)); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
	m.Delete("/backups/" + id).Empty(202) // no service has it, so none is needed
	if b := backupOf(m, id); b != nil || usage(m) != [2]float64{} {
		t.Errorf("the row is %+v, the usage %v", b, usage(m))
	}
}

func TestBackupFails(t *testing.T) {
	t.Parallel()
	for verb, c := range map[string]struct {
		options        func(*apitest.Options)
		status         block.BackupStatus
		reason, detail string
	}{
		"save":   {nil, block.BackupError, "The volume could not be copied into the backup repository.", "013_020 create backup:Backup driver failed to create backup."},
		"attach": {func(o *apitest.Options) { o.Unattachable = true }, block.BackupError, "This service cannot connect to volumes over", "013_021 create backup:Failed to attach volume."},
	} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			var change []func(*apitest.Options)
			if c.options != nil {
				change = append(change, c.options)
			}
			cloud := cloud(t, change...)
			m := cloud.As(t, apitest.Member, "p").At("3.71")
			volume := m.Volume()
			cloud.Repository.FailWith(func(v, _ string) error {
				if v == verb {
					return errors.New("no space left")
				}
				return nil
			})
			id := m.Post("/backups", object("backup", object("volume_id", volume))).OK(202).Text("backup", "id")
			b := backupOf(m, id)
			if b.Status != c.status || !strings.Contains(b.FailReason, c.reason) || m.Row(volume).Status != block.VolumeAvailable {
				t.Errorf("the backup is %+v, the volume %s", b, m.Row(volume).Status)
			}
			if d := cmp.Diff([]string{"VOLUME_VOLUME_BACKUP_" + c.detail}, messagesOf(m, id)); d != "" {
				t.Errorf("messages (-want +got):\n%s", d)
			}
			if held := cloud.Repository.Held(); len(held) != 0 {
				t.Errorf("the repository holds %v", held)
			}
			m.Delete("/backups/" + id).Empty(202)
			if b := backupOf(m, id); b != nil {
				t.Errorf("after the delete: %+v", b)
			}
		})
	}
}

func TestBackupDeleteFails(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	id := backup(m, m.Volume())
	c.Repository.FailWith(func(verb, _ string) error {
		if verb == "delete" {
			return errors.New("the directory is read-only")
		}
		return nil
	})
	m.Delete("/backups/" + id).Empty(202)
	if b := backupOf(m, id); b.Status != block.BackupError || b.FailReason != "The backup could not be removed from the backup repository." || usage(m) != [2]float64{1, 1} {
		t.Errorf("the backup is %+v, the usage %v", b, usage(m))
	}
	if d := cmp.Diff([]string{"VOLUME_VOLUME_BACKUP_014_025 delete backup:Backup driver failed to delete backup."}, messagesOf(m, id)); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
	c.Repository.FailWith(nil)
	m.Delete("/backups/" + id).Empty(202)
	if b := backupOf(m, id); b != nil {
		t.Errorf("after the delete: %+v", b)
	}
}

func TestBackupRecords(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "p").At("3.71")
	id := backup(m, m.Volume(), "name", "b", "metadata", object("k", "v"))
	was := backupOf(m, id)
	m.Get("/backups/"+id+"/export_record").Fault(403, "Policy doesn't allow backup:export-import to be performed.")
	exported := admin.Get("/backups/" + id + "/export_record").OK(200)
	url := exported.Text("backup-record", "backup_url")
	exported.Is(200, fill(`{"backup-record": {"backup_service": "<S>", "backup_url": "<U>"}}`, "<S>", apitest.Repository, "<U>", url))
	take := func(service, url string) apitest.Answer {
		return admin.Post("/backups/import_record", object("backup-record", object("backup_service", service, "backup_url", url)))
	}
	take(apitest.Repository, url).Fault(400, "Invalid backup: Backup already exists in database.")
	take(apitest.Repository, "bm8=").Fault(400, "")
	m.Post("/backups/import_record", object("backup-record", object("backup_service", "s", "backup_url", url))).Fault(403, "Policy doesn't allow backup:backup-import to be performed.")

	forget := func() { // as if the database had been lost
		m.Change(func(tx store.Tx) error { return tx.DestroyBackup(t.Context(), id) })
	}
	forget()
	take(apitest.Repository, url).Is(201, fill(`{"backup": {"id": "<B>", "name": null, "links": [{"rel": "self", "href": "http://cloud/p/backups/<B>"},
		{"rel": "bookmark", "href": "http://cloud/p/backups/<B>"}]}}`, "<B>", id))
	got := backupOf(m, id)
	was.Timestamps, was.UserID, was.DataTimestamp = got.Timestamps, admin.Request.UserID, was.DataTimestamp.Truncate(time.Second)
	if d := cmp.Diff(was, got); d != "" {
		t.Errorf("the row that was imported (-before +after):\n%s", d)
	}
	m.Post("/backups/"+id+"/restore", object("restore", object())).OK(202)

	forget()
	take("cinder.backup.drivers.swift.SwiftBackupDriver", url).OK(201)
	if b := backupOf(m, id); b.Status != block.BackupError || !strings.HasPrefix(b.FailReason, "Import record failed, cannot find backup service to perform the import.") {
		t.Errorf("what is another's to import is %+v", b)
	}
	forget()
	admin.Put("/os-services/disable", object("host", "node", "binary", block.BinaryBackup)).OK(200)
	take(apitest.Repository, url).Fault(503, "Service "+apitest.Repository+" could not be found.")
	admin.Get("/backups/"+nowhere+"/export_record").Fault(404, "Backup "+nowhere+" could not be found.")
	unready := (&fixture{m}).newBackup(func(b *block.Backup) { b.Status = block.BackupError })
	admin.Get("/backups/"+unready+"/export_record").Fault(400, "Invalid backup: Backup status must be available and not error.")
}

func TestBackupAdminActions(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	id := backup(m, m.Volume())
	path := "/backups/" + id
	admin.Action(path, "os-reset_status", object("status", "ERROR")).Empty(202)
	if b := backupOf(m, id); b.Status != block.BackupError {
		t.Errorf("the backup is %s", b.Status)
	}
	admin.Action(path, "os-reset_status", object("status", "creating")).Fault(400, "Backup status: creating is invalid, valid statuses are: ['available', 'error'].")
	m.Action(path, "os-reset_status", object("status", "available")).Fault(403, "Policy doesn't allow volume_extension:backup_admin_actions:reset_status to be performed.")
	admin.Action("/backups/"+nowhere, "os-reset_status", object("status", "error")).Fault(404, "Backup "+nowhere+" could not be found.")

	m.Change(func(tx store.Tx) error {
		_, err := tx.UpdateBackup(t.Context(), id, store.BackupWhen{}, store.BackupSet{Status: new(block.BackupRestoring)})
		return err
	})
	m.Delete(path).Fault(400, "Invalid backup: Backup status must be available or error")
	m.Action(path, "os-force_delete", object()).Fault(403, "Policy doesn't allow volume_extension:backup_admin_actions:force_delete to be performed.")
	admin.Action(path, "os-force_delete", object()).Empty(202)
	if b := backupOf(m, id); b != nil || len(c.Repository.Held()) != 0 {
		t.Errorf("the backup is %+v, the repository holds %v", b, c.Repository.Held())
	}
}

// TestBackupGivenUp: a delete by force does not wait until the backup has been made.
func TestBackupGivenUp(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	volume := m.Volume()
	saving, goOn := make(chan string, 1), make(chan struct{})
	c.Repository.FailWith(func(verb, id string) error {
		if verb == "save" {
			saving <- id
			<-goOn
		}
		return nil
	})
	made := make(chan struct{})
	go func() {
		defer close(made)
		m.Post("/backups", object("backup", object("volume_id", volume))).OK(202)
	}()
	id := <-saving
	deleted := make(chan struct{})
	go func() {
		defer close(deleted)
		admin.Action("/backups/"+id, "os-force_delete", object()).Empty(202)
	}()
	for backupOf(m, id).Status != block.BackupDeleting {
		runtime.Gosched()
	}
	close(goOn)
	<-made
	<-deleted
	if b := backupOf(m, id); b != nil || len(c.Repository.Held()) != 0 || m.Row(volume).Status != block.VolumeAvailable {
		t.Errorf("the backup is %+v, the repository holds %v, the volume is %s", b, c.Repository.Held(), m.Row(volume).Status)
	}
}
