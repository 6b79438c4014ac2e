package catalogrows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/sqlkit"
)

// DefaultTypeIDs implements store.DefaultTypeReader.
func (r CatalogReader) DefaultTypeIDs(ctx context.Context) (ids map[string]string, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		ids = map[string]string{}
		return s.Query(ctx, `SELECT project_id, volume_type_id FROM default_volume_types WHERE deleted = FALSE`, func(row *sql.Rows) error {
			var project, id sqlkit.Text
			err := row.Scan(&project, &id)
			ids[string(project)] = string(id)
			return err
		})
	})
	return ids, err
}

// ProjectsWithDefaultType implements store.DefaultTypeReader.
func (r CatalogReader) ProjectsWithDefaultType(ctx context.Context, typeID string) (projects []string, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		projects = nil
		return s.Query(ctx, `SELECT project_id FROM default_volume_types WHERE volume_type_id = ? AND deleted = FALSE ORDER BY project_id`,
			func(row *sql.Rows) error {
				var project sqlkit.Text
				err := row.Scan(&project)
				projects = append(projects, string(project))
				return err
			}, typeID)
	})
	return projects, err
}

// SetDefaultType implements store.DefaultTypeWriter.
func (w CatalogWriter) SetDefaultType(ctx context.Context, projectID, typeID string) error {
	text := w.conn.Dialect().Upsert("default_volume_types", []string{"created_at", "updated_at", "deleted", "project_id", "volume_type_id"},
		[]string{"project_id"}, []string{"updated_at", "deleted", "volume_type_id"})
	now := w.conn.At(w.conn.Now())
	return w.conn.Run(ctx, text, now, now, false, projectID, typeID)
}

// UnsetDefaultType implements store.DefaultTypeWriter. The row really goes, as upstream has it.
func (w CatalogWriter) UnsetDefaultType(ctx context.Context, projectID string) error {
	return w.conn.Run(ctx, `DELETE FROM default_volume_types WHERE project_id = ?`, projectID)
}
