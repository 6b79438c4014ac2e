package filters

import (
	"strings"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

// matcher says whether a reported value is what an extra spec asks for.
type matcher func(value any) bool

// newMatcher reads the value of an extra spec: an operator and an operand, or a plain string, which the report must equal.
// The operators are those of cinder/scheduler/filters/extra_specs_ops.py. Only the word that follows the operator counts;
// an operator without one matches nothing.
func newMatcher(spec string) matcher {
	words := strings.Fields(spec)
	if len(words) == 0 {
		return equal(spec)
	}
	operand := ""
	if len(words) > 1 {
		operand = words[1]
	}
	match := operatorMatcher(words[0], operand)
	switch {
	case words[0] == "<or>":
		return oneOf(words[1:])
	case match == nil:
		return equal(spec)
	case len(words) < 2:
		return func(any) bool { return false }
	}
	return match
}

// operatorMatcher is nil if the word is no operator.
func operatorMatcher(operator, operand string) matcher {
	switch operator {
	case "=", ">=": // "=" means at least, for history's sake
		return compareNumbers(operand, func(reported, asked float64) bool { return reported >= asked })
	case "<=":
		return compareNumbers(operand, func(reported, asked float64) bool { return reported <= asked })
	case "==":
		return compareNumbers(operand, func(reported, asked float64) bool { return reported == asked })
	case "!=":
		return compareNumbers(operand, func(reported, asked float64) bool { return reported != asked })
	case "<in>":
		return compareStrings(func(reported string) bool { return strings.Contains(reported, operand) })
	case "s==":
		return equal(operand)
	case "s!=":
		return func(value any) bool { return value != nil && !equal(operand)(value) }
	case "s<":
		return compareStrings(func(reported string) bool { return reported < operand })
	case "s<=":
		return compareStrings(func(reported string) bool { return reported <= operand })
	case "s>":
		return compareStrings(func(reported string) bool { return reported > operand })
	case "s>=":
		return compareStrings(func(reported string) bool { return reported >= operand })
	case "<is>":
		asked := truthOf(operand)
		return func(value any) bool { return value != nil && truthOf(value) == asked }
	}
	return nil
}

func equal(asked string) matcher {
	return func(value any) bool {
		s, ok := value.(string)
		return ok && s == asked
	}
}

// oneOf reads "<or> a <or> b <or> c" from behind the first operator.
func oneOf(words []string) matcher {
	var choices []string
	for i := 0; i < len(words); i += 2 { // every other word is "<or>"
		choices = append(choices, words[i])
	}
	return func(value any) bool {
		for _, c := range choices {
			if equal(c)(value) {
				return true
			}
		}
		return false
	}
}

func compareNumbers(operand string, holds func(reported, asked float64) bool) matcher {
	asked, ok := snapshot.NumberOf(operand)
	return func(value any) bool {
		if !ok || value == nil {
			return false
		}
		reported, ok := snapshot.NumberOf(value)
		return ok && holds(reported, asked)
	}
}

func compareStrings(holds func(reported string) bool) matcher {
	return func(value any) bool {
		s, ok := value.(string)
		return ok && holds(s)
	}
}

// truthOf is oslo's bool_from_string: what is not one of the words for true is false.
func truthOf(value any) bool {
	switch v := value.(type) {
	case bool:
		return v
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "1", "t", "true", "on", "y", "yes":
			return true
		}
		return false
	}
	n, ok := snapshot.NumberOf(value)
	return ok && n == 1 // the string of any other number is no word for true
}
