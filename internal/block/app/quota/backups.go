package quota

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// TakeBackup is Take for one backup of a size. Its gigabytes are apart from those of volumes and snapshots. It refuses
// with upstream's VolumeBackupSizeExceedsAvailableQuota or BackupLimitExceeded.
func (q *Quota) TakeBackup(ctx context.Context, tx store.Tx, projectID string, sizeGiB int64) error {
	if err := tx.LockQuota(ctx, projectID); err != nil {
		return err
	}
	limits, err := q.Limits(ctx, tx, projectID, nil)
	if err != nil {
		return err
	}
	u, err := tx.QuotaUsage(ctx, projectID)
	if err != nil {
		return err
	}
	consumed, number := u.BackupGigabytes+u.Reserved[block.QuotaBackupGigabytes], u.Backups+u.Reserved[block.QuotaBackups]
	if limit := limits[block.QuotaBackupGigabytes]; limit >= 0 && consumed+sizeGiB > limit {
		return fault.New(fault.OverLimit, "VolumeBackupSizeExceedsAvailableQuota", "Requested backup exceeds allowed Backup gigabytes quota. "+
			"Requested %dG, quota is %dG and %dG has been consumed.", sizeGiB, limit, consumed)
	}
	if limit := limits[block.QuotaBackups]; limit >= 0 && number+1 > limit {
		return fault.New(fault.OverLimit, "BackupLimitExceeded", "Maximum number of backups allowed (%d) exceeded", limit)
	}
	return tx.PutQuotaUsage(ctx, projectID, map[string]int64{
		block.QuotaBackups: u.Backups + 1, block.QuotaBackupGigabytes: u.BackupGigabytes + sizeGiB})
}
