package sqlkit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit/groupsync"
)

// SQLiteOptions say how to open a SQLite file. Zero fields mean the default.
type SQLiteOptions struct {
	Options
	// Path is the file; it is made, readable by its owner only, if it is not there. Its directory must exist.
	Path string
	// Synchronous is FULL (the default: a committed transaction survives a loss of power), NORMAL (it survives the death
	// of the process, and a loss of power may take the last ones back), EXTRA or OFF.
	Synchronous string
	// BusyTimeout is how long one statement waits for another process that holds the file; default 2 s.
	BusyTimeout time.Duration
}

const defaultBusyTimeout = 2 * time.Second

// Page caches in KiB. The working set of a control plane is small and the operating system caches the file anyway.
const (
	writerCacheKiB = 2048
	readerCacheKiB = 512
)

// OpenSQLite opens the file in WAL mode with foreign keys enforced: one connection that writes, each transaction taking
// the write lock as it begins so that it never has to upgrade, and a pool that reads beside it. A bad option is a
// fault.Invalid, a file that cannot be opened a fault.Unavailable.
func OpenSQLite(ctx context.Context, o SQLiteOptions) (*DB, error) {
	o.Options = o.Options.withDefaults()
	if o.Path == "" {
		return nil, fault.New(fault.Invalid, "", "The path of the SQLite database is empty.")
	}
	switch o.Synchronous = strings.ToUpper(o.Synchronous); o.Synchronous {
	case "":
		o.Synchronous = "FULL"
	case "FULL", "NORMAL", "EXTRA", "OFF":
	default:
		return nil, fault.New(fault.Invalid, "", "%q is no synchronous mode of SQLite; it must be FULL, NORMAL, EXTRA or OFF.", o.Synchronous)
	}
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = defaultBusyTimeout
	}
	// SQLite would make the file with the process's umask; the rows hold secrets of back ends.
	f, err := os.OpenFile(o.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "The SQLite database %s cannot be opened.", o.Path)
	}
	if err := f.Close(); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "The SQLite database %s cannot be opened.", o.Path)
	}
	writer, err := sql.Open("sqlite", sqliteSource(o, true))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	readers, err := sql.Open("sqlite", sqliteSource(o, false))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Path, err), writer.Close())
	}
	o.Writers = 1
	db := New(SQLite{}, readers, writer, o.Options)
	db.prepared = true
	if o.Synchronous == "FULL" {
		db.durable = groupsync.New(o.Path + "-wal").Wait
	}
	// The first connection writes WAL mode into the file, so that one has to be the writer's.
	if err := db.Write(ctx, func(*Session) error { return nil }); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Unavailable, "", "The SQLite database %s cannot be opened.", o.Path), db.Close())
	}
	return db, nil
}

