package bodyschema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/clinker/clinker/internal/fault"
)

// first follows the error tree to the error Python would have met first: it walks a schema's keywords in the order
// written and stops at the first that fails; alternatives (anyOf, oneOf) are one error and not looked into.
func (s *Schema) first(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	for len(e.Causes) > 0 {
		switch e.ErrorKind.(type) {
		case *kind.AnyOf, *kind.OneOf, *kind.PropertyNames:
			return e
		}
		e = slices.MinFunc(e.Causes, func(a, b *jsonschema.ValidationError) int { return s.compare(a, b) })
	}
	return e
}

// compare orders two errors by where their keywords stand in the schema, then by where they are in the value: equal
// keywords happen when one schema checks several members (patternProperties).
func (s *Schema) compare(a, b *jsonschema.ValidationError) int {
	if order := s.position(a) - s.position(b); order != 0 {
		return order
	}
	return slices.Compare(a.InstanceLocation, b.InstanceLocation)
}

// position is the place of the error's keyword in its document. A group stands where its earliest member does.
func (s *Schema) position(e *jsonschema.ValidationError) int {
	if _, isGroup := e.ErrorKind.(*kind.Group); isGroup && len(e.Causes) > 0 {
		return s.position(slices.MinFunc(e.Causes, func(a, b *jsonschema.ValidationError) int { return s.compare(a, b) }))
	}
	doc, pointer := s.locate(e.SchemaURL)
	if doc == nil {
		return len(e.SchemaURL)
	}
	for _, keyword := range e.ErrorKind.KeywordPath() {
		pointer += "/" + escapePointer(keyword)
	}
	return doc.positions()[pointer]
}

// locate finds the document and the JSON pointer in it of a schema location.
func (s *Schema) locate(location string) (*document, string) {
	file, fragment, _ := strings.Cut(location, "#")
	pointer, err := url.PathUnescape(fragment)
	if err != nil {
		pointer = fragment
	}
	return s.documents[file], pointer
}

// keyword is the value of the error's keyword as the schema's author wrote it, nil if it cannot be found.
func (s *Schema) keyword(e *jsonschema.ValidationError, name string) any {
	doc, pointer := s.locate(e.SchemaURL)
	if doc == nil {
		return nil
	}
	value := doc.value
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := value.(type) {
		case map[string]any:
			if token != "" {
				value = v[token]
			}
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		}
	}
	schema, _ := value.(map[string]any)
	return schema[name]
}

// Words is how a service says that a body is refused: path is where the value stands in it, empty for the body itself,
// value what is there, and message what is wrong, as python-jsonschema says it.
type Words func(path []string, value any, message string) string

// cinderWords are Cinder's.
func cinderWords(path []string, value any, message string) string {
	if len(path) == 0 {
		return message
	}
	return fmt.Sprintf("Invalid input for field/attribute %s. Value: %s. %s", shorten(path[len(path)-1]), shorten(pythonString(value)), message)
}

// describe makes the fault of one error.
func (s *Schema) describe(e *jsonschema.ValidationError, root any, words Words) error {
	if format, ok := e.ErrorKind.(*kind.Format); ok {
		if f, ok := fault.Of(format.Err); ok {
			return f
		}
	}
	value := lookUp(root, e.InstanceLocation)
	return &fault.Error{Kind: fault.Invalid, Name: "ValidationError", Text: words(e.InstanceLocation, value, shorten(s.message(e, value)))}
}

// maxMessageBytes bounds what is repeated of a body in a message; upstream repeats all of it.
const maxMessageBytes = 4096

func shorten(text string) string {
	if len(text) <= maxMessageBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessageBytes], "") + "..."
}

func lookUp(value any, location []string) any {
	for _, token := range location {
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		}
	}
	return value
}

// message words one error as python-jsonschema does. The texts are what clients see of any OpenStack service.
func (s *Schema) message(e *jsonschema.ValidationError, value any) string {
	is := PythonRepr(value)
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return is + " is not of type " + s.wantedTypes(e, k)
	case *kind.Enum:
		return is + " is not one of " + PythonRepr(k.Want)
	case *kind.Required:
		return PythonRepr(k.Missing[0]) + " is a required property"
	case *kind.AdditionalProperties:
		return s.additional(e, k.Properties)
	case *kind.Format:
		return is + " is not a " + PythonRepr(k.Want)
	case *kind.Pattern:
		return is + " does not match " + PythonRepr(k.Want)
	case *kind.Minimum:
		return is + " is less than the minimum of " + rational(k.Want)
	case *kind.Maximum:
		return is + " is greater than the maximum of " + rational(k.Want)
	case *numberStringError:
		return k.Error()
	case *kind.AnyOf:
		return is + " is not valid under any of the given schemas"
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return is + " is valid under each of " + s.alternatives(e, k.Subschemas)
		}
		return is + " is not valid under any of the given schemas"
	case *kind.Not:
		return is + " should not be valid under " + PythonRepr(s.keyword(e, "not"))
	case *kind.Dependency:
		return PythonRepr(k.Missing[0]) + " is a dependency of " + PythonRepr(k.Prop)
	case *kind.UniqueItems:
		return is + " has non-unique elements"
	}
	if text, ok := sizeMessage(e.ErrorKind); ok {
		return is + text
	}
	return is + " is not valid"
}

