package sqlkit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"time"
)

// Statements a connection keeps prepared. Beyond the number any one of them makes room; a text longer than the limit
// (a filter over hundreds of values) is prepared for its call alone. Together they bound the memory a connection holds.
const (
	maxStatements    = 128
	maxStatementText = 4096
)

var (
	errClosed = errors.New("the database was closed")
	errNoTurn = errors.New("no connection became free in time")
)

// pool hands out connections, each to one transaction at a time. database/sql's own pool would tie a prepared statement
// to whichever connections it met, behind locks; here each connection simply owns its statements.
type pool struct {
	db    *sql.DB
	slots chan struct{} // holds one for each transaction that may yet begin
	done  chan struct{}
	once  sync.Once
	opts  Options

	mu   sync.Mutex
	idle []*conn // the last used is taken first: it is warm, and a quiet service opens no more than it needs
}

// conn is one connection with the statements that stay prepared on it. It serves one goroutine at a time.
type conn struct {
	*sql.Conn
	kept   map[string]*sql.Stmt
	opened time.Time
	given  time.Time // when it was last given back; zero if it was not: then the server cannot have left it

	breaker Breaker // nil if the driver's connection is none
	broken  bool    // by the breaker
}

func newPool(db *sql.DB, size int, o Options) *pool {
	p := &pool{db: db, slots: make(chan struct{}, size), done: make(chan struct{}), opts: o}
	for range size {
		p.slots <- struct{}{}
	}
	return p
}

// take waits for a connection until ctx ends. Give it back with give or drop.
func (p *pool) take(ctx context.Context) (*conn, error) {
	select {
	case <-p.done:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	if err := p.turn(ctx); err != nil {
		return nil, err
	}
	for c := p.pop(); c != nil; c = p.pop() {
		if p.opts.MaxAge == 0 || time.Since(c.opened) < p.opts.MaxAge {
			return c, nil
		}
		c.discard()
	}
	opened, err := p.db.Conn(ctx)
	if err != nil {
		p.slots <- struct{}{}
		return nil, err
	}
	c := &conn{Conn: opened, kept: make(map[string]*sql.Stmt), opened: time.Now()}
	err = opened.Raw(func(driverConn any) error {
		c.breaker, _ = driverConn.(Breaker)
		return nil
	})
	if err != nil {
		p.drop(c)
		return nil, err
	}
	return c, nil
}

// turn waits for a slot.
func (p *pool) turn(ctx context.Context) error {
	select {
	case <-p.slots:
		return nil
	default:
	}
	var late <-chan time.Time
	if p.opts.Wait > 0 {
		timer := time.NewTimer(p.opts.Wait)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.done:
		return errClosed
	case <-late:
		return errNoTurn
	case <-p.slots:
		return nil
	}
}

// forget closes the idle connections: one of them was found dead, and then the server has probably left all of them.
func (p *pool) forget() {
	for c := p.pop(); c != nil; c = p.pop() {
		c.discard()
	}
}

// pop gives an idle connection, nil if there is none.
func (p *pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

func (p *pool) give(c *conn) {
	if c.broken {
		p.drop(c)
		return
	}
	c.given = time.Now()
	var surplus *conn
	p.mu.Lock()
	p.idle = append(p.idle, c)
	// The first one is the one that has been idle for longest.
	if len(p.idle) > p.opts.Idle && c.given.Sub(p.idle[0].given) >= p.opts.Linger {
		surplus = p.idle[0]
		p.idle = append(p.idle[:0], p.idle[1:]...)
	}
	p.mu.Unlock()
	if surplus != nil {
		surplus.discard()
	}
	p.slots <- struct{}{}
}

// drop gives back the slot of a connection whose state is not known.
func (p *pool) drop(c *conn) {
	c.discard()
	p.slots <- struct{}{}
}

// discard closes the connection for good.
func (c *conn) discard() {
	for _, stmt := range c.kept {
		_ = stmt.Close() // an open statement would keep a SQLite connection alive, and with it its locks
	}
	_ = c.Raw(func(any) error { return driver.ErrBadConn }) // makes database/sql close it instead of using it again
	_ = c.Close()
}

// close waits for the transactions that run; no other begins.
func (p *pool) close() (err error) {
	p.once.Do(func() {
		close(p.done)
		for range cap(p.slots) {
			<-p.slots
		}
		for c := p.pop(); c != nil; c = p.pop() {
			err = errors.Join(err, c.Close())
		}
		err = errors.Join(err, p.db.Close())
	})
	return err
}

// prepared gives the statement for a text and whether the caller has to close it.
func (c *conn) prepared(ctx context.Context, d Dialect, text string) (stmt *sql.Stmt, once bool, err error) {
	if stmt, ok := c.kept[text]; ok {
		return stmt, false, nil
	}
	stmt, err = c.PrepareContext(ctx, d.Bind(text))
	if err != nil || len(text) > maxStatementText {
		return stmt, true, err
	}
	if len(c.kept) >= maxStatements {
		for other, s := range c.kept {
			_ = s.Close()
			delete(c.kept, other)
			break
		}
	}
	c.kept[text] = stmt
	return stmt, false, nil
}
