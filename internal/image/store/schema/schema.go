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
	"github.com/clinker/clinker/internal/sqlkit/alone"
)

// revision counts the revisions of these tables. clinker_migrations holds one row per revision that was applied.
const revision = metadefs

// Up brings a database to this schema in one transaction: an empty one is made, one of an older revision gets what it lacks, one
// that has it is left as it is. Anything else is refused with a fault.Invalid and not touched. Services may run it at the same
// moment.
func Up(ctx context.Context, db *sqlkit.DB) error {
	found := int64(0)
	err := db.Read(ctx, func(s *sqlkit.Session) (err error) {
		found, err = inspect(ctx, s)
		return err
	})
	// Where tables are made outside transactions, what looks wrong may be somebody else's work half done.
	if half := fault.Is(err, fault.Invalid) && db.Dialect().Alone() != ""; err != nil && !half || err == nil && found == revision {
		return err
	}
	return alone.Write(ctx, db, func(s *sqlkit.Session) error {
		found, err := inspect(ctx, s)
		if err != nil || found == revision {
			return err
		}
		for _, t := range tables() {
			if int64(max(t.since, 1)) <= found {
				continue
			}
			for _, text := range t.statements(s.Dialect()) {
				if _, err := s.Exec(ctx, text); err != nil {
					return err
				}
			}
		}
		return apply(ctx, s, found)
	})
}

// apply puts in the rows that revisions after found begin with.
func apply(ctx context.Context, s *sqlkit.Session, found int64) error {
	now := s.Dialect().Time(time.Now())
	if found < metadefs {
		for _, name := range resourceTypes {
			_, err := s.Exec(ctx, `INSERT INTO metadef_resource_types (name, protected, created_at, updated_at) VALUES (?, TRUE, ?, ?)`, name, now, now)
			if err != nil {
				return err
			}
		}
	}
	for n := found + 1; n <= revision; n++ {
		if _, err := s.Exec(ctx, `INSERT INTO clinker_migrations (revision, applied_at) VALUES (?, ?)`, n, now); err != nil {
			return err
		}
	}
	return nil
}

// resourceTypes are what definitions of metadata are for in every cloud; clients offer them.
var resourceTypes = []string{"OS::Cinder::Volume", "OS::Glance::Image", "OS::Nova::Aggregate", "OS::Nova::Flavor", "OS::Nova::Server"}

// inspect gives the revision of what is there; 0 is nothing.
func inspect(ctx context.Context, s *sqlkit.Session) (found int64, err error) {
	count := func(text string) (n int64, err error) {
		_, err = s.QueryRow(ctx, text, []any{(*sqlkit.Int)(&n)})
		return n, err
	}
	all, err := count(`SELECT COUNT(*) FROM (` + s.Dialect().TableNames() + `) tables`)
	if err != nil || all == 0 {
		return 0, err
	}
	ours, err := count(`SELECT COUNT(*) FROM (` + s.Dialect().TableNames() + `) tables WHERE name = 'clinker_migrations'`)
	if err != nil {
		return 0, err
	}
	if ours == 0 {
		return 0, fault.New(fault.Invalid, "", "The database holds tables of something else: want an empty one, or one of Clinker's image service.")
	}
	if found, err = count(`SELECT MAX(revision) FROM clinker_migrations`); err != nil {
		return 0, err
	}
	if found > revision {
		return 0, fault.New(fault.Invalid, "",
			"The database is at revision %d of the image service, but this program knows only %d: it was used by a newer Clinker, use that one.", found, revision)
	}
	return found, nil
}
