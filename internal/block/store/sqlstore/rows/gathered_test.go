package rows_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
)

// read collects what was gathered, under its first column.
func read(text string) (map[string][]*string, error) {
	found := map[string][]*string{}
	err := rows.EachGathered([]byte(text), func(columns [][]byte) error {
		var list []*string
		for _, c := range columns {
			var p *string
			if c != nil {
				p = new(string(c))
			}
			list = append(list, p)
		}
		found[string(columns[0])] = list
		return nil
	})
	return found, err
}

func TestEachGathered(t *testing.T) {
	for text, want := range map[string]map[string][]*string{
		``:   {},
		`{}`: {},
		`{ "1" : ["a", null, "", 7, "\"\u00e9\ud83e\uddf1"], "2":["b"] }`: {"a": {new("a"), nil, new(""), new("7"), new(`"é🧱`)}, "b": {new("b")}},
		`{"1" :["a\\"]}`: {`a\`: {new(`a\`)}},
	} {
		got, err := read(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{`[`, `{`, `{"1"`, `{"1":`, `{"1":[`, `{"1":["a`, `{"1":["a\`, `{"1":["a"`, `{"1":["a"]`, `{"1":["a"],`, `{"1":["a"],}`,
		`{"1":[]}`, `{"1":[a]}`, `{"1":["\x"]}`, `{"1":["a" "b"]}`, `{"1":"a"}`, `{"1":["a"]"2":["b"]}`} {
		if got, err := read(text); err == nil {
			t.Errorf("%s is accepted as %v", text, got)
		}
	}
}

// TestEachGatheredReadsJSON: it reads what encoding/json writes, whatever the texts.
func TestEachGatheredReadsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(rapid.String(), rapid.SliceOfN(rapid.Ptr(rapid.String(), true), 1, 5)).Draw(t, "rows")
		for key, list := range maps.Clone(want) {
			list[0] = new(key)
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "indented") {
			if text, err = json.MarshalIndent(want, "", " "); err != nil {
				t.Fatal(err)
			}
		}
		got, err := read(string(text))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%s: %v\n%s", text, err, diff)
		}
	})
}
