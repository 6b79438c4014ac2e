// Package schema is the database of the image service: Glance's tables of images, members and tasks as Glance 2025.1 has
// them, and our own beside them, and how a new database gets them.
//
// What must not live here: any statement that a running service makes; those are sqlstore's.
package schema

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// revision counts the revisions of these tables. clinker_migrations holds one row per revision that was applied.
const revision = 1

// Up brings a database to this schema in one transaction: an empty one is made, one that has it is left as it is. Anything
// else is refused with a fault.Invalid and not touched. Services may run it at the same moment.
func Up(ctx context.Context, db *sqlkit.DB) error {
	ready := false
	err := db.Read(ctx, func(s *sqlkit.Session) (err error) {
		ready, err = inspect(ctx, s)
		return err
	})
	if err != nil || ready {
		return err
	}
	return db.Write(ctx, func(s *sqlkit.Session) error {
		if ready, err := inspect(ctx, s); err != nil || ready {
			return err
		}
		for _, t := range tables() {
			for _, text := range t.statements(s.Dialect()) {
				if _, err := s.Exec(ctx, text); err != nil {
					return err
				}
			}
		}
		_, err := s.Exec(ctx, `INSERT INTO clinker_migrations (revision, applied_at) VALUES (?, ?)`, revision, s.Dialect().Time(time.Now()))
		return err
	})
}

// inspect reports whether everything is there.
func inspect(ctx context.Context, s *sqlkit.Session) (ready bool, err error) {
	count := func(text string) (n int64, err error) {
		_, err = s.QueryRow(ctx, text, []any{(*sqlkit.Int)(&n)})
		return n, err
	}
	all, err := count(`SELECT COUNT(*) FROM (` + s.Dialect().TableNames() + `) tables`)
	if err != nil || all == 0 {
		return false, err
	}
	ours, err := count(`SELECT COUNT(*) FROM (` + s.Dialect().TableNames() + `) tables WHERE name = 'clinker_migrations'`)
	if err != nil {
		return false, err
	}
	if ours == 0 {
		return false, fault.New(fault.Invalid, "", "The database holds tables of something else: want an empty one, or one of Clinker's image service.")
	}
	found, err := count(`SELECT MAX(revision) FROM clinker_migrations`)
	if err != nil {
		return false, err
	}
	if found > revision {
		return false, fault.New(fault.Invalid, "",
			"The database is at revision %d of the image service, but this program knows only %d: it was used by a newer Clinker, use that one.", found, revision)
	}
	return true, nil
}
