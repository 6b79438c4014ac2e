package sqlkit_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

func open(t *testing.T, path string, o sqlkit.Options) *sqlkit.DB {
	t.Helper()
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Options: o, Path: path, Synchronous: "off", BusyTimeout: 20 * time.Millisecond})
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

func fresh(t *testing.T, o sqlkit.Options) *sqlkit.DB {
	db := open(t, filepath.Join(t.TempDir(), "x?#.db"), o)
	write(t, db, `CREATE TABLE thing (id VARCHAR(36) PRIMARY KEY, a VARCHAR(9), b INTEGER, at DATETIME, ok BOOLEAN)`)
	return db
}

func write(t *testing.T, db *sqlkit.DB, text string, args ...any) {
	t.Helper()
	err := db.Write(t.Context(), func(s *sqlkit.Session) error {
		_, err := s.Exec(t.Context(), text, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, db *sqlkit.DB) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		_, err := s.QueryRow(t.Context(), `SELECT COUNT(*) FROM thing`, []any{(*sqlkit.Int)(&n)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte(strings.Repeat("not a database\n", 99)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		o    sqlkit.SQLiteOptions
		kind fault.Kind
	}{
		{"no path", sqlkit.SQLiteOptions{}, fault.Invalid},
		{"bad mode", sqlkit.SQLiteOptions{Path: filepath.Join(dir, "a"), Synchronous: "sometimes"}, fault.Invalid},
		{"no directory", sqlkit.SQLiteOptions{Path: filepath.Join(dir, "b", "c")}, fault.Unavailable},
		{"not a database", sqlkit.SQLiteOptions{Path: filepath.Join(dir, "text")}, fault.Unavailable},
	} {
		if db, err := sqlkit.OpenSQLite(t.Context(), tt.o); !fault.Is(err, tt.kind) {
			t.Errorf("%s: %v, %v; want the kind %v", tt.name, db, err, tt.kind)
		}
	}
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	open(t, path, sqlkit.Options{})
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", st.Mode(), err)
	}
}

func TestWriteRollsBack(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	mine := errors.New("mine")
	err := db.Write(t.Context(), func(s *sqlkit.Session) error {
		if _, err := s.Exec(t.Context(), `INSERT INTO thing (id) VALUES (?)`, "1"); err != nil {
			return err
		}
		return mine
	})
	if !errors.Is(err, mine) || count(t, db) != 0 {
		t.Errorf("Write = %v, %d rows; want my error and none", err, count(t, db))
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.Write(t.Context(), func(s *sqlkit.Session) error {
			_, _ = s.Exec(t.Context(), `INSERT INTO thing (id) VALUES (?)`, "1")
			panic("out")
		})
	}()
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows after a panic", n)
	}
	write(t, db, `INSERT INTO thing (id) VALUES ('2')`) // the only writer is still there
}

// A session whose statement failed commits nothing, even if the function goes on as if nothing had happened.
func TestBrokenSession(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	write(t, db, `INSERT INTO thing (id) VALUES ('1')`)
	var first, second error
	err := db.Write(t.Context(), func(s *sqlkit.Session) error {
		_, _ = s.Exec(t.Context(), `INSERT INTO thing (id) VALUES ('0')`)
		_, first = s.Exec(t.Context(), `INSERT INTO thing (id) VALUES ('1')`)
		_, second = s.Exec(t.Context(), `INSERT INTO thing (id) VALUES ('2')`)
		return nil
	})
	if !db.IsDuplicate(first) || !errors.Is(second, first) || !db.IsDuplicate(err) {
		t.Errorf("first %v, second %v, Write %v; want the duplicate from all", first, second, err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows; want 1", n)
	}
	var kept *sqlkit.Session
	_ = db.Read(t.Context(), func(s *sqlkit.Session) error { kept = s; return nil })
	if _, err := kept.Exec(t.Context(), `INSERT INTO thing (id) VALUES ('3')`); err == nil {
		t.Error("a session outlived its transaction")
	}
}

func TestReadCannotWrite(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		_, err := s.Exec(t.Context(), `INSERT INTO thing (id) VALUES ('1')`)
		return err
	})
	if err == nil {
		t.Error("a read transaction wrote")
	}
}

func TestReadIsOneSnapshot(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	var before, after int64
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		if _, err := s.QueryRow(t.Context(), `SELECT COUNT(*) FROM thing`, []any{(*sqlkit.Int)(&before)}); err != nil {
			return err
		}
		write(t, db, `INSERT INTO thing (id) VALUES ('1')`)
		_, err := s.QueryRow(t.Context(), `SELECT COUNT(*) FROM thing`, []any{(*sqlkit.Int)(&after)})
		return err
	})
	if err != nil || before != 0 || after != 0 || count(t, db) != 1 {
		t.Errorf("before %d, after %d, then %d, %v; want 0, 0, 1", before, after, count(t, db), err)
	}
}

