package volumerows

import (
	"context"
	"database/sql"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// SnapshotImageMetadata implements store.ImageReader.
func (r Reader) SnapshotImageMetadata(ctx context.Context, snapshotID string) (md map[string]string, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		md = map[string]string{}
		return snapshotImageMetadata().Load(ctx, s, []string{snapshotID}, func(_, key, value string) { md[key] = value })
	})
	return md, err
}

// PutSnapshotImageMetadata implements store.ImageWriter.
func (w Writer) PutSnapshotImageMetadata(ctx context.Context, snapshotID string, md map[string]string) error {
	if found, err := w.conn.Exists(ctx, "snapshots", snapshotID); err != nil {
		return err
	} else if !found {
		return block.SnapshotNotFound(snapshotID)
	}
	return snapshotImageMetadata().Put(ctx, w.conn, snapshotID, md, false)
}

const cacheColumns = "host, cluster_name, image_id, image_updated_at, volume_id, size, last_used"

// ImageCacheEntries implements store.ImageReader.
func (r Reader) ImageCacheEntries(ctx context.Context, q store.ImageCacheQuery) (list []*block.ImageCacheEntry, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		list = nil
		sb := rows.NewSelect(r.conn.Dialect(), cacheColumns, "image_volume_cache_entries")
		if q.Host != "" {
			sb.Where(sb.Within("host", string(q.Host)))
		}
		if q.Cluster != "" {
			sb.Where(sb.Within("cluster_name", string(q.Cluster)))
		}
		if q.ImageID != "" {
			sb.Where("image_id = " + sb.Arg(q.ImageID))
		}
		if q.VolumeID != "" {
			sb.Where("volume_id = " + sb.Arg(q.VolumeID))
		}
		return sb.Trail("ORDER BY last_used DESC, id DESC").Each(ctx, s, func(row *sql.Rows) error {
			e := new(block.ImageCacheEntry)
			list = append(list, e)
			return row.Scan((*sqlkit.Text)(&e.Host), (*sqlkit.Text)(&e.ClusterName), (*sqlkit.Text)(&e.ImageID),
				(*sqlkit.Time)(&e.ImageUpdatedAt), (*sqlkit.Text)(&e.VolumeID), (*sqlkit.Int)(&e.SizeGiB), (*sqlkit.Time)(&e.LastUsed))
		})
	})
	return list, err
}

// CreateImageCacheEntry implements store.ImageWriter.
func (w Writer) CreateImageCacheEntry(ctx context.Context, e *block.ImageCacheEntry) error {
	return w.conn.Run(ctx, `INSERT INTO image_volume_cache_entries (`+cacheColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`, string(e.Host),
		sqlkit.NullIfEmpty(e.ClusterName), e.ImageID, w.conn.At(e.ImageUpdatedAt), e.VolumeID, e.SizeGiB, w.conn.At(e.LastUsed))
}

// TouchImageCacheEntry implements store.ImageWriter.
func (w Writer) TouchImageCacheEntry(ctx context.Context, volumeID string, at time.Time) error {
	return w.conn.Run(ctx, `UPDATE image_volume_cache_entries SET last_used = ? WHERE volume_id = ?`, w.conn.At(at), volumeID)
}

// DeleteImageCacheEntry implements store.ImageWriter.
func (w Writer) DeleteImageCacheEntry(ctx context.Context, volumeID string) error {
	return w.conn.Run(ctx, `DELETE FROM image_volume_cache_entries WHERE volume_id = ?`, volumeID)
}
