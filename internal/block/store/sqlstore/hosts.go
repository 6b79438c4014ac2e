package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// ProjectsOn implements store.HostReader: one query for volumes, one for snapshots.
func (r *reader) ProjectsOn(ctx context.Context, backend string) ([]store.ProjectTotals, error) {
	byProject := map[string]*store.ProjectTotals{}
	count := func(s *sqlkit.Session, columns, from, host, visible, project string, add func(p *store.ProjectTotals, n, sizeGiB int64)) error {
		sb := rows.NewSelect(r.conn.Dialect(), project+", "+columns, from)
		sb.Where(visible, sb.Within(host, backend)).Trail("GROUP BY " + project)
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			var id sqlkit.Text
			var n, sizeGiB sqlkit.Int
			if err := row.Scan(&id, &n, &sizeGiB); err != nil {
				return err
			}
			p := byProject[string(id)]
			if p == nil {
				p = &store.ProjectTotals{ProjectID: string(id)}
				byProject[string(id)] = p
			}
			add(p, int64(n), int64(sizeGiB))
			return nil
		})
	}
	err := r.conn.Read(ctx, func(s *sqlkit.Session) error {
		err := count(s, "COUNT(*), COALESCE(SUM(v.size), 0)", "volumes v", "v.host", "v.deleted = FALSE", "v.project_id",
			func(p *store.ProjectTotals, n, sizeGiB int64) { p.Volumes, p.SizeGiB = n, sizeGiB })
		if err != nil {
			return err
		}
		return count(s, "COUNT(*), COALESCE(SUM(n.volume_size), 0)", "snapshots n JOIN volumes v ON v.id = n.volume_id", "v.host",
			"n.deleted = FALSE AND v.deleted = FALSE", "n.project_id",
			func(p *store.ProjectTotals, n, sizeGiB int64) { p.Snapshots, p.SnapshotsSizeGiB = n, sizeGiB })
	})
	if err != nil {
		return nil, err
	}
	totals := make([]store.ProjectTotals, 0, len(byProject))
	for _, p := range slices.SortedFunc(maps.Values(byProject), func(a, b *store.ProjectTotals) int { return cmp.Compare(a.ProjectID, b.ProjectID) }) {
		if p.Volumes > 0 { // a project with nothing but snapshots is left out, as upstream does
			totals = append(totals, *p)
		}
	}
	return totals, nil
}
