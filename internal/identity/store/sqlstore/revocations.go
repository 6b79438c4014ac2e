package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

const revocationColumns = "user_id, project_id, audit_id, audit_chain_id, issued_before, revoked_at"

func (c conn) revocations(ctx context.Context, rest string, args ...any) (found []identity.RevocationEvent, err error) {
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found = nil
		return s.Query(ctx, `SELECT `+revocationColumns+` FROM revocation_events `+rest, func(row *sql.Rows) error {
			var e identity.RevocationEvent
			err := row.Scan((*sqlkit.Text)(&e.UserID), (*sqlkit.Text)(&e.ProjectID), (*sqlkit.Text)(&e.AuditID), (*sqlkit.Text)(&e.AuditChainID),
				(*sqlkit.Time)(&e.IssuedBefore), (*sqlkit.Time)(&e.RevokedAt))
			found = append(found, e)
			return err
		}, args...)
	})
	return found, err
}

// Revocations implements store.RevocationReader.
func (c conn) Revocations(ctx context.Context, userID string, issuedAt time.Time) ([]identity.RevocationEvent, error) {
	return c.revocations(ctx, `WHERE issued_before >= ? AND user_id IN ('', ?) ORDER BY id`, c.At(issuedAt), userID)
}

// RevokedUntil implements store.RevocationReader.
func (c conn) RevokedUntil(ctx context.Context, userID string) (until time.Time, err error) {
	text, args := `SELECT MAX(issued_before) FROM revocation_events WHERE audit_id = ''`, []any{}
	if userID != "" {
		text, args = text+` AND user_id IN ('', ?)`, []any{userID}
	}
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		_, err := s.QueryRow(ctx, text, []any{(*sqlkit.Time)(&until)}, args...)
		return err
	})
	return until, err
}

// AllRevocations implements store.RevocationReader.
func (c conn) AllRevocations(ctx context.Context, since time.Time, limit int) ([]identity.RevocationEvent, error) {
	if since.IsZero() {
		since = time.Unix(0, 0)
	}
	return c.revocations(ctx, `WHERE revoked_at >= ? ORDER BY id DESC LIMIT `+strconv.Itoa(limit), c.At(since))
}

// Revoke implements store.RevocationWriter.
func (t tx) Revoke(ctx context.Context, e identity.RevocationEvent, expired time.Time) error {
	if _, err := t.Exec(ctx, `DELETE FROM revocation_events WHERE revoked_at < ?`, t.At(expired)); err != nil {
		return err
	}
	_, err := t.Exec(ctx, rows.InsertInto("revocation_events", revocationColumns), e.UserID, e.ProjectID, e.AuditID, e.AuditChainID, t.At(e.IssuedBefore), t.At(e.RevokedAt))
	return err
}
