// Package sqlstore keeps Block Storage in an SQL database: the one implementation of package store. There is a file per
// resource, those of volumes in volumerows; what they have in common is in rows.
//
// What must not live here: a decision about states, quotas or who may see what. Callers decide; this package reads and
// writes what it is told. Definitions of tables are in package schema, differences between databases in package sqlkit.
package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/block/store/sqlstore/backuprows"
	"github.com/clinker/clinker/internal/block/store/sqlstore/catalogrows"
	"github.com/clinker/clinker/internal/block/store/sqlstore/grouprows"
	"github.com/clinker/clinker/internal/block/store/sqlstore/maintenancerows"
	"github.com/clinker/clinker/internal/block/store/sqlstore/messagerows"
	"github.com/clinker/clinker/internal/block/store/sqlstore/quotarows"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/block/store/sqlstore/volumerows"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
	"github.com/clinker/clinker/internal/together"
)

// Config says which database to open. Zero fields mean the default.
type Config struct {
	// Path is the SQLite file; it is made if it is not there, its directory must be.
	Path string
	// URL is a database of any kind, which is opened instead of Path if it is set; see connect.Options, whose other fields
	// are Server's. Those that Config has itself are Config's.
	URL    string
	Server connect.Options
	// Synchronous is SQLite's: FULL (the default), NORMAL, EXTRA or OFF; see sqlkit.SQLiteOptions.
	Synchronous string
	// Readers is how many reads run at once; default 4.
	Readers int
	// BusyTimeout is how long a write waits for another process at a time; default 2 s.
	BusyTimeout time.Duration
	// Observer is told of every statement; nil means nobody is.
	Observer sqlkit.Observer
	// QuotaLimits are the configured quotas, by resource, which a new database starts out with; nil means Cinder's defaults.
	QuotaLimits map[string]int64
	// AsIs opens the database as it stands: no table is made or changed, and it may be of any revision. It is for commands
	// that look before they leap; see Store.Check.
	AsIs bool
	// Now is the clock of created_at, updated_at and deleted_at; default time.Now.
	Now func() time.Time
}

// Store is a store.Store in an SQL database. It is safe for concurrent use.
type Store struct {
	reader
	volumerows.Reader
	catalogrows.CatalogReader
	grouprows.GroupReader
	messagerows.MessageReader
	backuprows.BackupReader
	maintenancerows.MaintenanceReader
	maintenancerows.Keeper
	quotarows.QuotaReader
	lanes *together.Lanes[*change, struct{}]
	// Outcome says whether Open made the database, adopted one of Cinder's, or found everything there.
	Outcome schema.Outcome
}

var _ store.Store = (*Store)(nil)

// Open opens the database and brings its schema up; see schema.Up for what it refuses.
func Open(ctx context.Context, c Config) (*Store, error) {
	o := c.Server
	o.URL, o.Synchronous, o.BusyTimeout = c.URL, c.Synchronous, c.BusyTimeout
	o.Observer = c.Observer
	if c.Readers > 0 {
		o.Readers = c.Readers
	}
	if o.URL == "" {
		o.URL = connect.SQLiteURL(c.Path)
	}
	db, err := connect.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	outcome := schema.Ready
	if !c.AsIs {
		if outcome, err = schema.Up(ctx, db, c.QuotaLimits); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	conn := &rows.Conn{DB: db, Clock: c.Now}
	made := &Store{reader: reader{conn: conn, types: typeListing()}, Reader: volumerows.NewReader(conn),
		CatalogReader: catalogrows.NewReader(conn), GroupReader: grouprows.NewReader(conn), MessageReader: messagerows.NewReader(conn),
		BackupReader: backuprows.NewReader(conn), MaintenanceReader: maintenancerows.NewReader(conn), Keeper: maintenancerows.NewKeeper(conn),
		QuotaReader: quotarows.NewReader(conn),
		Outcome:     outcome}
	made.lanes = together.NewLanes(maxTogether, made.updateAll)
	return made, nil
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error { return s.conn.DB.Ping(ctx) }

// Close implements store.Store.
func (s *Store) Close() error { return s.conn.DB.Close() }

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	return s.conn.DB.Write(ctx, func(session *sqlkit.Session) error {
		conn := &rows.Conn{DB: s.conn.DB, Session: session, Clock: s.conn.Clock}
		t := &tx{reader: reader{conn: conn, types: s.types}, Writer: volumerows.NewWriter(s.Reader, conn),
			CatalogWriter: catalogrows.NewWriter(s.CatalogReader, conn), GroupWriter: grouprows.NewWriter(s.GroupReader, conn),
			MessageWriter: messagerows.NewWriter(s.MessageReader, conn), BackupWriter: backuprows.NewWriter(s.BackupReader, conn),
			MaintenanceWriter: maintenancerows.NewWriter(conn), QuotaWriter: quotarows.NewWriter(conn)}
		if err := fn(t); err != nil {
			return err
		}
		return t.finish(ctx)
	})
}

// reader reads types, services and flows.
type reader struct {
	conn  *rows.Conn
	types *rows.Listing
}

// tx reads and writes in one transaction.
type tx struct {
	reader
	volumerows.Writer
	catalogrows.CatalogWriter
	grouprows.GroupWriter
	messagerows.MessageWriter
	backuprows.BackupWriter
	maintenancerows.MaintenanceWriter
	*quotarows.QuotaWriter
	// late is what the transaction writes of the journal when it ends, by id; nil for a record that is to be deleted. Nothing else in it
	// reads that, and all who share it write some: it is then one statement for all of them.
	late map[string]*flow.Record
}

var _ store.Tx = (*tx)(nil)

// CreateVolume implements store.VolumeWriter.
func (t *tx) CreateVolume(ctx context.Context, v *block.Volume) error {
	before := t.conn.Writes()
	err := t.Writer.CreateVolume(ctx, v)
	if err == nil {
		t.Entered(v, before)
	}
	return err
}
