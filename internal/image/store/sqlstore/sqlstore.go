// Package sqlstore keeps the image service in an SQL database: the one implementation of package store.
//
// What must not live here: a decision about states, quotas or who may see what. Callers decide; this package reads and
// writes what it is told. Definitions of tables are in package schema, differences between databases in package sqlkit.
package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/image/store/schema"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
)

// Config says which database to open. Zero fields mean the default.
type Config struct {
	// Path is the SQLite file; it is made if it is not there, its directory must be.
	Path string
	// URL is a database of any kind, which is opened instead of Path if it is set, with what Server says beside it.
	URL    string
	Server connect.Options
	// Synchronous is SQLite's: FULL (the default), NORMAL, EXTRA or OFF; see sqlkit.SQLiteOptions.
	Synchronous string
	// Observer is told of every statement; nil means nobody is.
	Observer sqlkit.Observer
	// Now is the clock of the rows' times; default time.Now.
	Now func() time.Time
}

// Store is a store.Store in an SQL database. It is safe for concurrent use.
type Store struct{ reader }

var _ store.Store = (*Store)(nil)

// readers is how many reads run at once.
const readers = 4

// Open opens the database and brings its schema up; see schema.Up for what it refuses.
func Open(ctx context.Context, c Config) (*Store, error) {
	o := c.Server
	o.Observer, o.Synchronous, o.URL = c.Observer, c.Synchronous, c.URL
	if o.URL == "" {
		o.URL, o.Readers = connect.SQLiteURL(c.Path), readers
	}
	db, err := connect.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := schema.Up(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Store{reader{db: db, clock: c.Now}}, nil
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close implements store.Store.
func (s *Store) Close() error { return s.db.Close() }

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	return s.db.Write(ctx, func(session *sqlkit.Session) error {
		return fn(&tx{reader{db: s.db, session: session, clock: s.clock}})
	})
}

// reader reads: in a transaction, if session is set, else each call in one of its own.
type reader struct {
	db      *sqlkit.DB
	session *sqlkit.Session
	clock   func() time.Time
}

// read runs fn so that all it reads fits together.
func (r *reader) read(ctx context.Context, fn func(s *sqlkit.Session) error) error {
	if r.session != nil {
		return fn(r.session)
	}
	return r.db.Read(ctx, fn)
}

// now is the time that rows carry: UTC, in the microseconds that the columns keep.
func (r *reader) now() time.Time { return r.clock().UTC().Truncate(time.Microsecond) }

// at is a time as an argument; the zero time is NULL.
func (r *reader) at(t time.Time) any { return r.db.Dialect().Time(t) }

// tx reads and writes in one transaction.
type tx struct{ reader }

var _ store.Tx = (*tx)(nil)

// run runs a statement where the number of changed rows does not matter.
func (t *tx) run(ctx context.Context, text string, args ...any) error {
	_, err := t.session.Exec(ctx, text, args...)
	return err
}
