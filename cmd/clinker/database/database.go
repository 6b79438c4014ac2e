// Package database reads the section [database] of a configuration, as oslo.db names its options, and opens the store of
// Block Storage on what it says.
//
// What must not live here: statements, and what differs between databases.
package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
)

// Options are those of [database].
type Options struct {
	connection, parameters, mode, syncWait     config.Handle[string]
	poolSize, overflow, retries, writeAttempts config.Handle[int]
	recycle, interval, poolTimeout             config.Handle[time.Duration]
	// Synchronous is [clinker] sqlite_synchronous.
	Synchronous config.Handle[string]
}

const group = "database"

// NewOptions declares them.
func NewOptions() *Options {
	return &Options{
		connection: config.String(group, "connection", "", "The database, as SQLAlchemy writes it: mysql+pymysql://user:password@host/cinder?charset=utf8, "+
			"postgresql+psycopg2://user:password@host/cinder or sqlite:////var/lib/cinder/cinder.sqlite.", config.Secret(), config.NoDefault()),
		parameters: config.String(group, "connection_parameters", "", "More parameters for the address: name=value&name=value."),
		mode: config.String(group, "mysql_sql_mode", "TRADITIONAL", "The sql_mode of MySQL's sessions, to which ANSI_QUOTES is added; "+
			"empty keeps the server's."),
		syncWait: config.String(group, "mysql_wsrep_sync_wait", "", "For Galera: the wsrep_sync_wait of sessions, a number from 0 to 15; empty keeps the server's.", config.NoDefault()),
		poolSize: config.Int(group, "max_pool_size", 5, "How many connections stay open while few are in use.", config.Min(0)),
		overflow: config.Int(group, "max_overflow", 50, "How many more there may be at a time. Half of all of them read, half write, and there are never more than 128.", config.Min(-1)),
		retries: config.Int(group, "max_retries", 10, "How often to try again to reach the database at start; -1 is for ever.",
			config.Min(-1)),
		writeAttempts: config.Int(group, "db_max_retries", 20, "How often a change is tried again after a deadlock, a lost certification or a lost connection.",
			config.Min(-1)),
		recycle: config.Seconds(group, "connection_recycle_time", time.Hour, "Seconds after which a connection is replaced by a new one; -1 is never.",
			config.Min(-1)),
		interval: config.Seconds(group, "retry_interval", 10*time.Second, "Seconds between two tries to reach the database at start.", config.Min(0)),
		poolTimeout: config.Seconds(group, "pool_timeout", 30*time.Second, "Seconds to wait for a connection when all are in use.",
			config.Min(0)),
		Synchronous: config.String("clinker", "sqlite_synchronous", "FULL", "How SQLite guards against a power cut. FULL flushes the disk at each "+
			"commit, NORMAL is quicker and may lose the last moments; neither loses anything when only the process dies.", config.Choices("NORMAL", "FULL", "EXTRA", "OFF")),
	}
}

// All lists them, with those that oslo.db knows and that mean nothing here.
func (o *Options) All() []config.Option {
	list := []config.Option{o.connection, o.parameters, o.mode, o.syncWait, o.poolSize, o.overflow, o.retries, o.writeAttempts,
		o.recycle, o.interval, o.poolTimeout, o.Synchronous}
	list = append(list, config.Ignored(group, "everything is read where it is written, so that nobody reads what is no longer so",
		"slave_connection", "asyncio_connection", "asyncio_slave_connection")...)
	list = append(list, config.Ignored(group, "there is no SQLAlchemy", "backend", "connection_trace", "connection_debug", "sqlite_synchronous",
		"use_db_reconnect", "db_retry_interval", "db_inc_retry_interval", "db_max_retry_interval")...)
	return list
}

// maxConnections is how many connections of a kind there may be; see sqlkit.Options.
const maxConnections = 64

// Settings is what the options say. A value that nothing can be made of is refused with its place in the configuration.
func (o *Options) Settings(c *config.Config) (connect.Options, error) {
	address := o.connection.Get(c)
	if path, is := connect.SQLitePath(address); is {
		if path == "" || strings.Contains(path, ":memory:") {
			return connect.Options{}, o.connection.Refuse(c, "", "a database in memory is gone with the process", "sqlite:////absolute/path/of/a/file")
		}
		return connect.Options{URL: address, Synchronous: o.Synchronous.Get(c)}, nil
	}
	if more := o.parameters.Get(c); more != "" {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + more
	}
	s := connect.Options{URL: address, Mode: o.mode.Get(c), Attempts: o.retries.Get(c) + 1, Interval: o.interval.Get(c), Options: o.pools(c)}
	if s.Attempts == 0 { // -1 is for ever
		s.Attempts = -1
	}
	var ok bool
	if s.SyncWait, s.SetSyncWait, ok = waitOf(o.syncWait.Get(c)); !ok {
		return s, o.syncWait.Refuse(c, "", "it is no such number", "a number from 0 to 15, or nothing")
	}
	return s, check(c, o.connection, s)
}

