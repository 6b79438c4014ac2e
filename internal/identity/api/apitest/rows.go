package apitest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/sqlkit"
)

// Rows is everything in the database of a Cloud, a line for each row: the table and the columns that hold something. Secrets
// are not shown, times neither.
func (c *Cloud) Rows(t testing.TB) (lines []string) {
	t.Helper()
	if c.rows == nil {
		db, err := sqlkit.OpenSQLite(t.Context(), sqlkit.SQLiteOptions{Path: c.path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		c.rows = db
	}
	err := c.rows.Read(t.Context(), func(s *sqlkit.Session) error {
		tables, err := s.Strings(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if strings.HasPrefix(table, "sqlite_") || strings.Contains(table, "revision") {
				continue
			}
			err := s.Query(t.Context(), "SELECT * FROM "+table, func(r *sql.Rows) error {
				line, err := rowLine(table, r)
				lines = append(lines, line)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func rowLine(table string, r *sql.Rows) (string, error) {
	columns, err := r.Columns()
	if err != nil {
		return "", err
	}
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := r.Scan(targets...); err != nil {
		return "", err
	}
	line := table
	for i, column := range columns {
		value := values[i].String
		switch {
		case value == "" || value == "{}" || value == "0" || table == "revocation_events" && column == "id":
			continue
		case strings.HasSuffix(column, "_hash") || strings.HasPrefix(column, "sealed_"):
			value = "<" + column + ">"
		}
		line += fmt.Sprintf(" %s=%s", column, value)
	}
	return line, nil
}
