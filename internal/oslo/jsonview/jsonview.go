// Package jsonview writes JSON answers field by field into one growing buffer, without reflection and without a map per
// object: a page of a thousand volumes is one allocation. It also renders values the way Python's json.dumps does, for
// the ETags that clients compare.
//
// What must not live here: which fields a resource has; that is the view of the resource.
package jsonview

import (
	"crypto/md5" //nolint:gosec // an ETag as upstream computes it, no protection
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Writer builds one JSON document. Commas are put by it. It does not check nesting: a test that decodes the answer does.
// The zero Writer is ready; a Writer is not safe for concurrent use.
type Writer struct{ buf []byte }

// New gives a Writer with room for size bytes before it has to grow.
func New(size int) *Writer { return &Writer{buf: make([]byte, 0, size)} }

// Bytes is what was written so far. The slice is the Writer's own: use it once the document is complete.
func (w *Writer) Bytes() []byte { return w.buf }

// Len is the number of bytes written so far.
func (w *Writer) Len() int { return len(w.buf) }

// Reset empties the Writer and keeps its buffer if that has room for size bytes.
func (w *Writer) Reset(size int) {
	if cap(w.buf) < size {
		w.buf = make([]byte, 0, size)
	}
	w.buf = w.buf[:0]
}

// separate puts a comma before a key or an element unless it is the first one.
func (w *Writer) separate() {
	if n := len(w.buf); n > 0 {
		switch w.buf[n-1] {
		case '{', '[', ':', ',':
		default:
			w.buf = append(w.buf, ',')
		}
	}
}

// Open begins an object, as an element or as the value of the last Key.
func (w *Writer) Open() { w.separate(); w.buf = append(w.buf, '{') }

// Close ends an object.
func (w *Writer) Close() { w.buf = append(w.buf, '}') }

// OpenList begins a list, as an element or as the value of the last Key.
func (w *Writer) OpenList() { w.separate(); w.buf = append(w.buf, '[') }

// CloseList ends a list.
func (w *Writer) CloseList() { w.buf = append(w.buf, ']') }

// Key begins a member of an object; a value must follow.
func (w *Writer) Key(name string) {
	w.separate()
	w.buf = AppendString(w.buf, name)
	w.buf = append(w.buf, ':')
}

// Value writes a string element (or the value of the last Key).
func (w *Writer) Value(text string) { w.separate(); w.buf = AppendString(w.buf, text) }

// Raw writes JSON text that is known to be valid as an element (or the value of the last Key).
func (w *Writer) Raw(json []byte) { w.separate(); w.buf = append(w.buf, json...) }

// ValueInt writes a number element (or the value of the last Key).
func (w *Writer) ValueInt(n int64) { w.separate(); w.buf = strconv.AppendInt(w.buf, n, 10) }

// Null writes a member that is null.
func (w *Writer) Null(name string) { w.Key(name); w.buf = append(w.buf, "null"...) }

// String writes a member that is a string, "" included.
func (w *Writer) String(name, value string) { w.Key(name); w.buf = AppendString(w.buf, value) }

// StringOrNull writes a member that is a string, or null when value is "". Most optional columns of OpenStack's
// databases are "" nowhere and NULL instead.
func (w *Writer) StringOrNull(name, value string) {
	if value == "" {
		w.Null(name)
		return
	}
	w.String(name, value)
}

// Pointer writes a member that is a string, or null when value is nil.
func (w *Writer) Pointer(name string, value *string) {
	if value == nil {
		w.Null(name)
		return
	}
	w.String(name, *value)
}

// Joined writes a member that is the string of these parts, one behind the other. Each part has to be text by itself.
func (w *Writer) Joined(name string, parts ...string) {
	w.Key(name)
	w.buf = append(w.buf, '"')
	for _, part := range parts {
		w.buf = appendText(w.buf, part)
	}
	w.buf = append(w.buf, '"')
}

// Int writes a member that is a number.
func (w *Writer) Int(name string, value int64) {
	w.Key(name)
	w.buf = strconv.AppendInt(w.buf, value, 10)
}

// Bool writes a member that is true or false.
func (w *Writer) Bool(name string, value bool) { w.Key(name); w.buf = strconv.AppendBool(w.buf, value) }

// Time writes a member that is a time in the form of OpenStack's views, UTC with microseconds and no zone
// (2026-11-21T00:38:00.000000); the zero time is null.
func (w *Writer) Time(name string, value time.Time) {
	if value.IsZero() {
		w.Null(name)
		return
	}
	w.Key(name)
	w.buf = append(w.buf, '"')
	w.buf = AppendTime(w.buf, value)
	w.buf = append(w.buf, '"')
}

// Strings writes a member that is a list of strings; nil gives [].
func (w *Writer) Strings(name string, values []string) {
	w.Key(name)
	w.OpenList()
	for _, v := range values {
		w.Value(v)
	}
	w.CloseList()
}

// StringMap writes a member that is an object of strings, sorted by key so that equal maps give equal bytes; nil gives {}.
func (w *Writer) StringMap(name string, values map[string]string) {
	w.Key(name)
	w.Open()
	switch len(values) {
	case 0:
	case 1: // the common short cut: no sorting, no allocation
		for k, v := range values {
			w.String(k, v)
		}
	default:
		for _, k := range slices.Sorted(maps.Keys(values)) {
			w.String(k, values[k])
		}
	}
	w.Close()
}

// Pair is a member of an object whose order matters.
type Pair struct{ Key, Value string }

// Pairs writes a member that is an object of strings in the order given.
func (w *Writer) Pairs(name string, values []Pair) {
	w.Key(name)
	w.Open()
	for _, p := range values {
		w.String(p.Key, p.Value)
	}
	w.Close()
}

// AppendTime appends the time in the form of OpenStack's views, without quotes. Years outside 0..9999 are clamped to
// what the form can say.
func AppendTime(buf []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	buf = appendDigits(buf, min(max(year, 0), 9999), 4)
	buf = appendDigits(append(buf, '-'), int(month), 2)
	buf = appendDigits(append(buf, '-'), day, 2)
	buf = appendDigits(append(buf, 'T'), hour, 2)
	buf = appendDigits(append(buf, ':'), minute, 2)
	buf = appendDigits(append(buf, ':'), second, 2)
	return appendDigits(append(buf, '.'), t.Nanosecond()/1000, 6)
}

// appendDigits appends a number with zeros in front.
func appendDigits(buf []byte, n, digits int) []byte {
	for range digits {
		buf = append(buf, '0')
	}
	for i := len(buf) - 1; n > 0; i-- {
		buf[i] = byte('0' + n%10)
		n /= 10
	}
	return buf
}

const hexDigits = "0123456789abcdef"

// AppendString appends text as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so that the
// document is valid whatever a database holds; text is otherwise left as it is, not escaped to ASCII.
func AppendString(buf []byte, text string) []byte {
	return append(appendText(append(buf, '"'), text), '"')
}

// appendText is AppendString without the quotes.
func appendText(buf []byte, text string) []byte {
	start := 0
	for i := plain(text); i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			buf = append(buf, text[start:i]...)
			buf = append(buf, "\uFFFD"...)
		} else {
			buf = append(buf, text[start:i]...)
			buf = appendEscape(buf, c)
		}
		i++
		start = i
	}
	return append(buf, text[start:]...)
}

