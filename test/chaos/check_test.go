package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // to look at the database from outside
)

// inspection is a look into the state directory from outside, past the service.
type inspection struct {
	state string
	db    *sql.DB
	found []string // what is wrong
}

// inspect says what in the state directory contradicts itself or waits for the service. With settled, what waits for a
// client is a contradiction too.
func inspect(ctx context.Context, state string, settled bool) ([]string, error) {
	i := &inspection{state: state}
	err := i.with(func() error { return errors.Join(i.states(ctx, settled), i.files(ctx), i.usage(ctx), i.journal(ctx)) })
	return i.found, err
}

// with runs fn while the database is open. It is opened anew each time, as no service has it open for ever.
func (i *inspection) with(fn func() error) (err error) {
	i.db, err = sql.Open("sqlite", "file:"+filepath.Join(i.state, "cinder.sqlite")+"?mode=ro&_pragma=busy_timeout(2000)")
	if err != nil {
		return err
	}
	return errors.Join(fn(), i.db.Close())
}

func (i *inspection) wrong(format string, args ...any) {
	i.found = append(i.found, fmt.Sprintf(format, args...))
}

// rows calls row for each row; every column is read as text.
func (i *inspection) rows(ctx context.Context, query string, row func(columns []string)) error {
	rows, err := i.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	columns, dest := make([]string, len(names)), make([]any, len(names))
	for n := range columns {
		dest[n] = &columns[n]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		row(columns)
	}
	return rows.Err()
}

// unfinished counts what a strike left for the next start to see to: records of the journal, and files without a row or
// rows without a file.
func unfinished(ctx context.Context, state string) (records, files int, err error) {
	i := &inspection{state: state}
	err = i.with(func() error {
		err := i.journal(ctx)
		records = len(i.found)
		return errors.Join(err, i.files(ctx))
	})
	return records, len(i.found) - records, err
}

// sourceGone is true of a volume whose source was deleted, or outgrew it, before the copy was made: that is a rival's
// doing, and its volume is rightly in an error state, and without a file.
const sourceGone = `(v.status = 'error' AND (EXISTS (SELECT 1 FROM snapshots s WHERE s.id = v.snapshot_id AND s.deleted = TRUE)
	OR EXISTS (SELECT 1 FROM volumes o WHERE o.id = v.source_volid AND (o.deleted = TRUE OR o.size > v.size))))`

// atRest are the migration states of a volume that nobody moves.
var atRest = []string{"", "none", "success", "error"}

// states finds volumes and snapshots that are still under way, and those that ended in an error: beside sourceGone no
// request here fails for a reason of its own, so that an error can only be the crash's.
func (i *inspection) states(ctx context.Context, settled bool) error {
	allowed := []string{"available", "in-use"}
	if !settled {
		allowed = append(allowed, "reserved", "attaching", "detaching")
	}
	return errors.Join(
		i.rows(ctx, `SELECT id, status, attach_status, (SELECT COUNT(*) FROM volume_attachment a WHERE a.volume_id = v.id AND a.deleted = FALSE)
			FROM volumes v WHERE deleted = FALSE AND NOT `+sourceGone, func(c []string) {
			if !slices.Contains(allowed, c[1]) {
				i.wrong("volume %s is %s", c[0], c[1])
			}
			if settled && (c[1] == "in-use") != (c[3] != "0") || settled && (c[1] == "in-use") != (c[2] == "attached") {
				i.wrong("volume %s is %s and %s with %s attachments", c[0], c[1], c[2], c[3])
			}
		}),
		i.rows(ctx, `SELECT id, COALESCE(migration_status, ''), COALESCE(_name_id, ''), COALESCE(host, '') FROM volumes WHERE deleted = FALSE`, func(c []string) {
			if !slices.Contains(atRest, c[1]) {
				i.wrong("volume %s on %s is %s", c[0], c[3], c[1])
			}
			if c[2] != "" {
				i.wrong("volume %s on %s is kept under the name of %s", c[0], c[3], c[2])
			}
		}),
		i.rows(ctx, `SELECT id, status FROM snapshots WHERE deleted = FALSE`, func(c []string) {
			if c[1] != "available" {
				i.wrong("snapshot %s is %s", c[0], c[1])
			}
		}),
		i.rows(ctx, `SELECT a.id, a.volume_id FROM volume_attachment a JOIN volumes v ON v.id = a.volume_id
			WHERE a.deleted = FALSE AND v.deleted = TRUE`, func(c []string) {
			i.wrong("attachment %s of the deleted volume %s is left", c[0], c[1])
		}),
	)
}

