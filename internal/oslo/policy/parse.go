package policy

import (
	"fmt"
	"strings"
)

// The bounds of one rule; the longest of upstream has 300 bytes.
const (
	maxRuleBytes = 16 << 10
	maxRuleDepth = 50
)

// Parse reads one rule: a string of the policy language, or upstream's old form of lists (the outer joined by "or", the
// inner by "and"). It gives the rule in normal form.
func Parse(value any) (string, error) {
	n, err := parse(value)
	if err != nil {
		return "", err
	}
	return n.String(), nil
}

func parse(value any) (node, error) {
	switch v := value.(type) {
	case string:
		return parseText(v)
	case nil: // an empty value in YAML
		return nil, fmt.Errorf(`the rule has no value; write "" to allow everybody, or "!" to allow nobody`)
	case []any:
		return parseLists(v)
	}
	return nil, fmt.Errorf("a rule is a text or a list, not %T", value)
}

// parseLists reads the old form: [["role:admin"], ["project_id:%(project_id)s", "role:member"]].
func parseLists(outer []any) (node, error) {
	if len(outer) == 0 {
		return constant(true), nil
	}
	var alternatives anyOf
	for _, inner := range outer {
		list, isList := inner.([]any)
		if !isList {
			list = []any{inner}
		}
		if len(list) == 0 {
			continue
		}
		var all allOf
		for _, element := range list {
			text, ok := element.(string)
			if !ok {
				return nil, fmt.Errorf("a list holds %T where a check belongs", element)
			}
			n, err := parseCheck(text)
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
		alternatives = append(alternatives, all.simplified())
	}
	if len(alternatives) == 0 {
		return constant(false), nil
	}
	return alternatives.simplified(), nil
}

// parser goes through the tokens of one rule. Precedence, from strong to weak: not, and, or.
type parser struct {
	tokens []string
	depth  int
}

func parseText(text string) (node, error) {
	if text == "" {
		return constant(true), nil
	}
	if len(text) > maxRuleBytes {
		return nil, fmt.Errorf("the rule is longer than %d bytes", maxRuleBytes)
	}
	p := &parser{tokens: tokenize(text)}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if len(p.tokens) > 0 {
		return nil, fmt.Errorf("%q comes after the end of the rule; is an \"and\" or \"or\" missing?", p.tokens[0])
	}
	return n, nil
}

// tokenize splits at white space and takes parentheses off both ends of each word; those inside belong to %(name)s.
func tokenize(text string) []string {
	var tokens []string
	for word := range strings.FieldsSeq(text) {
		inner := strings.TrimLeft(word, "(")
		for range len(word) - len(inner) {
			tokens = append(tokens, "(")
		}
		bare := strings.TrimRight(inner, ")")
		if bare != "" {
			tokens = append(tokens, bare)
		}
		for range len(inner) - len(bare) {
			tokens = append(tokens, ")")
		}
	}
	return tokens
}

func (p *parser) peek(word string) bool {
	return len(p.tokens) > 0 && strings.EqualFold(p.tokens[0], word)
}

func (p *parser) take(word string) bool {
	if !p.peek(word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) or() (node, error) {
	var alternatives anyOf
	for {
		n, err := p.and()
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, n)
		if !p.take("or") {
			return alternatives.simplified(), nil
		}
	}
}

func (p *parser) and() (node, error) {
	var all allOf
	for {
		n, err := p.not()
		if err != nil {
			return nil, err
		}
		all = append(all, n)
		if !p.take("and") {
			return all.simplified(), nil
		}
	}
}

func (p *parser) not() (node, error) {
	if p.depth++; p.depth > maxRuleDepth {
		return nil, fmt.Errorf("the rule is nested deeper than %d", maxRuleDepth)
	}
	defer func() { p.depth-- }()
	if p.take("not") {
		n, err := p.not()
		if err != nil {
			return nil, err
		}
		return negation{n}, nil
	}
	if p.take("(") {
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.take(")") {
			return nil, fmt.Errorf("a closing parenthesis is missing")
		}
		return n, nil
	}
	if len(p.tokens) == 0 {
		return nil, fmt.Errorf("the rule ends where a check belongs")
	}
	if p.peek("and") || p.peek("or") || p.peek(")") {
		return nil, fmt.Errorf("%q stands where a check belongs", p.tokens[0])
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return parseCheck(token)
}

// parseCheck reads one check: @, !, or kind:match.
func parseCheck(text string) (node, error) {
	switch text {
	case "@":
		return constant(true), nil
	case "!":
		return constant(false), nil
	}
	kind, match, ok := strings.Cut(text, ":")
	if !ok || kind == "" {
		return nil, fmt.Errorf("%q is no check; a check is kind:match, such as role:member or rule:admin_api", text)
	}
	switch kind {
	case "http", "https":
		return nil, fmt.Errorf("%q asks a remote server, which is not supported; express it with roles and attributes", text)
	case "rule":
		return reference(match), nil
	}
	parts, err := parseTemplate(match)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	if kind == "role" {
		return roleCheck{parts}, nil
	}
	if literal, ok := parseLiteral(kind); ok {
		return literalCheck{kind, literal, parts}, nil
	}
	return attributeCheck{kind, parts}, nil
}

// parseLiteral reads what Python would read as a literal: a quoted text, True, False, None or a number.
func parseLiteral(text string) (string, bool) {
	if n := len(text); n >= 2 && (text[0] == '\'' || text[0] == '"') && text[n-1] == text[0] {
		return text[1 : n-1], true
	}
	switch text {
	case "True", "False", "None":
		return text, true
	}
	digits := strings.TrimPrefix(text, "-")
	return text, digits != "" && strings.Trim(digits, "0123456789") == ""
}

// template is a match with references to attributes of the target in it.
type template []piece

// piece is a literal text or, when name is not empty, the value of an attribute.
type piece struct{ text, name string }

// parseTemplate reads a match: text, %(name)s and %% for a percent sign, as in Python.
func parseTemplate(match string) (template, error) {
	var parts template
	text := ""
	for match != "" {
		before, after, found := strings.Cut(match, "%")
		text += before
		if !found {
			break
		}
		if rest, ok := strings.CutPrefix(after, "%"); ok {
			text, match = text+"%", rest
			continue
		}
		name, rest, ok := strings.Cut(strings.TrimPrefix(after, "("), ")s")
		if !ok || name == "" || !strings.HasPrefix(after, "(") || strings.ContainsAny(name, "()%") {
			return nil, fmt.Errorf("a percent sign must begin %%(name)s")
		}
		if text != "" {
			parts = append(parts, piece{text: text})
		}
		parts = append(parts, piece{name: name})
		text, match = "", rest
	}
	if text != "" || len(parts) == 0 {
		parts = append(parts, piece{text: text})
	}
	return parts, nil
}

func (t template) String() string {
	var out strings.Builder
	for _, p := range t {
		if p.name != "" {
			out.WriteString("%(" + p.name + ")s")
			continue
		}
		out.WriteString(strings.ReplaceAll(p.text, "%", "%%"))
	}
	return out.String()
}
