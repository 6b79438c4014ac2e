package listing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/fault"
)

var dictionaries = map[string]map[string]string{
	`{}`:                       {},
	`{'k': 'v'}`:               {"k": "v"},
	`{"k": "v"}`:               {"k": "v"},
	`{u'k': u'v', "a": 'b'}`:   {"k": "v", "a": "b"},
	`{'it\'s': 'a "quoted"'}`:  {"it's": `a "quoted"`},
	`{"it's": 'x\\y\n'}`:       {"it's": "x\\y\n"},
	`{'n': 5, 'm': 'ü'}`:       {"n": "5", "m": "ü"},
	`{'url': 'utf', 'b': 'u'}`: {"url": "utf", "b": "u"},
}

func TestPairs(t *testing.T) {
	for text, want := range dictionaries {
		got, err := parsePairs("metadata", text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	for _, text := range []string{"", "x", "[]", "{'k'}", "{'k': 'v'", "{'k': __import__('os')}", "null and void"} {
		if got, err := parsePairs("metadata", text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestLiterals(t *testing.T) {
	for text, want := range map[string][]string{
		"error": {"error"}, "": {""}, "None": {""}, "12": {"12"}, "true": {"true"},
		"'error'": {"error"}, `"it's"`: {"it's"}, "'open": {"'open"}, "'a' 'b'": {"'a' 'b'"},
		"['error', 'available']": {"error", "available"}, `["error",5]`: {"error", "5"}, "('error',)": {"error"}, "('a', 'b')": {"a", "b"},
		"[]": {}, "[['a']]": {"[['a']]"}, "[x]": {"[x]"}, "(": {"("}, "{'a': 1}": {"{'a': 1}"},
	} {
		if d := cmp.Diff(want, literals(text)); d != "" {
			t.Errorf("%s (-want +got): %s", text, d)
		}
	}
}

// FuzzPairs: any text is a dictionary or refused, and what is one is read the same again.
func FuzzPairs(f *testing.F) {
	for text := range dictionaries {
		f.Add(text)
	}
	f.Add(`{'\u0000': 'a\`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parsePairs("metadata", text)
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
		if again, _ := parsePairs("metadata", text); !cmp.Equal(got, again) {
			t.Errorf("%q: %v, then %v", text, got, again)
		}
		if list := literals(text); len(list) > len(text)+1 {
			t.Errorf("%q is read as %q", text, list)
		}
	})
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string][]app.TimeFilter{
		"gt:2026-01-02T03:04:05":                {{Key: "created_at", Op: "gt", At: at}},
		"eq:2026-01-02T03:04:05Z":               {{Key: "created_at", Op: "eq", At: at}},
		"lte:2026-01-02T05:04:05+02:00":         {{Key: "created_at", Op: "lte", At: at}},
		"gte:2026-01-02 03:04:05,lt:2026-01-02": {{Key: "created_at", Op: "gte", At: at}, {Key: "created_at", Op: "lt", At: at.Truncate(24 * time.Hour)}},
		"neq:2026-01-02T03:04:05.5":             {{Key: "created_at", Op: "neq", At: at.Add(500 * time.Millisecond)}},
	} {
		got, err := parseTimes("created_at", text)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", text, err, d)
		}
	}
	for text, want := range map[string]string{"2026-01-02": "Invalid 2026-01-02 operator", "near:2026-01-02": "Invalid near operator", "gt:soon": "Invalid soon value", "gt:": "Invalid  value"} {
		if _, err := parseTimes("created_at", text); fault.UserText(err) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCut(t *testing.T) {
	var q Query
	for limit, want := range map[int]int{0: 0, 1: 1, 2: 2, 9: 2} {
		q.Page.Limit = limit
		if got := Cut(q, []string{"a", "b"}); len(got) != want {
			t.Errorf("limit %d leaves %v", limit, got)
		}
	}
}
