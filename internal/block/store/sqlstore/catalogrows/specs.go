package catalogrows

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// specs is a table of keys and values, which may be NULL, that belong to rows of another one. Where the database does not
// number its rows by itself they get a UUID.
type specs struct {
	table, owner string
	uuids        bool
}

func (t specs) live() string { return ` WHERE ` + t.owner + ` = ? AND deleted = FALSE` }

// load reads the specs of some owners.
func (t specs) load(ctx context.Context, s *sqlkit.Session, owners []string, add func(owner, key string, value *string)) error {
	return sqlkit.InChunks(s.Dialect(), owners, func(list string, args []any) error {
		text := `SELECT ` + t.owner + `, "key", value FROM ` + t.table + ` WHERE ` + t.owner + ` IN ` + list + ` AND deleted = FALSE`
		return s.Query(ctx, text, func(r *sql.Rows) error {
			var owner, key sqlkit.Text
			var value *string
			if err := r.Scan(&owner, &key, sqlkit.OptionalText{To: &value}); err != nil {
				return err
			}
			add(string(owner), string(key), value)
			return nil
		}, args...)
	})
}

// put merges pairs into those of an owner.
func (t specs) put(ctx context.Context, c *rows.Conn, owner string, pairs map[string]*string) error {
	now := c.At(c.Now())
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		value := sqlkit.NullIfNil(pairs[key])
		n, err := c.Exec(ctx, `UPDATE `+t.table+` SET value = ?, updated_at = ?`+t.live()+` AND "key" = ?`, value, now, owner, key)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := t.insert(ctx, c, now, owner, key, value); err != nil {
			return err
		}
	}
	return nil
}

func (t specs) insert(ctx context.Context, c *rows.Conn, at any, owner, key string, value any) error {
	if t.uuids {
		return c.Run(ctx, `INSERT INTO `+t.table+` (created_at, deleted, id, `+t.owner+`, "key", value) VALUES (?, FALSE, ?, ?, ?, ?)`,
			at, uuid.NewString(), owner, key, value)
	}
	return c.Run(ctx, `INSERT INTO `+t.table+` (created_at, deleted, `+t.owner+`, "key", value) VALUES (?, FALSE, ?, ?, ?)`,
		at, owner, key, value)
}

// remove soft-deletes one key and says whether it was there.
func (t specs) remove(ctx context.Context, c *rows.Conn, owner, key string) (bool, error) {
	n, err := c.Exec(ctx, `UPDATE `+t.table+` SET deleted = TRUE, deleted_at = ?`+t.live()+` AND "key" = ?`, c.At(c.Now()), owner, key)
	return n > 0, err
}

// removeAll soft-deletes every key of an owner.
func (t specs) removeAll(ctx context.Context, c *rows.Conn, owner string) error {
	return c.Run(ctx, `UPDATE `+t.table+` SET deleted = TRUE, deleted_at = ?`+t.live(), c.At(c.Now()), owner)
}
