package listing

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/oslo/microversion"
)

func TestParseFilters(t *testing.T) {
	got, err := ParseFilters([]byte(" {\n\"volume\": [\"name~\", \"status\"], \"pool\": []}\n"))
	want := Filters{{"volume", []string{"name~", "status"}}, {"pool", []string{}}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got): %s", err, d)
	}
	if got := want.Of("volume"); len(got) != 2 || want.Of("backup") != nil {
		t.Errorf("volumes are filtered by %v, backups by %v", got, want.Of("backup"))
	}
	for text, why := range map[string]string{
		``:                                     "line 1: it ends too early",
		`[]`:                                   `line 1: it must be one object such as {"volume": ["name", "status"]}`,
		`{"volume": ["name"]`:                  "line 1: it ends too early",
		"{\n\"volumes\": []}":                  `line 2: there is no resource "volumes"; accepted: volume, backup, `,
		`{"volume": {}}`:                       `line 1: the filters of "volume" must be a list of names such as`,
		`{"volume": null}`:                     `line 1: the filters of "volume" must be a list of names such as`,
		`{"volume": [1]}`:                      `line 1: the filters of "volume" must be a list of names such as`,
		`{"volume": [null]}`:                   `line 1: "" is no filter of "volume"`,
		`{"volume": ["na me"]}`:                `line 1: "na me" is no filter of "volume"; accepted: a name of letters`,
		`{"volume": ["name~~"]}`:               `line 1: "name~~" is no filter of "volume"`,
		`{"volume": ["größe"]}`:                `line 1: "größe" is no filter of "volume"`,
		`{"volume": ["name", "name"]}`:         `line 1: filter "name" of "volume" is there twice`,
		"{\"volume\": [],\n\n \"volume\": []}": `line 3: resource "volume" is there twice`,
		`{"volume": []} {}`:                    "line 1: something follows after its end",
		`{"volume": [],}`:                      "line 1: invalid character",
	} {
		if _, err := ParseFilters([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), why) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzParseFilters: any text is refused, or is filters that are read the same from their own JSON.
func FuzzParseFilters(f *testing.F) {
	f.Add([]byte(`{"volume": ["name~", "status"], "pool": []}`))
	f.Add([]byte(`{"volume": null} x`))
	f.Fuzz(func(t *testing.T, text []byte) {
		filters, err := ParseFilters(text)
		if err != nil {
			return
		}
		again, err := ParseFilters(filters.text(t))
		if d := cmp.Diff(filters, again); err != nil || d != "" {
			t.Errorf("%q: %v %s", text, err, d)
		}
	})
}

// text is the filters as a file.
func (f Filters) text(t *testing.T) []byte {
	t.Helper()
	var members []string
	for _, r := range f {
		list, err := json.Marshal(r.Filters)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, `"`+r.Resource+`": `+string(list))
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

func TestBuiltinFilters(t *testing.T) {
	builtin := BuiltinFilters()
	got, err := ParseFilters(builtin.text(t))
	if d := cmp.Diff(builtin, got); err != nil || d != "" {
		t.Errorf("%v (-want +got): %s", err, d)
	}
}

func TestAllows(t *testing.T) {
	for _, tc := range []struct {
		filters []string
		name    string
		version microversion.Version
		want    bool
	}{
		{[]string{"name"}, "name", microversion.V(3, 31), true},
		{[]string{"name"}, "name~", microversion.V(3, 71), false},
		{[]string{"name~"}, "name~", microversion.V(3, 34), true},
		{[]string{"name~"}, "name", microversion.V(3, 33), false},
		{[]string{"name~"}, "name", microversion.V(3, 34), true},
		{nil, "name", microversion.V(3, 34), false},
	} {
		if got := allows(tc.filters, tc.name, tc.version); got != tc.want {
			t.Errorf("%v allow %s at %s: %v", tc.filters, tc.name, tc.version, got)
		}
	}
}
