package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository/fake"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
	"github.com/clinker/clinker/internal/oslo/notification"
)

var errDisk = errors.New("open /srv/backup/x: no space left on device")

// failing has one verb of the repository fail.
func (w *world) failing(verb string) {
	w.repository.FailWith(func(v, _ string) error {
		if v == verb {
			return errDisk
		}
		return nil
	})
}

func saveTask(b *block.Backup, v *block.Volume) *rpcapi.ContinueBackup {
	return &rpcapi.ContinueBackup{BackupTask: rpcapi.BackupTask{FlowID: newID(), BackupID: b.ID, VolumeID: v.ID}, DeviceID: v.ID}
}

// TestFailures: each way in which something can come to nothing ends in rows and in a message that says which it was; no
// message says anything of the machine.
func TestFailures(t *testing.T) {
	const other = "cinder.backup.drivers.swift.SwiftBackupDriver"
	type outcome struct{ volume, backup, action, detail, reason string }
	for name, c := range map[string]struct {
		do   func(t *testing.T, w *world) (*block.Volume, *block.Backup, error)
		want outcome
	}{
		"create: not creating": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.backingUp(t)
			b := w.being(t, v, func(b *block.Backup) { b.Status = block.BackupError })
			return v, b, w.Create(t.Context(), &rpcapi.BackupTask{FlowID: newID(), BackupID: b.ID, VolumeID: v.ID})
		}, outcome{"available", "error", "013", "017", ""}},
		"create: the repository is away": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.backingUp(t)
			b := w.being(t, v, nil)
			w.failing("check")
			w.check(t.Context())
			return v, b, w.Create(t.Context(), &rpcapi.BackupTask{FlowID: newID(), BackupID: b.ID, VolumeID: v.ID})
		}, outcome{"available", "error", "013", "018", "Create backup aborted due to backup service is down."}},
		"create: attach": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.backingUp(t)
			b := w.being(t, v, nil)
			w.volumes.fail = errDisk
			return v, b, w.Continue(t.Context(), saveTask(b, v))
		}, outcome{"available", "error", "013", "021", "The volume could not be copied into the backup repository."}},
		"create: save": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.backingUp(t)
			b := w.being(t, v, nil)
			w.failing("save")
			return v, b, w.Continue(t.Context(), saveTask(b, v))
		}, outcome{"available", "error", "013", "020", "The volume could not be copied into the backup repository."}},
		"restore: the volume's status": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.AddVolume(t, nil)
			b := w.made(t, v, "", func(b *block.Backup) { b.Status = block.BackupRestoring })
			return v, b, w.Restore(t.Context(), &rpcapi.RestoreBackup{FlowID: newID(), BackupID: b.ID, VolumeID: v.ID})
		}, outcome{"available", "available", "015", "027", ""}},
		"restore: another's": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeRestoringBackup })
			b := w.made(t, v, "", func(b *block.Backup) { b.Status, b.Service = block.BackupRestoring, other })
			return v, b, w.Restore(t.Context(), &rpcapi.RestoreBackup{FlowID: newID(), BackupID: b.ID, VolumeID: v.ID})
		}, outcome{"error_restoring", "available", "015", "026", ""}},
		"restore: bytes": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeRestoringBackup })
			b := w.made(t, v, "", func(b *block.Backup) { b.Status = block.BackupRestoring })
			w.failing("restore")
			return v, b, w.Restore(t.Context(), &rpcapi.RestoreBackup{FlowID: newID(), BackupID: b.ID, VolumeID: v.ID})
		}, outcome{"error_restoring", "available", "015", "026", ""}},
		"delete: another's": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.AddVolume(t, nil)
			b := w.made(t, v, "", func(b *block.Backup) { b.Status, b.Service = block.BackupDeleting, other })
			return v, b, w.Delete(t.Context(), &rpcapi.DeleteBackup{FlowID: newID(), BackupID: b.ID})
		}, outcome{"available", "error", "014", "025", "Invalid backup: Delete backup aborted, the backup service currently configured [" + repositoryName +
			"] is not the backup service that was used to create this backup [" + other + "]."}},
		"delete: the repository is away": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.AddVolume(t, nil)
			b := w.made(t, v, "", func(b *block.Backup) { b.Status = block.BackupDeleting })
			w.failing("check")
			w.check(t.Context())
			return v, b, w.Delete(t.Context(), &rpcapi.DeleteBackup{FlowID: newID(), BackupID: b.ID})
		}, outcome{"available", "error_deleting", "014", "018", "Delete backup is aborted due to backup service is down."}},
		"delete: bytes": {func(t *testing.T, w *world) (*block.Volume, *block.Backup, error) {
			v := w.AddVolume(t, nil)
			b := w.made(t, v, "", func(b *block.Backup) { b.Status = block.BackupDeleting })
			w.failing("delete")
			return v, b, w.Delete(t.Context(), &rpcapi.DeleteBackup{FlowID: newID(), BackupID: b.ID})
		}, outcome{"available", "error", "014", "025", "The backup could not be removed from the backup repository."}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v, b, err := c.do(t, w)
			if err == nil {
				t.Error("the message did not fail")
			}
			w.states(t, v, c.want.volume, b, c.want.backup)
			w.quiet(t)
			if got := w.row(t, b.ID).FailReason; got != c.want.reason {
				t.Errorf("the reason is %q, want %q", got, c.want.reason)
			}
			if len(w.told) != 1 || w.told[0].Action != c.want.action || w.told[0].Detail != c.want.detail || w.told[0].ResourceID != b.ID ||
				w.told[0].ResourceType != block.MessageBackup {
				t.Errorf("the user was told %+v", w.told)
			}
		})
	}
}

