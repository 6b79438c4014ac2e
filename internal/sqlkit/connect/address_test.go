package connect

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
)

// TestParse: what SQLAlchemy takes, also where it is no proper URL.
func TestParse(t *testing.T) {
	for text, want := range map[string]address{
		"mysql+pymysql://cinder:pw@h/cinder?charset=utf8": {"mysql+pymysql", "cinder", "pw", "h", "", "cinder", url.Values{"charset": {"utf8"}}},
		"mysql://u:p%40%2F%25@[::1]:3307/d":               {"mysql", "u", "p@/%", "::1", "3307", "d", url.Values{}},
		"mysql://u:a/b#c?d%zz@h:1/d":                      {"mysql", "u", "a/b#c?d%zz", "h", "1", "d", url.Values{}},
		"postgresql+psycopg2://u@/d?host=%2Frun%2Fpg":     {"postgresql+psycopg2", "u", "", "", "", "d", url.Values{"host": {"/run/pg"}}},
		"postgresql:///d":                                 {"postgresql", "", "", "", "", "d", url.Values{}},
	} {
		got, err := parse(text)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(address{})); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("mysql+pymysql://u:secret@h:1/d?a=b")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parse(text)
		if err != nil && (!fault.Is(err, fault.Invalid) || strings.Contains(text, ":secret@") && strings.Contains(err.Error(), "secret")) {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && (a.scheme == "" || a.database == "") {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
