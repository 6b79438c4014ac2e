package optiontype

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// verdict runs one parser on many texts and gives the error's text, or "" for what was accepted.
func verdict[T any](parse func(string, Limits) (T, error), l Limits) func(string) string {
	return func(text string) string {
		if _, err := parse(text, l); err != nil {
			return err.Error()
		}
		return ""
	}
}

func TestVerdicts(t *testing.T) {
	address := verdict(ParseHostAddress, Limits{})
	whole := verdict(ParseInt, Limits{Min: new(0.0), Max: new(10.0)})
	number := verdict(ParseFloat, Limits{})
	size := verdict(ParseBytes, Limits{Min: new(1.0)})
	uri := verdict(ParseURI, Limits{Schemes: []string{"http", "https"}, MaxLength: 20})
	text := verdict(ParseString, Limits{Pattern: regexp.MustCompile("^a"), MaxLength: 3})
	quoted := verdict(ParseList, Limits{QuotedItems: true})
	dict := verdict(func(s string, _ Limits) (map[string]string, error) { return ParseDict(s) }, Limits{})
	tests := []struct {
		verdict func(string) string
		inputs  []string
		want    string
	}{
		// The addresses and URIs were put to oslo.config 9.7 as well; it agrees.
		{address, []string{"a", "a.", "a-b.c", "1.2.3.4", "::1", "1.a", strings.Repeat("x", 63)}, ""},
		{address, []string{"", "1.2.3", "a.b.1", "-a", "a-", "a_b", "a..b", "fe80::1%eth0", "01.2.3.4", strings.Repeat("x", 64),
			strings.Repeat("x.", 127) + "x"}, "not a host address"},
		{whole, []string{"0", " 10 ", "+5", "1_0", "007"}, ""},
		{whole, []string{"5.0", "0x1", "_1", "1__0", "many", "١"}, "not an integer"},
		{whole, []string{"-1"}, "too small"},
		{whole, []string{"11"}, "too large"},
		{whole, []string{"99999999999999999999"}, "beyond the range of 64 bits"},
		{whole, []string{"", " "}, "empty"},
		{number, []string{"1", "-1.5e3", "inf"}, ""},
		{number, []string{"nan", "0x1p2", "1,5"}, "not a number"},
		{size, []string{"1", "1k", "3M", "2G", "1T"}, ""},
		{size, []string{"M", "1.5G", "1MB", "x"}, "not a size"},
		{size, []string{"9999999999T"}, "beyond the range of 64 bits"},
		{size, []string{"0"}, "too small"},
		{uri, []string{"http://h", "https://[::1]:8/", "http://h/a b"}, ""},
		{uri, []string{"h", "http://", "http:///x", "h t://x"}, "not a URI with a scheme and a host"},
		{uri, []string{"ftp://h"}, "not of an allowed scheme"},
		{uri, []string{"http://" + strings.Repeat("h", 20)}, "too long"},
		{text, []string{"a", "aéé"}, ""},
		{text, []string{"b"}, "not of the required form"},
		{text, []string{"abcd"}, "too long"},
		{quoted, []string{`"a,b",c`, `'x'`, ``, `a"b`}, ""},
		{quoted, []string{`"a,b`, `"`}, "a quote is not closed"},
		{dict, []string{"", "a:1", "q, x:1", "a:"}, ""},
		{dict, []string{"a", "x:1,z"}, "a pair without a colon"},
		{dict, []string{":1"}, "a pair without a key"},
		{dict, []string{"a:1, a:2"}, "a key that appears twice"},
	}
	for _, tt := range tests {
		for _, input := range tt.inputs {
			if got := tt.verdict(input); got != tt.want {
				t.Errorf("%q: got %q, want %q", input, got, tt.want)
			}
		}
	}
}

func TestListsAndChoices(t *testing.T) {
	items, err := ParseList(` "b,c", d ,'e'`, Limits{QuotedItems: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b,c", "d", "e"}, items); diff != "" {
		t.Error(diff)
	}
	if got, err := ParseString("KEYSTONE", Limits{Choices: []string{"noauth", "keystone"}, IgnoreCase: true}); got != "keystone" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := ParseList("a,b", Limits{Choices: []string{"a"}}); err == nil || err.Error() != "an item is not one of the choices" {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "bytes")
		if got, err := ParseBytes(FormatBytes(n), Limits{}); got != n || err != nil {
			t.Errorf("%d was written %q and read as %d, %v", n, FormatBytes(n), got, err)
		}
		f := rapid.Float64().Draw(t, "number")
		if got, err := ParseFloat(FormatFloat(f), Limits{}); got != f || err != nil {
			t.Errorf("%v was written %q and read as %v, %v", f, FormatFloat(f), got, err)
		}
		d := rapid.MapOf(rapid.StringMatching(`[a-z ]*[a-z]`).Filter(func(s string) bool { return s[0] != ' ' }),
			rapid.StringMatching(`([a-z:/]+( [a-z]+)?)?`)).Draw(t, "dict")
		if got, err := ParseDict(FormatDict(d)); err != nil || !cmp.Equal(d, got) {
			t.Errorf("%v was written %q and read as %v, %v", d, FormatDict(d), got, err)
		}
	})
}
