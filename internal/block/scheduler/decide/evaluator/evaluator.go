// Package evaluator is the small language of filter_function and goodness_function: an operator's formula over what a
// back end reports and what a request asks for, such as
//
//	volume.size < 10 ? 100 : (stats.free_capacity_gb / stats.total_capacity_gb) * 100
//
// The language is the one of cinder/scheduler/evaluator. From what binds tightest to what binds loosest:
//
//	abs min max     one argument, or several in parentheses
//	^               power, from the right
//	+ -             signs
//	* /             division is never rounded
//	+ -             + also joins two strings
//	not NOT !
//	< <= > >= == != <>        chainable: 1 < volume.size <= 10
//	c ? a : b
//	and AND &&
//	or OR ||
//	,               between arguments
//
// Operands are numbers without sign or exponent, strings in single or double quotes, and names made of letters, "_" and ".".
// A name of exactly two parts, stats.free_capacity_gb, is looked up; every other name is a string.
//
// Where Cinder silently leaves away a part of the formula, this package does not: all operands of "a and b and c" count
// (there the third is ignored), "a ? b : c ? d : e" is read from the right (there d and e are ignored), a reported 0.65
// stays 0.65 (there it becomes 0), and "stats.x and y" is not taken for the call of a function. Signs before and "*" after
// a string, which repeat it there, and complex numbers are errors here.
//
// What must not live here: which dictionaries exist and what is in them; see package snapshot.
package evaluator

import (
	"unicode/utf8"

	"github.com/clinker/clinker/internal/fault"
)

// Bounds of a formula: it comes from a configuration file, but by way of another machine's report.
const (
	MaxLength = 8 << 10 // bytes
	MaxDepth  = 100     // parentheses, signs and functions inside each other
)

// Lookup answers what stands in a dictionary under a key. Known is false when there is no such dictionary or key. The
// value is a JSON value, or one of Go's number types.
type Lookup func(dictionary, key string) (value any, known bool)

// Expression is a formula that has been read. It does not change, so that many goroutines may evaluate it.
type Expression struct {
	root node
}

// Parse reads a formula. The error is fault.Invalid, named EvaluatorParseException as upstream, and says at which
// character the formula went wrong.
func Parse(text string) (*Expression, error) {
	if len(text) > MaxLength {
		return nil, fault.New(fault.Invalid, errorName, "the formula is %d bytes long; at most %d are allowed", len(text), MaxLength)
	}
	if !utf8.ValidString(text) {
		return nil, fault.New(fault.Invalid, errorName, "the formula is not valid UTF-8")
	}
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := parser{tokens: tokens}
	root, err := p.expression(levelComma)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, wrong(t.position, "%s stands where an operator or the end was expected", t)
	}
	return &Expression{root: root}, nil
}

// Evaluate computes the formula. The error is fault.Invalid and says at which character it failed: a name that is not
// known or has no simple value, operands that do not go together, a division by zero. It takes time in proportion to the
// formula's length.
func (e *Expression) Evaluate(lookup Lookup) (Value, error) {
	return e.root.evaluate(lookup)
}

const errorName = "EvaluatorParseException"

// wrong makes the error for a place in the formula, counted in characters from 1.
func wrong(position int, format string, args ...any) error {
	f := fault.New(fault.Invalid, errorName, format, args...)
	return fault.New(fault.Invalid, errorName, "at character %d: %s", position, f.Text)
}
