package schema

import (
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/sqlkit"
)

// MissingIndexes gives the names of our indexes on Cinder's tables that a database does not have. Everything works without
// them; a page of a long list, and counting a large project's usage, costs more.
func MissingIndexes(ctx context.Context, db *sqlkit.DB) (missing []string, err error) {
	there, err := indexNames(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, indexes := range clinkerIndexes() {
		for _, i := range indexes {
			if !there[i.Name] {
				missing = append(missing, i.Name)
			}
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// AddIndexes makes the indexes that MissingIndexes names, one after the other, while services read and write the tables. It
// tells each name before it begins and may be stopped and repeated at any time.
func AddIndexes(ctx context.Context, db *sqlkit.DB, begin func(name string)) error {
	there, err := indexNames(ctx, db)
	if err != nil {
		return err
	}
	ours := clinkerIndexes()
	for _, table := range slices.Sorted(maps.Keys(ours)) {
		for _, i := range ours[table] {
			if there[i.Name] {
				continue
			}
			begin(i.Name)
			for _, text := range db.Dialect().OnlineIndex(i.Name, quote(table)+" ("+quoteAll(i.Columns)+")") {
				if err := db.Outside(ctx, text); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func indexNames(ctx context.Context, db *sqlkit.DB) (map[string]bool, error) {
	there := make(map[string]bool)
	err := db.Read(ctx, func(s *sqlkit.Session) error {
		found, err := names(ctx, s, s.Dialect().IndexNames())
		for _, name := range found {
			there[name] = true
		}
		return err
	})
	return there, err
}

// DropIndexes removes those of our indexes that are there, each after begin was told its name. Listings and quotas then cost
// what they cost Cinder itself.
func DropIndexes(ctx context.Context, db *sqlkit.DB, begin func(name string)) error {
	there, err := indexNames(ctx, db)
	if err != nil {
		return err
	}
	ours := clinkerIndexes()
	for _, table := range slices.Sorted(maps.Keys(ours)) {
		for _, i := range ours[table] {
			if !there[i.Name] {
				continue
			}
			begin(i.Name)
			if err := db.Outside(ctx, dropIndex(db.Dialect(), table, i.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropIndex removes an index while others read and write its table.
func dropIndex(d sqlkit.Dialect, table, name string) string {
	switch d.Name() {
	case "mysql":
		return "ALTER TABLE " + quote(table) + " DROP INDEX " + quote(name) + ", ALGORITHM=INPLACE, LOCK=NONE"
	case "postgresql":
		return "DROP INDEX CONCURRENTLY IF EXISTS " + quote(name)
	}
	return "DROP INDEX IF EXISTS " + quote(name)
}
