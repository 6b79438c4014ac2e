package volumerows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// transferColumns are the columns of a transfer, in the order of transferFields and CreateTransfer.
const transferColumns = "id, volume_id, created_at, updated_at, deleted_at, display_name, salt, crypt_hash, no_snapshots, " +
	"source_project_id, destination_project_id, accepted"

func transferFields(t *block.Transfer) []any {
	return []any{
		(*sqlkit.Text)(&t.ID), (*sqlkit.Text)(&t.VolumeID),
		(*sqlkit.Time)(&t.CreatedAt), (*sqlkit.Time)(&t.UpdatedAt), (*sqlkit.Time)(&t.DeletedAt),
		sqlkit.OptionalText{To: &t.Name}, (*sqlkit.Text)(&t.Salt), (*sqlkit.Text)(&t.CryptHash), (*sqlkit.Bool)(&t.NoSnapshots),
		(*sqlkit.Text)(&t.SourceProjectID), (*sqlkit.Text)(&t.DestinationProjectID), (*sqlkit.Bool)(&t.Accepted),
	}
}

const transferFrom = "transfers f JOIN volumes v ON v.id = f.volume_id"

func transferListing() *rows.Listing {
	return &rows.Listing{
		From: transferFrom, ID: "f.id", Visible: "f.deleted = FALSE", Project: "v.project_id",
		Columns: rows.Merged(
			rows.SameName("f", rows.Textual, "volume_id", "display_name", "source_project_id", "destination_project_id"),
			rows.SameName("f", rows.Boolean, "no_snapshots", "accepted"),
			rows.SameName("f", rows.Temporal, "updated_at", "expires_at"),
			map[string]rows.Column{
				"id":         {Name: "f.id", NotNull: true},
				"created_at": {Name: "f.created_at", Kind: rows.Temporal, NotNull: true},
				"name":       {Name: "f.display_name"},
			}),
		NotFound: func(id string) error { return block.TransferNotFound(id) },
	}
}

// Transfer implements store.TransferReader.
func (r Reader) Transfer(ctx context.Context, id, projectID string) (t *block.Transfer, err error) {
	if err := r.conn.Lock(ctx, "transfers", id); err != nil {
		return nil, err
	}
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("f", transferColumns), transferFrom)
		if _, err := r.transfers.Choose(sb, rows.Choice{ProjectID: projectID, IDs: []string{id}}); err != nil {
			return err
		}
		t = new(block.Transfer)
		found, err := sb.Row(ctx, s, transferFields(t)...)
		if err == nil && !found {
			err = block.TransferNotFound(id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Transfers implements store.TransferReader.
func (r Reader) Transfers(ctx context.Context, q store.TransferQuery) (transfers []*block.Transfer, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("f", transferColumns), transferFrom)
		possible, err := r.transfers.Choose(sb, rows.Choice{ProjectID: q.ProjectID, Equal: q.Equal})
		if err != nil || !possible {
			return err
		}
		if err := r.transfers.Page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			t := new(block.Transfer)
			transfers = append(transfers, t)
			return row.Scan(transferFields(t)...)
		})
	})
	if err != nil {
		return nil, err
	}
	return transfers, nil
}

// CreateTransfer implements store.TransferWriter.
func (w Writer) CreateTransfer(ctx context.Context, t *block.Transfer) error {
	if err := w.conn.Pin(ctx, "volumes", t.VolumeID); err != nil {
		return err
	}
	w.conn.Fill(&t.CreatedAt)
	null := sqlkit.NullIfEmpty[string]
	return w.conn.Run(ctx, rows.InsertInto("transfers", transferColumns),
		t.ID, t.VolumeID, w.conn.At(t.CreatedAt), w.conn.At(t.UpdatedAt), w.conn.At(t.DeletedAt), sqlkit.NullIfNil(t.Name),
		t.Salt, t.CryptHash, t.NoSnapshots, null(t.SourceProjectID), null(t.DestinationProjectID), t.Accepted)
}

// DestroyTransfer implements store.TransferWriter. Like Cinder it leaves updated_at alone.
func (w Writer) DestroyTransfer(ctx context.Context, id, acceptedBy string) (bool, error) {
	set, args := `deleted = TRUE, deleted_at = ?`, []any{w.conn.At(w.conn.Now())}
	if acceptedBy != "" {
		set, args = set+`, destination_project_id = ?, accepted = TRUE`, append(args, acceptedBy)
	}
	n, err := w.conn.Exec(ctx, `UPDATE transfers SET `+set+` WHERE id = ? AND deleted = FALSE`, append(args, id)...)
	return n > 0, err
}
