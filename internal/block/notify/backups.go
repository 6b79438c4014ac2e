package notify

import (
	"context"
	"maps"

	"github.com/clinker/clinker/internal/block"
)

// BackupPayload is the payload about a backup.
func BackupPayload(b *block.Backup) map[string]any {
	return map[string]any{
		"tenant_id": b.ProjectID, "user_id": b.UserID, "availability_zone": OrNull(b.AvailabilityZone), "backup_id": b.ID, "host": OrNull(b.Host),
		"display_name": text(b.Name), "created_at": isoformatOrNow(b.CreatedAt), "status": string(b.Status), "volume_id": b.VolumeID,
		"size": b.SizeGiB, "service_metadata": OrNull(b.ServiceMetadata), "service": OrNull(b.Service), "fail_reason": OrNull(b.FailReason),
		"parent_id": OrNull(b.ParentID), "num_dependent_backups": b.Dependents, "snapshot_id": OrNull(b.SnapshotID),
	}
}

// Backup tells of an event of a backup, without the "backup." before it, with more in the payload than a backup has; of no
// backup, nothing is told.
func (e *Events) Backup(ctx context.Context, event string, b *block.Backup, more map[string]any) {
	if e == nil || b == nil {
		return
	}
	payload := BackupPayload(b)
	maps.Copy(payload, more)
	e.Notify(ctx, "backup."+event, payload)
}
