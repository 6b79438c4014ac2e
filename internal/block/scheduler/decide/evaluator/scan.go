package evaluator

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenNumber             // text as written
	tokenName               // text as written
	tokenString             // text without its quotes
	tokenOperator           // text in its first spelling: "and" for "&&"
)

type token struct {
	kind     tokenKind
	text     string
	position int // in characters, from 1
}

// String describes the token for an error.
func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end"
	case tokenString:
		return "the string " + quote(t.text)
	case tokenNumber, tokenName, tokenOperator:
	}
	return quote(t.text)
}

// wordOperator maps every way to write a word operator to the one the parser knows.
func wordOperator(word string) (operator string, ok bool) {
	switch word {
	case "and", "AND":
		return "and", true
	case "or", "OR":
		return "or", true
	case "not", "NOT":
		return "not", true
	}
	return "", false
}

// signOperators lists the operators that are signs, longest first where one begins another.
func signOperators() []struct{ sign, operator string } {
	return []struct{ sign, operator string }{
		{"<=", "<="}, {">=", ">="}, {"==", "=="}, {"!=", "!="}, {"<>", "!="}, {"&&", "and"}, {"||", "or"},
		{"<", "<"}, {">", ">"}, {"!", "not"}, {"+", "+"}, {"-", "-"}, {"*", "*"}, {"/", "/"}, {"^", "^"},
		{"?", "?"}, {":", ":"}, {",", ","}, {"(", "("}, {")", ")"},
	}
}

// scan cuts a formula into tokens; the last one is tokenEnd.
func scan(text string) ([]token, error) {
	signs := signOperators()
	var tokens []token
	position := 1
	for text != "" {
		c := text[0]
		if strings.IndexByte(" \t\r\n", c) >= 0 {
			text, position = text[1:], position+1
			continue
		}
		t := token{position: position}
		length := 0
		switch {
		case isDigit(c):
			length = numberLength(text)
			t.kind, t.text = tokenNumber, text[:length]
		case isNameByte(c):
			length = spanLength(text, isNameByte)
			t.kind, t.text = tokenName, text[:length]
			if operator, ok := wordOperator(t.text); ok {
				t.kind, t.text = tokenOperator, operator
			}
		case c == '"' || c == '\'':
			end := strings.IndexByte(text[1:], c)
			if end < 0 {
				return nil, wrong(position, "the string that begins here has no closing quote")
			}
			length = end + 2
			// Cinder takes both kinds of quotes out of every string; formulas that compare such strings rely on it.
			t.kind, t.text = tokenString, withoutQuotes(text[:length])
		default:
			for _, s := range signs {
				if strings.HasPrefix(text, s.sign) {
					t.kind, t.text, length = tokenOperator, s.operator, len(s.sign)
					break
				}
			}
			if length == 0 {
				r, _ := utf8.DecodeRuneInString(text)
				return nil, wrong(position, "%q is not part of the language", r)
			}
		}
		tokens = append(tokens, t)
		position += utf8.RuneCountInString(text[:length])
		text = text[length:]
	}
	return append(tokens, token{kind: tokenEnd, position: position}), nil
}

// numberLength is the length of the number text begins with: digits, and if a point and a digit follow, the fraction.
func numberLength(text string) int {
	n := spanLength(text, isDigit)
	if n+1 < len(text) && text[n] == '.' && isDigit(text[n+1]) {
		n += 1 + spanLength(text[n+1:], isDigit)
	}
	return n
}

func spanLength(text string, in func(byte) bool) int {
	n := 0
	for n < len(text) && in(text[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return c == '_' || c == '.' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func withoutQuotes(s string) string {
	if !strings.ContainsAny(s, `"'`) {
		return s
	}
	return strings.NewReplacer(`"`, "", `'`, "").Replace(s)
}
