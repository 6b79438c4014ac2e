// Package rows is what the files of sqlstore have in common: the connection that a call runs on, statements built
// from filters and changes, listings with their orders and pages, and tables of keys and values.
//
// What must not live here: any one resource. It is a part of sqlstore and imported by nothing else.
package rows

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Conn is what a call runs on: a transaction, if Session is set, else the database, where each Read is a read
// transaction of its own.
type Conn struct {
	DB      *sqlkit.DB
	Session *sqlkit.Session
	Clock   func() time.Time
	locked  map[row]bool // what the transaction has locked or written
	writes  int
}

// Dialect is the database's.
func (c *Conn) Dialect() sqlkit.Dialect { return c.DB.Dialect() }

// Read runs fn so that all it reads fits together.
func (c *Conn) Read(ctx context.Context, fn func(s *sqlkit.Session) error) error {
	if c.Session != nil {
		return fn(c.Session)
	}
	return c.DB.Read(ctx, fn)
}

// ReadOne is Read for an fn that runs one statement: outside a transaction that is the only round trip.
func (c *Conn) ReadOne(ctx context.Context, fn func(s *sqlkit.Session) error) error {
	if c.Session != nil {
		return fn(c.Session)
	}
	return c.DB.ReadOne(ctx, fn)
}

// Gathers says that the rows of a list bring along what belongs to them: see sqlkit.Dialect.Gathered.
func (c *Conn) Gathers() bool { return c.Dialect().Gathered("", nil) != "" }

// ReadPage is ReadOne for a page that is one statement, and Read for one after a marker, which has to be looked up first, and
// where what belongs to the rows is read after them.
func (c *Conn) ReadPage(p store.Page) func(context.Context, func(*sqlkit.Session) error) error {
	if p.Marker != "" || !c.Gathers() {
		return c.Read
	}
	return c.ReadOne
}

// Writes is how many statements the transaction has run that may have changed something.
func (c *Conn) Writes() int { return c.writes }

// Exec runs a statement in the transaction, which there must be, and gives the number of rows it changed.
func (c *Conn) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	c.writes++
	return c.Session.Exec(ctx, text, args...)
}

// Run is Exec where the number of changed rows does not matter.
func (c *Conn) Run(ctx context.Context, text string, args ...any) error {
	_, err := c.Exec(ctx, text, args...)
	return err
}

// Now is the time that rows of Cinder's tables carry: UTC, as precise as the columns keep it.
func (c *Conn) Now() time.Time { return c.Clock().UTC().Truncate(c.Dialect().Precision()) }

// Instant is the time that rows of our own tables carry: UTC, in microseconds.
func (c *Conn) Instant() time.Time { return c.Clock().UTC().Truncate(time.Microsecond) }

// At is a time as an argument; the zero time is NULL.
func (c *Conn) At(t time.Time) any { return c.Dialect().Time(t) }

// Fill sets a created_at that the caller left to the store.
func (c *Conn) Fill(at *time.Time) {
	if at.IsZero() {
		*at = c.Now()
	}
}

// Exists says whether a row of the table is there and not deleted. If it is, nobody else changes it until the transaction
// ends.
func (c *Conn) Exists(ctx context.Context, table, id string) (bool, error) {
	return c.Session.QueryRow(ctx, `SELECT 1 FROM `+table+` WHERE id = ? AND deleted = FALSE`+c.Dialect().Locking(), []any{new(sqlkit.Int)}, id)
}

// Lock has a transaction wait for whoever is changing a row, and whoever wants to change it wait for the transaction: what
// is read after it, of the row and of what belongs to the row, stays so if everybody locks the row first. Outside a
// transaction, and where write transactions run one after another, it does nothing.
func (c *Conn) Lock(ctx context.Context, table, id string) error {
	if c.Session == nil || c.Held(table, id) {
		return nil
	}
	_, err := c.Session.QueryRow(ctx, `SELECT 1 FROM `+table+` WHERE id = ?`+c.Dialect().Locking(), []any{new(sqlkit.Int)}, id)
	c.Hold(table, id)
	return err
}

// Pin is Lock for a row that the transaction does not write, but by which another decides whether to write it: the nodes of
// a cluster see only what is written, so there the row is changed and changed back.
func (c *Conn) Pin(ctx context.Context, table, id string) error {
	if !c.DB.Clustered() {
		return c.Lock(ctx, table, id)
	}
	var at sqlkit.Time
	found, err := c.Session.QueryRow(ctx, `SELECT updated_at FROM `+table+` WHERE id = ?`+c.Dialect().Locking(), []any{&at}, id)
	if err != nil || !found {
		return err
	}
	c.Hold(table, id)
	was := time.Time(at)
	other := was.Add(time.Hour)
	if was.IsZero() {
		other = c.Now()
	}
	for _, to := range []time.Time{other, was} {
		if err := c.Run(ctx, `UPDATE `+table+` SET updated_at = ? WHERE id = ?`, c.At(to), id); err != nil {
			return err
		}
	}
	return nil
}

// row is one of a table, by its id.
type row struct{ table, id string }

// Held says whether nobody else changes a row until the transaction ends, as far as Lock and the like know.
func (c *Conn) Held(table, id string) bool {
	return c.Dialect().SerialWriters() || c.locked[row{table, id}]
}

// Hold notes that nobody else changes a row until the transaction ends.
func (c *Conn) Hold(table, id string) {
	if c.locked == nil {
		c.locked = make(map[row]bool)
	}
	c.locked[row{table, id}] = true
}
