package listing

import (
	"encoding/json"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// parsePairs reads a dictionary as clients write it in a query string: Python's repr ({'key': 'value'}, u'...' too) or
// JSON. Values that are no strings are taken by their text.
func parsePairs(name, text string) (map[string]string, error) {
	var decoded map[string]any
	if json.Unmarshal([]byte(text), &decoded) != nil {
		if json.Unmarshal([]byte(pythonToJSON(text)), &decoded) != nil {
			return nil, fault.New(fault.Invalid, "", "Invalid filter %s: %q is not a dictionary such as {'key': 'value'}.", name, text)
		}
	}
	pairs := make(map[string]string, len(decoded))
	for key, value := range decoded {
		if s, ok := value.(string); ok {
			pairs[key] = s
			continue
		}
		b, err := json.Marshal(value)
		if err != nil {
			return nil, fault.New(fault.Invalid, "", "Invalid filter %s: the value of %q cannot be read.", name, key)
		}
		pairs[key] = string(b)
	}
	return pairs, nil
}

// literals reads a filter's value as upstream reads those of volumes (ast.literal_eval): a list or tuple is any of its elements,
// a text in quotes is what stands between them, None is a column without a value. All else is taken as it stands.
func literals(text string) []string {
	trimmed := strings.TrimSpace(text)
	if trimmed == "None" {
		return []string{""}
	}
	if strings.HasPrefix(trimmed, "(") && strings.HasSuffix(trimmed, ")") {
		trimmed = "[" + strings.TrimSuffix(trimmed[1:len(trimmed)-1], ",") + "]"
	}
	if trimmed == "" || !strings.ContainsRune(`['"`, rune(trimmed[0])) {
		return []string{text}
	}
	var value any
	d := json.NewDecoder(strings.NewReader(pythonToJSON(trimmed)))
	d.UseNumber()
	if d.Decode(&value) != nil || d.More() {
		return []string{text}
	}
	list, several := value.([]any)
	if !several {
		list = []any{value}
	}
	texts := make([]string, len(list))
	for i, element := range list {
		switch v := element.(type) {
		case string:
			texts[i] = v
		case json.Number:
			texts[i] = v.String()
		default:
			return []string{text}
		}
	}
	return texts
}

// pythonToJSON turns the quotes of a Python dictionary of strings into JSON's. Whatever it makes of other text, the JSON
// decoder judges.
func pythonToJSON(text string) string {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
			b.WriteByte('"')
		case quote == 0 && (c == 'u' || c == 'b') && i+1 < len(text) && (text[i+1] == '\'' || text[i+1] == '"'):
		case quote != 0 && c == '\\' && i+1 < len(text):
			i++
			if text[i] != '\'' {
				b.WriteByte('\\')
			}
			b.WriteByte(text[i])
		case c == quote:
			quote = 0
			b.WriteByte('"')
		case quote != 0 && c == '"':
			b.WriteString(`\"`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