// backendOf is the SQL that gives the name of the back end in an address host@backend#pool.
const backendOf = `SUBSTR(host, INSTR(host, '@') + 1, INSTR(host, '#') - INSTR(host, '@') - 1)`

// files compares the files of the back ends with the rows.
func (i *inspection) files(ctx context.Context) error {
	want := map[string]bool{}
	row := func(kind string) func([]string) {
		return func(c []string) { want[filepath.Join(c[1], kind+"s", kind+"-"+c[0])] = true }
	}
	err := errors.Join(
		i.rows(ctx, `SELECT id, COALESCE(`+backendOf+`, '') FROM volumes v WHERE deleted = FALSE AND NOT `+sourceGone, row("volume")),
		i.rows(ctx, `SELECT id, (SELECT `+backendOf+` FROM volumes v WHERE v.id = s.volume_id) FROM snapshots s WHERE deleted = FALSE`, row("snapshot")))
	if err != nil {
		return err
	}
	root := filepath.Join(i.state, "volumes")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while we were looking
		}
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, root+"/")
		if !want[name] {
			i.wrong("the file %s has no row", name)
		}
		delete(want, name)
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(want)) {
		i.wrong("the row of %s has no file", name)
	}
	return err
}

// usage compares the table quota_usages with a count of the rows.
func (i *inspection) usage(ctx context.Context) error {
	usage, err := usageByRows(ctx, i)
	if err != nil {
		return err
	}
	err = i.rows(ctx, `SELECT project_id, resource, in_use, reserved FROM quota_usages WHERE deleted = FALSE`, func(c []string) {
		key := c[0] + " " + c[1]
		if usage[key] != c[2] && (usage[key] != "" || c[2] != "0") || c[3] != "0" {
			i.wrong("quota_usages has %s in use and %s reserved of %s, the rows %q", c[2], c[3], key, usage[key])
		}
		delete(usage, key)
	})
	for key, n := range usage {
		if n != "0" {
			i.wrong("quota_usages has nothing of %s, the rows %s", key, n)
		}
	}
	return err
}

// usageByRows counts what each project holds: "<project> <resource>" to a number.
func usageByRows(ctx context.Context, i *inspection) (map[string]string, error) {
	usage := map[string]string{}
	err := i.rows(ctx, `WITH held AS (
			SELECT project_id, 'volumes' AS resource, 1 AS n, volume_type_id FROM volumes WHERE deleted = FALSE AND use_quota = TRUE
			UNION ALL SELECT project_id, 'gigabytes', size, volume_type_id FROM volumes WHERE deleted = FALSE AND use_quota = TRUE
			UNION ALL SELECT project_id, 'snapshots', 1, volume_type_id FROM snapshots WHERE deleted = FALSE AND use_quota = TRUE
			UNION ALL SELECT project_id, 'gigabytes', volume_size, volume_type_id FROM snapshots WHERE deleted = FALSE AND use_quota = TRUE)
		SELECT project_id || ' ' || resource, SUM(n) FROM held GROUP BY 1
		UNION ALL SELECT project_id || ' ' || resource || '_' || t.name, SUM(n) FROM held JOIN volume_types t ON t.id = volume_type_id GROUP BY 1`,
		func(c []string) { usage[c[0]] = c[1] })
	return usage, err
}

// journal finds operations that nobody has ended.
func (i *inspection) journal(ctx context.Context) error {
	return i.rows(ctx, `SELECT name, owner, resource_type, resource_id, attempts FROM clinker_flows`, func(c []string) {
		i.wrong("the journal has %s of %s %s, owner %s, %s attempts", c[0], c[2], c[3], c[1], c[4])
	})
}
