// Package alone has one service at a time change the tables of a database, of those that start at the same moment.
//
// What must not live here: a table, and changes that may be made side by side.
package alone

import (
	"context"
	"errors"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

const (
	// othersTimeout is how long somebody on another node may take to change tables; othersInterval is how often to look.
	othersTimeout  = 20 * time.Second
	othersInterval = 200 * time.Millisecond
)

// Write is a Write of db beside which no other of these runs, in this process or another. It is for changes of tables, of
// which some databases undo none when a transaction fails.
//
// On the nodes of a cluster they may run side by side. One is then the first to make a table, and fn runs again where it
// failed because the table was there, or found what it cannot use (fault.Invalid), which may be half of another's work.
// So fn must change nothing before it has made a table.
func Write(ctx context.Context, db *sqlkit.DB, fn func(s *sqlkit.Session) error) error {
	if db.Dialect().Alone() == "" {
		return db.Write(ctx, fn)
	}
	for until := time.Now().Add(othersTimeout); ; {
		err := once(ctx, db, fn)
		others := err != nil && db.Clustered() && (db.Dialect().Classify(err) == sqlkit.There || fault.Is(err, fault.Invalid))
		if !others || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(othersInterval):
		}
	}
}

// once goes by a lock of the server, of which a cluster has one per node.
func once(ctx context.Context, db *sqlkit.DB, fn func(s *sqlkit.Session) error) error {
	return db.Write(ctx, func(s *sqlkit.Session) error {
		s.Once()
		var is int64
		if _, err := s.QueryRow(ctx, db.Dialect().Alone(), []any{(*sqlkit.Int)(&is)}); err != nil {
			return err
		}
		if is != 1 {
			return fault.New(fault.Unavailable, "", "Somebody else has been changing the tables of the database for a minute; please try again.")
		}
		return fn(s)
	})
}
