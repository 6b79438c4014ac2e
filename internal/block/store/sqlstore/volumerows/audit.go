package volumerows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// VolumesIn implements store.AuditReader.
func (r Reader) VolumesIn(ctx context.Context, p store.Period, after string, limit int) (volumes []*block.Volume, err error) {
	err = r.conn.ReadPage(store.Page{})(ctx, func(s *sqlkit.Session) error {
		volumes = nil
		sb := rows.NewSelect(r.conn.Dialect(), r.gatheredVolume, "volumes v")
		rows.InPeriod(sb, "v", p, after, limit)
		volumes, err = r.readVolumes(ctx, s, func(row func(*sql.Rows) error) error { return sb.Each(ctx, s, row) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return volumes, nil
}

// SnapshotsIn implements store.AuditReader.
func (r Reader) SnapshotsIn(ctx context.Context, p store.Period, after string, limit int) (snapshots []*block.Snapshot, err error) {
	err = r.conn.ReadPage(store.Page{})(ctx, func(s *sqlkit.Session) error {
		snapshots = nil
		sb := rows.NewSelect(r.conn.Dialect(), r.gatheredSnapshot, "snapshots s")
		rows.InPeriod(sb, "s", p, after, limit)
		snapshots, err = r.readSnapshots(ctx, s, func(row func(*sql.Rows) error) error { return sb.Each(ctx, s, row) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return snapshots, nil
}

// VolumeZones implements store.AuditReader.
func (r Reader) VolumeZones(ctx context.Context, ids []string) (zones map[string]string, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		zones = make(map[string]string, len(ids))
		return sqlkit.InChunks(r.conn.Dialect(), ids, func(list string, args []any) error {
			return s.Query(ctx, `SELECT id, availability_zone FROM volumes WHERE id IN `+list, func(row *sql.Rows) error {
				var id, zone string
				err := row.Scan((*sqlkit.Text)(&id), (*sqlkit.Text)(&zone))
				zones[id] = zone
				return err
			}, args...)
		})
	})
	if err != nil {
		return nil, err
	}
	return zones, nil
}
