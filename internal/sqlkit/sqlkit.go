// Package sqlkit is a thin floor under database/sql: one writer and a pool of readers, transactions that run again when
// the database asks for it, statements that stay prepared, an observer that sees every statement, keyset paging, and the
// few things in which SQL dialects differ.
//
// Statement texts are written once for every dialect: "?" for arguments, double quotes round identifiers that need them
// (a MySQL dialect sets ANSI_QUOTES), TRUE and FALSE for booleans. What cannot be written so is a method of Dialect.
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
	// Observer is told of every statement; nil means nobody is.
	Observer Observer
	// WriteAttempts bounds how often one Write runs its function; default 6.
	WriteAttempts int
}

const (
	defaultReaders       = 4
	maxReaders           = 64
	defaultWriteAttempts = 6
)

func (o Options) withDefaults() Options {
	if o.Readers <= 0 {
		o.Readers = defaultReaders
	}
	o.Readers = min(o.Readers, maxReaders)
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
	// durable returns when what was committed before it was called survives a loss of power; nil where COMMIT sees to it.
	durable func() error
}

// Dialect is the dialect the database speaks.
func (db *DB) Dialect() Dialect { return db.dialect }

// Ping proves that the database answers. A failure is a fault.Unavailable.
func (db *DB) Ping(ctx context.Context) error {
	return db.Read(ctx, func(s *Session) error {
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
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, errClosed):
		return fault.Wrap(err, fault.Unavailable, "", "The database is closed.")
	}
	switch db.dialect.Classify(err) {
	case Retryable:
		return fault.Wrap(err, fault.Unavailable, "", "The database is busy; please try again.")
	case Unreachable:
		return fault.Wrap(err, fault.Unavailable, "", "The database does not answer.")
	}
	return fmt.Errorf("database: %w", err)
}

// IsDuplicate reports whether err says that a row with the same unique key is already there.
func (db *DB) IsDuplicate(err error) bool {
	return err != nil && db.dialect.Classify(err) == Duplicate
}
