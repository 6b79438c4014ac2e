package maintenance

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block/store"
)

// Purge removes rows that were deleted more than so many days ago (db purge). Rows that others still refer to stay and are
// said; upstream undoes the whole purge at the first of them. Status 1: the age cannot be.
func (d Desk) Purge(ctx context.Context, ageDays int) error {
	if ageDays < 0 {
		d.say("Must supply a positive value for age")
		return Status(1)
	}
	if int64(ageDays) >= d.Now().Unix()/86400 {
		d.say("Maximum age is count of days since epoch.")
		return Status(1)
	}
	return d.Store.Purge(ctx, d.Now().AddDate(0, 0, -ageDays), func(t store.PurgedTable) {
		if t.Removed > 0 {
			d.Log.InfoContext(ctx, "Deleted rows of a table were purged.", "table", t.Name, "rows", t.Removed, "age_days", ageDays)
		}
		if t.Left > 0 {
			d.say("Left %d deleted rows of %s, to which rows of %s still refer.", t.Left, t.Name, strings.Join(t.Because, ", "))
		}
	})
}

// migration is an online data migration: found is how many rows need it, done how many it changed.
type migration struct {
	name string
	run  func(ctx context.Context, limit int) (found, done int64, err error)
}

func (d Desk) migrations() []migration {
	return []migration{{"remove_temporary_admin_metadata_data_migration", func(ctx context.Context, limit int) (found, done int64, err error) {
		if found, err = d.Store.TemporaryMarks(ctx); err != nil || found == 0 {
			return found, 0, err
		}
		err = d.Store.Update(ctx, func(tx store.Tx) (err error) {
			done, err = tx.RemoveTemporaryMarks(ctx, limit)
			return err
		})
		return found, done, err
	}}}
}

// Statuses of online_data_migrations beside 0, which is: nothing is left to do.
const (
	migrationsLeft   = 1
	migrationsFailed = 2
	migrationsUsage  = 127
)

// batchSize is how many rows a migration changes at a time when there is no limit.
const batchSize = 50

// MigrateData runs the release's online data migrations (db online_data_migrations): all of it in batches, or with a maxCount at
// most so many rows. Status 1: perhaps more is to be done, 2: a migration failed, 127: maxCount is not positive.
func (d Desk) MigrateData(ctx context.Context, maxCount *int) error {
	limit := batchSize
	switch {
	case maxCount == nil:
		d.say("Running batches of %d until complete.", batchSize)
	case *maxCount < 1:
		d.say("Must supply a positive value for max_count.")
		return Status(migrationsUsage)
	default:
		limit = *maxCount
	}
	total := map[string][2]int64{}
	var ran int64
	failed := false
	for {
		ran, failed = d.migrateOnce(ctx, limit, maxCount != nil, total)
		if maxCount != nil || ran == 0 || ctx.Err() != nil {
			break
		}
	}
	d.migrationTable(total)
	if failed && (maxCount == nil || ran == 0) {
		d.say("Some migrations failed unexpectedly. Check log for details.")
		return Status(migrationsFailed)
	}
	if ran > 0 {
		return Status(migrationsLeft)
	}
	return ctx.Err()
}

// migrateOnce runs each migration once and adds to what was found and done.
func (d Desk) migrateOnce(ctx context.Context, limit int, limited bool, total map[string][2]int64) (ran int64, failed bool) {
	for _, m := range d.migrations() {
		found, done, err := m.run(ctx, limit-int(ran))
		if err != nil {
			d.say("Error attempting to run %s", m.name)
			d.Log.ErrorContext(ctx, "An online data migration failed.", "migration", m.name, "error", err)
			found, done, failed = 0, 0, true
		}
		if found > 0 {
			d.say("%d rows matched query %s, %d migrated", found, m.name, done)
		}
		total[m.name] = [2]int64{max(total[m.name][0], found), total[m.name][1] + done}
		if ran += done; limited && ran >= int64(limit) {
			break
		}
	}
	return ran, failed
}

// migrationTable draws what was done, as the Python library tabulate draws its format psql.
func (d Desk) migrationTable(total map[string][2]int64) {
	const needed, completed = "  Total Needed", "  Completed"
	width := len("Migration")
	for name := range total {
		width = max(width, len(name))
	}
	rule := func(left, middle string) string {
		dashes := func(n int) string { return strings.Repeat("-", n+2) }
		return left + dashes(width) + middle + dashes(len(needed)) + middle + dashes(len(completed)) + left
	}
	line := func(name, found, done string) {
		d.say("| %-*s | %*s | %*s |", width, name, len(needed), found, len(completed), done)
	}
	d.say("%s", rule("+", "+"))
	line("Migration", needed, completed)
	d.say("%s", rule("|", "+"))
	for _, name := range slices.Sorted(maps.Keys(total)) {
		line(name, strconv.FormatInt(total[name][0], 10), strconv.FormatInt(total[name][1], 10))
	}
	d.say("%s", rule("+", "+"))
}

// Revision is the revision of Cinder's tables that this program makes and works with.
const Revision = "9c74c1c6971f"

// DatabaseVersion says which revision the database's tables are at (db version); None if it has none.
func (d Desk) DatabaseVersion(ctx context.Context) error {
	revision, err := d.Store.Revision(ctx)
	if err == nil {
		d.say("%s", orNone(revision))
	}
	return err
}
