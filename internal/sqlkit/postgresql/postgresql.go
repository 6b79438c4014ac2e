// Package postgresql is sqlkit's dialect of PostgreSQL, and how such a database is opened.
//
// What must not live here: a table's name, anything of OpenStack but the parameters of a URL as its services write them.
package postgresql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/clinker/clinker/internal/sqlkit"
)

// Dialect is what PostgreSQL 13 and newer understand.
type Dialect struct{}

var _ sqlkit.Dialect = Dialect{}

// Name is "postgresql".
func (Dialect) Name() string { return "postgresql" }

// Bind numbers the placeholders. A "?" inside quotes is none.
func (Dialect) Bind(text string) string {
	var b strings.Builder
	var quote byte
	n := 0
	for i := range len(text) {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// Begin: a writer's statements each see what was committed before them, a reader's all the same.
func (Dialect) Begin(write bool) string {
	if write {
		return "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
	}
	return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
}

// ColumnType names types as SQLAlchemy does.
func (Dialect) ColumnType(t sqlkit.ColumnType, length int) string {
	switch t {
	case sqlkit.String:
		return "VARCHAR(" + strconv.Itoa(length) + ")"
	case sqlkit.LongText, sqlkit.PlainText:
		return "TEXT"
	case sqlkit.Boolean:
		return "BOOLEAN"
	case sqlkit.DateTime, sqlkit.Moment:
		return "TIMESTAMP WITHOUT TIME ZONE"
	case sqlkit.Serial:
		return "SERIAL"
	case sqlkit.BigInteger:
		return "BIGINT"
	}
	return "INTEGER"
}

// Precision is a microsecond.
func (Dialect) Precision() time.Duration { return time.Microsecond }

// TableOptions is empty.
func (Dialect) TableOptions() string { return "" }

// TableNames is those of the schema in which tables are made.
func (Dialect) TableNames() string {
	return `SELECT tablename AS name FROM pg_catalog.pg_tables WHERE schemaname = current_schema()`
}

// IndexNames leaves out those that CREATE INDEX CONCURRENTLY gave up.
func (Dialect) IndexNames() string {
	return `SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND i.indisvalid`
}

// OnlineIndex builds it CONCURRENTLY, which leaves an unusable one behind when it fails.
func (Dialect) OnlineIndex(name, on string) []string {
	return []string{`DROP INDEX CONCURRENTLY IF EXISTS "` + name + `"`, `CREATE INDEX CONCURRENTLY "` + name + `" ON ` + on}
}

// Alone takes a lock of the database that ends with the transaction. The number is nobody else's.
func (Dialect) Alone() string {
	return `SELECT CASE WHEN pg_advisory_xact_lock(7164203795)::text IS NULL THEN 0 ELSE 1 END`
}

// Time is t itself, whose columns have no zone.
func (Dialect) Time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Upsert uses ON CONFLICT DO UPDATE.
func (Dialect) Upsert(table string, columns, key, update []string) string {
	return sqlkit.SQLite{}.Upsert(table, columns, key, update)
}

// InSet hands over many values as one array.
func (Dialect) InSet(values []string) (list string, args []any) {
	if len(values) == 1 {
		return "(?)", []any{values[0]}
	}
	return "(SELECT unnest(?::text[]))", []any{values}
}

// Exact compares bytes, which in UTF-8 go as the code points do.
func (Dialect) Exact(column string) string { return column + ` COLLATE "C"` }

// Ranged is Exact: other collations pass over punctuation when they sort.
func (d Dialect) Ranged(column string) string { return d.Exact(column) }

// Like is ILIKE.
func (Dialect) Like(column, pattern string) string {
	return column + " ILIKE " + pattern + " ESCAPE '!'"
}

// Gathered gives NULL where there is no row.
func (Dialect) Gathered(key string, columns []string) string {
	return "json_object_agg(" + key + ", json_build_array(" + strings.Join(columns, ", ") + "))"
}

// OrderBy says where NULL goes, unless there is none: an index is in PostgreSQL's own order, which puts it last.
func (Dialect) OrderBy(k sqlkit.OrderKey) string {
	term := sqlkit.PlainOrder(k)
	switch {
	case k.NotNull:
	case k.Desc:
		term += " NULLS LAST"
	default:
		term += " NULLS FIRST"
	}
	return term
}

// KeysFirst is false.
func (Dialect) KeysFirst() bool { return false }

// Locking leaves alone those who only make sure that the row is there, as a reference to it does.
func (Dialect) Locking() string { return " FOR NO KEY UPDATE" }

// SerialWriters is false.
func (Dialect) SerialWriters() bool { return false }

// Classify reads the server's SQLSTATE and the driver's and the network's errors.
func (Dialect) Classify(err error) sqlkit.ErrorClass {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return ofState(e.Code)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return sqlkit.Other
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return sqlkit.Unreachable
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || err != nil && err.Error() == "conn closed" {
		return sqlkit.Lost
	}
	return sqlkit.Other
}

// ofState says what an SQLSTATE means; its first two characters are its class.
func ofState(code string) sqlkit.ErrorClass {
	switch code {
	case "23505": // unique_violation
		return sqlkit.Duplicate
	case "55P03", // lock_not_available
		"0A000": // a prepared statement whose tables have changed
		return sqlkit.Retryable
	case "22001", "22003", "22021": // too long; out of range; the character 0
		return sqlkit.Unfit
	case "57014": // query_canceled: it took too long, and would again
		return sqlkit.Other
	case "25006": // read_only_sql_transaction: what was the primary is no longer
		return sqlkit.Lost
	}
	if len(code) != 5 {
		return sqlkit.Other
	}
	switch code[:2] {
	case "40": // transaction rollback: serialization failure, deadlock
		return sqlkit.Retryable
	case "08", "57": // connection exception; operator intervention
		return sqlkit.Lost
	case "28", "3D", "53": // authorization; no such database; insufficient resources
		return sqlkit.Unreachable
	}
	return sqlkit.Other
}
