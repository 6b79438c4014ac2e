package sqlkit

import (
	"context"
	"slices"
	"time"
)

// Dialect is what the databases do not agree on. Implementations hold no state and are safe for concurrent use.
type Dialect interface {
	Definitions
	// Name is "sqlite", "mysql" or "postgresql".
	Name() string
	// Bind turns the "?" of a statement into the dialect's own placeholders.
	Bind(text string) string
	// Begin starts a transaction that reads, or one that also writes. It is empty where the first statement does.
	Begin(write bool) string
	// Time is t as an argument: UTC, microseconds. The zero time is NULL.
	Time(t time.Time) any
	// Upsert is a statement that inserts a row of these columns or, where a row with the same key is there, sets the
	// update columns to the new values. Key must be a unique constraint of the table.
	Upsert(table string, columns, key, update []string) string
	// InSet is the part behind IN for 1 to MaxInSet values, with its arguments. However many there are, it gives one of a
	// few texts, so that statements stay prepared.
	InSet(values []string) (list string, args []any)
	// Exact is a column for comparisons that go by code points, whatever the database's collation: they tell upper from
	// lower case, and what begins with a text lies in a range. An index may be of no use for it.
	Exact(column string) string
	// Ranged is a column for a range round Exact ones that lets the database use an index: of the texts that begin with an
	// address it leaves none out, of others it may let some in.
	Ranged(column string) string
	// Gathered is an aggregate that puts columns of all rows of a group into one text of JSON, {"key": ["text", null], ...}.
	// Key is a column that identifies a row of the group. Without any row it is NULL or {}. It is empty for a database to which
	// further statements are cheaper.
	Gathered(key string, columns []string) string
	// Like is the condition that a column matches a LIKE pattern in which "!" is the escape and ASCII letters match in
	// either case.
	Like(column, pattern string) string
	// OrderBy is one term of an ORDER BY in which NULL counts as smaller than every value.
	OrderBy(key OrderKey) string
	// KeysFirst says that a page of a list is best asked for in two: the keys of its rows, then the rows. Such a planner
	// goes by a range of an index only if the index has all that is asked for.
	KeysFirst() bool
	// Locking ends a SELECT of a write transaction after which nobody else changes the rows it gave until the transaction
	// ends; empty where write transactions run one after another. It holds for one node of a cluster: for all of them the
	// transaction has to write the row too.
	Locking() string
	// SerialWriters says that write transactions run one after another, so that none needs to lock a row against others.
	SerialWriters() bool
	// Classify says what an error of the driver means; it must find the driver's error anywhere in err's chain.
	Classify(err error) ErrorClass
}

// Definitions is the part of a Dialect that tables are made with.
type Definitions interface {
	// ColumnType is the type in a table definition. Length counts characters and matters to String only.
	ColumnType(t ColumnType, length int) string
	// Precision is what a DateTime column keeps of a time.
	Precision() time.Duration
	// TableOptions follows the closing parenthesis of a table definition; usually empty.
	TableOptions() string
	// TableNames is a query for the names of the tables in the current database; its column is called name.
	TableNames() string
	// IndexNames is a query for the names of the indexes of those tables that are ready for use.
	IndexNames() string
	// OnlineIndex is the statements, each outside a transaction, that make an index while others read and write its table;
	// on is the quoted table with the columns in parentheses. One that an earlier try left unfinished is replaced.
	OnlineIndex(name, on string) []string
	// Alone is a query that answers 1 when no other transaction that asked it is under way, and waits until then. It is
	// empty where write transactions run one after another anyhow.
	Alone() string
}

// MaxInSet is how many values one InSet takes: beyond it a query is split.
const MaxInSet = 4096

// InChunks calls fn with the ids in pieces that fit into one IN list, of InSet, and ends with its first error.
func InChunks(d Dialect, ids []string, fn func(list string, args []any) error) error {
	for chunk := range slices.Chunk(ids, MaxInSet) {
		list, args := d.InSet(chunk)
		if err := fn(list, args); err != nil {
			return err
		}
	}
	return nil
}

// ColumnType is a type of column that a table definition may ask for.
type ColumnType uint8

// The column types.
const (
	Integer    ColumnType = iota // 32 bits at least
	String                       // at most so many characters
	LongText                     // no limit that matters
	PlainText                    // 64 KiB at least: what SQLAlchemy makes of its Text
	Boolean                      // FALSE and TRUE
	DateTime                     // UTC; at least seconds
	Moment                       // UTC; microseconds in every dialect
	Serial                       // an integer primary key that the database numbers by itself
	BigInteger                   // 64 bits
)

// ErrorClass is what a failed statement means to whoever ran it.
type ErrorClass uint8

// The classes.
const (
	Other       ErrorClass = iota // a mistake of ours, or a constraint that is not about uniqueness
	Retryable                     // a deadlock, a busy database, a lost certification: the transaction may run again
	Duplicate                     // a unique constraint stands against it
	Unfit                         // a value that a column cannot hold: too long, too large, a character it does not have
	Unreachable                   // the database is not there, cannot be read or is full
	Lost                          // the connection broke: what ran on it is undone, unless it was the COMMIT
	There                         // a table or an index of that name is there already
)

// Clusterer is a Dialect whose servers may be several with the same data, each of which takes writes. What a transaction locks
// there and does not write, the others do not know of. Write transactions then prepare nothing: when one is ended by another
// node's while its server (MariaDB 10.11) prepares a statement, that is told nobody, and what follows would be another transaction.
type Clusterer interface {
	// Clustered says whether the server is one of several; it is known as soon as there has been a connection.
	Clustered() bool
	// Ready says whether one of several does what is asked of it. It runs one statement.
	Ready(ctx context.Context, s *Session) (bool, error)
}