// alternatives writes those of a oneOf that a value meets, as Python does: the first of them last.
func (s *Schema) alternatives(e *jsonschema.ValidationError, met []int) string {
	all, _ := s.keyword(e, "oneOf").([]any)
	var words []string
	for _, i := range append(slices.Clone(met[1:]), met[0]) {
		if i < len(all) {
			words = append(words, PythonRepr(all[i]))
		}
	}
	return strings.Join(words, ", ")
}

// sizeMessage words the errors about how much there is of something.
func sizeMessage(k jsonschema.ErrorKind) (string, bool) {
	const empty, short, long = " should be non-empty", " is too short", " is too long"
	switch k := k.(type) {
	case *kind.MinLength:
		return pick(k.Want == 1, empty, short), true
	case *kind.MinItems:
		return pick(k.Want == 1, empty, short), true
	case *kind.MinProperties:
		return pick(k.Want == 1, empty, " does not have enough properties"), true
	case *kind.MaxLength:
		return pick(k.Want == 0, " is expected to be empty", long), true
	case *kind.MaxItems:
		return pick(k.Want == 0, " is expected to be empty", long), true
	case *kind.MaxProperties:
		return pick(k.Want == 0, " is expected to be empty", " has too many properties"), true
	}
	return "", false
}

func pick(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func (s *Schema) wantedTypes(e *jsonschema.ValidationError, k *kind.Type) string {
	switch written := s.keyword(e, "type").(type) {
	case string:
		return PythonRepr(written)
	case []any:
		return joinRepr(written)
	}
	return joinRepr(k.Want)
}

// additional words members that the schema does not know; with patterns Python says which they failed to match.
func (s *Schema) additional(e *jsonschema.ValidationError, properties []string) string {
	extras := slices.Sorted(slices.Values(properties))
	if patterns, ok := s.keyword(e, "patternProperties").(map[string]any); ok {
		verb := pick(len(extras) == 1, "does", "do")
		names := make([]string, 0, len(patterns))
		for pattern := range patterns {
			names = append(names, pattern)
		}
		slices.Sort(names)
		return fmt.Sprintf("%s %s not match any of the regexes: %s", joinRepr(extras), verb, joinRepr(names))
	}
	verb := pick(len(extras) == 1, "was", "were")
	return fmt.Sprintf("Additional properties are not allowed (%s %s unexpected)", joinRepr(extras), verb)
}

func joinRepr[T any](values []T) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = PythonRepr(v)
	}
	return strings.Join(out, ", ")
}

func rational(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// pythonString is Python's str of a decoded value: a string bare, everything else as repr.
func pythonString(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return PythonRepr(value)
}

// PythonRepr is Python's repr of a decoded value. Members of objects come sorted, because their order is lost.
func PythonRepr(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case bool:
		return pick(v, "True", "False")
	case string:
		return reprString(v)
	case json.Number:
		return v.String()
	case []any:
		return "[" + joinRepr(v) + "]"
	case map[string]any:
		members := make([]string, 0, len(v))
		for key, member := range v {
			members = append(members, reprString(key)+": "+PythonRepr(member))
		}
		slices.Sort(members)
		return "{" + strings.Join(members, ", ") + "}"
	}
	return fmt.Sprint(value)
}

// reprString quotes as Python does: single quotes unless the text holds one and no double quote.
func reprString(text string) string {
	quote := byte('\'')
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		quote = '"'
	}
	out := append(make([]byte, 0, len(text)+2), quote)
	for _, r := range text {
		switch {
		case r == rune(quote) || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r < ' ' || r == 0x7f:
			out = fmt.Appendf(out, `\x%02x`, r)
		case strconv.IsPrint(r):
			out = append(out, string(r)...)
		case r > 0xffff:
			out = fmt.Appendf(out, `\U%08x`, r)
		case r > 0xff:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = fmt.Appendf(out, `\x%02x`, r)
		}
	}
	return string(append(out, quote))
}
