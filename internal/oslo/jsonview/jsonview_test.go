package jsonview

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestWriter(t *testing.T) {
	w := New(16)
	w.Open()
	w.Key("list")
	w.OpenList()
	w.Open()
	w.Close()
	w.Value("a,")
	w.ValueInt(-1)
	w.Raw([]byte(`[1]`))
	w.CloseList()
	w.String("s", "{")
	w.String("t", "")
	w.StringOrNull("n", "")
	w.StringOrNull("o", "x")
	w.Pointer("p", nil)
	w.Pointer("q", new("["))
	w.Int("i", 5)
	w.Bool("b", true)
	w.Time("zero", time.Time{})
	w.Time("time", time.Date(2026, 11, 21, 1, 38, 0, 1000, time.FixedZone("CET", 3600)))
	w.Strings("l", []string{"x", "y"})
	w.StringMap("m", map[string]string{"b": "2", "a": "1"})
	w.StringMap("one", map[string]string{"b": "2"})
	w.StringMap("none", nil)
	w.Pairs("pairs", []Pair{{"z", "1"}, {"y", "2"}})
	w.Joined("joined", "a", `"`, "", "b")
	w.Null("null")
	w.Close()
	const want = `{"list":[{},"a,",-1,[1]],"s":"{","t":"","n":null,"o":"x","p":null,"q":"[","i":5,"b":true,"zero":null,` +
		`"time":"2026-11-21T00:38:00.000001","l":["x","y"],"m":{"a":"1","b":"2"},"one":{"b":"2"},"none":{},"pairs":{"z":"1","y":"2"},"joined":"a\"b","null":null}`
	if got := string(w.Bytes()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if w.Len() != len(want) || !json.Valid(w.Bytes()) {
		t.Error("not one JSON document")
	}
	if w.Reset(0); w.Len() != 0 {
		t.Error("not empty after Reset")
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\\n\r\t\b\f\x00\x1f\x7f", "é€😀", "\xff\xfe", "a\xc3", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := AppendString(nil, s)
		var back string
		if err := json.Unmarshal(out, &back); err != nil || !utf8.Valid(out) {
			t.Fatalf("%q: %v", out, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); utf8.ValidString(s) && back != want {
			t.Fatalf("%q came back as %q", s, back)
		}
		if err := json.Unmarshal(AppendPython(nil, s), &back); err != nil {
			t.Fatalf("python form: %v", err)
		}
	})
}

// TestAppendString puts what has to be escaped at every place among what has not.
func TestAppendString(t *testing.T) {
	for _, special := range []string{"\x00", "\x1f", `"`, `\`, "é", "\u2028", "\xff", " ", "!", "#", "[", "]", "\x7f"} {
		for before := range 20 {
			for after := range 20 {
				text := strings.Repeat("x", before) + special + strings.Repeat("~", after)
				var back string
				if err := json.Unmarshal(AppendString(nil, text), &back); err != nil || back != strings.ToValidUTF8(text, "\uFFFD") {
					t.Fatalf("%q came back as %q, %v", text, back, err)
				}
			}
		}
	}
}

func TestAppendTime(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
		time.Date(2026, 10, 20, 10, 20, 30, 40050060, time.FixedZone("x", -7200))} {
		if got, want := string(AppendTime(nil, at)), at.UTC().Format("2006-01-02T15:04:05.000000"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := string(AppendTime(nil, time.Date(12345, 1, 2, 3, 4, 5, 0, time.UTC))); got != "9999-01-02T03:04:05.000000" {
		t.Error(got)
	}
}

func TestETagIsOfPythonsRendering(t *testing.T) {
	// What json.dumps({"metadata": {"a": "é\"", "b": "😀"}}) gives.
	const rendering = `{"metadata": {"a": "\u00e9\"", "b": "\ud83d\ude00"}}`
	sum := md5.Sum([]byte(rendering))
	if got := ETag("metadata", []Pair{{"a", `é"`}, {"b", "😀"}}); got != hex.EncodeToString(sum[:]) {
		t.Error(got)
	}
	empty := md5.Sum([]byte(`{"metadata": {}}`))
	if got := ETag("metadata", nil); got != hex.EncodeToString(empty[:]) {
		t.Error(got)
	}
}

func TestNothingIsAllocatedPerField(t *testing.T) {
	w := New(4096)
	when := time.Now()
	metadata := map[string]string{"key": "value"}
	if n := testing.AllocsPerRun(100, func() {
		w.Reset(0)
		w.Open()
		w.String("id", "00000000-0000-0000-0000-000000000001")
		w.Int("size", 1)
		w.Bool("bootable", false)
		w.Time("created_at", when)
		w.StringMap("metadata", metadata)
		w.Close()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
