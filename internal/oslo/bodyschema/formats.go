package bodyschema

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/message"

	"github.com/clinker/clinker/internal/fault"
)

// errFormat marks a value that does not have the format; the message is made from the format's name.
var errFormat = errors.New("not of the format")

// builtinFormats are the checks that several services share, by the names Cinder's schemas use.
func builtinFormats() map[string]func(any) error {
	mandatory := func(name string) func(any) error {
		return func(v any) error {
			if v == nil && name == "availability_zone" {
				return nil
			}
			return checkLength(v, name, true, 1)
		}
	}
	optional := func(name string, least int) func(any) error {
		return func(v any) error { return checkLength(v, name, false, least) }
	}
	return map[string]func(any) error{
		"uuid":                                   checkUUID,
		"date-time":                              checkTime,
		"base64":                                 checkBase64,
		"mysql_text":                             checkText,
		"name":                                   func(v any) error { return checkName(v, false) },
		"name_skip_leading_trailing_spaces":      func(v any) error { return checkName(v, true) },
		"name_non_mandatory_remove_white_spaces": optional("name", 0),
		"description_non_mandatory_remove_white_spaces": optional("description", 0),
		"disabled_reason":   unnamed(optional("disabled_reason", 1)),
		"availability_zone": mandatory("availability_zone"),
		"group_type":        unnamed(mandatory("group_type")),
		"key_size":          checkKeySize,
		"progress":          checkProgress,
	}
}

// unnamed is a check whose own words upstream does not pass on.
func unnamed(check func(any) error) func(any) error {
	return func(v any) error {
		if check(v) != nil {
			return errFormat
		}
		return nil
	}
}

func checkUUID(v any) error {
	text, ok := v.(string)
	if !ok {
		return errFormat
	}
	digits := strings.NewReplacer("urn:", "", "uuid:", "", "{", "", "}", "", "-", "").Replace(strings.ToLower(text))
	if len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return errFormat
	}
	return nil
}

func checkTime(v any) error {
	text, ok := v.(string)
	if !ok {
		return errFormat
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02", "20060102T150405Z",
		"2006-01-02T15:04:05-0700",
	} {
		if _, err := time.Parse(layout, text); err == nil {
			return nil
		}
	}
	return errFormat
}

func checkBase64(v any) error {
	text, ok := v.(string)
	if !ok {
		return errFormat
	}
	if _, err := base64.StdEncoding.DecodeString(text); err != nil {
		return errFormat
	}
	return nil
}

// maxTextBytes is the size of MySQL's TEXT.
const maxTextBytes = 65535

func checkText(v any) error {
	if text, ok := v.(string); ok && len(text) > maxTextBytes {
		return errFormat
	}
	return nil
}

func checkName(v any, strip bool) error {
	bad := func(reason string) error {
		return fault.New(fault.Invalid, "InvalidName", "An invalid 'name' value was provided. %s", reason)
	}
	text, _ := v.(string)
	switch {
	case text == "":
		return bad("The 'name' can not be None.")
	case strings.TrimSpace(text) == "":
		return bad("The 'name' can not be empty.")
	case strip && utf8.RuneCountInString(strings.TrimSpace(text)) > maxNameRunes:
		return bad("The 'name' can not be greater than 255 characters.")
	}
	return nil
}

const maxNameRunes = 255

// checkLength wants 255 characters at most, white space around them not counted.
func checkLength(v any, name string, mandatory bool, least int) error {
	text, isString := v.(string)
	if v == nil || isString && text == "" {
		if mandatory {
			return fault.New(fault.Invalid, "", "The '%s' can not be None.", name)
		}
		return nil
	}
	if !isString {
		return errFormat
	}
	count := utf8.RuneCountInString(strings.TrimSpace(text))
	relation, limit := "", 0
	switch {
	case count < least:
		relation, limit = "less than", least
	case count > maxNameRunes:
		relation, limit = "more than", maxNameRunes
	default:
		return nil
	}
	return fault.New(fault.Invalid, "InvalidInput", "Invalid input received: %s has %d characters, %s %d.", name, count, relation, limit)
}

func checkKeySize(v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case json.Number:
		if _, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return nil
		}
	case string:
		if _, err := strconv.ParseInt(v, 10, 64); err == nil {
			return nil
		}
	}
	return fault.New(fault.Invalid, "InvalidInput", "Invalid input received: key_size must be an integer.")
}

