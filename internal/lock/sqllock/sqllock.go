// Package sqllock keeps locks in a MySQL (GET_LOCK) or a PostgreSQL (advisory locks). Their names there are those of tooz's
// drivers (tooz/drivers/mysql.py, pgsql.py), so that Python's services are excluded too.
//
// All locks of a process are those of one connection, and are free when the server sees it gone. MySQL's names do not reach
// beyond one server: on the nodes of a Galera cluster there are as many locks as nodes.
//
// What must not live here: the waiting, which lock.Shared has.
package sqllock

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
)

// Options say which database keeps the locks.
type Options struct {
	// URL is as connect.Options has it.
	URL string
	// TTL is after how long without a sign of life the server is to take the process for gone, in whole seconds; 0 means 30 s.
	TTL time.Duration
}

const defaultTTL = 30 * time.Second

// New gives a Shared over a database. It does not connect. An address that nothing can be made of, or one of SQLite, is a
// fault.Invalid.
func New(o Options) (*lock.Shared, error) {
	if o.TTL == 0 {
		o.TTL = defaultTTL
	}
	address := connect.Options{URL: o.URL, Options: sqlkit.Options{Readers: 1, Writers: 1}}
	d, err := dialectOf(o)
	if err != nil {
		return nil, err
	}
	if err := connect.Check(address); err != nil {
		return nil, err
	}
	return lock.NewShared(lock.SharedOptions{TTL: o.TTL, Open: func(ctx context.Context) (lock.Session, error) { return d.open(ctx, address) }}), nil
}

func (d dialect) open(ctx context.Context, o connect.Options) (lock.Session, error) {
	db, err := connect.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	line, err := db.Line(ctx)
	if err == nil {
		for _, text := range d.settings {
			if err = line.Set(ctx, text); err != nil {
				_ = line.Close()
				break
			}
		}
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return &session{dialect: d, db: db, line: line}, nil
}

// dialect is how one make of server locks.
type dialect struct {
	settings  []string // of the connection, so that the server does not wait for a dead process
	take      string   // gives 1 if it is taken
	give      string
	arguments func(name string) []any
}

// dialectOf chooses by the scheme of a URL.
func dialectOf(o Options) (dialect, error) {
	scheme, _, _ := strings.Cut(o.URL, "://")
	switch kind, _, _ := strings.Cut(scheme, "+"); kind {
	case "mysql", "mariadb":
		return dialect{settings: []string{"SET SESSION wait_timeout = " + strconv.Itoa(int(o.TTL/time.Second))},
			take: "SELECT GET_LOCK(?, 0)", give: "SELECT RELEASE_LOCK(?)",
			arguments: func(name string) []any { return []any{mysqlName(name)} }}, nil
	case "postgresql", "postgres":
		third := strconv.Itoa(max(int(o.TTL/time.Second/3), 1))
		return dialect{settings: []string{"SET tcp_keepalives_idle = " + third, "SET tcp_keepalives_interval = " + third, "SET tcp_keepalives_count = 2"},
			take: "SELECT pg_try_advisory_lock(?::int, ?::int)::int", give: "SELECT pg_advisory_unlock(?::int, ?::int)::int",
			arguments: postgresKey}, nil
	}
	return dialect{}, fault.New(fault.Invalid, "", "%q is no kind of database that keeps locks: want mysql or postgresql.", scheme)
}

// mostMySQLName is the longest name that MySQL takes, in characters.
const mostMySQLName = 64

// mysqlName is the name itself. One that MySQL refuses, and upstream with it, is shortened, and told from others by a hash.
func mysqlName(name string) string {
	if len(name) <= mostMySQLName {
		return name
	}
	hash := sha256.Sum256([]byte(name))
	return name[:mostMySQLName-33] + "-" + hex.EncodeToString(hash[:16])
}

// postgresKey is upstream's: the first two bytes of the MD5 of the name, as two numbers. So there are 65536 locks, and two
// names may be one: then one waits for the other although it need not.
func postgresKey(name string) []any {
	sum := md5.Sum([]byte(name))
	return []any{int64(sum[0]), int64(sum[1])}
}

// session is a connection. A statement that fails leaves its state unknown, so then it is given up.
type session struct {
	dialect
	db *sqlkit.DB

	mu   sync.Mutex
	line *sqlkit.Line
}

func (s *session) ask(ctx context.Context, text string, args ...any) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.line.Number(ctx, text, args...)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", lock.ErrLost, err)
	}
	return n, nil
}

// TryLock implements lock.Session.
func (s *session) TryLock(ctx context.Context, name string) (bool, error) {
	n, err := s.ask(ctx, s.take, s.arguments(name)...)
	return n == 1, err
}

// Unlock implements lock.Session.
func (s *session) Unlock(ctx context.Context, name string) error {
	_, err := s.ask(ctx, s.give, s.arguments(name)...)
	return err
}

// Renew implements lock.Session.
func (s *session) Renew(ctx context.Context) error {
	_, err := s.ask(ctx, "SELECT 1")
	return err
}

// Close implements lock.Session.
func (s *session) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.line.Close()
	return s.db.Close()
}
