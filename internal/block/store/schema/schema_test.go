package schema_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

func open(t *testing.T) *sqlkit.DB {
	t.Helper()
	db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: filepath.Join(t.TempDir(), "cinder.db"), Synchronous: "OFF"})
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

func strs(t *testing.T, db *sqlkit.DB, format string, args ...any) (lines []string) {
	t.Helper()
	err := db.Read(context.WithoutCancel(t.Context()), func(s *sqlkit.Session) error {
		return s.Query(t.Context(), fmt.Sprintf(format, args...), func(rows *sql.Rows) error {
			var line sqlkit.Text
			err := rows.Scan(&line)
			lines = append(lines, string(line))
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// The file was made from the database that Cinder's own migrations make on SQLite, by listing its PRAGMAs.
func TestSchemaIsCinders(t *testing.T) {
	db := open(t)
	if outcome, err := schema.Up(t.Context(), db, nil); err != nil || outcome != schema.Created {
		t.Fatalf("Up = %v, %v; want Created", outcome, err)
	}
	var got []string
	for _, table := range strs(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'clinker_%%' AND name NOT LIKE 'sqlite_%%' ORDER BY name`) {
		got = append(got, "table "+table)
		got = append(got, strs(t, db, `SELECT '  column ' || name || ' ' || type || ' notnull=' || "notnull" || ' default=' || COALESCE(dflt_value, '') || ' pk=' || pk
			FROM pragma_table_info('%s')`, table)...)
		indexes := strs(t, db, `SELECT rtrim('  index ' || l.origin || ' unique=' || l."unique" || ' (' ||
			(SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno)) || ') ' || iif(l.origin = 'c', l.name, ''))
			FROM pragma_index_list('%s') l WHERE l.name NOT LIKE 'clinker_%%'`, table)
		slices.Sort(indexes)
		foreign := strs(t, db, `SELECT '  foreign ' || "from" || ' -> ' || "table" || '.' || "to" FROM pragma_foreign_key_list('%s')`, table)
		slices.Sort(foreign)
		got = append(append(got, indexes...), foreign...)
	}
	want, err := os.ReadFile("testdata/cinder-9c74c1c6971f.txt")
	if err != nil {
		t.Fatal(err)
	}
	// SQLite reports the literal as it was written; Cinder's migration writes 1 and 0.
	text := strings.NewReplacer("default=TRUE", "default=1", "default=FALSE", "default=0").Replace(strings.Join(got, "\n") + "\n")
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("the schema differs from Cinder's (-cinder +ours):\n%s", diff)
	}
}

func TestSeedRows(t *testing.T) {
	db := open(t)
	if _, err := schema.Up(t.Context(), db, nil); err != nil {
		t.Fatal(err)
	}
	got := slices.Concat(
		strs(t, db, `SELECT version_num FROM alembic_version`),
		strs(t, db, `SELECT class_name || ' ' || resource || ' ' || hard_limit FROM quota_classes WHERE deleted = FALSE ORDER BY id`),
		strs(t, db, `SELECT resource_type || ' ' || resource_id || ' ' || status || ' ' || race_preventer || substr(updated_at, 20) FROM workers`),
		strs(t, db, `SELECT name || ' ' || is_public || deleted || ' ' || length(id) FROM volume_types`),
		strs(t, db, `SELECT t.name || ': ' || s."key" || '=' || s.value FROM group_types t JOIN group_type_specs s ON s.group_type_id = t.id`),
	)
	want := []string{
		"9c74c1c6971f",
		"default volumes 10", "default snapshots 10", "default gigabytes 1000", "default per_volume_gigabytes -1",
		"default groups 10", "default backups 10", "default backup_gigabytes 1000",
		"SENTINEL SUB-SECOND OK 0.000123",
		"__DEFAULT__ 10 36",
		"default_cgsnapshot_type: consistent_group_snapshot_enabled=<is> True",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Two services that start at once on an empty database: one makes it, the other finds it.
func TestUpAtOnce(t *testing.T) {
	db := open(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := schema.Up(t.Context(), db, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if outcome, err := schema.Up(t.Context(), db, nil); err != nil || outcome != schema.Ready {
		t.Errorf("Up once more = %v, %v; want Ready", outcome, err)
	}
	if n := strs(t, db, `SELECT COUNT(*) FROM volume_types`); n[0] != "1" {
		t.Errorf("%s default volume types", n[0])
	}
}

func TestUpAdoptsAndRefuses(t *testing.T) {
	dropBackupIndexes := []string{`DROP INDEX clinker_backups_quota_idx`, `DROP INDEX clinker_backups_page_idx`, `DROP INDEX clinker_backups_all_idx`,
		`DROP INDEX clinker_backups_parent_idx`, `DROP INDEX clinker_backup_metadata_idx`}
	tests := []struct {
		name    string
		prepare []string // on a database that Up has made
		outcome schema.Outcome
		refusal string // a part of the text
	}{
		{"our first revision", append([]string{`UPDATE clinker_migrations SET revision = 1`, `DROP TABLE clinker_creations`, `DROP TABLE clinker_services`}, dropBackupIndexes...), schema.Adopted, ""},
		{"our second revision", append([]string{`UPDATE clinker_migrations SET revision = 2`, `DROP TABLE clinker_services`}, dropBackupIndexes...), schema.Adopted, ""},
		{"our third revision", []string{`UPDATE clinker_migrations SET revision = 3`, `DROP TABLE clinker_services`}, schema.Adopted, ""},
		{"cinder's own", append([]string{`DROP TABLE clinker_migrations`, `DROP TABLE clinker_flows`, `DROP TABLE clinker_quota_locks`, `DROP TABLE clinker_creations`, `DROP TABLE clinker_services`,
			`DROP INDEX clinker_volumes_quota_idx`, `DROP INDEX clinker_volumes_page_idx`, `DROP INDEX clinker_volumes_all_idx`,
			`DROP INDEX clinker_snapshots_quota_idx`, `DROP INDEX clinker_snapshots_page_idx`, `DROP INDEX clinker_snapshots_all_idx`,
			`DROP INDEX clinker_attachment_volume_idx`, `DROP INDEX clinker_attachment_all_idx`, `DROP INDEX clinker_volume_metadata_idx`,
			`DROP INDEX clinker_volume_admin_metadata_idx`, `DROP INDEX clinker_quotas_idx`, `DROP INDEX clinker_snapshot_metadata_idx`}, dropBackupIndexes...), schema.Adopted, ""},
		{"older", []string{`UPDATE alembic_version SET version_num = '89aa6f9639f9'`}, schema.Ready, `revision "89aa6f9639f9", but "9c74c1c6971f" is wanted`},
		{"no revision", []string{`DELETE FROM alembic_version`}, schema.Ready, `revision "", but "9c74c1c6971f" is wanted`},
		{"somebody else's", []string{`DROP TABLE alembic_version`}, schema.Ready, "not a Cinder database"},
		{"newer clinker", []string{`INSERT INTO clinker_migrations (revision, applied_at) VALUES (999, '2026-01-01 00:00:00.000000')`}, schema.Ready, "newer Clinker"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t)
			if _, err := schema.Up(t.Context(), db, nil); err != nil {
				t.Fatal(err)
			}
			const all = `SELECT name FROM sqlite_master ORDER BY name`
			fresh := strs(t, db, all)
			err := db.Write(t.Context(), func(s *sqlkit.Session) error {
				for _, text := range tt.prepare {
					if _, err := s.Exec(t.Context(), text); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			before := strs(t, db, `SELECT name FROM sqlite_master`)
			outcome, err := schema.Up(t.Context(), db, nil)
			if tt.refusal != "" {
				if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.refusal) {
					t.Errorf("Up = %v; want an Invalid that says %q", err, tt.refusal)
				}
				if diff := cmp.Diff(before, strs(t, db, `SELECT name FROM sqlite_master`)); diff != "" {
					t.Errorf("the refused database was changed:\n%s", diff)
				}
				return
			}
			if err != nil || outcome != tt.outcome {
				t.Fatalf("Up = %v, %v; want %v", outcome, err, tt.outcome)
			}
			if diff := cmp.Diff(fresh, strs(t, db, all)); diff != "" {
				t.Errorf("it ends at another schema than a new database (-new +this):\n%s", diff)
			}
			if outcome, err := schema.Up(t.Context(), db, nil); err != nil || outcome != schema.Ready {
				t.Errorf("Up again = %v, %v; want Ready", outcome, err)
			}
		})
	}
}
