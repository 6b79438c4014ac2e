// Package sqlkit is a thin floor under database/sql: pools of writers and of readers, transactions that run again when
// the database asks for it, statements that stay prepared, an observer that sees every statement, keyset paging, and the
// few things in which SQL dialects differ.
//
// Statement texts are written once for every dialect: "?" for arguments, double quotes round identifiers that need them
// (package mysql sets ANSI_QUOTES), TRUE and FALSE for booleans. What cannot be written so is a method of Dialect.
//
// SQLite is here; the databases that are servers are in packages of their own below, and connect opens any by its URL.
// Where writers run side by side, a statement of a write transaction sees whatever was committed before that statement
// began. So what must be decided by one of several at a time is decided after the write of a row that all of them write.
//
// What must not live here: a table's name, a service's rules, anything of OpenStack.
package sqlkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Observer is told of every statement when it is done: its text without arguments, how long it took including the
// reading of its rows, and its error. It runs on the caller's goroutine and must be quick and safe for concurrent use.
// BEGIN, COMMIT and ROLLBACK are not reported.
type Observer func(ctx context.Context, text string, took time.Duration, err error)

// Options are what every dialect's opener takes. Zero fields mean the default.
type Options struct {
	// Readers is how many read transactions may run at once; default 4, at most 64.
	Readers int
	// Writers is how many write transactions may run at once; default 4, at most 64; SQLite has one.
	Writers int
	// Idle is how many connections of each kind stay open although they have not been in use for Linger; default all.
	// Linger defaults to 10 s. They are closed when others are given back.
	Idle   int
	Linger time.Duration
	// MaxAge is how old a connection may be when a transaction begins on it; 0 means any age.
	MaxAge time.Duration
	// Wait is how long a transaction waits for its turn when all connections are taken; 0 means as long as its context.
	Wait time.Duration
	// Observer is told of every statement; nil means nobody is.
	Observer Observer
	// WriteAttempts bounds how often one Write runs its function; default 6.
	WriteAttempts int
}

const (
	defaultConnections   = 4
	maxConnections       = 64
	defaultWriteAttempts = 6
	defaultLinger        = 10 * time.Second
)

func (o Options) withDefaults() Options {
	for _, n := range []*int{&o.Readers, &o.Writers} {
		if *n <= 0 {
			*n = defaultConnections
		}
		*n = min(*n, maxConnections)
	}
	if o.Linger <= 0 {
		o.Linger = defaultLinger
	}
	if o.Idle <= 0 {
		o.Idle = maxConnections
	}
	if o.WriteAttempts <= 0 {
		o.WriteAttempts = defaultWriteAttempts
	}
	return o
}

// DB is an open database. It is safe for concurrent use. Make one with a dialect's opener, such as OpenSQLite.
type DB struct {
	dialect Dialect
	options Options
	readers *pool
	writers *pool
	// prepared says that BEGIN and COMMIT are worth preparing; servers understand them at once, and some only so.
	prepared bool
	// durable returns when what was committed before it was called survives a loss of power; nil where COMMIT sees to it.
	durable func() error
}

// New makes a DB of two sources of connections to the same database, of which it opens no more than o says. It closes them
// when it is closed. It does not connect.
func New(d Dialect, readers, writers *sql.DB, o Options) *DB {
	o = o.withDefaults()
	return &DB{dialect: d, options: o, readers: newPool(readers, o.Readers, o), writers: newPool(writers, o.Writers, o)}
}

// Dialect is the dialect the database speaks.
func (db *DB) Dialect() Dialect { return db.dialect }

// Clustered says whether the server is a Clusterer's; only what has run a statement may ask.
func (db *DB) Clustered() bool {
	c, ok := db.dialect.(Clusterer)
	return ok && c.Clustered()
}

// Ping proves that the database answers and, where it is a node of a cluster, that it does what is asked of it. A failure is
// a fault.Unavailable.
func (db *DB) Ping(ctx context.Context) error {
	return db.ReadOne(ctx, func(s *Session) error {
		if db.Clustered() {
			ready, err := db.dialect.(Clusterer).Ready(ctx, s)
			if err == nil && !ready {
				err = fault.New(fault.Unavailable, "", "The node of the database's cluster that answers has lost the others, or has not caught up with them.")
			}
			return err
		}
		var one int64
		_, err := s.QueryRow(ctx, "SELECT 1", []any{(*Int)(&one)})
		return err
	})
}

// Close waits for running transactions and closes every connection. Whatever is asked of the DB afterwards fails with a
// fault.Unavailable. Closing twice does nothing.
func (db *DB) Close() error { return errors.Join(db.readers.close(), db.writers.close()) }

// failure gives a driver's error the kind its meaning has: Unavailable for a database that does not answer or stays
// busy, Timeout for a deadline that passed. Other errors (a constraint, a wrong statement) keep their meaning, and so do
// faults that came from the caller's own function.
func (db *DB) failure(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.Of(err); ok {
		return err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "", "The database did not answer in time.")
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, errClosed):
		return fault.Wrap(err, fault.Unavailable, "", "The database is closed.")
	case errors.Is(err, errNoTurn):
		return fault.Wrap(err, fault.Unavailable, "", "All connections to the database are busy; please try again.")
	case errors.Is(err, errInDoubt):
		return fault.Wrap(err, fault.Unavailable, "", "The connection to the database broke while a change was committed: whether it was is not known.")
	}
	switch db.classify(err) {
	case Retryable:
		return fault.Wrap(err, fault.Unavailable, "", "The database is busy; please try again.")
	case Unfit:
		return fault.Wrap(err, fault.Invalid, "", "A value is too long or too large for the database, or has a character that it cannot keep.")
	case Unreachable, Lost:
		return fault.Wrap(err, fault.Unavailable, "", "The database does not answer.")
	}
	return fmt.Errorf("database: %w", err)
}

// classify is the dialect's, and knows what database/sql makes of a second statement on a connection that broke.
func (db *DB) classify(err error) ErrorClass {
	if errors.Is(err, sql.ErrConnDone) {
		return Lost
	}
	return db.dialect.Classify(err)
}

// IsDuplicate reports whether err says that a row with the same unique key is already there.
func (db *DB) IsDuplicate(err error) bool {
	return err != nil && db.classify(err) == Duplicate
}
