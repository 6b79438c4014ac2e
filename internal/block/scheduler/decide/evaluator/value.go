package evaluator

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

type kind uint8

const (
	kindNumber kind = iota
	kindTruth
	kindText
	kindList
)

// Value is what a formula, or a part of one, comes to: a number, a truth value, a string or a list. Truth values count as
// 1 and 0 where a number is needed.
type Value struct {
	kind   kind
	number float64 // of a truth value too
	text   string
	list   []Value
}

func number(n float64) Value { return Value{number: n} }

func text(s string) Value { return Value{kind: kindText, text: s} }

func truth(b bool) Value {
	v := Value{kind: kindTruth}
	if b {
		v.number = 1
	}
	return v
}

// Truth is the value's truth by Python's rules: false are 0, the empty string and the empty list. The string "false" is
// therefore true.
func (v Value) Truth() bool {
	switch v.kind {
	case kindText:
		return v.text != ""
	case kindList:
		return len(v.list) > 0
	case kindNumber, kindTruth:
	}
	return v.number != 0
}

// IsTruth says whether the value is a truth value, as a comparison gives, and not a number.
func (v Value) IsTruth() bool { return v.kind == kindTruth }

// Number is the value as a number; ok is false for strings and lists.
func (v Value) Number() (n float64, ok bool) {
	return v.number, v.kind == kindNumber || v.kind == kindTruth
}

// shownLength bounds how much of a string an error repeats, in bytes.
const shownLength = 64

func quote(s string) string {
	if len(s) > shownLength {
		return strconv.Quote(s[:shownLength]) + "..."
	}
	return strconv.Quote(s)
}

// String shows the value for a log line or an error; a long string is cut.
func (v Value) String() string {
	switch v.kind {
	case kindText:
		return quote(v.text)
	case kindTruth:
		return strconv.FormatBool(v.number != 0)
	case kindList:
		return "a list of " + strconv.Itoa(len(v.list))
	case kindNumber:
	}
	return strconv.FormatFloat(v.number, 'g', -1, 64)
}

// compare orders two values: numbers and truth values by size, strings by their bytes; ok is false when the two cannot
// be ordered.
func compare(a, b Value) (order int, ok bool) {
	an, aok := a.Number()
	bn, bok := b.Number()
	switch {
	case aok && bok:
		return cmp.Compare(an, bn), !math.IsNaN(an) && !math.IsNaN(bn)
	case a.kind == kindText && b.kind == kindText:
		return cmp.Compare(a.text, b.text), true
	}
	return 0, false
}

// fromReport turns what a dictionary holds into a Value. As in Cinder, a truth value is a number, a string that looks
// like a number is one, and every other string loses its quotes; ok is false for null, lists and maps.
func fromReport(raw any) (v Value, ok bool) {
	switch x := raw.(type) {
	case bool:
		if x {
			return number(1), true
		}
		return number(0), true
	case string:
		return fromText(x), true
	case json.Number:
		return fromText(string(x)), true
	case float64:
		return number(x), true
	case float32:
		return number(float64(x)), true
	case int:
		return number(float64(x)), true
	case int32:
		return number(float64(x)), true
	case int64:
		return number(float64(x)), true
	case uint64:
		return number(float64(x)), true
	}
	return Value{}, false
}

// fromText reads a number as Python does, blanks around it, "inf" and "nan" included; what is none stays a string.
func fromText(s string) Value {
	trimmed := strings.TrimSpace(s)
	if len(trimmed) > 0 && len(trimmed) <= 400 && !strings.ContainsAny(trimmed, "xX_") {
		// An overflow gives an infinity, as it does there.
		if n, err := strconv.ParseFloat(trimmed, 64); err == nil || math.IsInf(n, 0) {
			return number(n)
		}
	}
	return text(withoutQuotes(s))
}
