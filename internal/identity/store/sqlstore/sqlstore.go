// Package sqlstore keeps the identity wing in an SQL database: the one implementation of package store. There is a file per
// family of resources; schema.go says which tables there are.
//
// What must not live here: decisions. Callers decide; this package reads and writes what it is told. Differences between
// databases are in package sqlkit.
package sqlstore

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/clinker/clinker/internal/fernet"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

// Config says which database to open.
type Config struct {
	// Path is the SQLite file; it is made if it is not there, its directory must be.
	Path string
	// Synchronous is SQLite's; see sqlkit.SQLiteOptions.
	Synchronous string
	// Observer is told of every statement; nil means nobody is.
	Observer sqlkit.Observer
	// Keys gives the keys that the blobs of credentials are sealed with.
	Keys func() fernet.Keys
}

// Store is a store.Store in an SQL database. It is safe for concurrent use.
type Store struct {
	conn
	// Created says that Open made the database.
	Created bool

	epoch *atomic.Uint64
}

var _ store.Store = (*Store)(nil)

// Open opens the database and brings its schema to the newest revision. It refuses one of a newer program, or of something
// else, as fault.Invalid.
func Open(ctx context.Context, c Config) (*Store, error) {
	db, err := sqlkit.OpenSQLite(ctx, sqlkit.SQLiteOptions{Options: sqlkit.Options{Observer: c.Observer}, Path: c.Path, Synchronous: c.Synchronous})
	if err != nil {
		return nil, err
	}
	created, err := migrate.Up(ctx, db, history())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{conn: conn{db: db, keys: c.Keys}, Created: created, epoch: new(atomic.Uint64)}, nil
}

// conn is what a call runs on: a transaction, if session is set, else the database, where each read is one of its own.
type conn struct {
	db      *sqlkit.DB
	session *sqlkit.Session
	keys    func() fernet.Keys
}

// tx reads and writes in one transaction.
type tx struct{ conn }

var _ store.Tx = tx{}

func (c conn) read(ctx context.Context, fn func(s *sqlkit.Session) error) error {
	if c.session != nil {
		return fn(c.session)
	}
	return c.db.Read(ctx, fn)
}

// at is a time as an argument; the zero time is NULL.
func (c conn) at(t time.Time) any { return c.db.Dialect().Time(t) }

// exec runs a statement that says how many rows it changed.
func (t tx) exec(ctx context.Context, text string, args ...any) (int64, error) {
	return t.session.Exec(ctx, text, args...)
}

// insert runs a statement; a row that is there already is a conflict.
func (t tx) insert(ctx context.Context, conflict func() error, text string, args ...any) error {
	_, err := t.exec(ctx, text, args...)
	if t.session.IsDuplicate(err) {
		return conflict()
	}
	return err
}

// change runs a statement that must change a row.
func (t tx) change(ctx context.Context, missing, conflict func() error, text string, args ...any) error {
	n, err := t.exec(ctx, text, args...)
	switch {
	case t.session.IsDuplicate(err):
		return conflict()
	case err == nil && n == 0:
		return missing()
	}
	return err
}

// all runs statements with the same argument.
func (t tx) all(ctx context.Context, arg any, texts ...string) error {
	for _, text := range texts {
		if _, err := t.exec(ctx, text, arg); err != nil {
			return err
		}
	}
	return nil
}

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, fn func(r store.Reader) error) error {
	return s.db.Read(ctx, func(session *sqlkit.Session) error {
		c := s.conn
		c.session = session
		return fn(c)
	})
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	// The epoch moves also when the outcome is not known.
	defer s.epoch.Add(1)
	return s.db.Write(ctx, func(session *sqlkit.Session) error {
		c := s.conn
		c.session = session
		return fn(tx{c})
	})
}

// Epoch implements store.Store.
func (s *Store) Epoch() uint64 { return s.epoch.Load() }

// RecordLogin implements store.Store.
func (s *Store) RecordLogin(ctx context.Context, userID string, ok bool, at time.Time) error {
	return s.db.Write(ctx, func(session *sqlkit.Session) error {
		if ok {
			_, err := session.Exec(ctx, `UPDATE users SET failed_auth_count = 0, failed_auth_at = NULL WHERE id = ? AND failed_auth_count > 0`, userID)
			return err
		}
		_, err := session.Exec(ctx, `UPDATE users SET failed_auth_count = failed_auth_count + 1, failed_auth_at = ? WHERE id = ?`, s.at(at), userID)
		return err
	})
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close implements store.Store.
func (s *Store) Close() error { return s.db.Close() }

// notFound makes the fault about a thing.
func notFound(what, id string) func() error {
	return func() error { return identity.NotFound(what, id) }
}

// one reads the thing that the conditions of q name; missing says that there is none.
func one[T any](ctx context.Context, c conn, q *rows.Selection, fields func(*T) []any, missing func() error) (thing *T, err error) {
	err = c.read(ctx, func(s *sqlkit.Session) error {
		var found bool
		if thing, found, err = rows.One(ctx, s, q, fields); err == nil && !found {
			err = missing()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return thing, nil
}
