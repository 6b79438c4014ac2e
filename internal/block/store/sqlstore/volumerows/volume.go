package volumerows

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/together"
)

// Volume implements store.VolumeReader.
//
// It is what clients poll, so it is one statement wherever that can be: on a server every further one costs as much again,
// and a statement by itself needs no transaction. Who asks while the database is busy with such a statement is answered
// by the next one, together with all who have come meanwhile, whatever volumes they ask for.
func (r Reader) Volume(ctx context.Context, id, projectID string) (v *block.Volume, err error) {
	if r.conn.Session == nil {
		if v, err = r.shown.Get(ctx, id); v != nil {
			v = own(v)
		}
	} else if err = r.conn.Lock(ctx, "volumes", id); err == nil {
		a := r.show(ctx, []string{id})[id]
		v, err = a.Value, a.Err
	}
	if err != nil {
		return nil, err
	}
	if v == nil || projectID != "" && v.ProjectID != projectID {
		return nil, block.VolumeNotFound(id)
	}
	return v, nil
}

// own is a copy of a volume that others have been given too.
func own(v *block.Volume) *block.Volume {
	v = new(*v)
	v.Metadata, v.AdminMetadata, v.ImageMetadata = maps.Clone(v.Metadata), maps.Clone(v.AdminMetadata), maps.Clone(v.ImageMetadata)
	v.Attachments = slices.Clone(v.Attachments)
	return v
}

type shown = together.Answer[*block.Volume]

// show reads the volumes with these ids, of which there are at most maxShown; those that are not there it leaves out.
func (r Reader) show(ctx context.Context, ids []string) map[string]shown {
	volumes, err := r.showAll(ctx, ids)
	answers := make(map[string]shown, len(ids))
	switch {
	case err == nil:
		for _, v := range volumes {
			answers[v.ID] = shown{Value: v}
		}
	case len(ids) == 1 || fault.Is(err, fault.Unavailable) || ctx.Err() != nil:
		for _, id := range ids {
			answers[id] = shown{Err: err}
		}
	default: // there may be something wrong with one of them, which must not hide the others
		for _, id := range ids {
			answers[id] = r.show(ctx, []string{id})[id]
		}
	}
	return answers
}

// showAll is show, which fails as a whole. Whatever belongs to a volume is joined to it, which multiplies rows: of two pairs of
// metadata and three attachments it makes six. Few volumes have much of everything; those are asked for as lists are.
func (r Reader) showAll(ctx context.Context, ids []string) (volumes []*block.Volume, err error) {
	statement, args := volumeStatement(ids)
	joined, ok := r.joined.Get().(*joinedVolumes)
	if !ok {
		joined = newJoinedVolumes()
	}
	defer r.joined.Put(joined)
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		joined.begin(statement.maxRows)
		return s.Query(ctx, statement.text, joined.scan, args...)
	})
	volumes, whole := joined.end()
	if err != nil || whole {
		return volumes, err
	}
	err = r.conn.ReadPage(store.Page{})(ctx, func(s *sqlkit.Session) (err error) {
		text := `SELECT ` + r.gatheredVolume + ` FROM volumes v WHERE ` + statement.condition
		volumes, err = r.readVolumes(ctx, s, func(row func(*sql.Rows) error) error { return s.Query(ctx, text, row, args...) })
		return err
	})
	return volumes, err
}

const (
	// maxShown is how many volumes one statement shows.
	maxShown = 16
	// maxJoinedRows is how many rows may come of each before they are asked for as lists are.
	maxJoinedRows = 8
)

// showStatement is the statement that shows some volumes.
type showStatement struct {
	condition, text string
	maxRows         int // of more it says no more than that there are more
}

