package quota

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// ChangeType gives v, whose row must meet when, the type to and whatever else set says, if the project may hold the volume
// and its snapshots under that type; it says whether the row met when. The project as a whole holds no more than before,
// so only the limits of the type count. The lock lasts until tx ends. It refuses as Take does.
func (q *Quota) ChangeType(ctx context.Context, tx store.Tx, v *block.Volume, to *block.VolumeType, when store.VolumeWhen, set store.VolumeSet) (bool, error) {
	if err := q.CheckType(ctx, tx, v, to); err != nil {
		return false, err
	}
	set.VolumeTypeID = &to.ID
	return store.ChangeType(ctx, tx, v, when, set, !q.opts.NoSnapshotGigabytes)
}

// CheckType is ChangeType without the change: it refuses alike.
func (q *Quota) CheckType(ctx context.Context, tx store.Tx, v *block.Volume, to *block.VolumeType) error {
	if !v.UseQuota {
		return nil
	}
	if err := tx.LockQuota(ctx, v.ProjectID); err != nil {
		return err
	}
	limits, err := q.Limits(ctx, tx, v.ProjectID, []string{to.Name})
	if err != nil {
		return err
	}
	usage, err := tx.QuotaUsage(ctx, v.ProjectID)
	if err != nil {
		return err
	}
	snapshots, err := tx.Snapshots(ctx, store.SnapshotQuery{VolumeID: v.ID})
	if err != nil {
		return err
	}
	d := Delta{Volumes: 1, VolumeGiB: v.SizeGiB}
	for _, s := range snapshots {
		d.Snapshots++
		d.SnapshotGiB += s.VolumeSizeGiB
	}
	used := usage.InUse(!q.opts.NoSnapshotGigabytes, to.ID, to.Name)
	for _, c := range q.claims(d) {
		name := c.resource + "_" + to.Name
		if limit, known := limits[name]; known && c.amount > 0 && limit >= 0 && used[name]+usage.Reserved[name]+c.amount > limit {
			return overQuota(c, name, limit, used[name]+usage.Reserved[name])
		}
	}
	return nil
}