func checkProgress(v any) error {
	text, _ := v.(string)
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text[:len(text)-1])
	if err != nil {
		return fault.New(fault.Invalid, "InvalidInput", "Invalid input received: progress must be an integer percentage")
	}
	if n < 0 || n > 100 || text[len(text)-1] != '%' {
		return fault.New(fault.Invalid, "InvalidInput", "Invalid input received: progress must be an integer percentage between 0 and 100")
	}
	return nil
}

// formatKeyword is the keyword "format" as the library sees it.
const formatKeyword = "openstack_format"

// format is one format as a keyword of a schema.
type format struct {
	name  string
	check func(any) error
}

// compileFormats compiles the keyword "format". A schema that names a format nobody knows does not compile.
func compileFormats(checks map[string]func(any) error) func(*jsonschema.CompilerContext, map[string]any) (jsonschema.SchemaExt, error) {
	return func(_ *jsonschema.CompilerContext, schema map[string]any) (jsonschema.SchemaExt, error) {
		name, given := schema[formatKeyword].(string)
		if !given {
			return nil, nil //nolint:nilnil // the library's way to say "no keyword of mine"
		}
		check, known := checks[name]
		if !known {
			return nil, fmt.Errorf("there is no format %q", name)
		}
		return format{name, check}, nil
	}
}

// Validate implements the library's SchemaExt.
func (f format) Validate(ctx *jsonschema.ValidatorContext, v any) {
	if err := f.check(v); err != nil {
		ctx.AddError(&kind.Format{Got: v, Want: f.name, Err: err})
	}
}

// integers holds numbers to draft 4, where one that is written with a fraction or an exponent is none: 1.0 is no integer.
type integers struct{}

func compileIntegers(_ *jsonschema.CompilerContext, schema map[string]any) (jsonschema.SchemaExt, error) {
	types, several := schema["type"].([]any)
	if !several {
		types = []any{schema["type"]}
	}
	if !slices.Contains(types, any("integer")) || slices.Contains(types, any("number")) {
		return nil, nil //nolint:nilnil // the library's way to say "no keyword of mine"
	}
	return integers{}, nil
}

// Validate implements the library's SchemaExt.
func (integers) Validate(ctx *jsonschema.ValidatorContext, v any) {
	if n, ok := v.(json.Number); ok && strings.ContainsAny(n.String(), ".eE") {
		ctx.AddError(&kind.Type{Got: "number", Want: []string{"integer"}})
	}
}

// numberStrings holds minimum and maximum also for numbers written as strings, which Cinder accepts in many places.
type numberStrings struct{ minimum, maximum *big.Rat }

func compileNumberStrings(_ *jsonschema.CompilerContext, schema map[string]any) (jsonschema.SchemaExt, error) {
	minimum, maximum := toRational(schema["minimum"]), toRational(schema["maximum"])
	if minimum == nil && maximum == nil {
		return nil, nil //nolint:nilnil // the library's way to say "no keyword of mine"
	}
	return numberStrings{minimum, maximum}, nil
}

func (n numberStrings) Validate(ctx *jsonschema.ValidatorContext, v any) {
	text, ok := v.(string)
	if !ok || len(text) > maxNumberDigits {
		return
	}
	value := toRational(json.Number(strings.TrimSpace(text)))
	if value == nil {
		return
	}
	if n.minimum != nil && value.Cmp(n.minimum) < 0 {
		ctx.AddError(&numberStringError{"minimum", rational(value) + " is less than the minimum of " + rational(n.minimum)})
	}
	if n.maximum != nil && value.Cmp(n.maximum) > 0 {
		ctx.AddError(&numberStringError{"maximum", rational(value) + " is greater than the maximum of " + rational(n.maximum)})
	}
}

// maxNumberDigits bounds what is read as a number from a string; longer ones are refused by whoever converts them.
const maxNumberDigits = 400

// plainNumber leaves out what big.Rat also reads: fractions, hexadecimal digits, exponents of any size.
var plainNumber = regexp.MustCompile(`^[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?$`)

func toRational(v any) *big.Rat {
	number, ok := v.(json.Number)
	if !ok || !plainNumber.MatchString(number.String()) {
		return nil
	}
	r, ok := new(big.Rat).SetString(number.String())
	if !ok {
		return nil
	}
	return r
}

// numberStringError is a minimum or maximum that a number in a string does not keep to.
type numberStringError struct{ keyword, text string }

// KeywordPath implements the library's ErrorKind.
func (e *numberStringError) KeywordPath() []string { return []string{e.keyword} }

// LocalizedString implements the library's ErrorKind; messages are English as upstream's are by default.
func (e *numberStringError) LocalizedString(*message.Printer) string { return e.text }

// Error is the message.
func (e *numberStringError) Error() string { return e.text }
