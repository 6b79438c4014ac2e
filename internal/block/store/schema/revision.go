package schema

import (
	"context"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Revision is the alembic revision a database says it is at; empty if it says none. It changes nothing.
func Revision(ctx context.Context, db *sqlkit.DB) (revision string, err error) {
	err = db.Read(ctx, func(s *sqlkit.Session) error {
		tables, err := names(ctx, s, s.Dialect().TableNames())
		if err != nil || !slices.Contains(tables, versionTable) {
			return err
		}
		found, err := names(ctx, s, `SELECT version_num FROM alembic_version`)
		revision = strings.Join(found, ", ")
		return err
	})
	return revision, err
}

// Check is nil if a database has Cinder's tables at CinderRevision, whether or not ours are beside them. Else it says, as
// a fault.Invalid, what the database is. It changes nothing.
func Check(ctx context.Context, db *sqlkit.DB) error {
	var found state
	err := db.Read(ctx, func(s *sqlkit.Session) (err error) {
		found, err = inspect(ctx, s)
		return err
	})
	if err == nil && found.outcome == Created {
		err = fault.New(fault.Invalid, "", "The database is empty; `cinder-manage db sync` makes its tables.")
	}
	return err
}
