package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/sqlkit"
)

// raw scans a value so that it can be an argument again.
type raw struct {
	to      *any
	dialect sqlkit.Dialect
}

// Scan implements sql.Scanner.
func (r *raw) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		*r.to = r.dialect.Time(v)
	case []byte:
		*r.to = string(v)
	default:
		*r.to = src
	}
	return nil
}

// pairTable is a table of keys and values that belong to rows of another one. Its statements are made once.
type pairTable struct {
	read, insert, change, remove, removeKey, removeAll string
}

func newPairTable(table, owner string) pairTable {
	live := ` WHERE ` + owner + ` = ? AND deleted = FALSE`
	removed := `UPDATE ` + table + ` SET deleted = TRUE, deleted_at = ?`
	return pairTable{
		read:      `SELECT id, "key", value FROM ` + table + live,
		insert:    `INSERT INTO ` + table + ` (created_at, deleted, ` + owner + `, "key", value) VALUES (?, FALSE, ?, ?, ?)`,
		change:    `UPDATE ` + table + ` SET value = ?, updated_at = ? WHERE id = ?`,
		remove:    removed + ` WHERE id = ?`,
		removeKey: removed + live + ` AND "key" = ?`,
		removeAll: removed + live,
	}
}

func volumeMetadata() pairTable      { return newPairTable("volume_metadata", "volume_id") }
func volumeAdminMetadata() pairTable { return newPairTable("volume_admin_metadata", "volume_id") }
func volumeImageMetadata() pairTable { return newPairTable("volume_glance_metadata", "volume_id") }
func snapshotMetadata() pairTable    { return newPairTable("snapshot_metadata", "snapshot_id") }
func typeExtraSpecs() pairTable      { return newPairTable("volume_type_extra_specs", "volume_type_id") }

// insertPairs adds pairs to an owner that has none of these keys.
func (t *tx) insertPairs(ctx context.Context, p pairTable, owner string, pairs map[string]string, at time.Time) error {
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		if err := t.exec(ctx, p.insert, t.at(at), owner, key, pairs[key]); err != nil {
			return err
		}
	}
	return nil
}

// putPairs merges pairs into those of an owner, or with replace makes them the whole. Rows that do not change are not
// written.
func (t *tx) putPairs(ctx context.Context, p pairTable, owner string, pairs map[string]string, replace bool) error {
	type row struct {
		id         int64
		key, value string
	}
	var rows []row
	err := t.session.Query(ctx, p.read, func(r *sql.Rows) error {
		var w row
		err := r.Scan((*sqlkit.Int)(&w.id), (*sqlkit.Text)(&w.key), (*sqlkit.Text)(&w.value))
		rows = append(rows, w)
		return err
	}, owner)
	if err != nil {
		return err
	}
	now := t.now()
	missing := maps.Clone(pairs)
	for _, w := range rows {
		value, wanted := pairs[w.key]
		delete(missing, w.key)
		switch {
		case wanted && value != w.value:
			err = t.exec(ctx, p.change, value, t.at(now), w.id)
		case !wanted && replace:
			err = t.exec(ctx, p.remove, t.at(now), w.id)
		}
		if err != nil {
			return err
		}
	}
	return t.insertPairs(ctx, p, owner, missing, now)
}

// removePair soft-deletes one key and says whether it was there.
func (t *tx) removePair(ctx context.Context, p pairTable, owner, key string) (bool, error) {
	n, err := t.session.Exec(ctx, p.removeKey, t.at(t.now()), owner, key)
	return n > 0, err
}

// exists says whether a row of the table is there and not deleted.
func (t *tx) exists(ctx context.Context, table, id string) (bool, error) {
	var one int64
	return t.session.QueryRow(ctx, `SELECT 1 FROM `+table+` WHERE id = ? AND deleted = FALSE`, []any{(*sqlkit.Int)(&one)}, id)
}

// hasPair is the condition that a row of the listing owns a live pair.
func hasPair(table, owner, id, key, value string) string {
	return `EXISTS (SELECT 1 FROM ` + table + ` p WHERE p.` + owner + ` = ` + id + ` AND p.deleted = FALSE AND p."key" = ` + key +
		` AND p.value = ` + value + `)`
}

// inChunks calls fn with the ids in pieces that fit into one IN list.
func inChunks(ids []string, fn func(list string, args []any) error) error {
	for chunk := range slices.Chunk(ids, sqlkit.MaxInSet) {
		list, args := sqlkit.InSet(chunk)
		if err := fn(list, args); err != nil {
			return err
		}
	}
	return nil
}

// qualified puts an alias before every name of a list "a, b, c".
func qualified(alias, names string) string {
	return alias + "." + strings.ReplaceAll(names, ", ", ", "+alias+".")
}
