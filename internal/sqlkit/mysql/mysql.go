// Package mysql is sqlkit's dialect of MariaDB and MySQL, also as a Galera cluster, and how such a database is opened.
//
// What must not live here: a table's name, anything of OpenStack but the parameters of a URL as its services write them.
package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/clinker/clinker/internal/sqlkit"
)

// Dialect is what MariaDB 10.6 and newer and MySQL 8 understand, with the session settings that Open makes.
type Dialect struct {
	// galera is 1 for a node of a Galera cluster, -1 for another server, 0 as long as that is not known; nil if nobody asks.
	galera *atomic.Int32
}

var _ sqlkit.Dialect = Dialect{}

// Name is "mysql".
func (Dialect) Name() string { return "mysql" }

// Bind changes nothing: MySQL takes "?".
func (Dialect) Bind(text string) string { return text }

// Begin has nothing to say of writes: the connections that Open makes for them do not commit by themselves. Those for reads
// do, so that a statement can stand alone. Both know how they isolate.
func (Dialect) Begin(write bool) string {
	if write {
		return ""
	}
	return "START TRANSACTION"
}

// ColumnType names types as SQLAlchemy does.
func (Dialect) ColumnType(t sqlkit.ColumnType, length int) string {
	switch t {
	case sqlkit.String:
		return "VARCHAR(" + strconv.Itoa(length) + ")"
	case sqlkit.LongText:
		return "LONGTEXT"
	case sqlkit.PlainText:
		return "TEXT"
	case sqlkit.Boolean:
		return "BOOL"
	case sqlkit.DateTime:
		return "DATETIME"
	case sqlkit.Moment:
		return "DATETIME(6)"
	case sqlkit.Serial:
		return "INTEGER AUTO_INCREMENT"
	case sqlkit.BigInteger:
		return "BIGINT"
	}
	return "INTEGER"
}

// Precision is a second.
func (Dialect) Precision() time.Duration { return time.Second }

// TableOptions make texts compare by code points and hold any character.
func (Dialect) TableOptions() string {
	return " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
}

// TableNames leaves out views.
func (Dialect) TableNames() string {
	return `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'`
}

// IndexNames gives each once.
func (Dialect) IndexNames() string {
	return `SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE()`
}

// OnlineIndex is refused by the server where it would have to keep writers waiting.
func (Dialect) OnlineIndex(name, on string) []string {
	return []string{`CREATE INDEX "` + name + `" ON ` + on + ` ALGORITHM=INPLACE LOCK=NONE`}
}

// Alone takes a lock of the server that is called after the database and ends with the connection.
func (Dialect) Alone() string { return `SELECT GET_LOCK(CONCAT('clinker.', LEFT(DATABASE(), 56)), 60)` }

// Time is t itself.
func (Dialect) Time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Upsert goes by whichever unique key stands against the row; key is not said.
func (Dialect) Upsert(table string, columns, _, update []string) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?")
	b.WriteString(strings.Repeat(", ?", len(columns)-1))
	b.WriteString(") ON DUPLICATE KEY UPDATE ")
	for i, c := range update {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c + " = VALUES(" + c + ")")
	}
	return b.String()
}

// InSet repeats the last value until there are a power of two.
func (Dialect) InSet(values []string) (list string, args []any) {
	n := 1
	for n < len(values) {
		n *= 2
	}
	args = make([]any, n)
	for i := range args {
		args[i] = values[min(i, len(values)-1)]
	}
	return "(?" + strings.Repeat(", ?", n-1) + ")", args
}

// Exact compares bytes, which in UTF-8 go as the code points do.
func (Dialect) Exact(column string) string { return "CAST(" + column + " AS BINARY)" }

// Ranged is the column itself: every collation puts what begins with a text behind it, and "@" before letters.
func (Dialect) Ranged(column string) string { return column }

// Like asks for a collation that takes letters in either case.
func (Dialect) Like(column, pattern string) string {
	return "CONVERT(" + column + " USING utf8mb4) COLLATE utf8mb4_general_ci LIKE " + pattern + " ESCAPE '!'"
}

