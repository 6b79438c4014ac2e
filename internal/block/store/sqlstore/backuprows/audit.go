package backuprows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// BackupsIn implements store.AuditReader.
func (r BackupReader) BackupsIn(ctx context.Context, p store.Period, after string, limit int) (backups []*block.Backup, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		backups = nil
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("b", columns), "backups b")
		rows.InPeriod(sb, "b", p, after, limit)
		var dest []any
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			b := new(block.Backup)
			dest = fields(b, dest)
			backups = append(backups, b)
			return row.Scan(dest...)
		})
	})
	if err != nil {
		return nil, err
	}
	return backups, nil
}
