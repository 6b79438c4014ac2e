package bodyschema

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Object is a decoded JSON object. The schema has already said which members there may be and of which types; these
// accessors give the zero value for a member that is absent, null or of another type, and never fail.
type Object map[string]any

// Has reports whether the member is there, null included.
func (o Object) Has(name string) bool { _, ok := o[name]; return ok }

// IsNull reports whether the member is there and null.
func (o Object) IsNull(name string) bool { v, ok := o[name]; return ok && v == nil }

// Object is the member as an object, nil if it is none.
func (o Object) Object(name string) Object {
	m, _ := o[name].(map[string]any)
	return m
}

// String is the member as a string; a number gives its text, as where a schema allows both.
func (o Object) String(name string) string {
	switch v := o[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// Trimmed is String without leading and trailing white space, as Cinder treats names and descriptions.
func (o Object) Trimmed(name string) string { return strings.TrimSpace(o.String(name)) }

// StringPointer is the member as a string, nil when it is absent or null.
func (o Object) StringPointer(name string) *string {
	if v, ok := o[name]; !ok || v == nil {
		return nil
	}
	return new(o.String(name))
}

// Int is the member as an integer, from a number or from digits in a string; ok is false when it is absent, null, or
// no integer that fits 64 bits.
func (o Object) Int(name string) (n int64, ok bool) {
	switch v := o[name].(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n, true
		}
		f, err := v.Float64()
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, false
		}
		return int64(f), true
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// Bool is the member as a boolean: true, or one of the strings and numbers OpenStack reads as true (see ParseBool).
// Absent, null and everything else is false.
func (o Object) Bool(name string) bool {
	switch v := o[name].(type) {
	case bool:
		return v
	case string:
		truth, _ := ParseBool(v)
		return truth
	case json.Number:
		return v.String() == "1"
	}
	return false
}

// ParseBool reads a boolean as oslo.utils does: 1, t, true, on, y, yes and 0, f, false, off, n, no in any case and with
// white space around; known is false for every other text.
func ParseBool(text string) (truth, known bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "t", "true", "on", "y", "yes":
		return true, true
	case "0", "f", "false", "off", "n", "no":
		return false, true
	}
	return false, false
}

// StringMap is the member as a map of strings, nil when it is absent, null or no object. Members that are null are left
// out; numbers give their text.
func (o Object) StringMap(name string) map[string]string {
	m := o.Object(name)
	if m == nil {
		return nil
	}
	out := make(map[string]string, len(m))
	for key, value := range m {
		switch v := value.(type) {
		case string:
			out[key] = v
		case json.Number:
			out[key] = v.String()
		case bool:
			out[key] = strconv.FormatBool(v)
		}
	}
	return out
}

// Strings is the member as a list of strings, nil when it is no list; elements of other types are left out.
func (o Object) Strings(name string) []string {
	list, _ := o[name].([]any)
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, value := range list {
		if s, ok := value.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// List is the member as a list, nil when it is none.
func (o Object) List(name string) []any {
	list, _ := o[name].([]any)
	return list
}
