package schema

import (
	"context"
	"database/sql"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/alone"
)

// Outcome says what Up found and did.
type Outcome uint8

// The outcomes.
const (
	Ready   Outcome = iota // everything was there
	Created                // the database was empty
	Adopted                // Cinder's tables were there at the right revision; ours were added or brought up to date
)

// Up brings a database to this schema in one transaction: an empty one is made, one of Cinder's at CinderRevision gets
// our own tables, and in SQLite our indexes (for others see AddIndexes), one that has those already is left as it is. Anything else is refused with a fault.Invalid
// that names the revision found and the one wanted, and is not touched. Services may run it at the same moment. limits are
// the configured quotas, which a new database starts out with; nil means Cinder's defaults.
func Up(ctx context.Context, db *sqlkit.DB, limits map[string]int64) (Outcome, error) {
	var found state
	// Every start comes here, nearly always to find nothing to do: look without taking the write lock first.
	err := db.Read(ctx, func(s *sqlkit.Session) (err error) {
		found, err = inspect(ctx, s)
		return err
	})
	// Where tables are made outside transactions, what looks wrong may be somebody else's work half done.
	if half := fault.Is(err, fault.Invalid) && db.Dialect().Alone() != ""; err != nil && !half || err == nil && found.outcome == Ready {
		return found.outcome, err
	}
	err = alone.Write(ctx, db, func(s *sqlkit.Session) (err error) {
		if found, err = inspect(ctx, s); err != nil || found.outcome == Ready {
			return err
		}
		if found.outcome == Created {
			if err := create(ctx, s, Cinder()); err != nil {
				return err
			}
			if err := seed(ctx, s, time.Now(), limits); err != nil {
				return err
			}
		}
		return addOwn(ctx, s, found.own, found.outcome == Created || s.Dialect().Name() == "sqlite")
	})
	return found.outcome, err
}

// state is what a database was found in: what is to be done, and the revision of what we added before, 0 if we have not.
type state struct {
	outcome Outcome
	own     int64
}

// inspect says what is to be done, or why nothing may be.
func inspect(ctx context.Context, s *sqlkit.Session) (found state, err error) {
	tables, err := names(ctx, s, s.Dialect().TableNames())
	if err != nil {
		return found, err
	}
	if len(tables) == 0 {
		return state{outcome: Created}, nil
	}
	if !slices.Contains(tables, versionTable) {
		return found, fault.New(fault.Invalid, "",
			"The database holds tables but none named %s, so it is not a Cinder database: want an empty one, or one at revision %s.",
			versionTable, CinderRevision)
	}
	revision, err := names(ctx, s, `SELECT version_num FROM alembic_version`)
	if err != nil {
		return found, err
	}
	if !slices.Equal(revision, []string{CinderRevision}) {
		return found, fault.New(fault.Invalid, "",
			"The database is at Cinder revision %q, but %q is wanted: bring it there with `cinder-manage db sync` of a Cinder 2024.1 or newer.",
			strings.Join(revision, ", "), CinderRevision)
	}
	if !slices.Contains(tables, ownRevisionTable) {
		return state{outcome: Adopted}, nil
	}
	if _, err := s.QueryRow(ctx, `SELECT MAX(revision) FROM clinker_migrations`, []any{(*sqlkit.Int)(&found.own)}); err != nil {
		return found, err
	}
	switch {
	case found.own > ownRevision:
		return found, fault.New(fault.Invalid, "",
			"The database is at Clinker revision %d, but this program knows only %d: it was used by a newer Clinker, use that one.", found.own, ownRevision)
	case found.own < ownRevision:
		found.outcome = Adopted
	}
	return found, nil
}

// addOwn makes our own tables that are newer than the revision the database is at, and our indexes if they are wanted. It goes
// on where it, or another service on another node of a cluster, has stopped: not every database undoes such a change.
func addOwn(ctx context.Context, s *sqlkit.Session, own int64, indexes bool) error {
	there, err := made(ctx, s)
	if err != nil {
		return err
	}
	for revision := own + 1; revision <= ownRevision; revision++ {
		for _, t := range addedBy(revision) {
			if err := createMissing(ctx, s, createTable(s.Dialect(), t), there); err != nil {
				return err
			}
		}
		if !indexes {
			continue
		}
		if err := addIndexes(ctx, s, indexesBy(revision)); err != nil {
			return err
		}
	}
	if s.Dialect().Name() == "sqlite" {
		if err := putStatistics(ctx, s); err != nil {
			return err
		}
	}
	text := s.Dialect().Upsert(ownRevisionTable, []string{"revision", "applied_at"}, []string{"revision"}, []string{"applied_at"})
	_, err = s.Exec(ctx, text, ownRevision, s.Dialect().Time(time.Now()))
	return err
}

// made is the names of the tables and the indexes there are.
func made(ctx context.Context, s *sqlkit.Session) (map[string]bool, error) {
	there := map[string]bool{}
	for _, text := range []string{s.Dialect().TableNames(), s.Dialect().IndexNames()} {
		found, err := names(ctx, s, text)
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			there[name] = true
		}
	}
	return there, nil
}

// makes finds the name of what a statement of createTable makes.
var makes = regexp.MustCompile(`^CREATE (?:TABLE|(?:UNIQUE )?INDEX) "([^"]+)"`)

// createMissing runs those of the statements that make what is not there.
func createMissing(ctx context.Context, s *sqlkit.Session, statements []string, there map[string]bool) error {
	for _, text := range statements {
		if name := makes.FindStringSubmatch(text); name != nil && there[name[1]] {
			continue
		}
		if _, err := s.Exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// addIndexes adds indexes of ours to Cinder's tables.
func addIndexes(ctx context.Context, s *sqlkit.Session, indexes map[string][]Index) error {
	for _, table := range slices.Sorted(maps.Keys(indexes)) {
		for _, i := range indexes[table] {
			if _, err := s.Exec(ctx, createIndex(table, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func create(ctx context.Context, s *sqlkit.Session, tables []Table) error {
	for _, t := range tables {
		for _, text := range createTable(s.Dialect(), t) {
			if _, err := s.Exec(ctx, text); err != nil {
				return err
			}
		}
	}
	return nil
}

func names(ctx context.Context, s *sqlkit.Session, text string) (found []string, err error) {
	err = s.Query(ctx, text, func(rows *sql.Rows) error {
		var name string
		if err := rows.Scan((*sqlkit.Text)(&name)); err != nil {
			return err
		}
		found = append(found, name)
		return nil
	})
	return found, err
}
