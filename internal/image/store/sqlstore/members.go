package sqlstore

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/sqlkit"
)

const memberSelect = `SELECT image_id, member, status, created_at, updated_at FROM image_members WHERE image_id = ?`

func memberFields(m *image.Member) []any {
	return []any{(*sqlkit.Text)(&m.ImageID), (*sqlkit.Text)(&m.MemberID), (*sqlkit.Text)(&m.Status), (*sqlkit.Time)(&m.CreatedAt),
		(*sqlkit.Time)(&m.UpdatedAt)}
}

// Members implements store.ImageReader.
func (r *reader) Members(ctx context.Context, imageID string) (members []*image.Member, err error) {
	err = r.read(ctx, func(s *sqlkit.Session) error {
		return s.Query(ctx, memberSelect+` ORDER BY created_at, id`, func(rows *sql.Rows) error {
			m := new(image.Member)
			members = append(members, m)
			return rows.Scan(memberFields(m)...)
		}, imageID)
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}

// Member implements store.ImageReader.
func (r *reader) Member(ctx context.Context, imageID, memberID string) (*image.Member, error) {
	m := new(image.Member)
	err := r.read(ctx, func(s *sqlkit.Session) error {
		found, err := s.QueryRow(ctx, memberSelect+` AND member = ?`, memberFields(m), imageID, memberID)
		if err == nil && !found {
			err = image.MemberNotFound(imageID, memberID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// CreateMember implements store.MemberWriter.
func (t *tx) CreateMember(ctx context.Context, m *image.Member) error {
	there, err := t.session.QueryRow(ctx, `SELECT 1 FROM image_members WHERE image_id = ? AND member = ?`, []any{new(sqlkit.Int)},
		m.ImageID, m.MemberID)
	if err != nil {
		return err
	}
	if there {
		return fault.New(fault.Conflict, "Duplicate", "The target member %s is already associated with image %s.", m.MemberID, m.ImageID)
	}
	m.CreatedAt = t.now()
	m.UpdatedAt = m.CreatedAt
	return t.run(ctx, `INSERT INTO image_members (image_id, member, status, can_share, created_at, updated_at, deleted)
		VALUES (?, ?, ?, FALSE, ?, ?, FALSE)`, m.ImageID, m.MemberID, string(m.Status), t.at(m.CreatedAt), t.at(m.UpdatedAt))
}

// SaveMember implements store.MemberWriter.
func (t *tx) SaveMember(ctx context.Context, m *image.Member) error {
	m.UpdatedAt = t.now()
	n, err := t.session.Exec(ctx, `UPDATE image_members SET status = ?, updated_at = ? WHERE image_id = ? AND member = ?`,
		string(m.Status), t.at(m.UpdatedAt), m.ImageID, m.MemberID)
	if err == nil && n == 0 {
		err = image.MemberNotFound(m.ImageID, m.MemberID)
	}
	return err
}

// DestroyMember implements store.MemberWriter.
func (t *tx) DestroyMember(ctx context.Context, imageID, memberID string) error {
	n, err := t.session.Exec(ctx, `DELETE FROM image_members WHERE image_id = ? AND member = ?`, imageID, memberID)
	if err == nil && n == 0 {
		err = image.MemberNotFound(imageID, memberID)
	}
	return err
}
