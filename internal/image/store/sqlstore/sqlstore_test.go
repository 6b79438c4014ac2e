package sqlstore_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/image/store/sqlstore"
	"github.com/clinker/clinker/internal/image/store/storetest"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

func open(t testing.TB, c sqlstore.Config) *sqlstore.Store {
	t.Helper()
	if c.Path == "" && c.URL == "" {
		c.Path = filepath.Join(t.TempDir(), "glance.sqlite")
	}
	c.Synchronous = "OFF" // the suite does not cut the power
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
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, sqlstore.Config{}) })
}

// TestServers is TestStore on the databases that are servers.
func TestServers(t *testing.T) {
	sqlkittest.Each(t, func(t *testing.T, s *sqlkittest.Server) {
		empty := s.Prepared(func(t testing.TB, url string) {
			made, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			if err := made.Close(); err != nil {
				t.Fatal(err)
			}
		})
		storetest.Run(t, func(t *testing.T) store.Store { return open(t, sqlstore.Config{URL: empty(t)}) })
	})
}

// TestOpenAgain: what was written is there at the next start, and only the owner can read the file.
func TestOpenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "glance.sqlite")
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	i := &image.Image{ID: uuid.NewString(), Status: image.Queued, Visibility: image.Shared}
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.CreateImage(t.Context(), i) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, sqlstore.Config{Path: path}).Image(t.Context(), i.ID); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestForeignDatabase: a database of something else is refused and left alone.
func TestForeignDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.sqlite")
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	exec := func(text string) {
		if err := db.Write(t.Context(), func(s *sqlkit.Session) error { _, err := s.Exec(t.Context(), text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE volumes (id TEXT)`)
	_, err = sqlstore.Open(t.Context(), sqlstore.Config{Path: path})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	exec(`CREATE TABLE clinker_migrations (revision INTEGER)`)
	exec(`INSERT INTO clinker_migrations VALUES (99)`)
	if _, err = sqlstore.Open(t.Context(), sqlstore.Config{Path: path}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOlderRevision: a database from before definitions of metadata gets their tables, once.
func TestOlderRevision(t *testing.T) {
	path := filepath.Join(t.TempDir(), "glance.sqlite")
	before := open(t, sqlstore.Config{Path: path})
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`DROP TABLE metadef_namespace_resource_types`, `DROP TABLE metadef_resource_types`, `DROP TABLE metadef_objects`,
		`DROP TABLE metadef_properties`, `DROP TABLE metadef_tags`, `DROP TABLE metadef_namespaces`, `DELETE FROM clinker_migrations WHERE revision = 2`} {
		if err := db.Write(t.Context(), func(s *sqlkit.Session) error { _, err := s.Exec(t.Context(), text); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if types, err := s.ResourceTypes(t.Context()); err != nil || len(types) != 5 {
			t.Errorf("%d resource types, %v", len(types), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestQueriesPerPage: a page costs the same number of queries whatever its length.
func TestQueriesPerPage(t *testing.T) {
	var queries atomic.Int64
	s := open(t, sqlstore.Config{Observer: func(context.Context, string, time.Duration, error) { queries.Add(1) }})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for range 20 {
			i := &image.Image{ID: uuid.NewString(), Status: image.Queued, Visibility: image.Shared, Properties: map[string]string{"a": "b"}, Tags: []string{"t"}}
			if err := tx.CreateImage(t.Context(), i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 20} {
		queries.Store(0)
		images, err := s.Images(t.Context(), store.ImageQuery{Viewer: store.Viewer{All: true}, Page: store.Page{Limit: limit}})
		if err != nil || len(images) != limit {
			t.Fatal(len(images), err)
		}
		if n := queries.Load(); n != 4 {
			t.Errorf("a page of %d took %d queries", limit, n)
		}
	}
}
