package sqlkittest

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"
)

// Prepared gives databases that are as prepare leaves an empty one. Making tables takes a server longer than most tests
// do, so there are only as many as are wanted at the same time: when a test has ended, its database is put back into that
// state, except that numbers which the database gives by itself go on. prepare must leave no connection open.
func (s *Server) Prepared(prepare func(t testing.TB, url string)) (take func(t testing.TB) (url string)) {
	var mu sync.Mutex
	var free []*restorable
	return func(t testing.TB) string {
		t.Helper()
		mu.Lock()
		var r *restorable
		if n := len(free); n > 0 {
			r, free = free[n-1], free[:n-1]
		}
		mu.Unlock()
		if r == nil {
			r = &restorable{name: s.create(t)}
			prepare(t, s.kind.url(s.dir, r.name))
			s.remember(t, r)
		}
		t.Cleanup(func() {
			s.onDatabase(t, r.name, func(db *sql.DB) error {
				_, err := db.Exec(r.restore)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			free = append(free, r)
		})
		return s.kind.url(s.dir, r.name)
	}
}

// restorable is a database with the statements that put it back into the state it was prepared in.
type restorable struct{ name, restore string }

func (s *Server) onDatabase(t testing.TB, name string, fn func(db *sql.DB) error) {
	t.Helper()
	db, err := s.kind.connect(s.dir, name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := fn(db); err != nil {
		t.Fatal(err)
	}
}

// remember copies the rows that the tables hold.
func (s *Server) remember(t testing.TB, r *restorable) {
	t.Helper()
	s.onDatabase(t, r.name, func(db *sql.DB) error {
		tables, err := texts(db, s.kind.names())
		if err != nil {
			return err
		}
		_, before := s.kind.kept(r.name, "")
		if _, err := db.Exec(before); err != nil {
			return err
		}
		restore := []string{s.kind.unchecked()}
		for _, table := range tables {
			rows, err := texts(db, `SELECT 1 FROM `+quoted(s, table)+` LIMIT 1`)
			if err != nil {
				return err
			}
			restore = append(restore, "DELETE FROM "+quoted(s, table))
			if len(rows) == 0 {
				continue
			}
			kept, _ := s.kind.kept(r.name, table)
			if _, err := db.Exec("CREATE TABLE " + kept + " AS SELECT * FROM " + quoted(s, table)); err != nil {
				return err
			}
			restore = append(restore, "INSERT INTO "+quoted(s, table)+" SELECT * FROM "+kept)
		}
		r.restore = strings.Join(restore, "; ")
		return nil
	})
}

func quoted(s *Server, table string) string {
	if s.Kind == "mysql" {
		return "`" + table + "`"
	}
	return `"` + table + `"`
}

func texts(db *sql.DB, query string) (list []string, err error) {
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, rows.Err()
}
