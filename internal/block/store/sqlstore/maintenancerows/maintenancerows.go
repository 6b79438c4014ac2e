// Package maintenancerows is sqlstore's part for what operators' commands do: clusters, what is wrong and its repair, and
// the purge of rows that were deleted long ago.
//
// What must not live here: what services do with their rows, and what all parts have in common, which is package rows. It
// is a part of sqlstore and imported by nothing else.
package maintenancerows

import (
	"context"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
)

// MaintenanceReader implements store.ClusterReader and store.RepairReader.
type MaintenanceReader struct{ conn *rows.Conn }

// NewReader makes a reader on the database; it is safe for concurrent use.
func NewReader(c *rows.Conn) MaintenanceReader { return MaintenanceReader{conn: c} }

// MaintenanceWriter implements store.ClusterWriter and store.RepairWriter; it reads in the same transaction.
type MaintenanceWriter struct{ MaintenanceReader }

// NewWriter makes a writer in the transaction of c, which has a session.
func NewWriter(c *rows.Conn) MaintenanceWriter { return MaintenanceWriter{MaintenanceReader{c}} }

// Keeper implements store.Maintenance.
type Keeper struct{ conn *rows.Conn }

var _ store.Maintenance = Keeper{}

// NewKeeper makes one for the database; it is safe for concurrent use.
func NewKeeper(c *rows.Conn) Keeper { return Keeper{c} }

// Revision implements store.Maintenance.
func (k Keeper) Revision(ctx context.Context) (string, error) {
	return schema.Revision(ctx, k.conn.DB)
}

// Check implements store.Maintenance.
func (k Keeper) Check(ctx context.Context) error { return schema.Check(ctx, k.conn.DB) }

// AddIndexes implements store.Maintenance.
func (k Keeper) AddIndexes(ctx context.Context, begin func(name string)) error {
	return schema.AddIndexes(ctx, k.conn.DB, begin)
}

// DropIndexes implements store.Maintenance.
func (k Keeper) DropIndexes(ctx context.Context, begin func(name string)) error {
	return schema.DropIndexes(ctx, k.conn.DB, begin)
}

// MissingIndexes implements store.Maintenance.
func (k Keeper) MissingIndexes(ctx context.Context) ([]string, error) {
	return schema.MissingIndexes(ctx, k.conn.DB)
}
