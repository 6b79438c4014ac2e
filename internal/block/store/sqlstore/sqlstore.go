// Package sqlstore keeps Block Storage in an SQL database: the one implementation of package store. There is a file per
// resource; listing.go turns filters, orders and pages into conditions for all of them, pairs.go keeps the tables of
// keys and values.
//
// What must not live here: a decision about states, quotas or who may see what. Callers decide; this package reads and
// writes what it is told. Definitions of tables are in package schema, differences between databases in package sqlkit.
package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Config says which database to open. Zero fields mean the default.
type Config struct {
	// Path is the SQLite file; it is made if it is not there, its directory must be.
	Path string
	// Synchronous is SQLite's: FULL (the default), NORMAL, EXTRA or OFF; see sqlkit.SQLiteOptions.
	Synchronous string
	// Readers is how many reads run at once; default 4.
	Readers int
	// BusyTimeout is how long a write waits for another process at a time; default 2 s.
	BusyTimeout time.Duration
	// Observer is told of every statement; nil means nobody is.
	Observer sqlkit.Observer
	// Now is the clock of created_at, updated_at and deleted_at; default time.Now.
	Now func() time.Time
}

// Store is a store.Store in an SQL database. It is safe for concurrent use.
type Store struct {
	reader
	// Outcome says whether Open made the database, adopted one of Cinder's, or found everything there.
	Outcome schema.Outcome
}

var _ store.Store = (*Store)(nil)

// Open opens the database and brings its schema up; see schema.Up for what it refuses.
func Open(ctx context.Context, c Config) (*Store, error) {
	db, err := sqlkit.OpenSQLite(ctx, sqlkit.SQLiteOptions{
		Options:     sqlkit.Options{Readers: c.Readers, Observer: c.Observer},
		Path:        c.Path,
		Synchronous: c.Synchronous,
		BusyTimeout: c.BusyTimeout,
	})
	if err != nil {
		return nil, err
	}
	outcome, err := schema.Up(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Store{reader: reader{db: db, dialect: db.Dialect(), clock: c.Now, lists: newListings()}, Outcome: outcome}, nil
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close implements store.Store.
func (s *Store) Close() error { return s.db.Close() }

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	return s.db.Write(ctx, func(session *sqlkit.Session) error {
		t := &tx{reader: s.reader}
		t.session = session
		return fn(t)
	})
}

// reader reads: inside a transaction if it has a session, else each call in a read transaction of its own, so that what
// several queries find fits together.
type reader struct {
	db      *sqlkit.DB
	dialect sqlkit.Dialect
	session *sqlkit.Session
	clock   func() time.Time
	lists   *listings
}

// tx writes.
type tx struct{ reader }

var _ store.Tx = (*tx)(nil)

func (r *reader) read(ctx context.Context, fn func(s *sqlkit.Session) error) error {
	if r.session != nil {
		return fn(r.session)
	}
	return r.db.Read(ctx, fn)
}

// now is the time that rows carry: UTC, in the microseconds that the columns keep.
func (r *reader) now() time.Time { return r.clock().UTC().Truncate(time.Microsecond) }

// at is a time as an argument.
func (r *reader) at(t time.Time) any { return r.dialect.Time(t) }

// exec runs a statement whose number of changed rows does not matter.
func (t *tx) exec(ctx context.Context, text string, args ...any) error {
	_, err := t.session.Exec(ctx, text, args...)
	return err
}

// created fills a created_at that the caller left to the store.
func (t *tx) created(at *time.Time) {
	if at.IsZero() {
		*at = t.now()
	}
}
