package sqlstore

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// imageColumns are the columns of an image in the order of imageFields.
const imageColumns = `i.id, i.created_at, i.updated_at, i.name, i.owner, i.status, i.visibility, i.container_format, i.disk_format,
	i.protected, i.os_hidden, i.min_disk, i.min_ram, i.size, i.virtual_size, i.checksum, i.os_hash_algo, i.os_hash_value`

func imageFields(i *image.Image) []any {
	return []any{
		(*sqlkit.Text)(&i.ID), (*sqlkit.Time)(&i.CreatedAt), (*sqlkit.Time)(&i.UpdatedAt), sqlkit.OptionalText{To: &i.Name},
		(*sqlkit.Text)(&i.Owner), (*sqlkit.Text)(&i.Status), (*sqlkit.Text)(&i.Visibility), (*sqlkit.Text)(&i.ContainerFormat),
		(*sqlkit.Text)(&i.DiskFormat), (*sqlkit.Bool)(&i.Protected), (*sqlkit.Bool)(&i.Hidden), (*sqlkit.Int)(&i.MinDiskGiB),
		(*sqlkit.Int)(&i.MinRAMMiB), sqlkit.OptionalInt{To: &i.SizeBytes}, sqlkit.OptionalInt{To: &i.VirtualSizeBytes}, (*sqlkit.Text)(&i.Checksum),
		(*sqlkit.Text)(&i.HashAlgorithm), (*sqlkit.Text)(&i.HashValue),
	}
}

// imageValues are what a write sets, from the name on in the order of imageColumns.
func imageValues(i *image.Image) []any {
	null := sqlkit.NullIfEmpty[string]
	return []any{
		sqlkit.NullIfNil(i.Name), null(i.Owner), string(i.Status), string(i.Visibility), null(i.ContainerFormat), null(i.DiskFormat),
		i.Protected, i.Hidden, i.MinDiskGiB, i.MinRAMMiB, sqlkit.NullIfNil(i.SizeBytes), sqlkit.NullIfNil(i.VirtualSizeBytes),
		null(i.Checksum), null(i.HashAlgorithm), null(i.HashValue),
	}
}

// Image implements store.ImageReader.
func (r *reader) Image(ctx context.Context, id string) (*image.Image, error) {
	i := new(image.Image)
	err := r.read(ctx, func(s *sqlkit.Session) error {
		found, err := s.QueryRow(ctx, `SELECT `+imageColumns+` FROM images i WHERE i.id = ? AND i.deleted = FALSE`, imageFields(i), id)
		if err != nil {
			return err
		}
		if !found {
			return image.NotFound(id)
		}
		return loadChildren(ctx, s, []*image.Image{i})
	})
	if err != nil {
		return nil, err
	}
	return i, nil
}

// ImageForUpdate implements store.ImageWriter. SQLite's writers wait for one another from their first statement.
func (t *tx) ImageForUpdate(ctx context.Context, id string) (*image.Image, error) {
	if locking := t.session.Dialect().Locking(); locking != "" {
		if _, err := t.session.QueryRow(ctx, `SELECT 1 FROM images WHERE id = ?`+locking, []any{new(sqlkit.Int)}, id); err != nil {
			return nil, err
		}
	}
	return t.Image(ctx, id)
}

// Images implements store.ImageReader.
func (r *reader) Images(ctx context.Context, q store.ImageQuery) (images []*image.Image, err error) {
	if q.Page.Limit <= 0 {
		return nil, nil
	}
	err = r.read(ctx, func(s *sqlkit.Session) error {
		list, err := r.listing(ctx, s, q)
		if err != nil {
			return err
		}
		text, args := list.Build()
		err = s.Query(ctx, text, func(rows *sql.Rows) error {
			i := new(image.Image)
			images = append(images, i)
			return rows.Scan(imageFields(i)...)
		}, args...)
		if err != nil {
			return err
		}
		return loadChildren(ctx, s, images)
	})
	if err != nil {
		return nil, err
	}
	return images, nil
}

// StorageUsage implements store.ImageReader.
func (r *reader) StorageUsage(ctx context.Context, owner, except string) (n int64, err error) {
	err = r.read(ctx, func(s *sqlkit.Session) error {
		_, err := s.QueryRow(ctx, `SELECT COALESCE(SUM(i.size), 0) FROM images i JOIN image_locations l ON l.image_id = i.id
			WHERE i.owner = ? AND i.deleted = FALSE AND i.id <> ?`, []any{(*sqlkit.Int)(&n)}, owner, except)
		return err
	})
	return n, err
}

// CreateImage implements store.ImageWriter.
func (t *tx) CreateImage(ctx context.Context, i *image.Image) error {
	if i.CreatedAt.IsZero() {
		i.CreatedAt = t.now()
	}
	if i.UpdatedAt.IsZero() {
		i.UpdatedAt = i.CreatedAt
	}
	taken, err := t.session.QueryRow(ctx, `SELECT 1 FROM images WHERE id = ?`, []any{new(sqlkit.Int)}, i.ID)
	if err != nil {
		return err
	}
	if taken {
		return fault.New(fault.Conflict, "Duplicate", "Image ID %s already exists!", i.ID)
	}
	args := append([]any{i.ID, t.at(i.CreatedAt), t.at(i.UpdatedAt)}, imageValues(i)...)
	err = t.run(ctx, `INSERT INTO images (id, created_at, updated_at, name, owner, status, visibility, container_format, disk_format,
		protected, os_hidden, min_disk, min_ram, size, virtual_size, checksum, os_hash_algo, os_hash_value, deleted)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE)`, args...)
	if err != nil {
		return err
	}
	return t.putChildren(ctx, i, &image.Image{})
}

// SaveImage implements store.ImageWriter.
func (t *tx) SaveImage(ctx context.Context, i *image.Image) error {
	before, err := t.Image(ctx, i.ID)
	if err != nil {
		return err
	}
	i.UpdatedAt = t.now()
	args := append(imageValues(i), t.at(i.UpdatedAt), i.ID)
	err = t.run(ctx, `UPDATE images SET name = ?, owner = ?, status = ?, visibility = ?, container_format = ?, disk_format = ?,
		protected = ?, os_hidden = ?, min_disk = ?, min_ram = ?, size = ?, virtual_size = ?, checksum = ?, os_hash_algo = ?,
		os_hash_value = ?, updated_at = ? WHERE id = ?`, args...)
	if err != nil {
		return err
	}
	return t.putChildren(ctx, i, before)
}

// DestroyImage implements store.ImageWriter. The row stays, marked as deleted, so that its id is not used again.
func (t *tx) DestroyImage(ctx context.Context, id string) error {
	now := t.at(t.now())
	n, err := t.session.Exec(ctx, `UPDATE images SET status = 'deleted', deleted = TRUE, deleted_at = ?, updated_at = ?
		WHERE id = ? AND deleted = FALSE`, now, now, id)
	if err != nil || n == 0 {
		return err
	}
	for _, table := range []string{"image_properties", "image_tags", "image_locations", "image_members"} {
		if err := t.run(ctx, `DELETE FROM `+table+` WHERE image_id = ?`, id); err != nil {
			return err
		}
	}
	return nil
}
