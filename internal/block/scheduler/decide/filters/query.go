package filters

import (
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/fault"
)

// The scheduler hint of JsonFilter, and bounds of what a user may write into it.
const (
	hintQuery      = "query"
	maxQueryLength = 16 << 10 // bytes
	maxQueryDepth  = 32
)

// jsonQuery wants the query in the hint of that name to be true: a list of an operator and its arguments, which may be
// such lists themselves. A string argument with a "$" in front names what is known of the pool: $free_capacity_gb,
// $backend_id, $capabilities.key, $service.availability_zone. What is null, or not known, does not count as an argument.
//
//	["and", [">=", "$free_capacity_gb", 1024], ["in", "$vendor_name", "Acme", "Emca"]]
//
// The operators are = < > in <= >= not or and; the comparisons hold if they hold between the first argument and every
// other one. "not" gives a list with each argument's opposite, and such a list is true if one in it is; within "and" and
// "or" upstream takes the list for true whatever is in it, which makes nonsense of every "not" there, so that we do not.
func jsonQuery(r *snapshot.Request) (Check, error) {
	q, err := readQuery(r.Hints[hintQuery])
	if err != nil || q == nil {
		return nil, err
	}
	return func(p *snapshot.Pool) string {
		v, err := q.evaluate(p)
		switch {
		case err != nil:
			return "the scheduler hint query cannot be evaluated: " + err.Error()
		case isTrue(v):
			return ""
		}
		return "the scheduler hint query is false for it"
	}, nil
}

// query is an operator and its arguments: a *query, a variable, or a JSON value.
type query struct {
	operator  string
	arguments []any
}

// variable is a path into what is known of a pool.
type variable []string

func queryOperators() []string {
	return []string{"=", "<", ">", "in", "<=", ">=", "not", "or", "and"}
}

func badQuery(format string, args ...any) error {
	f := fault.New(fault.Invalid, "InvalidInput", format, args...)
	f.Text = "Invalid input received: the scheduler hint query " + f.Text
	return f
}

// readQuery reads the hint: a string with JSON in it, or the list itself. No query, or an empty one, is nil.
func readQuery(hint any) (*query, error) {
	if s, ok := hint.(string); ok {
		if s == "" {
			return nil, nil
		}
		if len(s) > maxQueryLength {
			return nil, badQuery("is %d bytes long; at most %d are allowed.", len(s), maxQueryLength)
		}
		hint = nil
		if err := json.Unmarshal([]byte(s), &hint); err != nil {
			return nil, badQuery("is no JSON: %s.", err)
		}
	}
	switch v := hint.(type) {
	case nil:
		return nil, nil
	case []any:
		if len(v) == 0 {
			return nil, nil
		}
		return buildQuery(v, 1)
	}
	return nil, badQuery(`must be a list such as ["=", "$backend_id", "host@backend#pool"].`)
}

func buildQuery(list []any, depth int) (*query, error) {
	if depth > maxQueryDepth {
		return nil, badQuery("has more than %d lists inside each other.", maxQueryDepth)
	}
	operator, _ := list[0].(string)
	if !slices.Contains(queryOperators(), operator) {
		return nil, badQuery("has a list that begins with %s; the operators are %s.", show(list[0]), strings.Join(queryOperators(), " "))
	}
	q := &query{operator: operator}
	for _, argument := range list[1:] {
		switch a := argument.(type) {
		case nil:
			continue
		case []any:
			if len(a) == 0 { // asks nothing
				q.arguments = append(q.arguments, true)
				continue
			}
			inner, err := buildQuery(a, depth+1)
			if err != nil {
				return nil, err
			}
			q.arguments = append(q.arguments, inner)
		case string:
			if a == "" {
				continue
			}
			if path, ok := strings.CutPrefix(a, "$"); ok {
				q.arguments = append(q.arguments, variable(strings.Split(path, ".")))
				continue
			}
			q.arguments = append(q.arguments, a)
		default:
			q.arguments = append(q.arguments, a)
		}
	}
	return q, nil
}

// evaluate gives a truth value, or for "not" a list of them.
func (q *query) evaluate(p *snapshot.Pool) (any, error) {
	arguments := make([]any, 0, len(q.arguments))
	for _, argument := range q.arguments {
		switch a := argument.(type) {
		case *query:
			v, err := a.evaluate(p)
			if err != nil {
				return nil, err
			}
			arguments = append(arguments, v)
		case variable:
			if v := a.in(p); v != nil {
				arguments = append(arguments, v)
			}
		default:
			arguments = append(arguments, a)
		}
	}
	switch q.operator {
	case "and":
		return !slices.ContainsFunc(arguments, func(v any) bool { return !isTrue(v) }), nil
	case "or":
		return slices.ContainsFunc(arguments, isTrue), nil
	case "not":
		for i, v := range arguments {
			arguments[i] = !isTrue(v)
		}
		return arguments, nil
	}
	if len(arguments) < 2 {
		return false, nil
	}
	if q.operator == "in" {
		return slices.ContainsFunc(arguments[1:], func(v any) bool { return same(arguments[0], v) }), nil
	}
	for _, v := range arguments[1:] {
		holds, err := q.compare(arguments[0], v)
		if err != nil || !holds {
			return false, err
		}
	}
	return true, nil
}

var errNoOrder = errors.New("a number and something else cannot be put in order")

func (q *query) compare(a, b any) (bool, error) {
	if q.operator == "=" {
		return same(a, b), nil
	}
	order := 0
	as, aText := a.(string)
	bs, bText := b.(string)
	if aText && bText {
		order = cmp.Compare(as, bs)
	} else {
		an, aok := numberOf(a)
		bn, bok := numberOf(b)
		if !aok || !bok {
			return false, errNoOrder
		}
		order = cmp.Compare(an, bn)
	}
	switch q.operator {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	default:
		return order >= 0, nil
	}
}

// numberOf takes numbers and truth values, but unlike the reading of a report no strings.
func numberOf(v any) (float64, bool) {
	if _, ok := v.(string); ok {
		return 0, false
	}
	return snapshot.NumberOf(v)
}

func same(a, b any) bool {
	an, aok := numberOf(a)
	bn, bok := numberOf(b)
	if aok && bok {
		return an == bn
	}
	return reflect.DeepEqual(a, b)
}

// isTrue is Python's truth of a value, but for the list that "not" gives.
func isTrue(v any) bool {
	switch x := v.(type) {
	case bool:
		return x
	case string:
		return x != ""
	case []any:
		return slices.ContainsFunc(x, isTrue)
	case map[string]any:
		return len(x) > 0
	}
	n, ok := snapshot.NumberOf(v)
	return ok && n != 0
}

// in finds what the path names; nil if there is no such thing.
func (path variable) in(p *snapshot.Pool) any {
	var value any
	switch path[0] {
	case "capabilities":
		value = p.Capabilities
	case "service":
		value = map[string]any{
			"host": p.Host.Backend(), "availability_zone": p.Service.AvailabilityZone,
			"disabled": p.Service.Disabled, "frozen": p.Service.Frozen,
		}
	default:
		value, _ = p.Stat(path[0])
	}
	for _, part := range path[1:] {
		object, _ := value.(map[string]any)
		value = object[part]
	}
	return value
}
