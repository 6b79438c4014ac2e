package migrate_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

func open(t *testing.T) *sqlkit.DB {
	t.Helper()
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: filepath.Join(t.TempDir(), "db.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func exec(t *testing.T, db *sqlkit.DB, texts ...string) error {
	t.Helper()
	return db.Write(t.Context(), func(s *sqlkit.Session) error {
		for _, text := range texts {
			if _, err := s.Exec(t.Context(), text); err != nil {
				return err
			}
		}
		return nil
	})
}

func revisions() []migrate.Revision {
	return []migrate.Revision{
		{Tables: []migrate.Table{
			{Name: "parents", Columns: []migrate.Column{migrate.Text("id", 64), migrate.Text("name", 64)}, Key: []string{"id"}, Unique: [][]string{{"name"}}},
			{Name: "children", Columns: []migrate.Column{migrate.Text("id", 64), migrate.Text("parent_id", 64).Of("parents"), migrate.Text("friend_id", 64).Nullable().In("parents"),
				migrate.Flag("good"), migrate.Number("age"), migrate.Long("notes"), migrate.Moment("born")}, Key: []string{"id"}, Indexes: [][]string{{"parent_id"}}},
		}},
		{Statements: []string{`ALTER TABLE parents ADD COLUMN address TEXT`}},
	}
}

func TestUp(t *testing.T) {
	db := open(t)
	all := revisions()
	for i, c := range []struct {
		history []migrate.Revision
		created bool
	}{{all[:1], true}, {all[:1], false}, {all, false}, {all, false}} {
		created, err := migrate.Up(t.Context(), db, c.history)
		if err != nil || created != c.created {
			t.Fatalf("%d: %v, %v", i, created, err)
		}
	}
	if _, err := migrate.Up(t.Context(), db, all[:1]); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "newer Clinker") {
		t.Errorf("an older program: %v", err)
	}
	if err := exec(t, db, `INSERT INTO parents (id, name, address) VALUES ('p', 'P', 'x'), ('q', 'Q', 'y')`,
		`INSERT INTO children (id, parent_id, friend_id, good, age, notes) VALUES ('c', 'p', 'q', TRUE, 3, '')`); err != nil {
		t.Fatal(err)
	}
	if err := exec(t, db, `INSERT INTO parents (id, name) VALUES ('r', 'P')`); !db.IsDuplicate(err) {
		t.Errorf("a name twice: %v", err)
	}
	if err := exec(t, db, `DELETE FROM parents WHERE id = 'q'`); err == nil {
		t.Error("what is referred to was deleted")
	}
	if err := exec(t, db, `DELETE FROM parents WHERE id = 'p'`); err != nil {
		t.Error(err)
	}
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		left, err := s.Strings(t.Context(), `SELECT id FROM children`)
		if len(left) != 0 {
			t.Errorf("children of a parent that is gone: %v", left)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestUpAtOnce(t *testing.T) {
	db := open(t)
	results := make(chan error, 8)
	made := make(chan bool, 8)
	for range 8 {
		go func() {
			created, err := migrate.Up(context.WithoutCancel(t.Context()), db, revisions())
			made <- created
			results <- err
		}()
	}
	count := 0
	for range 8 {
		if err := <-results; err != nil {
			t.Error(err)
		}
		if <-made {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d made the database", count)
	}
}

func TestUpRefusesSomethingElse(t *testing.T) {
	db := open(t)
	if err := exec(t, db, `CREATE TABLE volumes (id INTEGER)`); err != nil {
		t.Fatal(err)
	}
	if _, err := migrate.Up(t.Context(), db, revisions()); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "volumes") {
		t.Errorf("%v", err)
	}
}
