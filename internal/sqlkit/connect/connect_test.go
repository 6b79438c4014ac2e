package connect_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/alone"
	"github.com/clinker/clinker/internal/sqlkit/connect"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

func open(t *testing.T, url string, o sqlkit.Options) *sqlkit.DB {
	t.Helper()
	db, err := connect.Open(t.Context(), connect.Options{Options: o, URL: url, Synchronous: "OFF"})
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

func exec(t *testing.T, db *sqlkit.DB, text string, args ...any) {
	t.Helper()
	err := db.Write(t.Context(), func(s *sqlkit.Session) error {
		_, err := s.Exec(t.Context(), text, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func list(t *testing.T, db *sqlkit.DB, text string, args ...any) (found []string) {
	t.Helper()
	err := db.Read(t.Context(), func(s *sqlkit.Session) (err error) {
		found, err = s.Strings(t.Context(), text, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return found
}

// table makes one with every type of column.
func table(t *testing.T, db *sqlkit.DB) {
	t.Helper()
	d := db.Dialect()
	exec(t, db, `CREATE TABLE thing (id `+d.ColumnType(sqlkit.Serial, 0)+` NOT NULL, name `+d.ColumnType(sqlkit.String, 40)+` UNIQUE, n `+d.ColumnType(sqlkit.Integer, 0)+
		`, big `+d.ColumnType(sqlkit.BigInteger, 0)+`, ok `+d.ColumnType(sqlkit.Boolean, 0)+`, at `+d.ColumnType(sqlkit.DateTime, 0)+`, moment `+
		d.ColumnType(sqlkit.Moment, 0)+`, plain `+d.ColumnType(sqlkit.PlainText, 0)+`, "long" `+d.ColumnType(sqlkit.LongText, 0)+`, PRIMARY KEY (id))`+d.TableOptions())
}

// TestDialects runs the same on every database.
func TestDialects(t *testing.T) {
	tests := map[string]func(t *testing.T, db *sqlkit.DB, url string){
		"values": testValues, "conditions": testConditions, "order": testOrder, "upsert": testUpsert, "transactions": testTransactions,
		"snapshots": testSnapshots, "at once": testAtOnce, "deadlock": testDeadlock, "alone": testAlone, "names": testNames, "unfit": testUnfit,
		"one statement": testReadOne, "breaking off": testBreakingOff,
	}
	run := func(t *testing.T, address func(t *testing.T) string) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				url := address(t)
				db := open(t, url, sqlkit.Options{Writers: 16})
				table(t, db)
				test(t, db, url)
			})
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		run(t, func(t *testing.T) string { return connect.SQLiteURL(filepath.Join(t.TempDir(), "x?.db")) })
	})
	sqlkittest.Each(t, func(t *testing.T, s *sqlkittest.Server) {
		run(t, func(t *testing.T) string { return s.Database(t) })
	})
}

func testValues(t *testing.T, db *sqlkit.DB, _ string) {
	type row struct {
		Name, Plain, Long string
		N, Big            int64
		OK                bool
		At, Moment        time.Time
	}
	d := db.Dialect()
	at := time.Date(2026, 3, 4, 5, 6, 7, 891234567, time.FixedZone("x", 3600))
	want := row{"it's a \"?\" ✓ 🧱 \\ %", strings.Repeat("p", 65535), strings.Repeat("l", 100_000), 1<<31 - 1, 1 << 62, true,
		at.UTC().Truncate(d.Precision()), at.UTC().Truncate(time.Microsecond)}
	insert := `INSERT INTO thing (name, plain, "long", n, big, ok, at, moment) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	exec(t, db, insert, want.Name, want.Plain, want.Long, want.N, want.Big, want.OK, d.Time(at), d.Time(at))
	exec(t, db, insert, nil, nil, nil, nil, nil, nil, d.Time(time.Time{}), nil)
	var got []row
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		return s.Query(t.Context(), `SELECT name, plain, "long", n, big, ok, at, moment FROM thing WHERE id > ? ORDER BY id`, func(rows *sql.Rows) error {
			var r row
			err := rows.Scan((*sqlkit.Text)(&r.Name), (*sqlkit.Text)(&r.Plain), (*sqlkit.Text)(&r.Long), (*sqlkit.Int)(&r.N), (*sqlkit.Int)(&r.Big),
				(*sqlkit.Bool)(&r.OK), (*sqlkit.Time)(&r.At), (*sqlkit.Time)(&r.Moment))
			got = append(got, r)
			return err
		}, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]row{want, {}}, got); diff != "" {
		t.Error(diff)
	}
	if got := list(t, db, `SELECT SUM(big) FROM thing`); !slices.Equal(got, []string{"4611686018427387904"}) {
		t.Errorf("sum %v", got)
	}
}

func testConditions(t *testing.T, db *sqlkit.DB, _ string) {
	d := db.Dialect()
	all := []string{"h", "H", "h@b", "h@b#p", "h@B#p", "h@bb#p", "h@b#q%", "hh@b", "i@b#p", "a!b_c"}
	for _, name := range all {
		exec(t, db, `INSERT INTO thing (name) VALUES (?)`, name)
	}
	for n := 1; n <= len(all); n++ {
		in, args := d.InSet(all[:n])
		if got := list(t, db, `SELECT name FROM thing WHERE name IN `+in, args...); len(got) != n {
			t.Errorf("%d values: %q", n, got)
		}
	}
	in, args := d.InSet(slices.Repeat([]string{"h"}, sqlkit.MaxInSet))
	if got := list(t, db, `SELECT name FROM thing WHERE name IN `+in, args...); len(got) != 1 {
		t.Errorf("many values: %q", got)
	}
	equal := func(what string, want, got []string) {
		t.Helper()
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	equal("exact", []string{"h"}, list(t, db, `SELECT name FROM thing WHERE `+d.Exact("name")+` = ?`, "h"))
	prefix := func(from, to string) []string {
		return list(t, db, `SELECT name FROM thing WHERE `+d.Ranged("name")+` >= ? AND `+d.Ranged("name")+` < ? AND `+d.Exact("name")+` > ? AND `+d.Exact("name")+` < ?`,
			from[:1], from[:1]+"A", from, to)
	}
	equal("prefix", []string{"h@b#p", "h@b#q%"}, prefix("h@b#", "h@b$"))
	equal("prefix of all", []string{"h@b", "h@b#p", "h@B#p", "h@bb#p", "h@b#q%"}, prefix("h@", "hA"))
	equal("like", []string{"h@b#p", "h@B#p", "i@b#p"}, list(t, db, `SELECT name FROM thing WHERE `+d.Like("name", "?"), "%@B#P"))
	equal("escaped", []string{"h@b#q%"}, list(t, db, `SELECT name FROM thing WHERE `+d.Like("name", "?"), "%!%"))
	equal("escaped twice", []string{"a!b_c"}, list(t, db, `SELECT name FROM thing WHERE `+d.Like("name", "?"), "A!!B!_C"))
}

func testOrder(t *testing.T, db *sqlkit.DB, _ string) {
	d := db.Dialect()
	for _, n := range []any{2, nil, 1} {
		exec(t, db, `INSERT INTO thing (n) VALUES (?)`, n)
	}
	for _, desc := range []bool{false, true} {
		want := []string{"", "1", "2"}
		if desc {
			slices.Reverse(want)
		}
		if got := list(t, db, `SELECT n FROM thing ORDER BY `+d.OrderBy(sqlkit.OrderKey{Column: "n", Desc: desc})); !slices.Equal(got, want) {
			t.Errorf("descending %v: %q", desc, got)
		}
		got := list(t, db, `SELECT n FROM thing WHERE n IS NOT NULL ORDER BY `+d.OrderBy(sqlkit.OrderKey{Column: "n", Desc: desc, NotNull: true}))
		if want = slices.DeleteFunc(want, func(s string) bool { return s == "" }); !slices.Equal(got, want) {
			t.Errorf("descending %v, without NULL: %q", desc, got)
		}
	}
}

func testUpsert(t *testing.T, db *sqlkit.DB, _ string) {
	text := db.Dialect().Upsert("thing", []string{"name", "n", "big"}, []string{"name"}, []string{"n"})
	exec(t, db, text, "x", 1, 1)
	exec(t, db, text, "x", 2, 2)
	if got := list(t, db, `SELECT name FROM thing WHERE n = 2 AND big = 1`); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func testTransactions(t *testing.T, db *sqlkit.DB, _ string) {
	ctx := t.Context()
	refusal := errors.New("no")
	for _, fn := range []func(s *sqlkit.Session) error{
		func(*sqlkit.Session) error { return refusal },
		func(s *sqlkit.Session) error {
			_, err := s.Exec(ctx, `INSERT INTO thing (name) VALUES ('x')`)
			return err
		},
	} {
		err := db.Write(ctx, func(s *sqlkit.Session) error {
			if _, err := s.Exec(ctx, `INSERT INTO thing (name) VALUES ('x')`); err != nil {
				return err
			}
			return fn(s)
		})
		if !errors.Is(err, refusal) && !db.IsDuplicate(err) {
			t.Errorf("%v", err)
		}
	}
	if got := list(t, db, `SELECT name FROM thing`); len(got) > 0 {
		t.Errorf("%q", got)
	}
	err := db.Read(ctx, func(s *sqlkit.Session) error {
		_, err := s.Exec(ctx, `INSERT INTO thing (name) VALUES ('x')`)
		return err
	})
	if err == nil {
		t.Error("a read transaction wrote")
	}
	exec(t, db, `INSERT INTO thing (name, n) VALUES ('y', 1)`)
	err = db.Write(ctx, func(s *sqlkit.Session) error {
		n, err := s.Exec(ctx, `UPDATE thing SET n = 1 WHERE name = 'y'`)
		if n != 1 {
			t.Errorf("%d rows were found that are as they should be", n)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// testSnapshots: a reader sees one state, a writer what was committed before each of its statements.
func testSnapshots(t *testing.T, db *sqlkit.DB, _ string) {
	ctx := t.Context()
	count := func(s *sqlkit.Session) (n int64) {
		t.Helper()
		if _, err := s.QueryRow(ctx, `SELECT COUNT(*) FROM thing`, []any{(*sqlkit.Int)(&n)}); err != nil {
			t.Error(err)
		}
		return n
	}
	twice := func(do func(fn func(s *sqlkit.Session) error) error) (before, after int64) {
		t.Helper()
		err := do(func(s *sqlkit.Session) error {
			before = count(s)
			exec(t, db, `INSERT INTO thing (n) VALUES (1)`)
			after = count(s)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return before, after
	}
	if before, after := twice(func(fn func(s *sqlkit.Session) error) error { return db.Read(ctx, fn) }); before != 0 || after != 0 {
		t.Errorf("a reader sees %d, then %d", before, after)
	}
	if db.Dialect().SerialWriters() {
		return
	}
	if before, after := twice(func(fn func(s *sqlkit.Session) error) error { return db.Write(ctx, fn) }); before != 1 || after != 2 {
		t.Errorf("a writer sees %d, then %d", before, after)
	}
}

// testAtOnce: after the write of a row that all of them write, a count is right, whatever was read before.
// testReadOne: each sees what was committed before it, whatever became of the one before on the same connection.
func testReadOne(t *testing.T, db *sqlkit.DB, _ string) {
	ctx := t.Context()
	count := func(ctx context.Context, text string) (n int64, err error) {
		err = db.ReadOne(ctx, func(s *sqlkit.Session) error {
			_, err := s.QueryRow(ctx, text, []any{(*sqlkit.Int)(&n)})
			return err
		})
		return n, err
	}
	want := func(rows int64) {
		t.Helper()
		if n, err := count(ctx, `SELECT COUNT(*) FROM thing`); err != nil || n != rows {
			t.Errorf("%d rows, %v; want %d", n, err, rows)
		}
	}
	want(0)
	exec(t, db, `INSERT INTO thing (name) VALUES ('a')`)
	want(1)
	if _, err := count(ctx, `SELECT nothing FROM thing`); err == nil {
		t.Error("a wrong statement was carried out")
	}
	want(1)
	err := db.ReadOne(ctx, func(s *sqlkit.Session) error {
		_, err := s.Exec(ctx, `INSERT INTO thing (name) VALUES ('b')`)
		return err
	})
	if err == nil {
		t.Error("a read wrote")
	}
	var n int64
	err = db.ReadOne(ctx, func(s *sqlkit.Session) error {
		if _, err := s.QueryRow(ctx, `SELECT COUNT(*) FROM thing`, []any{(*sqlkit.Int)(&n)}); err != nil {
			return err
		}
		_, err := s.QueryRow(ctx, `SELECT COUNT(*) FROM thing`, []any{(*sqlkit.Int)(&n)})
		return err
	})
	if err == nil || n != 1 {
		t.Errorf("a second statement: %d rows, %v; want 1 of the first, and that the second is refused", n, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := count(ended, `SELECT COUNT(*) FROM thing`); !errors.Is(err, context.Canceled) {
		t.Errorf("in a context that has ended: %v", err)
	}
	exec(t, db, `INSERT INTO thing (name) VALUES ('c')`)
	want(2)
}

// testBreakingOff: a statement ends with its context, not when it is done, and the next one goes as if nothing had been.
func testBreakingOff(t *testing.T, db *sqlkit.DB, _ string) {
	long := map[string]string{"mysql": `SELECT SLEEP(20)`, "postgresql": `SELECT COUNT(pg_sleep(20))`,
		"sqlite": `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n`}[db.Dialect().Name()]
	ways := map[string]func(context.Context, func(*sqlkit.Session) error) error{"Read": db.Read, "ReadOne": db.ReadOne, "Write": db.Write}
	for name, way := range ways {
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			began := time.Now()
			err := way(ctx, func(s *sqlkit.Session) error {
				if name == "Write" {
					if _, err := s.Exec(ctx, `INSERT INTO thing (name) VALUES ('lost')`); err != nil {
						return err
					}
				}
				_, err := s.QueryRow(ctx, long, []any{new(sqlkit.Int)})
				return err
			})
			cancel()
			if took := time.Since(began); !fault.Is(err, fault.Timeout) || took > 10*time.Second {
				t.Errorf("%s: %v after %v; want a Timeout at once", name, err, took)
			}
		}
		if rows := list(t, db, `SELECT name FROM thing`); len(rows) != 0 {
			t.Errorf("%s: %q are there", name, rows)
		}
	}
	exec(t, db, `INSERT INTO thing (name) VALUES ('kept')`)
}

func testAtOnce(t *testing.T, db *sqlkit.DB, _ string) {
	ctx := t.Context()
	const limit, tries = 10, 64
	full := errors.New("full")
	lock := db.Dialect().Upsert("thing", []string{"name", "n"}, []string{"name"}, []string{"n"})
	count := func(s *sqlkit.Session) (n int64, err error) {
		_, err = s.QueryRow(ctx, `SELECT COUNT(*) FROM thing WHERE big = 1`, []any{(*sqlkit.Int)(&n)})
		return n, err
	}
	var wg sync.WaitGroup
	for range tries {
		wg.Go(func() {
			err := db.Write(ctx, func(s *sqlkit.Session) error {
				if _, err := count(s); err != nil { // what a snapshot would begin with
					return err
				}
				if _, err := s.Exec(ctx, lock, "lock", 1); err != nil {
					return err
				}
				if n, err := count(s); err != nil || n >= limit {
					return errors.Join(err, full)
				}
				_, err := s.Exec(ctx, `INSERT INTO thing (big) VALUES (1)`)
				return err
			})
			if err != nil && !errors.Is(err, full) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := list(t, db, `SELECT id FROM thing WHERE big = 1`); len(got) != limit {
		t.Errorf("%d rows; the limit is %d", len(got), limit)
	}
}

// testDeadlock: of two that wait for each other, one runs again.
func testDeadlock(t *testing.T, db *sqlkit.DB, _ string) {
	if db.Dialect().SerialWriters() {
		t.Skip("nobody waits for somebody who waits")
	}
	ctx := t.Context()
	exec(t, db, `INSERT INTO thing (name, n) VALUES ('a', 0), ('b', 0)`)
	var runs sync.Map
	var begun, wg sync.WaitGroup
	begun.Add(2)
	for i, names := range [][]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			first := true
			err := db.Write(ctx, func(s *sqlkit.Session) error {
				for _, name := range names {
					if _, err := s.Exec(ctx, `UPDATE thing SET n = n + 1 WHERE name = ?`, name); err != nil {
						return err
					}
					if first {
						first = false
						begun.Done()
						begun.Wait()
						runs.Store(i, true)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := list(t, db, `SELECT name FROM thing WHERE n = 2`); len(got) != 2 {
		t.Errorf("both were to write both, but it is so only of %q", got)
	}
}

// testAlone: changes of tables do not run side by side, and the next ones may.
func testAlone(t *testing.T, db *sqlkit.DB, url string) {
	ctx := t.Context()
	other := open(t, url, sqlkit.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := alone.Write(ctx, []*sqlkit.DB{db, other}[i%2], func(s *sqlkit.Session) error {
				tables, err := s.Strings(ctx, s.Dialect().TableNames())
				if err == nil && !slices.Contains(tables, "made") {
					_, err = s.Exec(ctx, `CREATE TABLE made (id INTEGER)`)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// testUnfit: what a column cannot hold is the user's mistake, and the database's word for it is not shown.
func testUnfit(t *testing.T, db *sqlkit.DB, _ string) {
	unfit := map[string][]any{"name": {strings.Repeat("x", 41)}}
	switch db.Dialect().Name() {
	case "sqlite":
		t.Skip("it holds anything anywhere")
	case "postgresql":
		unfit["plain"] = []any{"a\x00b"}
	case "mysql":
		exec(t, db, `ALTER TABLE thing ADD COLUMN narrow VARCHAR(9) CHARACTER SET utf8mb3`)
		unfit["narrow"] = []any{"🙂"}
		unfit["n"] = []any{int64(1) << 40}
	}
	for column, args := range unfit {
		err := db.Write(t.Context(), func(s *sqlkit.Session) error {
			_, err := s.Exec(t.Context(), `INSERT INTO thing (`+column+`) VALUES (?)`, args...)
			return err
		})
		if !fault.Is(err, fault.Invalid) || strings.Contains(fault.UserText(err), "row 1") {
			t.Errorf("%s: %v", column, err)
		}
	}
	if db.Dialect().Name() == "mysql" {
		err := db.Read(t.Context(), func(s *sqlkit.Session) error {
			_, err := s.Strings(t.Context(), `SELECT name FROM thing WHERE narrow = ?`, "🙂")
			return err
		})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("compared with what it cannot hold: %v", err)
		}
	}
}

func testNames(t *testing.T, db *sqlkit.DB, _ string) {
	if got := list(t, db, db.Dialect().TableNames()); !slices.Equal(got, []string{"thing"}) {
		t.Errorf("tables %q", got)
	}
}

// TestServerGoesAway: what is asked while it is away is told so at once, and what is asked afterwards is answered, also
// on connections from before.
func TestServerGoesAway(t *testing.T) {
	sqlkittest.Each(t, func(t *testing.T, s *sqlkittest.Server) {
		db := open(t, s.Database(t), sqlkit.Options{})
		ctx := t.Context()
		exec(t, db, `CREATE TABLE thing (id INTEGER)`)
		err := db.Read(ctx, func(*sqlkit.Session) error { return db.Ping(ctx) }) // two connections
		if err != nil {
			t.Fatal(err)
		}
		// Reads notice what is idle and dead with their first statement, writes too.
		prepared := func() { list(t, db, `SELECT id FROM thing`); exec(t, db, `DELETE FROM thing`) }
		prepared()
		s.Stop(t)
		s.Run(t)
		prepared()
		s.Stop(t)
		begun := time.Now()
		if err := db.Ping(ctx); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a ping of a server that is not there: %v", err)
		}
		err = db.Write(ctx, func(*sqlkit.Session) error { return nil })
		if !fault.Is(err, fault.Unavailable) || time.Since(begun) > 15*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		s.Run(t)
		runs := 0
		err = db.Write(ctx, func(x *sqlkit.Session) error {
			runs++
			if runs == 1 { // in the middle of a transaction
				s.Stop(t)
				s.Run(t)
			}
			_, err := x.Exec(ctx, `INSERT INTO thing (id) VALUES (1)`)
			return err
		})
		if err != nil || runs != 2 {
			t.Errorf("a write during a restart: %d runs, %v", runs, err)
		}
		if got := list(t, db, `SELECT id FROM thing`); len(got) != 1 {
			t.Errorf("rows %q", got)
		}
	})
}

func TestPoolIsBounded(t *testing.T) {
	s := sqlkittest.Start(t, "mysql")
	db := open(t, s.Database(t), sqlkit.Options{Readers: 2, Idle: 1, Linger: 1, MaxAge: time.Hour, Wait: 20 * time.Millisecond})
	ctx := t.Context()
	err := db.Read(ctx, func(*sqlkit.Session) error {
		return db.Read(ctx, func(*sqlkit.Session) error { return db.Ping(ctx) })
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a third connection where two are allowed: %v", err)
	}
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // the server needs a moment
		got := list(t, db, `SELECT id FROM information_schema.processlist`)
		if len(got) == 1 {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%d connections; want one that is kept", len(got))
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct{ url, text string }{
		{"mysql://u:secret@h", "names none"},
		{"oracle://u:secret@h/d", "oracle"},
		{"u:secret@h/d", "cannot be read"},
		{"mysql://u:secret@h/d?nonsense=1", "nonsense"},
		{"mysql://u:secret@h/d?connect_timeout=x", "connect_timeout"},
		{"mysql://u:secret@h/d?ssl_ca=/no/such", "/no/such"},
		{"mysql://u:secret@h/d?ssl_check_hostname=maybe", "maybe"},
		{"postgresql://u:secret@h/d?sslmode=nonsense", "sslmode"},
	} {
		db, err := connect.Open(t.Context(), connect.Options{URL: tt.url})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), tt.text) || strings.Contains(fmt.Sprintf("%v", err), "secret") {
			t.Errorf("%s: %v, %v", tt.url, db, err)
		}
	}
	failures := 0
	_, err := connect.Open(t.Context(), connect.Options{URL: "mysql+pymysql://u:sec%40ret@127.0.0.1:1/d?charset=utf8", Attempts: 3, Failed: func(error) { failures++ }})
	if !fault.Is(err, fault.Unavailable) || failures != 2 || strings.Contains(fmt.Sprint(err), "ret@") {
		t.Errorf("nobody there: %d failures, %v", failures, err)
	}
}
