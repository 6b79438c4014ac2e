package sqlkit

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/clinker/clinker/internal/fault"
)

// Session runs statements inside one transaction. It serves one goroutine and ends with the function it was given to.
//
// After a statement failed the session is over: the database may have rolled the transaction back by itself, and the
// next statement would then stand alone. So every later one fails with the same error, and nothing is committed.
type Session struct {
	db     *DB
	conn   *conn
	broken error
	// answered says that a row was read or a statement carried out.
	answered bool
	once     bool // the connection holds a lock that ends with it
	single   bool // outside a transaction: one statement, and no other
	ran      bool // then: it was that one
	plain    bool // its statements are not prepared
}

// Dialect is the dialect the database speaks.
func (s *Session) Dialect() Dialect { return s.db.dialect }

// IsDuplicate reports whether err says that a row with the same unique key is already there.
func (s *Session) IsDuplicate(err error) bool { return s.db.IsDuplicate(err) }

// Read runs fn in a read-only transaction: all its queries see the newest committed rows as of the first.
// fn may run again when the connection broke before any row was read.
func (db *DB) Read(ctx context.Context, fn func(s *Session) error) error {
	return db.read(ctx, func() (stale bool, err error) { return db.transact(ctx, db.readers, db.dialect.Begin(false), fn) })
}

// ReadOne runs fn, which runs one statement and no other, on its own: the statement sees the newest committed rows. It is a
// single round trip, where a Read has to say when it begins and when it ends. fn may run again as in Read.
func (db *DB) ReadOne(ctx context.Context, fn func(s *Session) error) error {
	return db.read(ctx, func() (stale bool, err error) { return db.alone(ctx, fn) })
}

// read repeats what found a dead connection.
func (db *DB) read(ctx context.Context, run func() (stale bool, err error)) error {
	stale, err := run()
	for range maxStale {
		if !stale || ctx.Err() != nil {
			break
		}
		stale, err = run()
	}
	return db.failure(err)
}

// maxStale is how many dead connections in a row one read goes through.
const maxStale = 3

// Write runs fn in a read-write transaction and commits it unless fn fails. When the database asks for it (a deadlock, a
// busy file, a lost certification) or the connection broke before the COMMIT, everything runs again, at most
// Options.WriteAttempts times and while ctx lasts: fn must have no effect but through s.
func (db *DB) Write(ctx context.Context, fn func(s *Session) error) error {
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval = 5 * time.Millisecond
	policy.MaxInterval = 200 * time.Millisecond
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		_, err := db.transact(ctx, db.writers, db.dialect.Begin(true), fn)
		if err != nil && (ctx.Err() != nil || !db.again(err)) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(policy), backoff.WithMaxTries(uint(db.options.WriteAttempts)))
	if p, ok := errors.AsType[*backoff.PermanentError](err); ok {
		err = p.Unwrap()
	}
	if err == nil && db.durable != nil {
		if err := db.durable(); err != nil {
			return fault.Wrap(err, fault.Unavailable, "", "The database cannot be flushed to the disk.")
		}
	}
	return db.failure(err)
}

// again says whether a transaction that failed so may run once more.
func (db *DB) again(err error) bool {
	class := db.classify(err)
	return class == Retryable || class == Lost && !errors.Is(err, errInDoubt)
}

// Once has the connection closed when the transaction ends: it holds a lock that ends with it.
func (s *Session) Once() { s.once = true }

// outsideAttempts is how often a statement outside any transaction begins; a cluster stops it where others were first.
const outsideAttempts = 10

// Outside runs a statement outside any transaction, as some changes of tables have to be. It is carried out once, and may
// take long.
func (db *DB) Outside(ctx context.Context, text string) (err error) {
	for range outsideAttempts {
		if err = db.outside(ctx, text); err == nil || db.classify(err) != Retryable || ctx.Err() != nil {
			break
		}
	}
	return db.failure(err)
}

func (db *DB) outside(ctx context.Context, text string) error {
	c, err := db.writers.take(ctx)
	if err != nil {
		return err
	}
	if _, err = c.ExecContext(ctx, text); err == nil && db.dialect.Begin(true) == "" {
		_, err = c.ExecContext(ctx, "COMMIT") // the connection is always in a transaction
	}
	db.writers.drop(c)
	return err
}

