package sqlstore

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// OwnServices implements store.OwnServiceReader.
func (r *reader) OwnServices(ctx context.Context, binary string) (own []store.OwnService, err error) {
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		return s.Query(ctx, `SELECT host, owner, seen_at FROM clinker_services WHERE kind = ? ORDER BY host`, func(row *sql.Rows) error {
			o := store.OwnService{Binary: binary}
			err := row.Scan((*sqlkit.Text)(&o.Host), (*sqlkit.Text)(&o.Owner), (*sqlkit.Time)(&o.SeenAt))
			own = append(own, o)
			return err
		}, binary)
	})
	if err != nil {
		return nil, err
	}
	return own, nil
}

// MarkOwn implements store.OwnServiceWriter.
func (t *tx) MarkOwn(ctx context.Context, s store.OwnService) error {
	text := t.conn.Dialect().Upsert("clinker_services", []string{"id", "kind", "host", "owner", "seen_at"}, []string{"id"}, []string{"owner", "seen_at"})
	return t.conn.Run(ctx, text, s.Binary+" "+s.Host, s.Binary, s.Host, s.Owner, t.conn.At(t.conn.Now()))
}
