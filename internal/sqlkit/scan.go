package sqlkit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Text, Int, Bool and Time are destinations of a Scan for which NULL is the zero value. A pointer to a plain variable is
// converted, as in (*Text)(&v.Name): nothing is allocated, and database/sql needs no reflection.
type (
	// Text scans text.
	Text string
	// Int scans integers.
	Int int64
	// Bool scans booleans, also the 0 and 1 that SQLite and MySQL keep.
	Bool bool
	// Time scans datetimes as UTC.
	Time time.Time
	// Blob scans text or bytes into a copy; NULL is nil.
	Blob []byte
)

// Scan implements sql.Scanner.
func (t *Text) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = ""
	case string:
		*t = Text(v)
	case []byte:
		if string(v) != string(*t) { // rows that are scanned into the same place have much in common
			*t = Text(v)
		}
	case int64: // a dialect without column types hands over a number-like text as a number
		*t = Text(strconv.FormatInt(v, 10))
	default:
		return fmt.Errorf("cannot read %T as text", src)
	}
	return nil
}

// Scan implements sql.Scanner.
func (n *Int) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*n = 0
	case int64:
		*n = Int(v)
	case float64: // a sum in some dialects
		*n = Int(v)
	case []byte:
		return n.parse(string(v))
	case string: // a sum of 64 bits is a decimal in some dialects
		return n.parse(v)
	case bool:
		*n = 0
		if v {
			*n = 1
		}
	default:
		return fmt.Errorf("cannot read %T as an integer", src)
	}
	return nil
}

func (n *Int) parse(text string) error {
	i, err := strconv.ParseInt(text, 10, 64)
	*n = Int(i)
	return err
}

// Scan implements sql.Scanner.
func (b *Bool) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*b = false
	case bool:
		*b = Bool(v)
	case int64:
		*b = v != 0
	default:
		return fmt.Errorf("cannot read %T as a boolean", src)
	}
	return nil
}

// Scan implements sql.Scanner.
func (t *Time) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = Time{}
	case time.Time:
		*t = Time(v.UTC())
	case string:
		// A SQLite column that lost its declared type in an expression.
		return t.parse(v)
	case []byte: // of what Dialect.Gathered makes
		return t.parse(strings.Replace(string(v), "T", " ", 1))
	default:
		return fmt.Errorf("cannot read %T as a datetime", src)
	}
	return nil
}

func (t *Time) parse(text string) error {
	at, err := time.Parse("2006-01-02 15:04:05", text) // a fraction is accepted after the seconds
	*t = Time(at)
	return err
}

// Scan implements sql.Scanner.
func (b *Blob) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*b = nil
	case string:
		*b = Blob(v)
	case []byte:
		*b = append(Blob(nil), v...)
	default:
		return fmt.Errorf("cannot read %T as bytes", src)
	}
	return nil
}

// OptionalText scans text into a pointer, nil for NULL.
type OptionalText struct{ To **string }

// Scan implements sql.Scanner.
func (o OptionalText) Scan(src any) error {
	if src == nil {
		*o.To = nil
		return nil
	}
	var t Text
	if err := t.Scan(src); err != nil {
		return err
	}
	*o.To = new(string(t))
	return nil
}

// OptionalBool scans a boolean into a pointer, nil for NULL.
type OptionalBool struct{ To **bool }

// Scan implements sql.Scanner.
func (o OptionalBool) Scan(src any) error {
	if src == nil {
		*o.To = nil
		return nil
	}
	var b Bool
	if err := b.Scan(src); err != nil {
		return err
	}
	*o.To = new(bool(b))
	return nil
}

// NullIfEmpty is s as an argument, NULL if it is empty.
func NullIfEmpty[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// NullIfNil is what p points to as an argument, NULL if it is nil.
func NullIfNil[V any](p *V) any {
	if p == nil {
		return nil
	}
	return *p
}

// OptionalInt scans an integer into a pointer, nil for NULL.
type OptionalInt struct{ To **int64 }

// Scan implements sql.Scanner.
func (o OptionalInt) Scan(src any) error {
	if src == nil {
		*o.To = nil
		return nil
	}
	var n Int
	if err := n.Scan(src); err != nil {
		return err
	}
	*o.To = new(int64(n))
	return nil
}
