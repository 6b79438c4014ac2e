package backup

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository/fake"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
)

// TestWhatAPythonServiceLeft: what one had in hand is ended as it would itself, and what one of ours had is left to the journal.
func TestWhatAPythonServiceLeft(t *testing.T) {
	for name, c := range map[string]struct {
		ours bool
		want map[string]string
	}{
		"Python's": {false, map[string]string{"creating": "error", "restoring": "available", "deleting": "gone", "elsewhere": "creating", "source": "available", "target": "error_restoring"}},
		"ours": {true, map[string]string{"creating": "creating", "restoring": "restoring", "deleting": "deleting", "elsewhere": "creating", "source": "backing-up",
			"target": "restoring-backup"}},
	} {
		now := time.Now().Add(-time.Minute)
		s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF", Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		kind, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
		if err != nil {
			t.Fatal(err)
		}
		err = s.Update(t.Context(), func(tx store.Tx) error {
			if _, err := tx.RegisterService(t.Context(), &block.Service{Host: "b1", Binary: block.BinaryBackup, Topic: "cinder-backup"}); err != nil {
				return err
			}
			if c.ours {
				if err := tx.MarkOwn(t.Context(), store.OwnService{Host: "b1", Binary: block.BinaryBackup, Owner: rpcapi.BackupOwner("b1")}); err != nil {
					return err
				}
			}
			for id, status := range map[string]block.VolumeStatus{"source": block.VolumeBackingUp, "target": block.VolumeRestoringBackup} {
				v := &block.Volume{ID: id, ProjectID: "p", VolumeTypeID: kind.ID, Status: status, PreviousStatus: block.VolumeAvailable, AttachStatus: block.AttachDetached}
				if err := tx.CreateVolume(t.Context(), v); err != nil {
					return err
				}
			}
			for id, status := range map[string]block.BackupStatus{"creating": "creating", "restoring": "restoring", "deleting": "deleting", "elsewhere": "creating"} {
				b := &block.Backup{ID: id, VolumeID: "source", ProjectID: "p", Status: status, Host: "b1", RestoreVolume: "target", Service: repositoryName}
				if id == "elsewhere" {
					b.Host = "b2"
				}
				if err := tx.CreateBackup(t.Context(), b); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
		quiet := slog.New(slog.DiscardHandler)
		service := New(Options{Host: "b1", Store: s, Flows: flow.NewEngine(journal.New(s), flow.Options{Stopping: messaging.ErrStopping, Log: quiet}),
			Repository: fake.New(repositoryName), Transport: inproc.New(inproc.Options{}), Log: quiet})
		left, err := service.leftovers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		service.check(t.Context())
		service.deleteAgain(t.Context(), service.endMaking(t.Context(), left))
		got := map[string]string{}
		for id := range c.want {
			got[id] = "gone"
			if b, err := s.Backup(t.Context(), id, ""); err == nil {
				got[id] = string(b.Status)
			} else if v, err := s.Volume(t.Context(), id, ""); err == nil {
				got[id] = string(v.Status)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
