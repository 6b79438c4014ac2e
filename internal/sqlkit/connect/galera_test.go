package connect_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

// openWaiting is open where each statement first waits for what other nodes have committed.
func openWaiting(t *testing.T, url string, o sqlkit.Options) *sqlkit.DB {
	t.Helper()
	db, err := connect.Open(t.Context(), connect.Options{Options: o, URL: url, SyncWait: 7, SetSyncWait: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // its server may be gone
	return db
}

// TestGalera is what a cluster does that one server does not.
func TestGalera(t *testing.T) {
	g := sqlkittest.StartGalera(t)
	t.Run("one row", func(t *testing.T) { testOneRow(t, g) })
	t.Run("sync wait", func(t *testing.T) { testSyncWait(t, g) })
	t.Run("aborted while idle", func(t *testing.T) { testAbortedWhileIdle(t, g) })
	t.Run("all or nothing", func(t *testing.T) { testAllOrNothing(t, g) })
	t.Run("killed", func(t *testing.T) { testNodeKilled(t, g) })
	t.Run("no quorum", func(t *testing.T) { testNoQuorum(t, g) })
}

// testOneRow: what is added to one row on two nodes at once is all there in the end, although the nodes see only when a
// transaction commits that another was first.
func testOneRow(t *testing.T, g *sqlkittest.Galera) {
	at, _ := g.Database(t)
	const writers, times = 3, 20
	one := open(t, at(0), sqlkit.Options{})
	exec(t, one, `CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)`)
	exec(t, one, `INSERT INTO counter VALUES (1, 0)`)
	var runs atomic.Int64
	var all sync.WaitGroup
	for node := range 2 {
		db := openWaiting(t, at(node), sqlkit.Options{Writers: writers, WriteAttempts: 100})
		for range writers {
			all.Go(func() {
				for range times {
					err := db.Write(t.Context(), func(s *sqlkit.Session) error {
						runs.Add(1)
						var n int64
						if _, err := s.QueryRow(t.Context(), `SELECT n FROM counter WHERE id = 1 FOR UPDATE`, []any{(*sqlkit.Int)(&n)}); err != nil {
							return err
						}
						_, err := s.Exec(t.Context(), `UPDATE counter SET n = ? WHERE id = 1`, n+1)
						return err
					})
					if err != nil {
						t.Errorf("node %d: %v", node, err)
					}
				}
			})
		}
	}
	all.Wait()
	const want = 2 * writers * times
	for node := range 3 {
		if got := list(t, openWaiting(t, at(node), sqlkit.Options{}), `SELECT n FROM counter`); len(got) != 1 || got[0] != strconv.Itoa(want) {
			t.Errorf("node %d: %v; want %d", node, got, want)
		}
	}
	if runs.Load() == want {
		t.Error("no transaction was run again: nothing was tried")
	}
	t.Logf("%d transactions in %d runs", want, runs.Load())
}

// testSyncWait: with wsrep_sync_wait, who reads on one node sees what has been committed on another.
func testSyncWait(t *testing.T, g *sqlkittest.Galera) {
	at, _ := g.Database(t)
	one, two := open(t, at(0), sqlkit.Options{}), openWaiting(t, at(1), sqlkit.Options{})
	exec(t, one, `CREATE TABLE thing (id INTEGER PRIMARY KEY)`)
	for n := range 50 {
		exec(t, one, `INSERT INTO thing VALUES (?)`, n)
		if got := list(t, two, `SELECT id FROM thing WHERE id = ?`, n); len(got) != 1 {
			t.Fatalf("row %d is not seen", n)
		}
	}
}

// testNodeKilled: when a node dies, who is behind a load balancer goes on at another, and what has been acknowledged is there.
func testNodeKilled(t *testing.T, g *sqlkittest.Galera) {
	at, front := g.Database(t)
	exec(t, open(t, at(0), sqlkit.Options{}), `CREATE TABLE thing (id VARCHAR(40) PRIMARY KEY)`)
	db := openWaiting(t, front, sqlkit.Options{Writers: 6, WriteAttempts: 20})
	ctx, cancel := context.WithCancel(t.Context())
	var acknowledged, failed atomic.Int64
	var all sync.WaitGroup
	for w := range 6 {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				err := db.Write(t.Context(), func(s *sqlkit.Session) error {
					_, err := s.Exec(t.Context(), `INSERT INTO thing VALUES (?)`, fmt.Sprintf("%d-%d", w, n))
					return err
				})
				switch {
				case err == nil:
					acknowledged.Add(1)
				case fault.Is(err, fault.Unavailable): // it may be there or not
					failed.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	more := func(what string) {
		t.Helper()
		before := acknowledged.Load()
		for begun := time.Now(); acknowledged.Load() < before+50; time.Sleep(10 * time.Millisecond) {
			if time.Since(begun) > 30*time.Second {
				t.Fatalf("%s: nothing is written any more", what)
			}
		}
	}
	more("before")
	g.Nodes[1].Stop(t)
	more("with two nodes")
	g.Rejoin(t, 1)
	more("with three again")
	cancel()
	all.Wait()
	for node := range 3 {
		got := list(t, openWaiting(t, at(node), sqlkit.Options{}), `SELECT COUNT(*) FROM thing`)
		n, err := strconv.ParseInt(got[0], 10, 64)
		if err != nil || n < acknowledged.Load() || n > acknowledged.Load()+failed.Load() {
			t.Errorf("node %d has %v rows, %d were acknowledged and %d in doubt: %v", node, got, acknowledged.Load(), failed.Load(), err)
		}
	}
	t.Logf("%d rows, %d in doubt", acknowledged.Load(), failed.Load())
}

// testNoQuorum: a node that has lost the others refuses, and that is told as a database that is not available.
func testNoQuorum(t *testing.T, g *sqlkittest.Galera) {
	at, _ := g.Database(t)
	db := open(t, at(0), sqlkit.Options{})
	exec(t, db, `CREATE TABLE thing (id INTEGER PRIMARY KEY)`)
	g.Nodes[1].Stop(t)
	g.Nodes[2].Stop(t)
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if ready, _ := g.State(t, 0); !ready {
			break
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatal("the node believes that it has a quorum")
		}
	}
	insert := func(s *sqlkit.Session) error {
		_, err := s.Exec(t.Context(), `INSERT INTO thing VALUES (1)`)
		return err
	}
	if err := db.Write(t.Context(), insert); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a write without a quorum: %v", err)
	}
	read := func(s *sqlkit.Session) error {
		_, err := s.Strings(t.Context(), `SELECT id FROM thing`)
		return err
	}
	if err := db.Read(t.Context(), read); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a read without a quorum: %v", err)
	}
	if err := db.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a ping without a quorum: %v", err)
	}
}

