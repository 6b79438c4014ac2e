package rows

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fernet"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Conn is what a call runs on: a transaction, if Session is set, else the database, where each read is one of its own.
type Conn struct {
	DB      *sqlkit.DB
	Session *sqlkit.Session
	// Writes says that the transaction also writes.
	Writes bool
	// Keys gives the keys that secrets are sealed with which have to be read again.
	Keys func() fernet.Keys
}

// Read runs fn in the transaction, or in one of its own.
func (c Conn) Read(ctx context.Context, fn func(s *sqlkit.Session) error) error {
	if c.Session != nil {
		return fn(c.Session)
	}
	return c.DB.Read(ctx, fn)
}

// At is a time as an argument; the zero time is NULL.
func (c Conn) At(t time.Time) any { return c.DB.Dialect().Time(t) }

// Exec runs a statement in the transaction and says how many rows it changed.
func (c Conn) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	return c.Session.Exec(ctx, text, args...)
}

// Insert runs a statement in the transaction; a row that is there already is a conflict.
func (c Conn) Insert(ctx context.Context, conflict func() error, text string, args ...any) error {
	_, err := c.Exec(ctx, text, args...)
	if c.Session.IsDuplicate(err) {
		return conflict()
	}
	return err
}

// Change runs a statement in the transaction that must change a row.
func (c Conn) Change(ctx context.Context, missing, conflict func() error, text string, args ...any) error {
	n, err := c.Exec(ctx, text, args...)
	switch {
	case c.Session.IsDuplicate(err):
		return conflict()
	case err == nil && n == 0:
		return missing()
	}
	return err
}

// All runs statements in the transaction with the same argument.
func (c Conn) All(ctx context.Context, arg any, texts ...string) error {
	for _, text := range texts {
		if _, err := c.Exec(ctx, text, arg); err != nil {
			return err
		}
	}
	return nil
}

// Is reports whether a query for the number 1 finds a row.
func (c Conn) Is(ctx context.Context, text string, args ...any) (found bool, err error) {
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = s.QueryRow(ctx, text, []any{new(sqlkit.Int)}, args...)
		return err
	})
	return found, err
}

// Get reads the thing that the conditions of q name; missing says that there is none. In a transaction that writes, nobody
// else changes it until the transaction ends, so that what is read of it can be written back.
func Get[T any](ctx context.Context, c Conn, q *Selection, fields func(*T) []any, missing func() error) (thing *T, err error) {
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		var found bool
		if c.Writes && !strings.Contains(q.table, " ") { // of one table, not of several joined
			q.locking = s.Dialect().Locking()
		}
		if thing, found, err = One(ctx, s, q, fields); err == nil && !found {
			err = missing()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return thing, nil
}

// All lists what q chooses of things whose names, if it chooses by them, name gives.
func All[T any](ctx context.Context, c Conn, q *Selection, fields func(*T) []any, name func(*T) string) (found []*T, err error) {
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = List(ctx, s, q, fields, name)
		return err
	})
	return found, err
}

// Unnamed is the name of what has none.
func Unnamed[T any](*T) string { return "" }

// Children reads what belongs to rows that were read: query gives pairs of a row's id and a text for an IN list of ids, in the
// order in which add gets them.
func Children(ctx context.Context, s *sqlkit.Session, ids []string, query func(in string) string, add func(id, text string)) error {
	return sqlkit.InChunks(s.Dialect(), ids, func(list string, args []any) error {
		return s.Query(ctx, query(list), func(row *sql.Rows) error {
			var id, text string
			if err := row.Scan((*sqlkit.Text)(&id), (*sqlkit.Text)(&text)); err != nil {
				return err
			}
			add(id, text)
			return nil
		}, args...)
	})
}