func sqliteSource(o SQLiteOptions, write bool) string {
	pragmas := []string{
		"busy_timeout(" + strconv.FormatInt(o.BusyTimeout.Milliseconds(), 10) + ")",
		"foreign_keys(1)",
		"mmap_size(0)",
	}
	q := url.Values{"_dqs": {"0"}} // a misspelt "column" must be an error, not a string
	if write {
		synchronous := o.Synchronous
		if synchronous == "FULL" {
			synchronous = "NORMAL" // and groupsync
		}
		pragmas = append(pragmas, "journal_mode(WAL)", "synchronous("+synchronous+")",
			"cache_size(-"+strconv.Itoa(writerCacheKiB)+")", "journal_size_limit(16777216)")
	} else {
		pragmas = append(pragmas, "query_only(1)", "cache_size(-"+strconv.Itoa(readerCacheKiB)+")")
	}
	q["_pragma"] = pragmas
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: o.Path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// SQLite is the dialect of SQLite 3 with datetimes as SQLAlchemy writes them: 'YYYY-MM-DD HH:MM:SS.ffffff'.
type SQLite struct{}

var _ Dialect = SQLite{}

// Name is "sqlite".
func (SQLite) Name() string { return "sqlite" }

// Bind changes nothing: SQLite takes "?".
func (SQLite) Bind(text string) string { return text }

// Begin takes the write lock at once for a writer: one that read first could not get it without starting again.
func (SQLite) Begin(write bool) string {
	if write {
		return "BEGIN IMMEDIATE"
	}
	return "BEGIN"
}

// ColumnType names types as SQLAlchemy does.
func (SQLite) ColumnType(t ColumnType, length int) string {
	switch t {
	case String:
		return "VARCHAR(" + strconv.Itoa(length) + ")"
	case LongText, PlainText:
		return "TEXT"
	case Boolean:
		return "BOOLEAN"
	case DateTime, Moment:
		return "DATETIME"
	}
	return "INTEGER" // as a primary key it is the row id, numbered by SQLite
}

// Precision is a microsecond.
func (SQLite) Precision() time.Duration { return time.Microsecond }

// TableOptions is empty.
func (SQLite) TableOptions() string { return "" }

// TableNames leaves out SQLite's own tables.
func (SQLite) TableNames() string {
	return `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'`
}

// IndexNames leaves out SQLite's own.
func (SQLite) IndexNames() string {
	return `SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'`
}

// OnlineIndex is one statement, during which nobody else writes.
func (SQLite) OnlineIndex(name, on string) []string {
	return []string{`CREATE INDEX "` + name + `" ON ` + on}
}

// SQLiteTimeLayout is how datetimes are stored, in UTC.
const SQLiteTimeLayout = "2006-01-02 15:04:05.000000"

// Time is the stored text, which sorts as the times do.
func (SQLite) Time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(SQLiteTimeLayout)
}

// Upsert uses ON CONFLICT DO UPDATE.
func (SQLite) Upsert(table string, columns, key, update []string) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?")
	b.WriteString(strings.Repeat(", ?", len(columns)-1))
	b.WriteString(") ON CONFLICT (" + strings.Join(key, ", ") + ") DO UPDATE SET ")
	for i, c := range update {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c + " = excluded." + c)
	}
	return b.String()
}

// InSet hands over many values as one JSON array: the driver's binding takes a time that grows with the square of the
// number of arguments.
func (SQLite) InSet(values []string) (list string, args []any) {
	if len(values) == 1 {
		return "(?)", []any{values[0]}
	}
	array, err := json.Marshal(values)
	if err != nil {
		panic("sqlkit: strings that are no JSON: " + err.Error()) // encoding/json takes any string
	}
	return "(SELECT value FROM json_each(?))", []any{string(array)}
}

// Exact changes nothing: SQLite compares bytes.
func (SQLite) Exact(column string) string { return column }

// Ranged changes nothing.
func (SQLite) Ranged(column string) string { return column }

// Like is LIKE: SQLite's takes ASCII letters in either case.
func (SQLite) Like(column, pattern string) string { return column + " LIKE " + pattern + " ESCAPE '!'" }

// Gathered is empty: a statement is no round trip, and its JSON functions take three times as long as another query.
func (SQLite) Gathered(string, []string) string { return "" }

// OrderBy adds nothing for NULL: SQLite sorts it first when ascending.
func (SQLite) OrderBy(k OrderKey) string { return PlainOrder(k) }

// Alone is empty.
func (SQLite) Alone() string { return "" }

// KeysFirst is false.
func (SQLite) KeysFirst() bool { return false }

// Locking is empty.
func (SQLite) Locking() string { return "" }

// SerialWriters is true: BEGIN IMMEDIATE waits for whoever writes.
func (SQLite) SerialWriters() bool { return true }

// Classify reads SQLite's result codes.
func (SQLite) Classify(err error) ErrorClass {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return Other
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return Duplicate
	}
	switch e.Code() & 0xff { // the low byte is the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return Retryable
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT,
		sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_AUTH:
		return Unreachable
	}
	return Other
}
