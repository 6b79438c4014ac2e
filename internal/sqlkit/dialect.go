package sqlkit

import "time"

// Dialect is what the databases do not agree on. Implementations hold no state and are safe for concurrent use.
type Dialect interface {
	// Name is "sqlite", "mysql" or "postgresql".
	Name() string
	// Bind turns the "?" of a statement into the dialect's own placeholders.
	Bind(text string) string
	// Begin starts a transaction that reads, or one that also writes.
	Begin(write bool) string
	// ColumnType is the type in a table definition. Length counts characters and matters to String only.
	ColumnType(t ColumnType, length int) string
	// TableOptions follows the closing parenthesis of a table definition; usually empty.
	TableOptions() string
	// TableNames is a query for the names of the tables in the current database.
	TableNames() string
	// Time is t as an argument: UTC, microseconds. The zero time is NULL.
	Time(t time.Time) any
	// Upsert is a statement that inserts a row of these columns or, where a row with the same key is there, sets the
	// update columns to the new values. Key must be a unique constraint of the table.
	Upsert(table string, columns, key, update []string) string
	// InSet is the part behind IN for 1 to MaxInSet values, with its arguments. However many there are, it gives one of a
	// few texts, so that statements stay prepared.
	InSet(values []string) (list string, args []any)
	// Exact is a column for comparisons that must tell upper from lower case, whatever the database's collation.
	Exact(column string) string
	// OrderBy is one term of an ORDER BY in which NULL counts as smaller than every value.
	OrderBy(column string, desc bool) string
	// SerialWriters says that write transactions run one after another, so that none needs to lock a row against others.
	SerialWriters() bool
	// Classify says what an error of the driver means; it must find the driver's error anywhere in err's chain.
	Classify(err error) ErrorClass
}

// MaxInSet is how many values one InSet takes: beyond it a query is split.
const MaxInSet = 4096

// ColumnType is a type of column that a table definition may ask for.
type ColumnType uint8

// The column types.
const (
	Integer    ColumnType = iota // 32 bits at least
	String                       // at most so many characters
	LongText                     // no limit that matters
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
	Unreachable                   // the database is not there, cannot be read or is full
)
