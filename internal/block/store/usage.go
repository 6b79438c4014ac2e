package store

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// QuotaLane is the lane (Store.UpdateTogether) of who takes quota of a project, or gives it back.
func QuotaLane(projectID string) string { return "quota of " + projectID }

// UsageWriter is the part of a Tx that RecordUsage needs.
type UsageWriter interface {
	QuotaReader
	LockQuota(ctx context.Context, projectID string) error
	PutQuotaUsage(ctx context.Context, projectID string, inUse map[string]int64) error
}

// RecordUsage counts a project's usage afresh and writes it to the quota_usages table, with the resources of one volume
// type when typeName is not empty. It is called last in each transaction that destroys or shrinks something that counts;
// nothing of ours reads the table back. countSnapshots says that gigabytes include those of snapshots.
func RecordUsage(ctx context.Context, tx UsageWriter, projectID, typeID, typeName string, countSnapshots bool) error {
	if err := tx.LockQuota(ctx, projectID); err != nil { // or what others have just taken would not be counted
		return err
	}
	usage, err := tx.VolumeUsage(ctx, projectID)
	if err != nil {
		return err
	}
	return tx.PutQuotaUsage(ctx, projectID, usage.InUse(countSnapshots, typeID, typeName))
}

// RecordGroupUsage is RecordUsage for the number of groups.
func RecordGroupUsage(ctx context.Context, tx UsageWriter, projectID string) error {
	usage, err := tx.QuotaUsage(ctx, projectID)
	if err != nil {
		return err
	}
	return tx.PutQuotaUsage(ctx, projectID, map[string]int64{block.QuotaGroups: usage.Groups})
}

// RecordBackups is RecordUsage for backups, whose gigabytes are apart.
func RecordBackups(ctx context.Context, tx UsageWriter, projectID string) error {
	usage, err := tx.QuotaUsage(ctx, projectID)
	if err != nil {
		return err
	}
	return tx.PutQuotaUsage(ctx, projectID, map[string]int64{block.QuotaBackups: usage.Backups, block.QuotaBackupGigabytes: usage.BackupGigabytes})
}