// errInDoubt is an error of a COMMIT during which the connection broke.
var errInDoubt = errors.New("sqlkit: the connection broke during COMMIT")

// transact runs fn between begin and COMMIT on a connection of the pool. The two ends are statements, not a sql.Tx,
// because a sql.Tx rolls back by itself when ctx ends, behind the back of the statements that belong to the connection.
// stale says that the connection turned out to be dead before it gave fn anything: fn may run again.
func (db *DB) transact(ctx context.Context, p *pool, begin string, fn func(s *Session) error) (stale bool, err error) {
	c, err := db.begin(ctx, p, begin)
	if err != nil {
		return false, err
	}
	s := &Session{db: db, conn: c, plain: p == db.writers && db.Clustered()}
	returned := false
	defer func() {
		if !returned { // fn panicked
			p.drop(c)
		}
	}()
	err = fn(s)
	returned = true
	if err == nil {
		err = s.broken
	}
	lost := err != nil && db.classify(err) == Lost
	if err == nil || lost {
		err = errors.Join(ctx.Err(), err)
	}
	s.broken = errSessionOver
	if lost {
		stale = !c.given.IsZero() && !s.answered
		p.drop(c)
		p.forget() // the server has probably left the idle ones too
		return stale, err
	}
	// The end must not be cut short by ctx: whether the rows are there has to be known.
	end, last := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	if p == db.readers && !db.prepared { // whoever has read need not wait for the server to say that he has
		go func() {
			defer last()
			_ = db.end(end, p, s, err == nil)
		}()
		return false, err
	}
	defer last()
	return false, errors.Join(err, db.end(end, p, s, err == nil))
}

// alone runs fn on a connection that is in no transaction and stays so. For stale see transact.
func (db *DB) alone(ctx context.Context, fn func(s *Session) error) (stale bool, err error) {
	c, err := db.readers.take(ctx)
	if err != nil {
		return false, err
	}
	s, clean := &Session{db: db, conn: c, single: true}, false
	defer func() { // also when fn panicked
		if clean {
			db.readers.give(c)
		} else {
			db.readers.drop(c)
		}
	}()
	if err = fn(s); err == nil {
		err = s.broken
	}
	s.broken = errSessionOver
	switch {
	case err == nil:
		clean = true
	case db.classify(err) == Lost:
		db.readers.forget()
		return !c.given.IsZero() && !s.answered, errors.Join(ctx.Err(), err)
	case ctx.Err() != nil: // perhaps the statement still runs
		return false, errors.Join(ctx.Err(), err)
	default:
		clean = true // a statement that the database refused, or an error of fn's own
	}
	return false, err
}

// end commits, or rolls back, and gives the connection back.
func (db *DB) end(ctx context.Context, p *pool, s *Session, commit bool) (err error) {
	committed := false
	if commit {
		if err = db.control(ctx, s.conn, "COMMIT"); err != nil && db.classify(err) == Lost {
			err = errors.Join(errInDoubt, err)
		}
		committed = err == nil
	}
	// Perhaps no transaction is left to roll back; a fresh connection is then sure to be clean.
	clean := committed || !errors.Is(err, errInDoubt) && db.control(ctx, s.conn, "ROLLBACK") == nil
	if clean && !s.once {
		p.give(s.conn)
	} else {
		p.drop(s.conn)
	}
	return err
}

// begin takes a connection and starts a transaction; there may be nothing to say for that. One that has been idle while
// the server went away is replaced.
func (db *DB) begin(ctx context.Context, p *pool, text string) (*conn, error) {
	for {
		c, err := p.take(ctx)
		if err != nil || text == "" {
			return c, err
		}
		if err = db.control(ctx, c, text); err == nil {
			return c, nil
		}
		p.drop(c)
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), err) // a driver may only say that the connection is of no use
		}
		if c.given.IsZero() || db.classify(err) != Lost {
			return nil, err
		}
		p.forget() // so that the next one is most probably a new one
	}
}