// TestResetByHand: what an operator has said of a backup while it was made stands, and the volume is free all the same.
func TestResetByHand(t *testing.T) {
	for status, held := range map[block.BackupStatus]bool{block.BackupError: true, block.BackupDeleting: false} {
		w := newWorld(t)
		v := w.backingUp(t)
		b := w.being(t, v, nil)
		w.repository.FailWith(func(verb, _ string) error {
			if verb != "save" {
				return nil
			}
			return w.Update(t.Context(), func(tx store.Tx) error {
				_, err := tx.UpdateBackup(t.Context(), b.ID, store.BackupWhen{}, store.BackupSet{Status: &status})
				return err
			})
		})
		err := w.Continue(t.Context(), saveTask(b, v))
		if held != (err == nil) {
			t.Errorf("%s: %v", status, err)
		}
		w.states(t, v, "available", b, string(status))
		if slices.Contains(w.repository.Held(), b.ID) != held {
			t.Errorf("%s: the repository holds %v", status, w.repository.Held())
		}
	}
}

// heard keeps what the notifier was told.
type heard struct{ events []string }

func (h *heard) Send(_ context.Context, _, event string, _ notification.Priority, payload map[string]any) {
	h.events = append(h.events, fmt.Sprint(event, " ", payload["backup_percent"]))
}

// TestProgress: it is told now and then how far a backup is, and what nobody wants any more is given up.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWorld(t), new(heard)
		w.Events = notify.New(h, "b1")
		v := w.backingUp(t)
		b := w.being(t, v, nil)
		progress := w.progress(b, block.BackupCreating, "createprogress")
		for done := range int64(500) { // a second each
			if err := progress(t.Context(), done, 1000); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if d := cmp.Diff([]string{"backup.createprogress 12", "backup.createprogress 24", "backup.createprogress 36", "backup.createprogress 48"}, h.events); d != "" {
			t.Errorf("told (-want +got):\n%s", d)
		}
		if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.DestroyBackup(t.Context(), b.ID) }); err != nil {
			t.Fatal(err)
		}
		if err := progress(t.Context(), 501, 1000); !fault.Is(err, fault.Invalid) {
			t.Errorf("of a backup that is gone: %v", err)
		}
	})
}

