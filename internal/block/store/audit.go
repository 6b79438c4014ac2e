package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
)

// Period is the time from From until Until.
type Period struct{ From, Until time.Time }

// AuditReader reads what there was in a period: what was made before its end and not deleted before its beginning, whether
// it is there still or not. It comes by id, at most limit of it, after the one with the id after; that costs a walk through
// the table. What is deleted has no metadata, attachments and image metadata any more.
type AuditReader interface {
	VolumesIn(ctx context.Context, p Period, after string, limit int) ([]*block.Volume, error)
	SnapshotsIn(ctx context.Context, p Period, after string, limit int) ([]*block.Snapshot, error)
	BackupsIn(ctx context.Context, p Period, after string, limit int) ([]*block.Backup, error)
	// VolumeZones is the availability zones of volumes, deleted ones too, by id; those that never were are left out.
	VolumeZones(ctx context.Context, ids []string) (map[string]string, error)
}
