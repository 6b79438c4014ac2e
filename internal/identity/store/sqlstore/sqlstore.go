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
	"github.com/clinker/clinker/internal/identity/store/sqlstore/cloudrows"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/delegationrows"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

// Config says which database to open.
type Config struct {
	// Path is the SQLite file; it is made if it is not there, its directory must be.
	Path string
	// URL is a database of any kind, which is opened instead of Path if it is set, with what Server says beside it.
	URL    string
	Server connect.Options
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
	o := c.Server
	o.Observer, o.Synchronous, o.URL = c.Observer, c.Synchronous, c.URL
	if o.URL == "" {
		o.URL = connect.SQLiteURL(c.Path)
	}
	db, err := connect.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	created, err := migrate.Up(ctx, db, history())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{conn: on(rows.Conn{DB: db, Keys: c.Keys}), Created: created, epoch: new(atomic.Uint64)}, nil
}

// conn reads; tx reads and writes in one transaction.
type conn struct {
	rows.Conn
	cloudrows.CloudRows
	delegationrows.DelegationRows
}

type tx struct{ conn }

var _ store.Tx = tx{}

// on puts the parts together.
func on(c rows.Conn) conn { return conn{c, cloudrows.On(c), delegationrows.On(c)} }

// in is the connection in a transaction.
func (c conn) in(session *sqlkit.Session, writes bool) conn {
	c.Session, c.Writes = session, writes
	return on(c.Conn)
}

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, fn func(r store.Reader) error) error {
	return s.DB.Read(ctx, func(session *sqlkit.Session) error {
		return fn(s.in(session, false))
	})
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	// The epoch moves also when the outcome is not known.
	defer s.epoch.Add(1)
	return s.DB.Write(ctx, func(session *sqlkit.Session) error {
		return fn(tx{s.in(session, true)})
	})
}

// Epoch implements store.Store.
func (s *Store) Epoch() uint64 { return s.epoch.Load() }

// RecordLogin implements store.Store.
func (s *Store) RecordLogin(ctx context.Context, userID string, ok bool, at time.Time) error {
	return s.DB.Write(ctx, func(session *sqlkit.Session) error {
		if ok {
			_, err := session.Exec(ctx, `UPDATE users SET failed_auth_count = 0, failed_auth_at = NULL WHERE id = ? AND failed_auth_count > 0`, userID)
			return err
		}
		_, err := session.Exec(ctx, `UPDATE users SET failed_auth_count = failed_auth_count + 1, failed_auth_at = ? WHERE id = ?`, s.At(at), userID)
		return err
	})
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error { return s.DB.Ping(ctx) }

// Close implements store.Store.
func (s *Store) Close() error { return s.DB.Close() }

// notFound makes the fault about a thing.
func notFound(what, id string) func() error {
	return func() error { return identity.NotFound(what, id) }
}