// Gathered gives NULL where there is no row. An object and not JSON_ARRAYAGG, which MariaDB cuts off at group_concat_max_len.
func (Dialect) Gathered(key string, columns []string) string {
	return "JSON_OBJECTAGG(" + key + ", JSON_ARRAY(" + strings.Join(columns, ", ") + "))"
}

// OrderBy adds nothing for NULL: MySQL sorts it first when ascending.
func (Dialect) OrderBy(k sqlkit.OrderKey) string { return sqlkit.PlainOrder(k) }

// KeysFirst is true: for whole rows MariaDB goes through all that a project has until it is past the marker.
func (Dialect) KeysFirst() bool { return true }

// Locking is FOR UPDATE.
func (Dialect) Locking() string { return " FOR UPDATE" }

// SerialWriters is false.
func (Dialect) SerialWriters() bool { return false }

var _ sqlkit.Clusterer = Dialect{}

// Clustered is true for a node of a Galera cluster.
func (d Dialect) Clustered() bool { return d.galera != nil && d.galera.Load() > 0 }

// Ready is false for a node that has lost the others, or has not caught up with them.
func (Dialect) Ready(ctx context.Context, s *sqlkit.Session) (bool, error) {
	var name, value string
	_, err := s.QueryRow(ctx, `SHOW STATUS LIKE 'wsrep_ready'`, []any{(*sqlkit.Text)(&name), (*sqlkit.Text)(&value)})
	return value == "ON", err
}

// Numbers of the errors that mean something to a caller.
const (
	tooManyConnections   = 1040
	deniedDatabase       = 1044
	deniedUser           = 1045
	notPrepared          = 1047 // a Galera node that has left the cluster knows no command
	unknownDatabase      = 1049
	tableExists          = 1050
	serverShutdown       = 1053
	indexExists          = 1061
	duplicateEntry       = 1062
	tableFull            = 1114
	hostNotAllowed       = 1130
	changedSinceSnapshot = 1020
	diskFull             = 1021
	errorDuringCommit    = 1180 // a Galera certification that failed, in some versions
	userTooMany          = 1203
	lockWaitTimeout      = 1205
	deadlock             = 1213 // also a Galera certification that failed
	readOnlyOption       = 1290
	queryInterrupted     = 1317 // also by what another node of a Galera cluster has committed
	duplicateWithKeyName = 1586
	needReprepare        = 1615
	readOnlyTransaction  = 1792
	readOnlyMode         = 1836
	connectionKilled     = 1927
	tableDefChanged      = 1412
	outOfRange           = 1264
	mixedCollations      = 1267 // likewise incorrectValue, where it is compared
	incorrectValue       = 1366 // a character of four bytes, where utf8mb3 has three
	dataTooLong          = 1406
	cannotConvert        = 3854 // MySQL's word for mixedCollations
)

// Classify reads the server's error numbers and the driver's and the network's errors.
func (Dialect) Classify(err error) sqlkit.ErrorClass {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch e.Number {
		case duplicateEntry, duplicateWithKeyName:
			return sqlkit.Duplicate
		case deadlock, lockWaitTimeout, changedSinceSnapshot, errorDuringCommit, needReprepare, tableDefChanged, queryInterrupted:
			return sqlkit.Retryable
		case tableExists, indexExists:
			return sqlkit.There
		case outOfRange, mixedCollations, incorrectValue, dataTooLong, cannotConvert:
			return sqlkit.Unfit
		case tooManyConnections, userTooMany, deniedDatabase, deniedUser, unknownDatabase, hostNotAllowed, tableFull, diskFull:
			return sqlkit.Unreachable
		case serverShutdown, connectionKilled, notPrepared, readOnlyOption, readOnlyMode:
			return sqlkit.Lost // behind an address that several nodes share, the next connection may reach another
		}
		return sqlkit.Other
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return sqlkit.Other
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return sqlkit.Unreachable
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return sqlkit.Lost
	}
	return sqlkit.Other
}