// Another process that holds the file makes a write wait, run again, and in the end give up.
func TestWriteRunsAgainWhenBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	mine, other := open(t, path, sqlkit.Options{WriteAttempts: 3}), open(t, path, sqlkit.Options{})
	write(t, mine, `CREATE TABLE thing (id VARCHAR(36) PRIMARY KEY)`)
	err := other.Write(t.Context(), func(s *sqlkit.Session) error {
		err := mine.Write(t.Context(), func(s *sqlkit.Session) error { return nil })
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("Write on a held file = %v; want Unavailable", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	var runs int
	held, freed := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = other.Write(t.Context(), func(s *sqlkit.Session) error { close(held); <-freed; return nil })
	})
	<-held
	err = mine.Read(t.Context(), func(s *sqlkit.Session) error { runs++; return nil })
	close(freed)
	if err != nil || runs != 1 {
		t.Errorf("a read beside a writer: %v, %d runs", err, runs)
	}
	wg.Wait()
	if err := mine.Write(t.Context(), func(s *sqlkit.Session) error { runs++; return nil }); err != nil || runs != 2 {
		t.Errorf("a write after the other's end: %v, %d runs", err, runs)
	}
}

func TestContextEnds(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Write(ctx, func(s *sqlkit.Session) error {
		_, err := s.Exec(ctx, `INSERT INTO thing (id) VALUES ('1')`)
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) || count(t, db) != 0 {
		t.Errorf("%v, %d rows; want Canceled and none", err, count(t, db))
	}
	// The only writer is taken: waiting for it ends with the context too.
	err = db.Write(t.Context(), func(s *sqlkit.Session) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := db.Write(ctx, func(*sqlkit.Session) error { return nil }); !fault.Is(err, fault.Timeout) {
			t.Errorf("%v; want a Timeout", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	// A query that would take for ever is interrupted.
	err = db.Read(t.Context(), func(s *sqlkit.Session) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := s.QueryRow(ctx, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n`, []any{new(sqlkit.Int)})
		return err
	})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("%v; want a Timeout", err)
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestClosed(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := db.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Ping after Close = %v; want Unavailable", err)
	}
}

func TestScanAndTime(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	at := time.Date(2026, 3, 4, 5, 6, 7, 891234567, time.FixedZone("x", 3600))
	d := db.Dialect()
	write(t, db, `INSERT INTO thing (id, a, b, at, ok) VALUES (?, ?, ?, ?, ?)`, "full", "x", 7, d.Time(at), true)
	write(t, db, `INSERT INTO thing (id, a, b, at, ok) VALUES (?, ?, ?, ?, ?)`, "null", sqlkit.NullIfEmpty(""), nil, d.Time(time.Time{}), nil)
	type row struct {
		A   string
		OA  *string
		B   int64
		At  time.Time
		OK  bool
		OOK *bool
		Raw string
	}
	var got []row
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		return s.Query(t.Context(), `SELECT a, a, b, at, ok, ok, at || '' FROM thing ORDER BY id`, func(rows *sql.Rows) error {
			var r row
			err := rows.Scan((*sqlkit.Text)(&r.A), sqlkit.OptionalText{To: &r.OA}, (*sqlkit.Int)(&r.B), (*sqlkit.Time)(&r.At),
				(*sqlkit.Bool)(&r.OK), sqlkit.OptionalBool{To: &r.OOK}, (*sqlkit.Text)(&r.Raw))
			got = append(got, r)
			return err
		})
	})
	want := []row{{A: "x", OA: new("x"), B: 7, At: at.UTC().Truncate(time.Microsecond), OK: true, OOK: new(true), Raw: "2026-03-04 04:06:07.891234"}, {}}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestObserverAndManyStatements(t *testing.T) {
	var mu sync.Mutex
	seen := 0
	db := fresh(t, sqlkit.Options{Observer: func(_ context.Context, text string, took time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(text, "SELECT ") {
			seen++
		}
	}})
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		for i := range 300 { // more texts than a connection keeps
			var n int64
			if _, err := s.QueryRow(t.Context(), "SELECT ? + "+strings.Repeat("0 + ", i)+"1", []any{(*sqlkit.Int)(&n)}, 41); err != nil || n != 42 {
				t.Fatalf("%d, %v", n, err)
			}
		}
		_, err := s.QueryRow(t.Context(), "SELECT ?"+strings.Repeat(" ", 5000), []any{new(sqlkit.Int)}, 1)
		return err
	})
	if err != nil || seen != 301 {
		t.Errorf("%d statements seen, %v; want 301", seen, err)
	}
}

func TestUpsert(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	text := db.Dialect().Upsert("thing", []string{"id", "a", "b"}, []string{"id"}, []string{"b"})
	write(t, db, text, "1", "first", 1)
	write(t, db, text, "1", "second", 2)
	var a string
	var b int64
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		_, err := s.QueryRow(t.Context(), `SELECT a, b FROM thing`, []any{(*sqlkit.Text)(&a), (*sqlkit.Int)(&b)})
		return err
	})
	if err != nil || a != "first" || b != 2 {
		t.Errorf("%q %d %v; want first 2", a, b, err)
	}
}

func TestInSet(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	ids := []string{`plain`, `qu"ote`, `back\slash`, "tab\t", "ü", "new\nline", "<&>"}
	for _, id := range ids {
		write(t, db, `INSERT INTO thing (id) VALUES (?)`, id)
	}
	for n := 1; n <= len(ids); n++ {
		list, args := db.Dialect().InSet(ids[:n])
		var found int64
		err := db.Read(t.Context(), func(s *sqlkit.Session) error {
			_, err := s.QueryRow(t.Context(), `SELECT COUNT(*) FROM thing WHERE id IN `+list, []any{(*sqlkit.Int)(&found)}, args...)
			return err
		})
		if err != nil || found != int64(n) {
			t.Errorf("%d values: %d rows, %v", n, found, err)
		}
	}
}

// Paging with After visits every row once and in order, whatever the keys, the directions and the NULLs.
func TestAfterVisitsAll(t *testing.T) {
	db := fresh(t, sqlkit.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		write(t, db, `DELETE FROM thing`)
		for i := range rapid.IntRange(0, 12).Draw(rt, "rows") {
			write(t, db, `INSERT INTO thing (id, a, b) VALUES (?, ?, ?)`, string(rune('a'+i)),
				sqlkit.NullIfEmpty(rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "a")),
				sqlkit.NullIfNil(rapid.SampledFrom([]*int64{nil, new(int64(1)), new(int64(2))}).Draw(rt, "b")))
		}
		var keys []sqlkit.OrderKey
		for _, c := range rapid.SampledFrom([][]string{{"id"}, {"a", "id"}, {"b", "id"}, {"a", "b", "id"}, {"b", "a", "id"}}).Draw(rt, "keys") {
			keys = append(keys, sqlkit.OrderKey{Column: c, Desc: rapid.Bool().Draw(rt, "desc"), NotNull: c == "id"})
		}
		order := " ORDER BY " + sqlkit.OrderBy(db.Dialect(), keys)
		list := func(where string, limit int, args []any) (ids []string, last []any) {
			columns := make([]string, len(keys))
			for i, k := range keys {
				columns[i] = k.Column
			}
			text := `SELECT id, ` + strings.Join(columns, ", ") + ` FROM thing WHERE ` + where + order
			if limit > 0 {
				text += " LIMIT 3"
			}
			err := db.Read(t.Context(), func(s *sqlkit.Session) error {
				return s.Query(t.Context(), text, func(rows *sql.Rows) error {
					var id string
					last = make([]any, len(keys))
					dest := []any{&id}
					for i := range last {
						dest = append(dest, &last[i])
					}
					err := rows.Scan(dest...)
					ids = append(ids, id)
					return err
				}, args...)
			})
			if err != nil {
				rt.Fatal(err)
			}
			return ids, last
		}
		want, _ := list("1 = 1", 0, nil)
		got, last := list("1 = 1", 3, nil)
		for page := got; len(page) == 3; {
			var args []any
			// Numbered placeholders may be used in any order.
			where := sqlkit.After(keys, last, func(v any) string {
				args = append(args, v)
				return "?" + strconv.Itoa(len(args))
			})
			page, last = list(where, 3, args)
			got = append(got, page...)
		}
		if !slices.Equal(want, got) {
			rt.Fatalf("pages %v, all at once %v", got, want)
		}
	})
}
