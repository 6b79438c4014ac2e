package rows

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/sqlkit"
)

// Pairs is a table of keys and values that belong to rows of another one, such as volume_metadata.
type Pairs struct{ table, owner string }

// NewPairs names the table and its column that refers to the owner.
func NewPairs(table, owner string) Pairs { return Pairs{table, owner} }

func (p Pairs) live() string    { return ` WHERE ` + p.owner + ` = ? AND deleted = FALSE` }
func (p Pairs) removed() string { return `UPDATE ` + p.table + ` SET deleted = TRUE, deleted_at = ?` }

// Has is the condition that the row with this id owns a live pair; key and value are placeholders.
func (p Pairs) Has(id, key, value string) string { return p.exists(id, key, `p.value = `+value) }

// HasContaining is Has for a pair whose value contains the text.
func (p Pairs) HasContaining(s *Select, id, key, text string) string {
	return p.exists(id, key, s.Contains("p.value", text))
}

func (p Pairs) exists(id, key, condition string) string {
	return `EXISTS (SELECT 1 FROM ` + p.table + ` p WHERE p.` + p.owner + ` = ` + id + ` AND p.deleted = FALSE AND p."key" = ` + key +
		` AND ` + condition + `)`
}

// Load reads the pairs of some owners: one query for every sqlkit.MaxInSet of them.
func (p Pairs) Load(ctx context.Context, s *sqlkit.Session, owners []string, add func(owner, key, value string)) error {
	return sqlkit.InChunks(s.Dialect(), owners, func(list string, args []any) error {
		text := `SELECT ` + p.owner + `, "key", value FROM ` + p.table + ` WHERE ` + p.owner + ` IN ` + list + ` AND deleted = FALSE`
		return s.Query(ctx, text, func(r *sql.Rows) error {
			var owner, key, value sqlkit.Text
			if err := r.Scan(&owner, &key, &value); err != nil {
				return err
			}
			add(string(owner), string(key), string(value))
			return nil
		}, args...)
	})
}

// Insert adds pairs to an owner that has none of these keys.
func (p Pairs) Insert(ctx context.Context, c *Conn, owner string, pairs map[string]string, at time.Time) error {
	text := `INSERT INTO ` + p.table + ` (created_at, deleted, ` + p.owner + `, "key", value) VALUES (?, FALSE, ?, ?, ?)`
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		if _, err := c.Exec(ctx, text, c.At(at), owner, key, pairs[key]); err != nil {
			return err
		}
	}
	return nil
}

// Put merges pairs into those of an owner, or with replace makes them the whole. Rows that stay as they are are not
// written.
func (p Pairs) Put(ctx context.Context, c *Conn, owner string, pairs map[string]string, replace bool) error {
	type row struct {
		id         int64
		key, value string
	}
	var found []row
	err := c.Session.Query(ctx, `SELECT id, "key", value FROM `+p.table+p.live(), func(r *sql.Rows) error {
		var w row
		err := r.Scan((*sqlkit.Int)(&w.id), (*sqlkit.Text)(&w.key), (*sqlkit.Text)(&w.value))
		found = append(found, w)
		return err
	}, owner)
	if err != nil {
		return err
	}
	now := c.Now()
	missing := maps.Clone(pairs)
	for _, w := range found {
		value, wanted := pairs[w.key]
		delete(missing, w.key)
		switch {
		case wanted && value != w.value:
			_, err = c.Exec(ctx, `UPDATE `+p.table+` SET value = ?, updated_at = ? WHERE id = ?`, value, c.At(now), w.id)
		case !wanted && replace:
			_, err = c.Exec(ctx, p.removed()+` WHERE id = ?`, c.At(now), w.id)
		}
		if err != nil {
			return err
		}
	}
	return p.Insert(ctx, c, owner, missing, now)
}

// Remove soft-deletes one key and says whether it was there.
func (p Pairs) Remove(ctx context.Context, c *Conn, owner, key string) (bool, error) {
	n, err := c.Exec(ctx, p.removed()+p.live()+` AND "key" = ?`, c.At(c.Now()), owner, key)
	return n > 0, err
}

// RemoveAll soft-deletes every pair of an owner; at is the time as an argument.
func (p Pairs) RemoveAll(ctx context.Context, c *Conn, owner string, at any) error {
	_, err := c.Exec(ctx, p.removed()+p.live(), at, owner)
	return err
}
