package schema_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

// record names a database that the real `cinder-manage db sync` has just made, to write the golden of its kind from.
var record = flag.String("record", "", "the `URL` of a database that Cinder made, to record as golden")

func openURL(t *testing.T, url string) *sqlkit.DB {
	t.Helper()
	db, err := connect.Open(t.Context(), connect.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// facts are queries that give a line each for what a database is made of, all but what is ours.
var facts = map[string][]string{
	"mysql": {
		`SELECT CONCAT(table_name, ' ', engine) FROM information_schema.tables WHERE table_schema = DATABASE() AND %s`,
		`SELECT CONCAT_WS(' ', table_name, LPAD(ordinal_position, 2, '0'), column_name, column_type, is_nullable, column_default, extra, character_set_name)
			FROM information_schema.columns WHERE table_schema = DATABASE() AND %s`,
		`SELECT CONCAT(table_name, ' index ', index_name, IF(non_unique, '', ' unique'), ' (', GROUP_CONCAT(column_name ORDER BY seq_in_index), ')')
			FROM information_schema.statistics WHERE table_schema = DATABASE() AND %s AND index_name NOT LIKE 'clinker!_%%' ESCAPE '!'
			GROUP BY table_name, index_name, non_unique`,
		`SELECT CONCAT_WS(' ', table_name, 'foreign', constraint_name, column_name, referenced_table_name, referenced_column_name)
			FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL AND %s`,
		`SELECT CONCAT_WS(' ', table_name, 'check', check_clause)
			FROM information_schema.check_constraints WHERE constraint_schema = DATABASE() AND %s`,
	},
	"postgresql": {
		`SELECT table_name || ' ' || LPAD(ordinal_position::text, 2, '0') || ' ' || column_name || ' ' || data_type || COALESCE(' ' || character_maximum_length, '') || ' ' ||
			is_nullable || COALESCE(' ' || column_default, '')
			FROM information_schema.columns WHERE table_schema = current_schema() AND %s`,
		`SELECT table_name || ' index ' || indexdef FROM (SELECT tablename AS table_name, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()) i
			WHERE %s AND indexname NOT LIKE 'clinker!_%%' ESCAPE '!'`,
		`SELECT table_name || ' ' || conname || ' ' || pg_get_constraintdef(oid)
			FROM (SELECT r.relname AS table_name, c.* FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid WHERE contype <> 'n') c WHERE %s`,
	},
}

// describe lists what Cinder's part of a database is made of, and its rows. Rows' own numbers, ids and times are left out.
func describe(t *testing.T, db *sqlkit.DB) (lines []string) {
	t.Helper()
	var queries []string
	for _, query := range facts[db.Dialect().Name()] {
		queries = append(queries, fmt.Sprintf(query, "table_name NOT LIKE 'clinker!_%' ESCAPE '!'"))
	}
	err := db.Read(t.Context(), func(s *sqlkit.Session) error {
		for _, query := range queries {
			found, err := s.Strings(t.Context(), query)
			if err != nil {
				return fmt.Errorf("%s: %w", query, err)
			}
			lines = append(lines, found...)
		}
		tables, err := s.Strings(t.Context(), s.Dialect().TableNames())
		if err != nil {
			return err
		}
		for _, table := range tables {
			if strings.HasPrefix(table, "clinker_") {
				continue
			}
			found, err := rowsOf(t.Context(), s, table)
			if err != nil {
				return err
			}
			lines = append(lines, found...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

var uuidPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func rowsOf(ctx context.Context, s *sqlkit.Session, table string) (lines []string, err error) {
	err = s.Query(ctx, `SELECT * FROM "`+table+`"`, func(rows *sql.Rows) error {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		line := table + " row"
		for i, c := range columns {
			switch v := values[i].(type) {
			case nil:
			case time.Time:
				if c == "updated_at" && table == "workers" {
					line += fmt.Sprintf(" %s=%dµs", c, v.Nanosecond()/1000)
				} else {
					line += " " + c + "=time"
				}
			case []byte:
				line += " " + c + "=" + string(v)
			default:
				if c != "id" {
					line += fmt.Sprintf(" %s=%v", c, v)
				}
			}
		}
		lines = append(lines, uuidPattern.ReplaceAllString(line, "uuid"))
		return nil
	})
	return lines, err
}

func golden(kind string) string {
	return "testdata/cinder-" + schema.CinderRevision + "." + kind + ".txt"
}

// TestRecord writes the golden of a kind of database: go test ./internal/block/store/schema -run TestRecord -record URL.
func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("-record names no database that Cinder made")
	}
	db := openURL(t, *record)
	text := strings.Join(describe(t, db), "\n") + "\n"
	if err := os.WriteFile(golden(db.Dialect().Name()), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestServers runs on every kind of server.
func TestServers(t *testing.T) {
	sqlkittest.Each(t, func(t *testing.T, s *sqlkittest.Server) {
		for name, test := range map[string]func(t *testing.T, s *sqlkittest.Server){
			"made": testMade, "made at once": testMadeAtOnce, "adopted": testAdopted, "refused": testRefused,
		} {
			t.Run(name, func(t *testing.T) { test(t, s) })
		}
	})
}

// testMade: what we make of an empty database is what the real `cinder-manage db sync` makes of it, to
// the last index, default and row. The goldens were recorded from those; PostgreSQL's with a migration of Cinder's put
// right that PostgreSQL refuses (use_quota="1").
func testMade(t *testing.T, s *sqlkittest.Server) {
	db := openURL(t, s.Database(t))
	if outcome, err := schema.Up(t.Context(), db, nil); err != nil || outcome != schema.Created {
		t.Fatalf("Up = %v, %v; want Created", outcome, err)
	}
	if outcome, err := schema.Up(t.Context(), db, nil); err != nil || outcome != schema.Ready {
		t.Fatalf("Up again = %v, %v; want Ready", outcome, err)
	}
	want, err := os.ReadFile(golden(s.Kind))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(want)), "\n"), describe(t, db)); diff != "" {
		t.Errorf("the schema differs from Cinder's (-cinder +ours):\n%s", diff)
	}
}

// asCinderMade makes a database as Cinder leaves it. That it is the same is what testMade says.
func asCinderMade(t *testing.T, s *sqlkittest.Server) *sqlkit.DB {
	t.Helper()
	db := openURL(t, s.Database(t))
	if _, err := schema.Up(t.Context(), db, nil); err != nil {
		t.Fatal(err)
	}
	for _, table := range strs(t, db, "%s", db.Dialect().TableNames()) {
		if strings.HasPrefix(table, "clinker_") {
			run(t, db, "DROP TABLE "+table)
		}
	}
	for _, index := range ours(t, db) {
		text := "DROP INDEX " + index
		if s.Kind == "mysql" {
			text += " ON " + strs(t, db, `SELECT DISTINCT table_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = '%s'`, index)[0]
		}
		run(t, db, text)
	}
	return db
}

func run(t *testing.T, db *sqlkit.DB, text string) {
	t.Helper()
	if err := db.Outside(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// ours are the indexes of ours that are there.
func ours(t *testing.T, db *sqlkit.DB) []string {
	t.Helper()
	found := strs(t, db, "%s", db.Dialect().IndexNames())
	return slices.DeleteFunc(found, func(name string) bool {
		return !strings.HasPrefix(name, "clinker_") || strings.HasPrefix(name, "clinker_flows") || strings.HasPrefix(name, "clinker_creations") || strings.HasSuffix(name, "_pkey")
	})
}

// testAdopted: a database of Cinder's gets our tables and nothing else until somebody asks for the indexes.
func testAdopted(t *testing.T, s *sqlkittest.Server) {
	db := asCinderMade(t, s)
	before := describe(t, db)
	if outcome, err := schema.Up(t.Context(), db, nil); err != nil || outcome != schema.Adopted {
		t.Fatalf("Up = %v, %v; want Adopted", outcome, err)
	}
	if diff := cmp.Diff(before, describe(t, db)); diff != "" {
		t.Errorf("something of Cinder's has changed (-before +after):\n%s", diff)
	}
	if got := ours(t, db); len(got) > 0 {
		t.Errorf("indexes that nobody asked for: %q", got)
	}
	missing, err := schema.MissingIndexes(t.Context(), db)
	if err != nil || len(missing) == 0 {
		t.Errorf("missing %q, %v", missing, err)
	}
	var begun []string
	for range 2 {
		if err := schema.AddIndexes(t.Context(), db, func(name string) { begun = append(begun, name) }); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(begun)
	if diff := cmp.Diff(missing, begun); diff != "" {
		t.Errorf("made (-missing +made):\n%s", diff)
	}
	if missing, err := schema.MissingIndexes(t.Context(), db); err != nil || len(missing) > 0 {
		t.Errorf("still missing %q, %v", missing, err)
	}
	if diff := cmp.Diff(before, describe(t, db)); diff != "" {
		t.Errorf("something of Cinder's has changed with the indexes (-before +after):\n%s", diff)
	}
}

// testRefused: another revision is told apart and left alone.
func testRefused(t *testing.T, s *sqlkittest.Server) {
	db := asCinderMade(t, s)
	run(t, db, `UPDATE alembic_version SET version_num = '89aa6f9639f9'`)
	before := strs(t, db, "%s", db.Dialect().TableNames())
	_, err := schema.Up(t.Context(), db, nil)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), "89aa6f9639f9") || !strings.Contains(fault.UserText(err), schema.CinderRevision) {
		t.Errorf("%v", err)
	}
	if after := strs(t, db, "%s", db.Dialect().TableNames()); len(after) != len(before) {
		t.Errorf("tables were made: %q", after)
	}
	run(t, db, `DELETE FROM alembic_version`)
	if _, err := schema.Up(t.Context(), db, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a revision: %v", err)
	}
}

// testMadeAtOnce: several services that start on an empty database make it once.
func testMadeAtOnce(t *testing.T, s *sqlkittest.Server) {
	url := s.Database(t)
	outcomes := make(chan schema.Outcome, 4)
	for range cap(outcomes) {
		db := openURL(t, url)
		go func() {
			outcome, err := schema.Up(context.WithoutCancel(t.Context()), db, nil)
			if err != nil {
				t.Error(err)
			}
			outcomes <- outcome
		}()
	}
	created := 0
	for range cap(outcomes) {
		if <-outcomes == schema.Created {
			created++
		}
	}
	if created != 1 {
		t.Errorf("%d made it", created)
	}
}
