package rows

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// EachGathered reads what an aggregate of sqlkit.Dialect.Gathered gave, and calls row for every row that was gathered, in no order.
// A column is its text, nil for NULL, and valid during the call only. Nothing was gathered in an empty text.
//
// The text is JSON of one known form, {"key": ["text", null, ...], ...}, which is why it is read without building the maps of
// encoding/json: a page of a thousand volumes has thousands of them.
func EachGathered(text []byte, row func(columns [][]byte) error) error {
	if len(text) == 0 {
		return nil
	}
	g := gathered{rest: text}
	if !g.next('{') {
		return g.malformed(text)
	}
	if g.next('}') {
		return nil
	}
	var columns [][]byte
	for {
		_, ok := g.value()
		if ok = ok && g.next(':') && g.next('['); ok {
			columns, ok = g.list(columns[:0])
		}
		if !ok {
			return g.malformed(text)
		}
		if err := row(columns); err != nil {
			return err
		}
		if g.next('}') {
			return nil
		}
		if !g.next(',') {
			return g.malformed(text)
		}
	}
}

// gathered is the part of such a text that has not been read.
type gathered struct{ rest []byte }

func (g *gathered) malformed(text []byte) error {
	return fmt.Errorf("what the database gathered is malformed at byte %d of %d", len(text)-len(g.rest), len(text))
}

// next skips spaces, takes the character if it is the next one, and says whether it was.
func (g *gathered) next(c byte) bool {
	g.rest = bytes.TrimLeft(g.rest, " \n")
	if len(g.rest) == 0 || g.rest[0] != c {
		return false
	}
	g.rest = g.rest[1:]
	return true
}

// list reads the values up to the end of a list that has begun.
func (g *gathered) list(columns [][]byte) ([][]byte, bool) {
	for {
		value, ok := g.value()
		if !ok {
			return columns, false
		}
		columns = append(columns, value)
		if g.next(']') {
			return columns, true
		}
		if !g.next(',') {
			return columns, false
		}
	}
}

// value reads a string, a number or null.
func (g *gathered) value() (value []byte, ok bool) {
	if g.next('"') {
		return g.text()
	}
	end := bytes.IndexAny(g.rest, ",:]}")
	if end <= 0 {
		return nil, false
	}
	value, g.rest = bytes.TrimRight(g.rest[:end], " \n"), g.rest[end:]
	if string(value) == "null" {
		return nil, true
	}
	return value, json.Valid(value)
}

// text reads a string whose first quote has been taken.
func (g *gathered) text() (value []byte, ok bool) {
	escaped := false
	for i := 0; i < len(g.rest); i++ {
		switch g.rest[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			value, g.rest = g.rest[:i:i], g.rest[i+1:]
			if !escaped {
				return value, true
			}
			var plain string
			err := json.Unmarshal([]byte(`"`+string(value)+`"`), &plain)
			return []byte(plain), err == nil
		}
	}
	return nil, false
}