func TestMeta(t *testing.T) {
	source := &block.Volume{ID: "v", Name: new("source"), Description: new("d"), VolumeTypeID: "t", Metadata: map[string]string{"a": "b"},
		ImageMetadata: map[string]string{"image_id": "i"}, EncryptionKeyID: "k"}
	text, err := describe(source)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readMeta(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, restored := range map[string]string{"": "source", block.RestoredVolumePrefix + "b": "source", "mine": "mine"} {
		w := newWorld(t)
		v := w.AddVolume(t, func(v *block.Volume) { v.Name, v.Metadata = &name, map[string]string{"c": "d"} })
		err := w.Update(t.Context(), func(tx store.Tx) error {
			var set store.VolumeSet
			if err := m.apply(t.Context(), tx, v, &set); err != nil {
				return err
			}
			_, err := tx.UpdateVolume(t.Context(), v.ID, store.VolumeWhen{}, set)
			return err
		})
		got, readErr := w.Volume(t.Context(), v.ID, "")
		if err != nil || readErr != nil || *got.Name != restored || !got.Bootable || !cmp.Equal(got.Metadata, source.Metadata) ||
			!cmp.Equal(got.ImageMetadata, source.ImageMetadata) {
			t.Errorf("%q: %+v, %v, %v", name, got, err, readErr)
		}
	}

	b := &block.Backup{ID: "b", EncryptionKeyID: "k2"}
	for what, c := range map[string]struct {
		b    *block.Backup
		v    *block.Volume
		text string
	}{
		"the same type": {b, &block.Volume{VolumeTypeID: "t"}, ""},
		"another type":  {b, &block.Volume{VolumeTypeID: "u"}, "The source volume type 't' is different than the destination volume type 'u'."},
		"no key":        {&block.Backup{ID: "b"}, &block.Volume{VolumeTypeID: "t"}, "The key of the encrypted volume that backup b is of is not known."},
	} {
		err := m.readable(c.b, c.v)
		if (err == nil) != (c.text == "") || err != nil && fault.UserText(err) != c.text {
			t.Errorf("%s: %v", what, err)
		}
	}
	for text, want := range map[string]fault.Kind{`{"version": 3}`: fault.Invalid, `{`: fault.Invalid, `{"version": 0}`: fault.Invalid, `[]`: fault.Invalid} {
		if _, err := readMeta(text); !fault.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if m, err := readMeta(`{"version": 1}`); err != nil || m.readable(&block.Backup{}, &block.Volume{}) != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestExport(t *testing.T) {
	w := newWorld(t)
	v := w.AddVolume(t, nil)
	b := w.made(t, v, "", func(b *block.Backup) { b.Metadata = map[string]string{"a": "b"} })
	r, err := w.Export(t.Context(), &rpcapi.ExportRecord{BackupID: b.ID})
	if err != nil {
		t.Fatal(err)
	}
	record, err := block.DecodeBackupRecord(r.Record)
	if err != nil || r.Service != repositoryName || record.Backup.ID != b.ID || record.Backup.VolumeID != v.ID || len(record.Missing) != 0 {
		t.Errorf("the record is %+v, %v", record, err)
	}
	for what, change := range map[string]func(b *block.Backup){
		"Invalid backup: Export backup aborted, expected backup status available but got error.": func(b *block.Backup) { b.Status = block.BackupError },
		"Invalid backup: Export record aborted, the backup service currently configured [" + repositoryName + "] is not the backup service that was used " +
			"to create this backup [x].": func(b *block.Backup) { b.Service = "x" },
	} {
		if _, err := w.Export(t.Context(), &rpcapi.ExportRecord{BackupID: w.made(t, v, "", change).ID}); fault.UserText(err) != what {
			t.Errorf("%v, want %s", err, what)
		}
	}
	if _, err := w.Export(t.Context(), &rpcapi.ExportRecord{BackupID: newID()}); !fault.Is(err, fault.NotFound) {
		t.Errorf("of no backup: %v", err)
	}
}

// TestLimit: no more than backup_max_operations are worked on at once, and who stops does not wait for a place.
func TestLimit(t *testing.T) {
	w := newWorld(t)
	w.MaxOperations = 1
	s := New(w.Options)
	end, err := s.begin(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(messaging.ErrStopping)
	if _, err := s.begin(ctx, "two"); !errors.Is(err, messaging.ErrStopping) {
		t.Errorf("a second one: %v", err)
	}
	end()
	if end, err = s.begin(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	end()
}

// TestService: the service is in the table of services while its repository works, serves its topic, and sees to what the
// journal has.
func TestService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "c.sqlite"), Synchronous: "OFF"})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		transport := inproc.New(inproc.Options{})
		defer transport.Close(context.Background())
		repo, log := fake.New(repositoryName), slog.New(slog.DiscardHandler)
		s := New(Options{Host: "b1", AvailabilityZone: "nova", Store: db, Repository: repo, Open: fake.Open, Transport: transport, Log: log,
			Flows: flow.NewEngine(journal.New(db), flow.Options{Stopping: messaging.ErrStopping, Log: log})})

		left := &block.Backup{ID: newID(), VolumeID: newID(), ProjectID: "p", Host: "b1", Service: repositoryName, Status: block.BackupDeleting}
		repo.Put(left, "")
		message := &rpcapi.DeleteBackup{FlowID: newID(), BackupID: left.ID}
		state, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.CreateBackup(t.Context(), left); err != nil {
				return err
			}
			rec := s.record(message.FlowID, rpcapi.FlowBackupDelete, left.ID)
			rec.State = state
			return tx.PutFlow(t.Context(), rec)
		})
		if err != nil {
			t.Fatal(err)
		}

		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		up := func() bool {
			t.Helper()
			all, err := db.Services(t.Context(), store.ServiceQuery{Binary: block.BinaryBackup})
			if err != nil || len(all) != 1 || all[0].Host != "b1" || all[0].AvailabilityZone != "nova" {
				t.Fatalf("the services are %+v, %v", all, err)
			}
			return all[0].Up(time.Now(), time.Minute)
		}
		time.Sleep(time.Minute)
		if _, err := db.Backup(t.Context(), left.ID, ""); !fault.Is(err, fault.NotFound) || len(repo.Held()) != 0 {
			t.Errorf("what was left to do was not done: %v, the repository holds %v", err, repo.Held())
		}
		var can rpcapi.CanForceDelete
		if err := s.peers.Call(t.Context(), "b1", "2.0", rpcapi.MethodCanForceDelete, &struct{}{}, &can); err != nil || !can.Supported {
			t.Errorf("%+v, %v", can, err)
		}
		for _, works := range []bool{true, false, true} {
			repo.FailWith(func(string, string) error {
				if works {
					return nil
				}
				return errDisk
			})
			time.Sleep(3 * time.Minute)
			if up() != works || s.Working() != works {
				t.Errorf("works: %v, up: %v", works, up())
			}
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
