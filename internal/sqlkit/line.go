package sqlkit

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// Line is a connection of its own beside the pools, outside any transaction, for what belongs to a connection and goes with
// it: locks by name. It serves one goroutine at a time. Whoever opened it closes it; it does not survive its DB.
type Line struct {
	db    *DB
	conn  *sql.Conn
	texts map[string]*sql.Stmt
}

// Line opens a connection. A failure is a fault.Unavailable.
func (db *DB) Line(ctx context.Context) (*Line, error) {
	c, err := db.writers.db.Conn(ctx)
	if err != nil {
		return nil, db.failure(err)
	}
	return &Line{db: db, conn: c, texts: make(map[string]*sql.Stmt)}, nil
}

// Set runs a statement that gives nothing, such as SET.
func (l *Line) Set(ctx context.Context, text string) error {
	_, err := l.conn.ExecContext(ctx, text)
	return l.db.failure(err)
}

// Number is the one number that a query gives, 0 for NULL. Texts stay prepared, so they must be few.
func (l *Line) Number(ctx context.Context, text string, args ...any) (int64, error) {
	stmt := l.texts[text]
	if stmt == nil {
		var err error
		if stmt, err = l.conn.PrepareContext(ctx, l.db.dialect.Bind(text)); err != nil {
			return 0, l.db.failure(err)
		}
		l.texts[text] = stmt
	}
	var n sql.NullInt64
	err := stmt.QueryRowContext(ctx, args...).Scan(&n)
	return n.Int64, l.db.failure(err)
}

// Close ends the connection.
func (l *Line) Close() error {
	for _, stmt := range l.texts {
		_ = stmt.Close() // it goes with the connection
	}
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn }) // so that it is closed and not kept for others
	return nil
}
