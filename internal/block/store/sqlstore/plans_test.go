package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/sqlkit"
)

// TestPlans asks SQLite how it would run what a running service asks all the time. None of it may read a whole table of
// which a cloud has many rows, nor all the rows that are not deleted, unless it is a page in that very order.
func TestPlans(t *testing.T) {
	var texts []string
	path := filepath.Join(t.TempDir(), "cinder.db")
	s := open(t, sqlstore.Config{Path: path, Observer: func(_ context.Context, text string, _ time.Duration, _ error) { texts = append(texts, text) }})
	texts = nil
	ctx := t.Context()
	_ = s.Update(ctx, func(tx store.Tx) error {
		ty, err := tx.TypeByName(ctx, block.DefaultTypeName, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"v", "w"} {
			if err := tx.CreateVolume(ctx, &block.Volume{ID: id, ProjectID: "p", VolumeTypeID: ty.ID}); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(tx.CreateBackup(ctx, &block.Backup{ID: "b", ProjectID: "p", VolumeID: "v"}), tx.CountBackupDependents(ctx, "b"),
			tx.PutBackupMetadata(ctx, "b", map[string]string{"k": "v"}, true)); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.UpdateBackup(ctx, "b", store.BackupWhen{NoDependents: true}, store.BackupSet{Status: new(block.BackupError)}); err != nil {
			t.Fatal(err)
		}
		_, err = tx.UpdateVolume(ctx, "v", store.VolumeWhen{Status: []block.VolumeStatus{"x"}, NoSnapshots: true, NoAttachments: true}, store.VolumeSet{Bootable: new(true)})
		if err == nil {
			err = tx.DestroyVolume(ctx, "w")
		}
		if err != nil {
			t.Fatal(err)
		}
		return nil
	})
	readAll(t, s)
	explain(t, path, texts)
	if len(texts) < 20 {
		t.Errorf("only %d statements were seen", len(texts))
	}
}

func readAll(t *testing.T, s store.Store) {
	t.Helper()
	ctx, page := t.Context(), store.Page{Limit: 10, Marker: "v"}
	check := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.Volume(ctx, "v", "p"))
	check(s.DefaultType(ctx, "p", block.DefaultTypeName))
	check(s.Volumes(ctx, store.VolumeQuery{ProjectID: "p", Page: page}))
	check(s.Volumes(ctx, store.VolumeQuery{Page: page}))
	check(s.Volumes(ctx, store.VolumeQuery{Backend: "h@b"}))
	check(s.Volumes(ctx, store.VolumeQuery{IDs: []string{"v", "w"}}))
	check(s.Snapshots(ctx, store.SnapshotQuery{ProjectID: "p", Page: store.Page{Limit: 10}}))
	check(s.Snapshots(ctx, store.SnapshotQuery{VolumeID: "v"}))
	check(s.Attachments(ctx, store.AttachmentQuery{ProjectID: "p", Equal: map[string][]string{"volume_id": {"v"}}}))
	check(s.Attachments(ctx, store.AttachmentQuery{Page: store.Page{Limit: 10}}))
	check(s.Backups(ctx, store.BackupQuery{ProjectID: "p", Page: store.Page{Limit: 10, Marker: "b"}}))
	check(s.Backups(ctx, store.BackupQuery{Page: store.Page{Limit: 10, Marker: "b"}}))
	check(s.Backup(ctx, "b", "p"))
	check(s.QuotaUsage(ctx, "p"))
	check(s.QuotaLimits(ctx, "p"))
	check(s.QuotaSheet(ctx, "p", "default"))
	check(s.BackendVolumes(ctx, "h@b"))
	check(s.Flows(ctx, "o", 0, 10))
	check(s.TypeInUse(ctx, "x"))
	check(s.GroupVolumeIDs(ctx, []string{"x", "y"}))
}

func explain(t *testing.T, path string, texts []string) {
	t.Helper()
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	small := regexp.MustCompile(`^(SCAN|SEARCH) (CONSTANT ROW|services|volume_types|t|n|d|encryption|json_each|volume_type_\w+)\b`)
	for _, text := range texts {
		if strings.HasPrefix(text, "INSERT") {
			continue
		}
		for _, step := range plan(t, db, text) {
			ordered := strings.Contains(text, "ORDER BY") && strings.Contains(step, "_all_idx")
			if small.MatchString(step) || ordered {
				continue
			}
			if strings.HasPrefix(step, "SCAN ") || strings.HasSuffix(step, "(deleted=?)") {
				t.Errorf("%s\n\t%s", text, step)
			}
		}
	}
}

func plan(t *testing.T, db *sqlkit.DB, text string) (steps []string) {
	t.Helper()
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		return s.Query(t.Context(), "EXPLAIN QUERY PLAN "+text, func(row *sql.Rows) error {
			var id, parent, unused sqlkit.Int
			var step sqlkit.Text
			err := row.Scan(&id, &parent, &unused, &step)
			steps = append(steps, string(step))
			return err
		}, make([]any, strings.Count(text, "?"))...)
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return steps
}
