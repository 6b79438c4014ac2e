package volumerows

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Volume implements store.VolumeReader.
//
// It is what clients poll, so it is one statement wherever that can be: on a server every further one costs as much again,
// and a statement by itself needs no transaction. Whatever belongs to a volume is joined to it, which multiplies rows: of two
// pairs of metadata and three attachments it makes six. Few volumes have much of everything; of those it is asked table by
// table.
func (r Reader) Volume(ctx context.Context, id, projectID string) (*block.Volume, error) {
	if err := r.conn.Lock(ctx, "volumes", id); err != nil {
		return nil, err
	}
	condition, args := `v.id = ? AND v.deleted = FALSE`, []any{id}
	if projectID != "" {
		condition, args = condition+` AND v.project_id = ?`, append(args, projectID)
	}
	var joined joinedVolume
	err := r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		joined = joinedVolume{}
		return s.Query(ctx, volumeJoinedSelect+condition+volumeJoinedLimit, joined.scan, args...)
	})
	switch {
	case err != nil:
		return nil, err
	case joined.rows == 0:
		return nil, block.VolumeNotFound(id)
	case joined.rows <= maxJoinedRows:
		sortAttachments(&joined.volume)
		return &joined.volume, nil
	}
	var v *block.Volume
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		v = new(block.Volume)
		found, err := s.QueryRow(ctx, volumeSelect+condition, volumeFields(v, nil), args...)
		if err != nil {
			return err
		}
		if !found {
			return block.VolumeNotFound(id)
		}
		return loadVolumeChildren(ctx, s, []*block.Volume{v})
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// maxJoinedRows is how many rows may come of one volume before it is asked table by table.
const maxJoinedRows = 8

var (
	volumeSelect = `SELECT ` + rows.Qualified("v", volumeColumns) + volumeJoined + ` FROM ` + volumeFrom + ` WHERE `

	volumeJoinedSelect = `SELECT ` + rows.Qualified("v", volumeColumns) + `, t.name, gt.name = '` + block.ConsistencyGroupTypeName +
		`', m."key", m.value, am."key", am.value, im."key", im.value, ` + rows.Qualified("a", attachmentColumns) + ` FROM ` + volumeFrom +
		` LEFT JOIN "groups" g ON g.id = v.group_id LEFT JOIN group_types gt ON gt.id = g.group_type_id` +
		` LEFT JOIN volume_metadata m ON m.volume_id = v.id AND m.deleted = FALSE` +
		` LEFT JOIN volume_admin_metadata am ON am.volume_id = v.id AND am.deleted = FALSE` +
		` LEFT JOIN volume_glance_metadata im ON im.volume_id = v.id AND im.deleted = FALSE` +
		` LEFT JOIN volume_attachment a ON a.volume_id = v.id AND a.deleted = FALSE WHERE `
	volumeJoinedLimit = ` LIMIT ` + strconv.Itoa(maxJoinedRows+1)
)

// joinedVolume is what the rows of volumeJoinedSelect come to.
type joinedVolume struct {
	volume block.Volume
	rows   int
	dest   []any
	pairs  [3]joinedPair
	a      attachmentRow // without an ID if there is none
}

// joinedPair is a pair of metadata, nil if there is none, beside a volume.
type joinedPair struct{ key, value *string }

// scan reads one row: everything of the volume again, and what it belongs to.
func (j *joinedVolume) scan(row *sql.Rows) error {
	v := &j.volume
	if j.rows++; j.rows > maxJoinedRows {
		return nil
	}
	maps := [...]*map[string]string{&v.Metadata, &v.AdminMetadata, &v.ImageMetadata}
	if j.rows == 1 {
		j.dest = volumeFields(v, make([]any, 0, 64))
		for i := range j.pairs {
			j.dest = append(j.dest, sqlkit.OptionalText{To: &j.pairs[i].key}, sqlkit.OptionalText{To: &j.pairs[i].value})
			*maps[i] = map[string]string{}
		}
		j.dest = append(j.dest, j.a.fields()...)
		v.Attachments = []block.Attachment{}
	}
	j.a = attachmentRow{}
	if err := row.Scan(j.dest...); err != nil {
		return err
	}
	for i, p := range j.pairs {
		if p.key != nil {
			(*maps[i])[*p.key] = ""
			if p.value != nil {
				(*maps[i])[*p.key] = *p.value
			}
		}
	}
	known := func(a block.Attachment) bool { return a.ID == j.a.ID }
	if j.a.ID == "" || slices.ContainsFunc(v.Attachments, known) {
		return nil
	}
	a, err := j.a.attachment()
	a.ProjectID = v.ProjectID
	v.Attachments = append(v.Attachments, a)
	return err
}

// loadVolumeChildren fills the maps and attachments of volumes: two queries for every MaxInSet of them.
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

// sortAttachments puts the oldest first. The database is not asked to: it would choose an index for the order and not for the
// volume.
func sortAttachments(v *block.Volume) {
	if len(v.Attachments) > 1 {
		slices.SortFunc(v.Attachments, func(a, b block.Attachment) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
	}
}

// volumePairs reads the three tables of keys and values in one go; the number says which map a row belongs to.
func volumePairs(list string) string {
	var parts []string
	for i, table := range []string{"volume_metadata", "volume_admin_metadata", "volume_glance_metadata"} {
		parts = append(parts, `SELECT `+string(rune('0'+i))+`, volume_id, "key", value FROM `+table+` WHERE volume_id IN `+list+` AND deleted = FALSE`)
	}
	return strings.Join(parts, " UNION ALL ")
}
