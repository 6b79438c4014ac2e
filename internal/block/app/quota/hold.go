package quota

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Where a Python service ends an operation, what it takes of quota is reserved for it in quota_usages, as a Python API does:
// that service takes it there, or gives it up.

// holdFor is reservation_expire's default: when a reservation that nobody has ended expires.
const holdFor = 24 * time.Hour

// Hold is Take for a Python service to end: it refuses alike, and gives the reservations' ids. The caller must not change
// what the rows count.
func (q *Quota) Hold(ctx context.Context, tx store.Tx, projectID string, d Delta, newSizeGiB int64) ([]string, error) {
	used, more, err := q.check(ctx, tx, projectID, d, newSizeGiB)
	if err != nil {
		return nil, err
	}
	if err := tx.PutQuotaUsage(ctx, projectID, used); err != nil {
		return nil, err
	}
	return tx.Reserve(ctx, projectID, more, time.Now().UTC().Add(holdFor))
}

// TakeGrowth is Take for what v is to grow by, or with held Hold.
func (q *Quota) TakeGrowth(ctx context.Context, tx store.Tx, v *block.Volume, newSizeGiB int64, held bool) ([]string, error) {
	d := Delta{VolumeGiB: newSizeGiB - v.SizeGiB, TypeID: v.VolumeTypeID, TypeName: v.VolumeTypeName}
	if held {
		return q.Hold(ctx, tx, v.ProjectID, d, newSizeGiB)
	}
	return nil, q.Take(ctx, tx, v.ProjectID, d, newSizeGiB)
}

// HoldType is ChangeType for a Python service to end: it refuses alike, and gives the ids of what is reserved under the new
// type, and of what is to be given up under the old one.
func (q *Quota) HoldType(ctx context.Context, tx store.Tx, v *block.Volume, to *block.VolumeType) (taken, givenUp []string, err error) {
	if err := q.CheckType(ctx, tx, v, to); err != nil || !v.UseQuota {
		return nil, nil, err
	}
	expire := time.Now().UTC().Add(holdFor)
	of := func(typeName string, volumes, sizeGiB int64) map[string]int64 {
		return map[string]int64{block.QuotaVolumes + "_" + typeName: volumes, block.QuotaGigabytes + "_" + typeName: sizeGiB}
	}
	if taken, err = tx.Reserve(ctx, v.ProjectID, of(to.Name, 1, v.SizeGiB), expire); err != nil {
		return nil, nil, err
	}
	givenUp, err = tx.Reserve(ctx, v.ProjectID, of(v.VolumeTypeName, -1, -v.SizeGiB), expire)
	return taken, givenUp, err
}