// endTimeout bounds COMMIT and ROLLBACK, which do not end with the caller's context.
const endTimeout = 30 * time.Second

var errSessionOver = errors.New("sqlkit: a session was used after its transaction had ended")

var errSecondStatement = errors.New("sqlkit: a ReadOne ran a second statement, which would not see what the first saw")

// control runs BEGIN, COMMIT or ROLLBACK.
func (db *DB) control(ctx context.Context, c *conn, text string) error {
	if !db.prepared {
		return c.until(ctx, func(ctx context.Context) error {
			_, err := c.ExecContext(ctx, text)
			return err
		})
	}
	stmt, ok := c.kept[text]
	if !ok {
		var err error
		if stmt, err = c.PrepareContext(ctx, text); err != nil {
			return err
		}
		c.kept[text] = stmt
	}
	_, err := stmt.ExecContext(ctx)
	return err
}

// Query runs a query and calls row for each row until one fails.
func (s *Session) Query(ctx context.Context, text string, row func(*sql.Rows) error, args ...any) error {
	begun := time.Now()
	err := s.run(ctx, text, func(ctx context.Context, stmt statement) error {
		rows, err := stmt.QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		for err == nil && rows.Next() {
			s.answered = true
			err = row(rows)
		}
		return errors.Join(err, rows.Err(), rows.Close())
	})
	return s.done(ctx, text, begun, err)
}

// QueryRow runs a query, scans its first row into dest and says whether there was one.
func (s *Session) QueryRow(ctx context.Context, text string, dest []any, args ...any) (bool, error) {
	found := false
	err := s.Query(ctx, text, func(rows *sql.Rows) error {
		if found {
			return nil
		}
		found = true
		return rows.Scan(dest...)
	}, args...)
	return found, err
}

// Strings runs a query and gives the first column of its rows.
func (s *Session) Strings(ctx context.Context, text string, args ...any) (list []string, err error) {
	err = s.Query(ctx, text, func(rows *sql.Rows) error {
		var value string
		if err := rows.Scan((*Text)(&value)); err != nil {
			return err
		}
		list = append(list, value)
		return nil
	}, args...)
	return list, err
}

// Exec runs a statement and gives the number of rows it changed.
func (s *Session) Exec(ctx context.Context, text string, args ...any) (changed int64, err error) {
	begun := time.Now()
	err = s.run(ctx, text, func(ctx context.Context, stmt statement) error {
		result, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		s.answered = true
		changed, err = result.RowsAffected()
		return err
	})
	return changed, s.done(ctx, text, begun, err)
}

// statement is what a *sql.Stmt can do.
type statement interface {
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
}

// plain is a statement that is not prepared.
type plain struct {
	conn *conn
	text string
}

func (p plain) QueryContext(ctx context.Context, args ...any) (*sql.Rows, error) {
	return p.conn.QueryContext(ctx, p.text, args...)
}

func (p plain) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return p.conn.ExecContext(ctx, p.text, args...)
}

func (s *Session) run(ctx context.Context, text string, fn func(ctx context.Context, stmt statement) error) error {
	if s.broken != nil {
		return s.broken
	}
	if s.single && s.ran {
		return errSecondStatement
	}
	s.ran = true
	err := s.conn.until(ctx, func(ctx context.Context) error {
		if s.plain {
			return fn(ctx, plain{s.conn, s.db.dialect.Bind(text)})
		}
		stmt, once, err := s.conn.prepared(ctx, s.db.dialect, text)
		if err != nil {
			return err
		}
		err = fn(ctx, stmt)
		if once {
			err = errors.Join(err, stmt.Close())
		}
		return err
	})
	if err != nil && s.conn.broken { // by us: that the connection broke says nothing of the server
		err = ctx.Err()
	}
	return err
}

// done ends a statement: the observer hears of it and a failure breaks the session.
func (s *Session) done(ctx context.Context, text string, begun time.Time, err error) error {
	if s.db.options.Observer != nil {
		s.db.options.Observer(ctx, text, time.Since(begun), err)
	}
	if err != nil && s.broken == nil {
		s.broken = err
	}
	return err
}