// Address is the value of another option that names a database as [database] connection does, refused likewise; empty if it
// is not set.
func Address(c *config.Config, h config.Handle[string]) (string, error) {
	address := h.Get(c)
	if address == "" {
		return "", nil
	}
	return address, check(c, h, connect.Options{URL: address})
}

// check refuses an address that cannot be that of a database.
func check(c *config.Config, h config.Handle[string], o connect.Options) error {
	if err := connect.Check(o); err != nil {
		return h.Refuse(c, "", strings.TrimSuffix(fault.UserText(err), "."), "mysql+pymysql://, postgresql+psycopg2:// or sqlite:////")
	}
	return nil
}

func waitOf(text string) (wait int, set, ok bool) {
	if text == "" {
		return 0, false, true
	}
	for _, digit := range text {
		if digit < '0' || digit > '9' {
			return 0, false, false
		}
		if wait = wait*10 + int(digit-'0'); wait > 15 {
			return 0, false, false
		}
	}
	return wait, true, true
}

// pools divides the connections between readers and writers.
func (o *Options) pools(c *config.Config) sqlkit.Options {
	size, over := o.poolSize.Get(c), o.overflow.Get(c)
	total := size + over
	if size == 0 || over < 0 { // no limit
		total = 2 * maxConnections
	}
	p := sqlkit.Options{Readers: max((total+1)/2, 1), Writers: max(total/2, 1), Idle: max((size+1)/2, 1), Wait: o.poolTimeout.Get(c),
		MaxAge: max(o.recycle.Get(c), 0), WriteAttempts: o.writeAttempts.Get(c) + 1}
	if p.WriteAttempts == 0 {
		p.WriteAttempts = 1000 // for ever would be a loop without an end
	}
	return p
}

// Open opens the store and brings its tables up. limits are the configured quotas, which a new database starts out with.
func (o *Options) Open(ctx context.Context, c *config.Config, limits map[string]int64, log *slog.Logger) (*sqlstore.Store, error) {
	s, err := o.open(ctx, c, sqlstore.Config{QuotaLimits: limits}, log)
	if err != nil {
		return nil, err
	}
	if err := sayOutcome(ctx, s, log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenAsIs opens the store and leaves its tables alone, whatever they are; see sqlstore.Config.
func (o *Options) OpenAsIs(ctx context.Context, c *config.Config, log *slog.Logger) (*sqlstore.Store, error) {
	return o.open(ctx, c, sqlstore.Config{AsIs: true}, log)
}

func (o *Options) open(ctx context.Context, c *config.Config, how sqlstore.Config, log *slog.Logger) (*sqlstore.Store, error) {
	settings, err := o.Settings(c)
	if err != nil {
		return nil, err
	}
	if path, is := connect.SQLitePath(settings.URL); is {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "", "The directory of the database %s cannot be made.", path)
		}
	}
	settings.Failed = func(err error) {
		log.Warn("The database does not answer; trying again.", "error", err, "seconds", settings.Interval.Seconds())
	}
	how.URL, how.Synchronous, how.Server = settings.URL, settings.Synchronous, settings
	return sqlstore.Open(ctx, how)
}

func sayOutcome(ctx context.Context, s *sqlstore.Store, log *slog.Logger) error {
	if s.Outcome == schema.Created {
		log.Info("The database was empty and has been made.", "revision", schema.CinderRevision)
	}
	missing, err := s.MissingIndexes(ctx)
	if err == nil && len(missing) > 0 {
		log.Info("Long lists and large projects would be read faster with more indexes; `clinker database add-indexes` makes them while services run.",
			"indexes", len(missing))
	}
	return err
}

// AddIndexesHelp is what "clinker database add-indexes --help" says.
const AddIndexesHelp = `Add indexes to Cinder's tables with which a page of a long list, and counting what a large
project uses, cost the same however many rows there are. Their names begin with clinker_;
Python's services do not mind them, and dropping them is all it takes to be without them.

The tables can be read and written meanwhile, except in a Galera cluster, which changes a
table everywhere at once and holds back writes to it: there, choose a quiet hour. The command
may be stopped and repeated. drop-indexes removes them again.`

// AddIndexes adds our indexes to Cinder's tables and tells out of each.
func (o *Options) AddIndexes(ctx context.Context, c *config.Config, limits map[string]int64, out io.Writer) error {
	s, err := o.Open(ctx, c, limits, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	made := 0
	err = s.AddIndexes(ctx, func(name string) {
		made++
		fmt.Fprintln(out, "adding", name)
	})
	if err == nil && made == 0 {
		fmt.Fprintln(out, "every index is there")
	}
	return errors.Join(err, s.Close())
}

// DropIndexes removes our indexes from Cinder's tables and tells out of each. It changes nothing else.
func (o *Options) DropIndexes(ctx context.Context, c *config.Config, out io.Writer) error {
	s, err := o.OpenAsIs(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	dropped := 0
	err = s.DropIndexes(ctx, func(name string) {
		dropped++
		fmt.Fprintln(out, "dropping", name)
	})
	if err == nil && dropped == 0 {
		fmt.Fprintln(out, "no index of ours is there")
	}
	return errors.Join(err, s.Close())
}
