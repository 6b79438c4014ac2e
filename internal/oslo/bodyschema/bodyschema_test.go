package bodyschema

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/fault"
)

const createVolume = `{
  "type": "object",
  "properties": {
    "volume": {
      "type": "object",
      "properties": {
        "name": {"type": ["string", "null"], "format": "name_non_mandatory_remove_white_spaces"},
        "size": {"$ref": "parameter_types#/volume_size_allows_null"},
        "metadata": {"$ref": "parameter_types#/metadata_allows_null"},
        "snapshot_id": {"$ref": "parameter_types#/optional_uuid"},
        "multiattach": {"$ref": "parameter_types#/optional_boolean"},
        "strict_name": {"$ref": "parameter_types#/name"},
        "hosts": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "string"}},
        "mode": {"type": "string", "enum": ["ro", "rw"]},
        "description": {"$ref": "parameter_types#/description"},
        "reason": {"format": "disabled_reason", "type": "string", "maxLength": 255},
        "color": {"type": "string", "format": "color"}
      },
      "required": ["size"],
      "additionalProperties": false
    }
  },
  "required": ["volume"],
  "additionalProperties": false
}`

func decode(t testing.TB, text string) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func newSchema(t testing.TB, text string) *Schema {
	t.Helper()
	c, err := NewCompiler(nil, map[string]func(any) error{"color": func(v any) error {
		if v == "red" {
			return nil
		}
		return fault.New(fault.Invalid, "InvalidColor", "only red")
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMessagesAreThoseOfPython(t *testing.T) {
	schema := newSchema(t, createVolume)
	long := strings.Repeat("x", 256)
	for _, test := range []struct{ body, want string }{
		{`{"volume": {"size": 1}}`, ""},
		{`{"volume": {"size": "1", "name": null, "metadata": {"a": "b"}, "multiattach": "yes", "snapshot_id": null}}`, ""},
		{`[]`, "[] is not of type 'object'"},
		{`{}`, "'volume' is a required property"},
		{`{"volume": {"size": 1}, "b": 1, "a": 2}`, "Additional properties are not allowed ('a', 'b' were unexpected)"},
		{`{"volume": {}}`, "Invalid input for field/attribute volume. Value: {}. 'size' is a required property"},
		{`{"volume": {"size": 0}}`, "Invalid input for field/attribute size. Value: 0. 0 is less than the minimum of 1"},
		{`{"volume": {"size": "0"}}`, "Invalid input for field/attribute size. Value: 0. 0 is less than the minimum of 1"},
		{`{"volume": {"size": 2147483648}}`, "Invalid input for field/attribute size. Value: 2147483648. 2147483648 is greater than the maximum of 2147483647"},
		{`{"volume": {"size": "99999999999999999999"}}`, "Invalid input for field/attribute size. Value: 99999999999999999999. 99999999999999999999 is greater than the maximum of 2147483647"},
		{`{"volume": {"size": "1x"}}`, "Invalid input for field/attribute size. Value: 1x. '1x' does not match '^[0-9]+$'"},
		{`{"volume": {"size": true}}`, "Invalid input for field/attribute size. Value: True. True is not of type 'integer', 'string', 'null'"},
		{`{"volume": {"size": 1.5}}`, "Invalid input for field/attribute size. Value: 1.5. 1.5 is not of type 'integer', 'string', 'null'"},
		{`{"volume": {"size": 1, "name": 5}}`, "Invalid input for field/attribute name. Value: 5. 5 is not of type 'string', 'null'"},
		{`{"volume": {"size": 1, "name": "` + long + `"}}`, "Invalid input received: name has 256 characters, more than 255."},
		{`{"volume": {"size": 1, "name": "  ` + long[1:] + ` "}}`, ""},
		{`{"volume": {"size": 1.0}}`, "Invalid input for field/attribute size. Value: 1.0. 1.0 is not of type 'integer', 'string', 'null'"},
		{`{"volume": {"size": 1e1}}`, "Invalid input for field/attribute size. Value: 1e1. 1e1 is not of type 'integer', 'string', 'null'"},
		{`{"volume": {"size": 1, "strict_name": ""}}`, "Invalid input for field/attribute strict_name. Value: . '' should be non-empty"},
		{`{"volume": {"size": 1, "reason": "` + long + `"}}`, "Invalid input for field/attribute reason. Value: " + long + ". '" + long + "' is not a 'disabled_reason'"},
		{`{"volume": {"size": 1, "strict_name": "  "}}`, "An invalid 'name' value was provided. The 'name' can not be empty."},
		{`{"volume": {"size": 1, "metadata": {"a": "` + long + `"}}}`, "Invalid input for field/attribute a. Value: " + long + ". '" + long + "' is too long"},
		{`{"volume": {"size": 1, "metadata": {"a": null}}}`, "Invalid input for field/attribute a. Value: None. None is not of type 'string'"},
		{`{"volume": {"size": 1, "metadata": {"é": "x"}}}`, "Invalid input for field/attribute metadata. Value: {'é': 'x'}. 'é' does not match any of the regexes: '^[a-zA-Z0-9-_:. /]{1,255}$'"},
		{`{"volume": {"size": 1, "snapshot_id": "nope"}}`, "Invalid input for field/attribute snapshot_id. Value: nope. 'nope' is not valid under any of the given schemas"},
		{`{"volume": {"size": 1, "multiattach": "maybe"}}`, "Invalid input for field/attribute multiattach. Value: maybe. 'maybe' is not valid under any of the given schemas"},
		{`{"volume": {"size": 1, "it's": "x"}}`, `Invalid input for field/attribute volume. Value: {"it's": 'x', 'size': 1}. Additional properties are not allowed ("it's" was unexpected)`},
		{`{"volume": {"size": 1, "hosts": []}}`, "Invalid input for field/attribute hosts. Value: []. [] should be non-empty"},
		{`{"volume": {"size": 1, "hosts": ["a", "a"]}}`, "Invalid input for field/attribute hosts. Value: ['a', 'a']. ['a', 'a'] has non-unique elements"},
		{`{"volume": {"size": 1, "hosts": ["a", 1]}}`, "Invalid input for field/attribute 1. Value: 1. 1 is not of type 'string'"},
		{`{"volume": {"size": 1, "mode": "x"}}`, "Invalid input for field/attribute mode. Value: x. 'x' is not one of ['ro', 'rw']"},
		{`{"volume": {"size": 1, "description": "a\nb"}}`, `Invalid input for field/attribute description. Value: a` + "\n" + `b. 'a\nb' does not match '^[^\\p{C}\\p{Zl}\\p{Zp}]*$'`},
		{`{"volume": {"size": 1, "color": "blue"}}`, "only red"},
		// Several things are wrong: the schema's order decides, not the body's and not a map's.
		{`{"extra": 1, "volume": {"zzz": 1, "metadata": 1, "name": 1}}`, "Invalid input for field/attribute name. Value: 1. 1 is not of type 'string', 'null'"},
		{`{"extra": 1, "volume": {"zzz": 1}}`, "Invalid input for field/attribute volume. Value: {'zzz': 1}. 'size' is a required property"},
	} {
		for range 3 { // map order must not show
			got := ""
			if err := schema.Validate(decode(t, test.body)); err != nil {
				if fault.KindOf(err) != fault.Invalid {
					t.Errorf("%s: kind %v", test.body, fault.KindOf(err))
				}
				got = fault.UserText(err)
			}
			if got != test.want {
				t.Errorf("%.80s\n got %s\nwant %s", test.body, got, test.want)
			}
		}
	}
}

// TestOneOf: Python names the alternatives that a value meets all at once, the first of them last.
func TestOneOf(t *testing.T) {
	schema := newSchema(t, `{"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}, {"required": ["c"]}]}`)
	for body, want := range map[string]string{
		`{"b": 1}`:         "",
		`{}`:               "{} is not valid under any of the given schemas",
		`{"a": 1, "c": 2}`: "{'a': 1, 'c': 2} is valid under each of {'required': ['c']}, {'required': ['a']}",
	} {
		got := ""
		if err := schema.Validate(decode(t, body)); err != nil {
			got = fault.UserText(err)
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, test := range []struct {
		format, value string
		valid         bool
	}{
		{"uuid", `"00000000-0000-0000-0000-00000000000a"`, true}, {"uuid", `"0000000000000000000000000000000a"`, true},
		{"uuid", `"0000000-0000"`, false}, {"uuid", `5`, false},
		{"date-time", `"2026-11-21T00:38:00Z"`, true}, {"date-time", `"2026-11-21T00:38:00"`, true}, {"date-time", `"soon"`, false},
		{"base64", `"YWJj"`, true}, {"base64", `"%%"`, false},
		{"mysql_text", `"` + strings.Repeat("x", 65535) + `"`, true}, {"mysql_text", `"` + strings.Repeat("x", 65536) + `"`, false},
		{"key_size", `256`, true}, {"key_size", `"256"`, true}, {"key_size", `null`, true}, {"key_size", `"big"`, false},
		{"progress", `"100%"`, true}, {"progress", `"101%"`, false}, {"progress", `"x%"`, false}, {"progress", `""`, true},
		{"availability_zone", `null`, true}, {"availability_zone", `""`, false}, {"availability_zone", `"nova"`, true},
		{"group_type", `null`, false}, {"disabled_reason", `" "`, false}, {"disabled_reason", `null`, true},
	} {
		schema := newSchema(t, `{"format": "`+test.format+`"}`)
		if err := schema.Validate(decode(t, test.value)); (err == nil) != test.valid {
			t.Errorf("%s of %.40s: %v", test.format, test.value, err)
		}
	}
}

func TestBadSchemasDoNotCompile(t *testing.T) {
	c, err := NewCompiler(map[string]string{"mine": `{"thing": {"type": "string"}}`}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compile(`{"$ref": "mine#/thing"}`); err != nil {
		t.Error(err)
	}
	for _, text := range []string{`{`, `{"type": "strin"}`, `{"$ref": "parameter_types#/nothing"}`, `{"$ref": "http://example.com/x"}`, `{"pattern": "("}`, `{"format": "nothing"}`} {
		if _, err := c.Compile(text); err == nil {
			t.Errorf("%s compiles", text)
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add(`{"volume": {"size": 1, "metadata": {"a": "b"}}}`)
	f.Add(`{"volume": {"size": "1e999", "hosts": [1, "1"]}}`)
	schema := newSchema(f, createVolume)
	f.Fuzz(func(t *testing.T, text string) {
		value, err := Decode([]byte(text))
		if err != nil {
			return
		}
		if err := schema.Validate(value); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v", err)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	schema, value := newSchema(b, createVolume), decode(b, `{"volume": {"size": 1, "name": "vol", "metadata": {"a": "b"}}}`)
	for b.Loop() {
		if err := schema.Validate(value); err != nil {
			b.Fatal(err)
		}
	}
}
