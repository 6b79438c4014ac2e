package block

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/fault"
)

func TestBackupStates(t *testing.T) {
	for from, to := range map[BackupStatus]BackupStatus{BackupCreating: BackupDeleting, BackupRestoring: BackupDeleting, BackupErrorDeleting: BackupAvailable,
		BackupAvailable: BackupAvailable, BackupError: BackupRestoring} {
		if from.MayBecome(to) {
			t.Errorf("%s may become %s", from, to)
		}
	}
	for to, from := range map[BackupStatus][]BackupStatus{BackupRestoring: {BackupAvailable}, BackupDeleting: {BackupAvailable, BackupError},
		BackupAvailable: {BackupCreating, BackupRestoring}, BackupCreating: {}} {
		if d := cmp.Diff(from, BackupsThatMayBecome(to)); d != "" {
			t.Errorf("to %s (-want +got):\n%s", to, d)
		}
	}
}

func TestBackupService(t *testing.T) {
	const name = "cinder.backup.drivers.posix.PosixBackupDriver"
	for row, want := range map[string]bool{"": true, name: true, "cinder.backup.drivers.posix": true, "cinder.backup.drivers.pos": false,
		"cinder.backup.drivers.nfs.NFSBackupDriver": false} {
		if got := (&Backup{Service: row}).MadeBy(name); got != want {
			t.Errorf("%q: %v", row, got)
		}
	}
}

func TestBackupRecord(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := &Backup{ID: "i", VolumeID: "v", Timestamps: Timestamps{CreatedAt: at}, UserID: "u", ProjectID: "p", Name: new("n"), Status: BackupAvailable,
		SizeGiB: 3, ObjectCount: 4, AvailabilityZone: "z", Metadata: map[string]string{"a": "b"}, Host: "h", Container: new("c"), Service: "s",
		ServiceMetadata: "m", ParentID: "q", Dependents: 1, SnapshotID: "o", DataTimestamp: at}
	text, err := b.EncodeRecord(map[string]any{"x": "y"})
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(decoded, &fields); err != nil {
		t.Fatal(err)
	}
	if len(fields) != 29 || fields["display_description"] != nil || fields["data_timestamp"] != "2026-01-02T03:04:05Z" {
		t.Errorf("%d fields: %s", len(fields), decoded)
	}
	r, err := DecodeBackupRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	want := *b
	want.UserID, want.ProjectID, want.Status, want.Host, want.Service, want.CreatedAt = "", "", "", "", "", time.Time{}
	if d := cmp.Diff(&BackupRecord{Backup: want, DriverInfo: map[string]any{"x": "y"}}, r); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// cinderRecord is what Cinder 26 exports, shortened by what is null.
const cinderRecord = `{"driver_info": {}, "id": "5f1a0c6e-0000-4000-8000-000000000001", "user_id": "u", "project_id": "p", "volume_id": "v", "host": "node",
	"availability_zone": "nova", "container": "5f/1a/5f1a", "parent_id": null, "status": "available", "fail_reason": null, "size": 1, "display_name": null,
	"display_description": null, "service_metadata": "volume_v", "service": "cinder.backup.drivers.posix.PosixBackupDriver", "object_count": 1,
	"num_dependent_backups": 0, "snapshot_id": null, "data_timestamp": "2026-01-02T03:04:05Z", "metadata": {}, "created_at": "2026-01-02T03:04:05Z",
	"updated_at": null, "deleted_at": null, "deleted": false}`

func TestCindersRecord(t *testing.T) {
	r, err := DecodeBackupRecord(base64.StdEncoding.EncodeToString([]byte(cinderRecord)))
	if err != nil {
		t.Fatal(err)
	}
	want := Backup{ID: "5f1a0c6e-0000-4000-8000-000000000001", VolumeID: "v", Container: new("5f/1a/5f1a"), SizeGiB: 1, ServiceMetadata: "volume_v",
		ObjectCount: 1, AvailabilityZone: "nova", DataTimestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if d := cmp.Diff(want, r.Backup, cmpopts.EquateEmpty()); d != "" || len(r.Missing) != 0 {
		t.Errorf("missing %v (-want +got):\n%s", r.Missing, d)
	}
	for text, want := range map[string]string{
		`x`:                                      "Can't parse backup record.",
		`[]`:                                     "Can't parse backup record.",
		`null`:                                   "Can't parse backup record.",
		`{}`:                                     "Provided backup record is missing an id",
		`{"id": "x"}`:                            "Provided backup record is missing size attribute",
		`{"id": "x", "size": -1}`:                "has a size of -1 GiB",
		`{"id": 7, "size": 1}`:                   "Can't parse backup record.",
		`{"id": "x", "size": 1, "metadata": []}`: "Can't parse backup record.",
		`{"id": "x", "size": 1, "data_timestamp": "x"}`: "Can't parse backup record.",
	} {
		_, err := DecodeBackupRecord(base64.StdEncoding.EncodeToString([]byte(text)))
		if fault.NameOf(err) != "InvalidInput" || !strings.Contains(fault.UserText(err), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := DecodeBackupRecord("!"); !strings.Contains(fault.UserText(err), "Can't decode backup record.") {
		t.Errorf("%v", err)
	}
	if r, err := DecodeBackupRecord(base64.StdEncoding.EncodeToString([]byte(`{"id": "x", "size": 1}`))); err != nil || len(r.Missing) != 5 {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzBackupRecord(f *testing.F) {
	f.Add([]byte(cinderRecord))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeBackupRecord(base64.StdEncoding.EncodeToString(b))
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := r.Backup.EncodeRecord(r.DriverInfo)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeBackupRecord(again); err != nil {
			t.Errorf("%v", err)
		}
	})
}
