package catalogrows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/sqlkit"
)

// TypeEncryption implements store.EncryptionReader.
func (r CatalogReader) TypeEncryption(ctx context.Context, typeID string) (e *block.TypeEncryption, err error) {
	found := false
	err = r.conn.Read(ctx, func(s *sqlkit.Session) (err error) {
		e = new(block.TypeEncryption)
		var keySize sql.NullInt64
		found, err = s.QueryRow(ctx, `SELECT encryption_id, volume_type_id, created_at, updated_at, deleted_at, provider, control_location, cipher, key_size
			FROM encryption WHERE volume_type_id = ? AND deleted = FALSE`,
			[]any{(*sqlkit.Text)(&e.ID), (*sqlkit.Text)(&e.TypeID), (*sqlkit.Time)(&e.CreatedAt), (*sqlkit.Time)(&e.UpdatedAt), (*sqlkit.Time)(&e.DeletedAt),
				(*sqlkit.Text)(&e.Provider), (*sqlkit.Text)(&e.ControlLocation), sqlkit.OptionalText{To: &e.Cipher}, &keySize}, typeID)
		if keySize.Valid {
			e.KeySizeBits = &keySize.Int64
		}
		return err
	})
	if err == nil && !found {
		err = block.TypeEncryptionNotFound(typeID)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// CreateTypeEncryption implements store.EncryptionWriter.
func (w CatalogWriter) CreateTypeEncryption(ctx context.Context, e *block.TypeEncryption) error {
	w.conn.Fill(&e.CreatedAt)
	return w.conn.Run(ctx, `INSERT INTO encryption (encryption_id, volume_type_id, created_at, deleted, provider, control_location, cipher, key_size)
		VALUES (?, ?, ?, FALSE, ?, ?, ?, ?)`, e.ID, e.TypeID, w.conn.At(e.CreatedAt), e.Provider, e.ControlLocation,
		sqlkit.NullIfNil(e.Cipher), sqlkit.NullIfNil(e.KeySizeBits))
}

// UpdateTypeEncryption implements store.EncryptionWriter.
func (w CatalogWriter) UpdateTypeEncryption(ctx context.Context, e *block.TypeEncryption) error {
	n, err := w.conn.Exec(ctx, `UPDATE encryption SET provider = ?, control_location = ?, cipher = ?, key_size = ?, updated_at = ?
		WHERE volume_type_id = ? AND deleted = FALSE`, e.Provider, e.ControlLocation, sqlkit.NullIfNil(e.Cipher), sqlkit.NullIfNil(e.KeySizeBits),
		w.conn.At(w.conn.Now()), e.TypeID)
	if err == nil && n == 0 {
		err = block.TypeEncryptionNotFound(e.TypeID)
	}
	return err
}

// DestroyTypeEncryption implements store.EncryptionWriter.
func (w CatalogWriter) DestroyTypeEncryption(ctx context.Context, typeID string) error {
	n, err := w.conn.Exec(ctx, `UPDATE encryption SET deleted = TRUE, deleted_at = ? WHERE volume_type_id = ? AND deleted = FALSE`,
		w.conn.At(w.conn.Now()), typeID)
	if err == nil && n == 0 {
		err = block.TypeEncryptionNotFound(typeID)
	}
	return err
}
