package volumerows

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/sqlkit"
)

// readVolumes runs a query of gatheredVolume and gives its volumes with all that belongs to them.
func (r Reader) readVolumes(ctx context.Context, s *sqlkit.Session, query func(row func(*sql.Rows) error) error) (volumes []*block.Volume, err error) {
	err = query(volumesInto(func(v *block.Volume) { volumes = append(volumes, v) }))
	if err == nil && len(volumes) > 0 && !r.conn.Gathers() {
		err = loadVolumeChildren(ctx, s, volumes)
	}
	return volumes, err
}

// readSnapshots is readVolumes of gatheredSnapshot.
func (r Reader) readSnapshots(ctx context.Context, s *sqlkit.Session, query func(row func(*sql.Rows) error) error) (snapshots []*block.Snapshot, err error) {
	err = query(snapshotsInto(func(n *block.Snapshot) { snapshots = append(snapshots, n) }))
	if err == nil && len(snapshots) > 0 && !r.conn.Gathers() {
		err = loadSnapshotMetadata(ctx, s, snapshots)
	}
	return snapshots, err
}

// loadVolumeChildren fills the maps and attachments of volumes where the rows of a list do not bring them along: two queries for
// every MaxInSet of them.
func loadVolumeChildren(ctx context.Context, s *sqlkit.Session, volumes []*block.Volume) error {
	none := map[string]string{} // what is read is read-only, so all who have nothing share it
	byID := make(map[string]*block.Volume, len(volumes))
	ids := make([]string, len(volumes))
	for i, v := range volumes {
		v.Metadata, v.AdminMetadata, v.ImageMetadata, v.Attachments = none, none, none, []block.Attachment{}
		byID[v.ID], ids[i] = v, v.ID
	}
	err := sqlkit.InChunks(s.Dialect(), ids, func(list string, args []any) error {
		err := s.Query(ctx, volumePairs(list), func(row *sql.Rows) error {
			var kind int64
			var id, key, value string
			if err := row.Scan((*sqlkit.Int)(&kind), (*sqlkit.Text)(&id), (*sqlkit.Text)(&key), (*sqlkit.Text)(&value)); err != nil {
				return err
			}
			v := byID[id]
			pairs := [...]*map[string]string{&v.Metadata, &v.AdminMetadata, &v.ImageMetadata}[kind]
			if len(*pairs) == 0 {
				*pairs = make(map[string]string)
			}
			(*pairs)[key] = value
			return nil
		}, slices.Concat(args, args, args)...)
		if err != nil {
			return err
		}
		text := `SELECT ` + attachmentColumns + ` FROM volume_attachment WHERE volume_id IN ` + list + ` AND deleted = FALSE`
		return s.Query(ctx, text, func(row *sql.Rows) error {
			a, err := scanAttachment(row)
			if err != nil {
				return err
			}
			v := byID[a.VolumeID]
			a.ProjectID = v.ProjectID
			v.Attachments = append(v.Attachments, a)
			return nil
		}, args...)
	})
	for _, v := range volumes {
		sortAttachments(v)
	}
	return err
}

// volumePairs reads the three tables of keys and values in one go; the number says which map a row belongs to.
func volumePairs(list string) string {
	var parts []string
	for i, table := range []string{"volume_metadata", "volume_admin_metadata", "volume_glance_metadata"} {
		parts = append(parts, `SELECT `+string(rune('0'+i))+`, volume_id, "key", value FROM `+table+` WHERE volume_id IN `+list+` AND deleted = FALSE`)
	}
	return strings.Join(parts, " UNION ALL ")
}

func loadSnapshotMetadata(ctx context.Context, s *sqlkit.Session, snapshots []*block.Snapshot) error {
	none := map[string]string{} // what is read is read-only, so all who have nothing share it
	byID := make(map[string]*block.Snapshot, len(snapshots))
	ids := make([]string, len(snapshots))
	for i, n := range snapshots {
		n.Metadata, byID[n.ID], ids[i] = none, n, n.ID
	}
	return snapshotMetadata().Load(ctx, s, ids, func(id, key, value string) {
		n := byID[id]
		if len(n.Metadata) == 0 {
			n.Metadata = make(map[string]string)
		}
		n.Metadata[key] = value
	})
}
