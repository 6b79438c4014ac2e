package sqlstore_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/block/store/storebench"
	"github.com/clinker/clinker/internal/block/store/storetest"
	"github.com/clinker/clinker/internal/block/store/storetest/audittest"
	"github.com/clinker/clinker/internal/block/store/storetest/backuptest"
	"github.com/clinker/clinker/internal/block/store/storetest/catalogtest"
	"github.com/clinker/clinker/internal/block/store/storetest/creationtest"
	"github.com/clinker/clinker/internal/block/store/storetest/grouptest"
	"github.com/clinker/clinker/internal/block/store/storetest/imagetest"
	"github.com/clinker/clinker/internal/block/store/storetest/lanetest"
	"github.com/clinker/clinker/internal/block/store/storetest/maintenancetest"
	"github.com/clinker/clinker/internal/block/store/storetest/migrationtest"
	"github.com/clinker/clinker/internal/block/store/storetest/transfertest"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

func open(t testing.TB, c sqlstore.Config) *sqlstore.Store {
	t.Helper()
	if c.Path == "" && c.URL == "" {
		c.Path = filepath.Join(t.TempDir(), "cinder.db")
	}
	if c.Synchronous == "" {
		c.Synchronous = "OFF" // the suite does not cut the power
	}
	s, err := sqlstore.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	// One empty database, copied for each part: making the tables takes longer than most parts.
	path := filepath.Join(t.TempDir(), "empty.db")
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path, Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	empty, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := func(t *testing.T) store.Store {
		path := filepath.Join(t.TempDir(), "cinder.db")
		if err := os.WriteFile(path, empty, 0o600); err != nil {
			t.Fatal(err)
		}
		return open(t, sqlstore.Config{Path: path})
	}
	suites(t, copied)
}

// suites runs everything that is asked of any implementation.
func suites(t *testing.T, fresh func(t *testing.T) store.Store) {
	storetest.Run(t, fresh)
	transfertest.Run(t, fresh)
	backuptest.Run(t, fresh)
	creationtest.Run(t, fresh)
	lanetest.Run(t, fresh)
	audittest.Run(t, fresh)
	imagetest.Run(t, fresh)
	grouptest.Run(t, fresh)
	migrationtest.Run(t, fresh)
	catalogtest.Run(t, fresh)
	maintenancetest.Run(t, fresh)
}

func TestQueryCounts(t *testing.T) {
	var n atomic.Int64
	s := open(t, sqlstore.Config{Observer: func(context.Context, string, time.Duration, error) { n.Add(1) }})
	storebench.QueryCounts(t, s, func() int { return int(n.Load()) })
}

func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cinder.db")
	first := open(t, sqlstore.Config{Path: path})
	if first.Outcome != schema.Created {
		t.Errorf("outcome %v; want Created", first.Outcome)
	}
	if second := open(t, sqlstore.Config{Path: path}); second.Outcome != schema.Ready {
		t.Errorf("outcome %v; want Ready", second.Outcome)
	}
}

// TestReleaseReservations: what a Python API has reserved goes, and nothing else; ours reserves nothing.
func TestReleaseReservations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cinder.db")
	s := open(t, sqlstore.Config{Path: path})
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(t.Context(), func(s *sqlkit.Session) error {
		for _, text := range []string{
			`INSERT INTO quota_usages (id, project_id, resource, in_use, reserved, deleted, race_preventer) VALUES (900, 'p', 'gigabytes', 5, 7, FALSE, TRUE)`,
			`INSERT INTO reservations (uuid, usage_id, project_id, resource, delta, deleted) VALUES ('grows', 900, 'p', 'gigabytes', 3, FALSE), ('shrinks', 900, 'p', 'gigabytes', -2, FALSE)`,
			`INSERT INTO reservations (uuid, usage_id, project_id, resource, delta, deleted) VALUES ('another', 900, 'p', 'gigabytes', 4, FALSE), ('gone', 900, 'p', 'gigabytes', 1, TRUE)`,
		} {
			if _, err := s.Exec(t.Context(), text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return tx.ReleaseReservations(t.Context(), []string{"grows", "shrinks", "gone", "never was"})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	err = s.Update(t.Context(), func(tx store.Tx) (err error) { // what is reserved here is released, too
		ids, err = tx.Reserve(t.Context(), "p", map[string]int64{"gigabytes": 10, "gigabytes_new": 10, "gigabytes_old": -10}, time.Now())
		if err == nil {
			err = tx.ReleaseReservations(t.Context(), ids[:1])
		}
		return err
	})
	if err != nil || len(ids) != 3 {
		t.Fatalf("%v, %v", ids, err)
	}
	var inUse, reserved, left int64
	err = db.Read(t.Context(), func(s *sqlkit.Session) error {
		if _, err := s.QueryRow(t.Context(), `SELECT in_use, reserved FROM quota_usages WHERE id = 900`, []any{(*sqlkit.Int)(&inUse), (*sqlkit.Int)(&reserved)}); err != nil {
			return err
		}
		_, err := s.QueryRow(t.Context(), `SELECT COUNT(*) FROM reservations WHERE deleted = FALSE`, []any{(*sqlkit.Int)(&left)})
		return err
	})
	if err != nil || inUse != 5 || reserved != 4 || left != 3 {
		t.Errorf("in use %d, reserved %d, reservations %d: %v", inUse, reserved, left, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cinder.db")
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(s *sqlkit.Session) error {
		_, err := s.Exec(t.Context(), `CREATE TABLE somebody_elses (id INTEGER)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path}); !fault.Is(err, fault.Invalid) {
		t.Errorf("Open = %v; want Invalid", err)
	}
}

func BenchmarkStore(b *testing.B) {
	storebench.Bench(b, func(b *testing.B) store.Store { return open(b, sqlstore.Config{}) })
}

// BenchmarkDurable is the same with an fsync for every commit, which is the default.
func BenchmarkDurable(b *testing.B) {
	storebench.Bench(b, func(b *testing.B) store.Store { return open(b, sqlstore.Config{Synchronous: "FULL"}) })
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		s, err := sqlstore.Open(b.Context(), sqlstore.Config{Path: filepath.Join(b.TempDir(), "cinder.db")})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
