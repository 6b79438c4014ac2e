package maintenancerows

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

const (
	// batchRows is how many rows one transaction removes: few enough to keep nobody waiting for long.
	batchRows = 500
	// maxPasses bounds how often a table whose rows refer to each other is gone through.
	maxPasses = 16
	// strangers stands for tables that are not Cinder's.
	strangers = "tables that are not Cinder's"
)

// Purge implements store.Maintenance.
func (k Keeper) Purge(ctx context.Context, before time.Time, done func(store.PurgedTable)) error {
	tables := schema.Cinder()
	for _, t := range slices.Backward(tables) {
		p, purgeable := newPurge(k, t, tables, before)
		if !purgeable {
			continue
		}
		err := p.run(ctx)
		if err == nil {
			err = p.countLeft(ctx)
		}
		if p.result.Removed > 0 || p.result.Left > 0 {
			done(p.result)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// purge is the purge of one table.
type purge struct {
	Keeper

	table      string // quoted
	key        schema.Column
	old        string // the condition that a row was deleted long ago; its argument is before
	before     any
	references []reference
	ownRows    bool // a row may refer to another one of the same table
	result     store.PurgedTable
}

// reference is a column of another table that holds a key of this one.
type reference struct{ table, column, key string }

// condition is that a row of table is referred to.
func (r reference) condition(table string) string {
	return `EXISTS (SELECT 1 FROM "` + r.table + `" referring WHERE referring."` + r.column + `" = ` + table + `."` + r.key + `")`
}

// newPurge says how a table is purged, and whether it is: it has to mark deleted rows.
func newPurge(k Keeper, t schema.Table, all []schema.Table, before time.Time) (*purge, bool) {
	p := &purge{Keeper: k, table: `"` + t.Name + `"`, before: k.conn.At(before), result: store.PurgedTable{Name: t.Name}}
	for _, c := range t.Columns {
		switch {
		case c.Name == "deleted" && c.Type == sqlkit.Boolean:
			p.old = "deleted = TRUE AND deleted_at < ?"
		case c.Name == "deleted": // the id of the row, once it is deleted
			p.old = "deleted <> 0 AND deleted_at < ?"
		case c.Primary:
			p.key = c
		}
	}
	for _, other := range all {
		for _, c := range other.Columns {
			if c.Foreign != nil && c.Foreign.Table == t.Name {
				p.references = append(p.references, reference{other.Name, c.Name, c.Foreign.Column})
				p.ownRows = p.ownRows || other.Name == t.Name
			}
		}
	}
	return p, p.old != "" && p.key.Name != ""
}

// removable is the condition on a row that may go.
func (p *purge) removable() string {
	parts := []string{p.old}
	for _, r := range p.references {
		parts = append(parts, "NOT "+r.condition(p.table))
	}
	return strings.Join(parts, " AND ")
}

// run goes through the table, and again as long as rows went that others of it referred to.
func (p *purge) run(ctx context.Context) error {
	for range maxPasses {
		removed := p.result.Removed
		if err := p.pass(ctx); err != nil {
			return err
		}
		if !p.ownRows || p.result.Removed == removed {
			return nil
		}
	}
	return nil
}

// pass goes through the table once, in the order of keys.
func (p *purge) pass(ctx context.Context) error {
	var last any
	for {
		keys, err := p.keys(ctx, last)
		if err != nil || len(keys) == 0 {
			return err
		}
		n, err := p.remove(ctx, last, keys)
		if constrained(err) { // a table that is not Cinder's may refer to this one
			n, err = p.removeEach(ctx, keys)
		}
		p.result.Removed += n
		if err != nil || len(keys) < batchRows {
			return err
		}
		last = keys[len(keys)-1]
	}
}

// after is the condition that a key comes after the last one seen, if there is one.
func (p *purge) after(last any) (condition string, args []any) {
	if last == nil {
		return "", []any{p.before}
	}
	return ` AND "` + p.key.Name + `" > ?`, []any{p.before, last}
}

func (p *purge) keys(ctx context.Context, last any) (keys []any, err error) {
	condition, args := p.after(last)
	text := `SELECT "` + p.key.Name + `" FROM ` + p.table + ` WHERE ` + p.removable() + condition + ` ORDER BY "` + p.key.Name + `" LIMIT ?`
	err = p.conn.DB.Read(ctx, func(s *sqlkit.Session) error {
		return s.Query(ctx, text, func(row *sql.Rows) error {
			key, err := p.scanKey(row)
			keys = append(keys, key)
			return err
		}, append(args, batchRows)...)
	})
	return keys, err
}

func (p *purge) scanKey(row *sql.Rows) (any, error) {
	if p.key.Type == sqlkit.String {
		var text sqlkit.Text
		err := row.Scan(&text)
		return string(text), err
	}
	var n sqlkit.Int
	err := row.Scan(&n)
	return int64(n), err
}

// remove removes the removable rows between two keys, in one transaction.
func (p *purge) remove(ctx context.Context, last any, keys []any) (n int64, err error) {
	if p.ownRows { // MySQL removes no rows by a condition on their own table
		return p.removeEach(ctx, keys)
	}
	condition, args := p.after(last)
	text := `DELETE FROM ` + p.table + ` WHERE ` + p.removable() + condition + ` AND "` + p.key.Name + `" <= ?`
	err = p.conn.DB.Write(ctx, func(s *sqlkit.Session) (err error) {
		n, err = s.Exec(ctx, text, append(slices.Clone(args), keys[len(keys)-1])...)
		return err
	})
	if err != nil {
		n = 0
	}
	return n, err
}

// removeEach removes rows in a transaction each; those that a constraint keeps are counted as left.
func (p *purge) removeEach(ctx context.Context, keys []any) (n int64, err error) {
	text := `DELETE FROM ` + p.table + ` WHERE ` + p.old + ` AND "` + p.key.Name + `" = ?`
	for _, key := range keys {
		var removed int64
		err := p.conn.DB.Write(ctx, func(s *sqlkit.Session) (err error) {
			removed, err = s.Exec(ctx, text, p.before, key)
			return err
		})
		switch {
		case constrained(err):
			p.result.Left++
			if !slices.Contains(p.result.Because, strangers) {
				p.result.Because = append(p.result.Because, strangers)
			}
		case err != nil:
			return n, err
		default:
			n += removed
		}
	}
	return n, nil
}

// constrained says that a statement was refused, and not that the database is away.
func constrained(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	_, isFault := fault.Of(err)
	return !isFault
}

// countLeft counts the rows that are old enough and stay, and finds what refers to them.
func (p *purge) countLeft(ctx context.Context) error {
	if len(p.references) == 0 {
		return nil
	}
	count := func(s *sqlkit.Session, condition string) (n int64, err error) {
		_, err = s.QueryRow(ctx, `SELECT COUNT(*) FROM `+p.table+` WHERE `+p.old+` AND (`+condition+`)`, []any{(*sqlkit.Int)(&n)}, p.before)
		return n, err
	}
	return p.conn.DB.Read(ctx, func(s *sqlkit.Session) error {
		conditions := make([]string, len(p.references))
		for i, r := range p.references {
			conditions[i] = r.condition(p.table)
		}
		n, err := count(s, strings.Join(conditions, " OR "))
		if err != nil || n == 0 {
			return err
		}
		p.result.Left += n
		for i, r := range p.references {
			if n, err = count(s, conditions[i]); err != nil {
				return err
			}
			if n > 0 && !slices.Contains(p.result.Because, r.table) {
				p.result.Because = append(p.result.Because, r.table)
			}
		}
		return nil
	})
}