// plain is how many bytes at the beginning are sure to be as they are in JSON: nearly always all of them. It looks at eight at
// a time, since that is most of what writing an answer takes.
func plain(text string) (n int) {
	const each, high = 0x0101010101010101, 0x8080808080808080
	// below is high in the first byte of x that is less than limit, as far as the bytes are ASCII, and perhaps in later ones.
	below := func(x, limit uint64) uint64 { return (x - each*limit) &^ x }
	for ; len(text)-n >= 8; n += 8 {
		t := text[n : n+8]
		x := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 | uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		if (x|below(x, ' ')|below(x^each*'"', 1)|below(x^each*'\\', 1))&high != 0 {
			break
		}
	}
	return n
}

// appendEscape writes one ASCII character that JSON does not allow as it is; the short forms are Python's.
func appendEscape(buf []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(buf, '\\', c)
	case '\n':
		return append(buf, '\\', 'n')
	case '\r':
		return append(buf, '\\', 'r')
	case '\t':
		return append(buf, '\\', 't')
	case '\b':
		return append(buf, '\\', 'b')
	case '\f':
		return append(buf, '\\', 'f')
	}
	return append(buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// ETag is the hexadecimal md5 of {"<member>": {pairs}} as Python's json.dumps writes it by default, which is how
// webob and Cinder tag metadata answers (the quotes of the HTTP header are not included). The order of the pairs counts.
func ETag(member string, pairs []Pair) string {
	buf := append(AppendPython(append(make([]byte, 0, 256), '{'), member), ": {"...)
	for i, p := range pairs {
		if i > 0 {
			buf = append(buf, ", "...)
		}
		buf = append(AppendPython(buf, p.Key), ": "...)
		buf = AppendPython(buf, p.Value)
	}
	sum := md5.Sum(append(buf, "}}"...)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// AppendPython appends text as Python's json.dumps writes a string: everything outside ASCII as \uXXXX, in surrogate
// pairs beyond the basic plane.
func AppendPython(buf []byte, text string) []byte {
	buf = append(buf, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\' || r < ' ':
			buf = appendEscape(buf, byte(r))
		case r < 0x7f || r == 0x7f:
			buf = append(buf, byte(r))
		case r > 0xffff:
			r -= 0x10000
			buf = appendUnit(appendUnit(buf, 0xd800|r>>10), 0xdc00|r&0x3ff)
		default:
			buf = appendUnit(buf, r)
		}
	}
	return append(buf, '"')
}

func appendUnit(buf []byte, unit rune) []byte {
	return append(buf, '\\', 'u', hexDigits[unit>>12&0xf], hexDigits[unit>>8&0xf], hexDigits[unit>>4&0xf], hexDigits[unit&0xf])
}