// testAbortedWhileIdle: a transaction that another node's has ended between two of its statements is not taken for one that
// goes on, whatever it does next.
func testAbortedWhileIdle(t *testing.T, g *sqlkittest.Galera) {
	at, _ := g.Database(t)
	one, two := open(t, at(0), sqlkit.Options{}), openWaiting(t, at(1), sqlkit.Options{})
	exec(t, one, `CREATE TABLE thing (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)`)
	exec(t, one, `CREATE TABLE child (id INTEGER PRIMARY KEY)`)
	in := func(s *sqlkit.Session, text string, args ...any) error {
		_, err := s.Exec(t.Context(), text, args...)
		return err
	}
	many := make([]any, 200)
	for i := range many {
		many[i] = 1000 + i
	}
	next := map[string]func(s *sqlkit.Session, id int) error{
		"commit":          func(*sqlkit.Session, int) error { return nil },
		"known statement": func(s *sqlkit.Session, id int) error { return in(s, `UPDATE thing SET n = n + 1 WHERE id = ?`, id) },
		"new statement":   func(s *sqlkit.Session, id int) error { return in(s, fmt.Sprintf(`INSERT INTO child VALUES (%d)`, id)) },
		"insert":          func(s *sqlkit.Session, id int) error { return in(s, `INSERT INTO child VALUES (?)`, id) },
		"read": func(s *sqlkit.Session, id int) error {
			_, err := s.Strings(t.Context(), `SELECT id FROM child`)
			return err
		},
		"read, then write": func(s *sqlkit.Session, id int) error {
			_, _ = s.Strings(t.Context(), `SELECT id FROM child WHERE id = ?`, id)
			return in(s, `INSERT INTO child VALUES (?)`, id)
		},
	}
	id := 0
	for what, then := range next {
		for _, wait := range []time.Duration{0, 20 * time.Millisecond} {
			for range 10 {
				id++
				exec(t, one, `INSERT INTO thing VALUES (?, 0)`, id)
				runs := 0
				err := one.Write(t.Context(), func(s *sqlkit.Session) error {
					runs++
					if err := in(s, `UPDATE thing SET n = n + 1 WHERE id = ?`, id); err != nil {
						return err
					}
					if runs == 1 {
						exec(t, two, `UPDATE thing SET n = 100 WHERE id = ?`, id)
						time.Sleep(wait)
					}
					return then(s, id)
				})
				got := list(t, one, `SELECT n FROM thing WHERE id = ?`, id)
				if err != nil || runs < 2 || got[0] != "101" && got[0] != "102" {
					t.Errorf("%s: %d runs, n is %v: %v", what, runs, got, err)
				}
			}
		}
	}
}

// testAllOrNothing: a transaction that another node's ends at any moment, also while a statement is prepared, leaves nothing
// of itself behind.
func testAllOrNothing(t *testing.T, g *sqlkittest.Galera) {
	at, _ := g.Database(t)
	one, two := open(t, at(0), sqlkit.Options{WriteAttempts: 100}), openWaiting(t, at(1), sqlkit.Options{WriteAttempts: 100})
	exec(t, one, `CREATE TABLE parent (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, m INTEGER NOT NULL)`)
	exec(t, one, `CREATE TABLE child (id INTEGER PRIMARY KEY)`)
	exec(t, one, `INSERT INTO parent VALUES (1, 0, 0)`)
	ctx, cancel := context.WithCancel(t.Context())
	var other sync.WaitGroup
	other.Go(func() {
		for ctx.Err() == nil {
			exec(t, two, `UPDATE parent SET m = m + 1 WHERE id = 1`)
		}
	})
	const times = 150
	runs, done := 0, 0
	for id := range times {
		err := one.Write(t.Context(), func(s *sqlkit.Session) error {
			runs++
			if _, err := s.Exec(t.Context(), `UPDATE parent SET n = n + 1 WHERE id = 1`); err != nil {
				return err
			}
			for i := range 5 { // none is known before
				if _, err := s.Strings(t.Context(), fmt.Sprintf(`SELECT id FROM child WHERE id = -%d%d`, runs, i)); err != nil {
					return err
				}
			}
			_, err := s.Exec(t.Context(), `INSERT INTO child VALUES (?)`, id)
			return err
		})
		switch {
		case err == nil:
			done++
		case !fault.Is(err, fault.Unavailable): // one that never came through must have left nothing either
			t.Error(err)
		}
	}
	cancel()
	other.Wait()
	if got := list(t, one, `SELECT n FROM parent`); got[0] != strconv.Itoa(done) || done == 0 {
		t.Errorf("the parent has %v of %d changes that came with a child (%d runs)", got, done, runs)
	}
	t.Logf("%d of %d transactions in %d runs", done, times, runs)
}
