package evaluator

import "strconv"

// level is how tightly an operator binds.
type level uint8

const (
	levelComma level = iota
	levelOr
	levelAnd
	levelTernary
	levelComparison
	levelNot
	levelSum
	levelProduct
	levelSign
	levelPower
	levelFunction
)

// parser is a Pratt parser: expression(least) reads everything that binds at least that tightly.
type parser struct {
	tokens []token
	next   int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != tokenEnd {
		p.next++
	}
	return t
}

func (p *parser) at(operator string) bool {
	t := p.peek()
	return t.kind == tokenOperator && t.text == operator
}

// infixLevel is the level of an operator between two operands; ok is false for every other token.
func infixLevel(t token) (l level, ok bool) {
	if t.kind != tokenOperator {
		return 0, false
	}
	switch t.text {
	case ",":
		return levelComma, true
	case "or":
		return levelOr, true
	case "and":
		return levelAnd, true
	case "?":
		return levelTernary, true
	case "<", "<=", ">", ">=", "==", "!=":
		return levelComparison, true
	case "+", "-":
		return levelSum, true
	case "*", "/":
		return levelProduct, true
	case "^":
		return levelPower, true
	}
	return 0, false
}

func (p *parser) expression(least level) (node, error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, wrong(p.peek().position, "more than %d levels inside each other", MaxDepth)
	}
	defer func() { p.depth-- }()

	left, err := p.prefix(least)
	if err != nil {
		return nil, err
	}
	for {
		l, ok := infixLevel(p.peek())
		if !ok || l < least {
			return left, nil
		}
		if left, err = p.infix(left, l); err != nil {
			return nil, err
		}
	}
}

// prefix reads an operand with the signs and negations before it, as far as least allows them: "2 ^ -1" is not in the
// language, as a sign binds more loosely than "^".
func (p *parser) prefix(least level) (node, error) {
	t := p.peek()
	if t.kind != tokenOperator || t.text == "(" {
		return p.operand()
	}
	switch {
	case t.text == "not" && least <= levelNot:
		p.take()
		operand, err := p.expression(levelNot)
		return &not{operand: operand}, err
	case (t.text == "+" || t.text == "-") && least <= levelSign:
		p.take()
		operand, err := p.expression(levelSign)
		return &sign{position: t.position, negative: t.text == "-", operand: operand}, err
	case t.text == "not" || t.text == "+" || t.text == "-":
		return nil, wrong(t.position, "%s needs parentheses around it and its operand here", t)
	}
	return nil, wrong(t.position, "%s stands where a value was expected", t)
}

// operand reads a number, a string, a name, the call of a function, or an expression in parentheses.
func (p *parser) operand() (node, error) {
	t := p.take()
	switch t.kind {
	case tokenNumber:
		n, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, wrong(t.position, "%s is too large a number", t)
		}
		return constant{number(n)}, nil
	case tokenString:
		return constant{text(t.text)}, nil
	case tokenName:
		return p.name(t)
	case tokenOperator: // prefix let none but "(" through
		inner, err := p.expression(levelComma)
		if err != nil {
			return nil, err
		}
		if !p.at(")") {
			return nil, wrong(p.peek().position, "%s stands where the parenthesis of character %d should be closed", p.peek(), t.position)
		}
		p.take()
		return inner, nil
	case tokenEnd:
	}
	return nil, wrong(t.position, "a value is missing at the end")
}

// name reads what a name begins: a call if an operand follows, else a value.
func (p *parser) name(t token) (node, error) {
	if next := p.peek(); next.kind == tokenOperator && next.text != "(" || next.kind == tokenEnd {
		return newName(t), nil
	}
	switch t.text {
	case "abs", "min", "max":
		argument, err := p.expression(levelFunction)
		return &call{position: t.position, function: t.text, argument: argument}, err
	}
	return nil, wrong(t.position, "%s is not a function; there are abs, min and max", t)
}

// infix reads the operator that comes next and what stands right of it.
func (p *parser) infix(left node, l level) (node, error) {
	switch l {
	case levelComma:
		return p.list(left)
	case levelComparison:
		return p.comparison(left)
	case levelTernary:
		return p.ternary(left)
	}
	t := p.take()
	least := l + 1
	if l == levelPower {
		least = l
	}
	right, err := p.expression(least)
	if err != nil {
		return nil, err
	}
	switch l {
	case levelAnd, levelOr:
		return &logic{and: l == levelAnd, left: left, right: right}, nil
	}
	return &arithmetic{position: t.position, operator: t.text, left: left, right: right}, nil
}

func (p *parser) list(first node) (node, error) {
	items := []node{first}
	for p.at(",") {
		p.take()
		item, err := p.expression(levelComma + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return list(items), nil
}

func (p *parser) comparison(first node) (node, error) {
	c := &comparison{first: first}
	for {
		t := p.peek()
		if l, ok := infixLevel(t); !ok || l != levelComparison {
			return c, nil
		}
		p.take()
		right, err := p.expression(levelComparison + 1)
		if err != nil {
			return nil, err
		}
		c.links = append(c.links, link{position: t.position, operator: t.text, right: right})
	}
}

func (p *parser) ternary(condition node) (node, error) {
	question := p.take()
	yes, err := p.expression(levelTernary + 1)
	if err != nil {
		return nil, err
	}
	if !p.at(":") {
		return nil, wrong(p.peek().position, "%s stands where the \":\" to the \"?\" of character %d should be", p.peek(), question.position)
	}
	p.take()
	no, err := p.expression(levelTernary)
	return &ternary{condition: condition, yes: yes, no: no}, err
}
