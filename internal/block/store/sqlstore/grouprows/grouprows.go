// Package grouprows is sqlstore's part for groups and group snapshots.
//
// What must not live here: group types, which are catalogrows'; the volumes and snapshots in groups, which are volumerows';
// and what all resources have in common, which is package rows. It is a part of sqlstore and imported by nothing else.
package grouprows

import (
	"context"

	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
)

// GroupReader implements store.GroupReader.
type GroupReader struct {
	conn              *rows.Conn
	groups, snapshots *rows.Listing
}

// NewReader makes a reader on the database; it is safe for concurrent use.
func NewReader(c *rows.Conn) GroupReader {
	return GroupReader{conn: c, groups: groupListing(), snapshots: snapshotListing()}
}

// GroupWriter implements store.GroupWriter, and reads in the same transaction.
type GroupWriter struct{ GroupReader }

// NewWriter makes a writer in the transaction of c, which has a session; r is any reader of the same database.
func NewWriter(r GroupReader, c *rows.Conn) GroupWriter {
	r.conn = c
	return GroupWriter{r}
}

// destroy soft-deletes a row that has a status. Like Cinder it leaves updated_at alone. It says whether there was one.
func (w GroupWriter) destroy(ctx context.Context, table, id string) (bool, error) {
	n, err := w.conn.Exec(ctx, `UPDATE `+table+` SET status = 'deleted', deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`,
		w.conn.At(w.conn.Now()), id)
	return n > 0, err
}
