package bodyschema

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeIsBounded(t *testing.T) {
	for body, valid := range map[string]bool{
		`{"a": "1e9999 [[[{{{"}`: true, `{"a": "\"[[["}`: true, `[1e308, -1.5E-10, 0]`: true, `true`: true, `{"size": 12345678901234567890}`: true,
		strings.Repeat("[", 100) + strings.Repeat("]", 100): true, strings.Repeat("[", 101) + strings.Repeat("]", 101): false,
		`1e1000`: false, `{"a": 1e99999}`: false, strings.Repeat("1", 1001): false, `{} x`: false, ``: false, "\xff": false, "\ufeff{}": false, `[1,]`: false, `Infinity`: false,
	} {
		if _, err := Decode([]byte(body)); (err == nil) != valid {
			t.Errorf("%.40q: %v", body, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"a": [1e5, "\"", null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		value, err := Decode(body)
		if err == nil && !json.Valid(body) {
			t.Errorf("%q is %v", body, value)
		}
	})
}

func TestObject(t *testing.T) {
	value, err := Decode([]byte(`{"s": " x ", "n": 5, "f": 5.0, "big": 1e30, "ns": "7", "null": null, "t": true, "yes": "Yes", "one": 1,
		"m": {"a": "b", "n": 1, "t": true, "null": null, "o": {}}, "l": ["a", 1], "half": 0.5}`))
	if err != nil {
		t.Fatal(err)
	}
	o := Object(value.(map[string]any))
	for name, want := range map[string]int64{"n": 5, "f": 5, "ns": 7, "one": 1} {
		if n, ok := o.Int(name); !ok || n != want {
			t.Errorf("Int(%s) = %d, %v", name, n, ok)
		}
	}
	for _, name := range []string{"s", "big", "null", "none", "half", "m"} {
		if n, ok := o.Int(name); ok {
			t.Errorf("Int(%s) = %d", name, n)
		}
	}
	if o.Trimmed("s") != "x" || o.String("n") != "5" || o.String("m") != "" || o.StringPointer("null") != nil || *o.StringPointer("s") != " x " {
		t.Error("texts")
	}
	if !o.Has("null") || !o.IsNull("null") || o.IsNull("none") || o.Has("none") || o.IsNull("s") {
		t.Error("presence")
	}
	if !o.Bool("t") || !o.Bool("yes") || !o.Bool("one") || o.Bool("s") || o.Bool("none") {
		t.Error("booleans")
	}
	if diff := cmp.Diff(map[string]string{"a": "b", "n": "1", "t": "true"}, o.StringMap("m")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a"}, o.Strings("l")); diff != "" || len(o.List("l")) != 2 || o.Strings("m") != nil || o.StringMap("l") != nil {
		t.Error("lists", diff)
	}
	if Object(nil).Object("x").Object("y").String("z") != "" {
		t.Error("what is not there has members")
	}
}
