package evaluator

import (
	"math"
	"strings"
)

// node is a part of a formula.
type node interface {
	evaluate(Lookup) (Value, error)
}

type constant struct{ value Value }

func (c constant) evaluate(Lookup) (Value, error) { return c.value, nil }

// name is a value to be looked up.
type name struct {
	position        int
	dictionary, key string
}

// newName makes a lookup of a name with exactly two parts; every other name is a string, or a number such as inf.
func newName(t token) node {
	dictionary, key, _ := strings.Cut(t.text, ".")
	if dictionary == "" || key == "" || strings.Contains(key, ".") {
		return constant{fromText(t.text)}
	}
	return &name{position: t.position, dictionary: dictionary, key: key}
}

func (n *name) evaluate(lookup Lookup) (Value, error) {
	raw, known := lookup(n.dictionary, n.key)
	if !known {
		return Value{}, wrong(n.position, "%s.%s is not known", n.dictionary, n.key)
	}
	v, ok := fromReport(raw)
	if !ok {
		return Value{}, wrong(n.position, "%s.%s is neither a number nor a string", n.dictionary, n.key)
	}
	return v, nil
}

type not struct{ operand node }

func (n *not) evaluate(lookup Lookup) (Value, error) {
	v, err := n.operand.evaluate(lookup)
	return truth(!v.Truth()), err
}

type sign struct {
	position int
	negative bool
	operand  node
}

func (s *sign) evaluate(lookup Lookup) (Value, error) {
	v, err := s.operand.evaluate(lookup)
	if err != nil {
		return v, err
	}
	n, ok := v.Number()
	if !ok {
		return v, wrong(s.position, "a sign before %s, which is not a number", v)
	}
	if s.negative {
		n = -n
	}
	return number(n), nil
}

// logic is "and" or "or". Both sides are always evaluated, so that a mistake on the right shows at once; the result is
// one of the operands, as in Python.
type logic struct {
	and         bool
	left, right node
}

func (l *logic) evaluate(lookup Lookup) (Value, error) {
	left, err := l.left.evaluate(lookup)
	if err != nil {
		return left, err
	}
	right, err := l.right.evaluate(lookup)
	if err != nil {
		return right, err
	}
	if left.Truth() == l.and {
		return right, nil
	}
	return left, nil
}

type ternary struct{ condition, yes, no node }

func (t *ternary) evaluate(lookup Lookup) (Value, error) {
	c, err := t.condition.evaluate(lookup)
	if err != nil {
		return c, err
	}
	if c.Truth() {
		return t.yes.evaluate(lookup)
	}
	return t.no.evaluate(lookup)
}

// comparison is a chain: a < b <= c holds if a < b and b <= c. The first link that does not hold ends it.
type comparison struct {
	first node
	links []link
}

type link struct {
	position int
	operator string
	right    node
}

func (c *comparison) evaluate(lookup Lookup) (Value, error) {
	left, err := c.first.evaluate(lookup)
	if err != nil {
		return left, err
	}
	for _, l := range c.links {
		right, err := l.right.evaluate(lookup)
		if err != nil {
			return right, err
		}
		holds, err := l.holds(left, right)
		if err != nil || !holds {
			return truth(false), err
		}
		left = right
	}
	return truth(true), nil
}

func (l *link) holds(left, right Value) (bool, error) {
	if left.kind == kindList || right.kind == kindList {
		return false, wrong(l.position, "a list cannot be compared")
	}
	order, ok := compare(left, right)
	switch l.operator {
	case "==":
		return ok && order == 0, nil
	case "!=":
		return !ok || order != 0, nil
	}
	if (left.kind == kindText) != (right.kind == kindText) {
		return false, wrong(l.position, "%s and %s cannot be put in order", left, right)
	}
	switch l.operator {
	case "<":
		return ok && order < 0, nil
	case "<=":
		return ok && order <= 0, nil
	case ">":
		return ok && order > 0, nil
	default:
		return ok && order >= 0, nil
	}
}

type arithmetic struct {
	position    int
	operator    string
	left, right node
}

func (a *arithmetic) evaluate(lookup Lookup) (Value, error) {
	left, err := a.left.evaluate(lookup)
	if err != nil {
		return left, err
	}
	right, err := a.right.evaluate(lookup)
	if err != nil {
		return right, err
	}
	if a.operator == "+" && left.kind == kindText && right.kind == kindText {
		return text(left.text + right.text), nil
	}
	x, xok := left.Number()
	y, yok := right.Number()
	if !xok || !yok {
		return Value{}, wrong(a.position, "%q does not work with %s and %s", a.operator, left, right)
	}
	switch a.operator {
	case "+":
		return number(x + y), nil
	case "-":
		return number(x - y), nil
	case "*":
		return number(x * y), nil
	case "/":
		if y == 0 {
			return Value{}, wrong(a.position, "a division by zero")
		}
		return number(x / y), nil
	}
	return a.power(x, y)
}

func (a *arithmetic) power(x, y float64) (Value, error) {
	switch {
	case x == 0 && y < 0:
		return Value{}, wrong(a.position, "a division by zero: 0 to a negative power")
	case x < 0 && y != math.Trunc(y):
		return Value{}, wrong(a.position, "a negative number to a power that is not whole")
	}
	return number(math.Pow(x, y)), nil
}

// list is the arguments of a function. Lists inside it are taken apart.
type list []node

func (l list) evaluate(lookup Lookup) (Value, error) {
	v := Value{kind: kindList}
	for _, item := range l {
		x, err := item.evaluate(lookup)
		if err != nil {
			return x, err
		}
		if x.kind == kindList {
			v.list = append(v.list, x.list...)
		} else {
			v.list = append(v.list, x)
		}
	}
	return v, nil
}

// call is abs of one number, or min or max of two or more numbers or of two or more strings.
type call struct {
	position int
	function string
	argument node
}

func (c *call) evaluate(lookup Lookup) (Value, error) {
	argument, err := c.argument.evaluate(lookup)
	if err != nil {
		return argument, err
	}
	if c.function == "abs" {
		n, ok := argument.Number()
		if !ok {
			return argument, wrong(c.position, "abs takes one number, not %s", argument)
		}
		return number(math.Abs(n)), nil
	}
	if argument.kind != kindList {
		return argument, wrong(c.position, "%s takes two or more values, not %s alone", c.function, argument)
	}
	best := argument.list[0]
	for _, v := range argument.list[1:] {
		if (v.kind == kindText) != (best.kind == kindText) {
			return argument, wrong(c.position, "%s cannot compare %s with %s", c.function, best, v)
		}
		if order, ok := compare(v, best); ok && (order > 0 == (c.function == "max")) && order != 0 {
			best = v
		}
	}
	return best, nil
}
