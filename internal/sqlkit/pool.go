package sqlkit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

// Statements a connection keeps prepared. Beyond the number any one of them makes room; a text longer than the limit
// (a filter over hundreds of values) is prepared for its call alone. Together they bound the memory a connection holds.
const (
	maxStatements    = 128
	maxStatementText = 4096
)

var errClosed = errors.New("the database was closed")

// pool hands out connections, each to one transaction at a time. database/sql's own pool would tie a prepared statement
// to whichever connections it met, behind locks; here each connection simply owns its statements.
type pool struct {
	db    *sql.DB
	slots chan struct{} // holds one for each transaction that may yet begin
	done  chan struct{}
	once  sync.Once

	mu   sync.Mutex
	idle []*conn // the last used is taken first: it is warm, and a quiet service opens no more than it needs
}

// conn is one connection with the statements that stay prepared on it. It serves one goroutine at a time.
type conn struct {
	*sql.Conn
	kept map[string]*sql.Stmt
}

func newPool(db *sql.DB, size int) *pool {
	p := &pool{db: db, slots: make(chan struct{}, size), done: make(chan struct{})}
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
	default:
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.done:
		return nil, errClosed
	case <-p.slots:
	}
	if c := p.pop(); c != nil {
		return c, nil
	}
	opened, err := p.db.Conn(ctx)
	if err != nil {
		p.slots <- struct{}{}
		return nil, err
	}
	return &conn{Conn: opened, kept: make(map[string]*sql.Stmt)}, nil
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
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	p.slots <- struct{}{}
}

// drop gives back the slot of a connection whose state is not known.
func (p *pool) drop(c *conn) {
	for _, stmt := range c.kept {
		_ = stmt.Close() // an open statement would keep a SQLite connection alive, and with it its locks
	}
	_ = c.Raw(func(any) error { return driver.ErrBadConn }) // makes database/sql close it instead of using it again
	_ = c.Close()
	p.slots <- struct{}{}
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
