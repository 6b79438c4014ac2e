// Package connect opens any database that sqlkit knows, by its address as SQLAlchemy and so OpenStack's services write it.
//
// What must not live here: statements, and the names of options in a configuration file.
package connect

import (
	"context"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/mysql"
	"github.com/clinker/clinker/internal/sqlkit/postgresql"
)

// Options say which database to open and how.
type Options struct {
	sqlkit.Options
	// URL is sqlite:////path, mysql+pymysql://user:password@host:port/database?parameters or postgresql+psycopg2://...; the
	// part behind the "+", which names a Python library, may be anything or missing.
	URL string
	// Synchronous and BusyTimeout are SQLite's; see sqlkit.SQLiteOptions.
	Synchronous string
	BusyTimeout time.Duration
	// Mode and SyncWait are MySQL's; see mysql.Options. SyncWait is only looked at if SetSyncWait is set.
	Mode        string
	SyncWait    int
	SetSyncWait bool
	// Attempts is how often to try to connect before Open gives up, default 1; negative means for ever. Interval is the time
	// between two of them. They are of no consequence to SQLite.
	Attempts int
	Interval time.Duration
	// Failed, if not nil, is told of every attempt that failed and will be repeated.
	Failed func(err error)
}

// Open opens the database and proves that it answers. A bad address is a fault.Invalid whose text does not hold the
// password; one that does not answer is a fault.Unavailable.
func Open(ctx context.Context, o Options) (*sqlkit.DB, error) {
	if path, is := SQLitePath(o.URL); is {
		return sqlkit.OpenSQLite(ctx, sqlkit.SQLiteOptions{Options: o.Options, Path: path, Synchronous: o.Synchronous, BusyTimeout: o.BusyTimeout})
	}
	db, where, err := open(o)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		err := db.Ping(ctx)
		if err == nil {
			return db, nil
		}
		if ctx.Err() != nil || attempt >= max(o.Attempts, 1) && o.Attempts >= 0 {
			_ = db.Close()
			return nil, fault.Wrap(err, fault.Unavailable, "", "The database %s does not answer.", where)
		}
		if o.Failed != nil {
			o.Failed(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(o.Interval):
		}
	}
}

// Check says what Open would refuse without connecting: a fault.Invalid, or nil.
func Check(o Options) error {
	if _, is := SQLitePath(o.URL); is {
		return nil
	}
	db, _, err := open(o)
	if err != nil {
		return err
	}
	return db.Close()
}

// SQLiteURL is the URL of a SQLite file, also of one whose name holds a "?".
func SQLiteURL(path string) string { return "sqlite:///" + strings.ReplaceAll(path, "?", "%3F") }

// SQLitePath is the file that the URL of a SQLite database names, and whether it is one.
func SQLitePath(address string) (path string, is bool) {
	scheme, rest, _ := strings.Cut(address, "://")
	if name, _, _ := strings.Cut(scheme, "+"); name != "sqlite" {
		return "", false
	}
	path, _, _ = strings.Cut(rest, "?")
	return strings.ReplaceAll(strings.TrimPrefix(path, "/"), "%3F", "?"), true
}

// open makes the DB and says, for messages, where the database is.
func open(o Options) (db *sqlkit.DB, where string, err error) {
	a, err := parse(o.URL)
	if err != nil {
		return nil, "", err
	}
	where = a.database + " at " + a.host
	switch kind, _, _ := strings.Cut(a.scheme, "+"); kind {
	case "mysql", "mariadb":
		wait := -1
		if o.SetSyncWait {
			wait = o.SyncWait
		}
		db, err = mysql.Open(mysql.Options{Options: o.Options, Host: a.host, Port: a.port, User: a.user, Password: a.password,
			Database: a.database, Query: a.query, Mode: o.Mode, SyncWait: wait})
	case "postgresql", "postgres":
		db, err = postgresql.Open(postgresql.Options{Options: o.Options, Host: a.host, Port: a.port, User: a.user, Password: a.password,
			Database: a.database, Query: a.query})
	default:
		err = fault.New(fault.Invalid, "", "%q is no kind of database that is supported: want sqlite, mysql or postgresql.", a.scheme)
	}
	return db, where, err
}
