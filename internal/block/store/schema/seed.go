package schema

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/sqlkit"
)

// defaultLimits are the limits of the quota class "default" in a database that was made without any being configured.
var defaultLimits = [...]struct {
	resource string
	limit    int64
}{
	{block.QuotaVolumes, 10}, {block.QuotaSnapshots, 10}, {block.QuotaGigabytes, 1000}, {block.QuotaPerVolumeGigabytes, block.Unlimited},
	{block.QuotaGroups, 10}, {block.QuotaBackups, 10}, {block.QuotaBackupGigabytes, 1000},
}

// seed writes the rows that Cinder's migrations leave in a new database. As there, the configured quota limits become
// those of the quota class "default", which from then on stands before the configuration.
func seed(ctx context.Context, s *sqlkit.Session, now time.Time, limits map[string]int64) error {
	d := s.Dialect()
	at := d.Time(now)
	insert := func(text string, args ...any) error {
		_, err := s.Exec(ctx, text, args...)
		return err
	}
	if err := insert(`INSERT INTO alembic_version (version_num) VALUES (?)`, CinderRevision); err != nil {
		return err
	}
	for _, l := range defaultLimits {
		limit := l.limit
		if configured, given := limits[l.resource]; given {
			limit = configured
		}
		if err := insert(`INSERT INTO quota_classes (created_at, class_name, resource, hard_limit, deleted) VALUES (?, 'default', ?, ?, FALSE)`,
			at, l.resource, limit); err != nil {
			return err
		}
	}
	// Cinder reads this row back to find out whether the column keeps fractions of a second.
	sentinel := d.Time(now.Truncate(time.Second).Add(123 * time.Microsecond))
	if err := insert(`INSERT INTO workers (created_at, updated_at, deleted, resource_type, resource_id, status)
		VALUES (?, ?, FALSE, 'SENTINEL', 'SUB-SECOND', 'OK')`, sentinel, sentinel); err != nil {
		return err
	}
	groupType := uuid.NewString()
	if err := insert(`INSERT INTO group_types (id, name, description, created_at, updated_at, deleted, is_public)
		VALUES (?, 'default_cgsnapshot_type', 'Default group type for migrating cgsnapshot', ?, ?, FALSE, TRUE)`, groupType, at, at); err != nil {
		return err
	}
	if err := insert(`INSERT INTO group_type_specs ("key", value, group_type_id, created_at, updated_at, deleted)
		VALUES ('consistent_group_snapshot_enabled', '<is> True', ?, ?, ?, FALSE)`, groupType, at, at); err != nil {
		return err
	}
	return insert(`INSERT INTO volume_types (id, name, description, created_at, updated_at, deleted, is_public)
		VALUES (?, ?, 'Default Volume Type', ?, ?, FALSE, TRUE)`, uuid.NewString(), block.DefaultTypeName, at, at)
}