// showStatements are for 1, 2, 4, 8 and 16 volumes: few, so that each stays prepared.
var showStatements = func() (list []showStatement) {
	for n := 1; n <= maxShown; n *= 2 {
		condition := `v.id = ?`
		if n > 1 {
			condition = `v.id IN (?` + strings.Repeat(`, ?`, n-1) + `)`
		}
		condition += ` AND v.deleted = FALSE`
		list = append(list, showStatement{condition, volumeJoinedSelect + condition + ` LIMIT ` + strconv.Itoa(n*maxJoinedRows+1), n * maxJoinedRows})
	}
	return list
}()

// volumeStatement is the smallest of showStatements for so many ids. What remains of its places takes the last id again.
func volumeStatement(ids []string) (s showStatement, args []any) {
	size := bits.Len(uint(len(ids) - 1))
	for i := range 1 << size {
		args = append(args, ids[min(i, len(ids)-1)])
	}
	return showStatements[size], args
}

var volumeJoinedSelect = `SELECT ` + rows.Qualified("v", volumeColumns) + `, t.name, gt.name = '` + block.ConsistencyGroupTypeName +
	`', m."key", m.value, am."key", am.value, im."key", im.value, ` + rows.Qualified("a", attachmentColumns) + ` FROM volumes v` +
	` LEFT JOIN volume_types t ON t.id = v.volume_type_id` +
	` LEFT JOIN "groups" g ON g.id = v.group_id LEFT JOIN group_types gt ON gt.id = g.group_type_id` +
	` LEFT JOIN volume_metadata m ON m.volume_id = v.id AND m.deleted = FALSE` +
	` LEFT JOIN volume_admin_metadata am ON am.volume_id = v.id AND am.deleted = FALSE` +
	` LEFT JOIN volume_glance_metadata im ON im.volume_id = v.id AND im.deleted = FALSE` +
	` LEFT JOIN volume_attachment a ON a.volume_id = v.id AND a.deleted = FALSE WHERE `

// joinedVolumes is what the rows of showStatements come to. It is used again and again: that there is a place for each of 60
// columns to be scanned into is made out once and not for every show.
type joinedVolumes struct {
	found         []*block.Volume
	rows, maxRows int

	// Where a row is scanned into:
	volume block.Volume
	pairs  [3]joinedPair
	a      attachmentRow // without an ID if there is none
	dest   []any
}

func newJoinedVolumes() *joinedVolumes {
	j := new(joinedVolumes)
	j.dest = volumeFields(&j.volume, make([]any, 0, 64))
	for i := range j.pairs {
		j.dest = append(j.dest, sqlkit.OptionalText{To: &j.pairs[i].key}, sqlkit.OptionalText{To: &j.pairs[i].value})
	}
	j.dest = append(j.dest, j.a.fields()...)
	return j
}

func (j *joinedVolumes) begin(maxRows int) { j.found, j.rows, j.maxRows = nil, 0, maxRows }

// end gives what has been read and forgets it; whole says that there were not too many rows.
func (j *joinedVolumes) end() (found []*block.Volume, whole bool) {
	for _, v := range j.found {
		sortAttachments(v)
	}
	found = j.found
	j.found, j.volume, j.a, j.pairs = nil, block.Volume{}, attachmentRow{}, [3]joinedPair{}
	return found, j.rows <= j.maxRows
}

// joinedPair is a pair of metadata, nil if there is none, beside a volume.
type joinedPair struct{ key, value *string }

// scan reads one row: everything of a volume, again if it is not its first, and what belongs to it.
func (j *joinedVolumes) scan(row *sql.Rows) error {
	if j.rows++; j.rows > j.maxRows {
		return nil
	}
	j.a = attachmentRow{}
	if err := row.Scan(j.dest...); err != nil {
		return err
	}
	v := j.current()
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

// current is the volume that the row is of.
func (j *joinedVolumes) current() *block.Volume {
	for _, v := range j.found {
		if v.ID == j.volume.ID {
			return v
		}
	}
	v := new(j.volume)
	v.Metadata, v.AdminMetadata, v.ImageMetadata, v.Attachments = map[string]string{}, map[string]string{}, map[string]string{}, []block.Attachment{}
	j.found = append(j.found, v)
	return v
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
