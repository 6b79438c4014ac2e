package volumerows

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Volume implements store.VolumeReader.
//
// It is what clients poll, so it is one statement wherever that can be: on a server every further one costs as much again,
// and a statement by itself needs no transaction. Whatever belongs to a volume is joined to it, which multiplies rows: of two
// pairs of metadata and three attachments it makes six. Few volumes have much of everything; those are asked for as lists are.
func (r Reader) Volume(ctx context.Context, id, projectID string) (*block.Volume, error) {
	if err := r.conn.Lock(ctx, "volumes", id); err != nil {
		return nil, err
	}
	condition, text, args := oneVolume, volumeJoinedText, []any{id}
	if projectID != "" {
		condition, text, args = oneVolumeOf, volumeJoinedTextOf, append(args, projectID)
	}
	joined, ok := r.joined.Get().(*joinedVolume)
	if !ok {
		joined = newJoinedVolume()
	}
	defer r.joined.Put(joined)
	err := r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		joined.begin()
		return s.Query(ctx, text, joined.scan, args...)
	})
	v := joined.end()
	switch {
	case err != nil:
		return nil, err
	case joined.rows == 0:
		return nil, block.VolumeNotFound(id)
	case joined.rows <= maxJoinedRows:
		return v, nil
	}
	var found []*block.Volume
	err = r.conn.ReadPage(store.Page{})(ctx, func(s *sqlkit.Session) (err error) {
		text := `SELECT ` + r.gatheredVolume + ` FROM volumes v WHERE ` + condition
		found, err = r.readVolumes(ctx, s, func(row func(*sql.Rows) error) error { return s.Query(ctx, text, row, args...) })
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0: // it has gone meanwhile
		return nil, block.VolumeNotFound(id)
	}
	return found[0], nil
}

// maxJoinedRows is how many rows may come of one volume before it is asked for as lists are.
const maxJoinedRows = 8

const (
	oneVolume   = `v.id = ? AND v.deleted = FALSE`
	oneVolumeOf = oneVolume + ` AND v.project_id = ?`
)

var (
	volumeJoinedText   = volumeJoinedSelect + oneVolume + volumeJoinedLimit
	volumeJoinedTextOf = volumeJoinedSelect + oneVolumeOf + volumeJoinedLimit

	volumeJoinedSelect = `SELECT ` + rows.Qualified("v", volumeColumns) + `, t.name, gt.name = '` + block.ConsistencyGroupTypeName +
		`', m."key", m.value, am."key", am.value, im."key", im.value, ` + rows.Qualified("a", attachmentColumns) + ` FROM volumes v` +
		` LEFT JOIN volume_types t ON t.id = v.volume_type_id` +
		` LEFT JOIN "groups" g ON g.id = v.group_id LEFT JOIN group_types gt ON gt.id = g.group_type_id` +
		` LEFT JOIN volume_metadata m ON m.volume_id = v.id AND m.deleted = FALSE` +
		` LEFT JOIN volume_admin_metadata am ON am.volume_id = v.id AND am.deleted = FALSE` +
		` LEFT JOIN volume_glance_metadata im ON im.volume_id = v.id AND im.deleted = FALSE` +
		` LEFT JOIN volume_attachment a ON a.volume_id = v.id AND a.deleted = FALSE WHERE `
	volumeJoinedLimit = ` LIMIT ` + strconv.Itoa(maxJoinedRows+1)
)

// joinedVolume is what the rows of volumeJoinedSelect come to. It is used for one volume after another: that there is a place for
// each of 60 columns to be scanned into is made out once and not for every show.
type joinedVolume struct {
	volume block.Volume
	rows   int
	dest   []any
	pairs  [3]joinedPair
	a      attachmentRow // without an ID if there is none
}

func newJoinedVolume() *joinedVolume {
	j := new(joinedVolume)
	j.dest = volumeFields(&j.volume, make([]any, 0, 64))
	for i := range j.pairs {
		j.dest = append(j.dest, sqlkit.OptionalText{To: &j.pairs[i].key}, sqlkit.OptionalText{To: &j.pairs[i].value})
	}
	j.dest = append(j.dest, j.a.fields()...)
	return j
}

func (j *joinedVolume) begin() {
	j.rows = 0
	j.volume = block.Volume{Metadata: map[string]string{}, AdminMetadata: map[string]string{}, ImageMetadata: map[string]string{}, Attachments: []block.Attachment{}}
}

// end gives what has been read and forgets it.
func (j *joinedVolume) end() *block.Volume {
	v := new(j.volume)
	sortAttachments(v)
	j.volume, j.a, j.pairs = block.Volume{}, attachmentRow{}, [3]joinedPair{}
	return v
}

// joinedPair is a pair of metadata, nil if there is none, beside a volume.
type joinedPair struct{ key, value *string }

// scan reads one row: everything of the volume again, and what it belongs to.
func (j *joinedVolume) scan(row *sql.Rows) error {
	v := &j.volume
	if j.rows++; j.rows > maxJoinedRows {
		return nil
	}
	j.a = attachmentRow{}
	if err := row.Scan(j.dest...); err != nil {
		return err
	}
	for i, pairs := range [...]map[string]string{v.Metadata, v.AdminMetadata, v.ImageMetadata} {
		if p := j.pairs[i]; p.key != nil {
			pairs[*p.key] = ""
			if p.value != nil {
				pairs[*p.key] = *p.value
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

// sortAttachments puts the oldest first. The database is not asked to: it would choose an index for the order and not for the
// volume.
func sortAttachments(v *block.Volume) {
	if len(v.Attachments) > 1 {
		slices.SortFunc(v.Attachments, func(a, b block.Attachment) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
	}
}
