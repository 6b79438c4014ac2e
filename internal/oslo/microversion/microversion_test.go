package microversion

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/fault"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Version{
		"3.0": V(3, 0), "3.71": V(3, 71), "10.100": V(10, 100), "3.99999999999": V(3, 9999), "99999.1": V(9999, 1),
		"": {}, "3": {}, "3.": {}, ".3": {}, "0.1": {}, "3.01": {}, "03.1": {}, "3.1.1": {}, "3.x": {}, " 3.1": {}, "-3.1": {}, "3.+1": {}, "latest": {},
	} {
		got, err := Parse(text)
		if got != want || (err == nil) == want.IsZero() {
			t.Errorf("Parse(%q) = %v, %v", text, got, err)
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("Parse(%q): kind %v", text, fault.KindOf(err))
		}
	}
}

func TestNegotiate(t *testing.T) {
	volume := Service{Name: "volume", Min: V(3, 0), Max: V(3, 71)}
	for _, test := range []struct {
		header string
		want   Version
		kind   fault.Kind
	}{
		{"", V(3, 0), 0}, {"volume 3.27", V(3, 27), 0}, {"volume latest", V(3, 71), 0}, {"compute 2.90, volume 3.5", V(3, 5), 0},
		{" volume  3.5 ", V(3, 5), 0}, {"volume 3.5, volume 3.6", V(3, 5), 0},
		{"volume 3.72", V(3, 72), fault.NotAcceptable}, {"volume 2.0", V(2, 0), fault.NotAcceptable}, {"volume 3.99999", V(3, 9999), fault.NotAcceptable},
		{"volume", Version{}, fault.Invalid}, {"volume 3.x", Version{}, fault.Invalid}, {"volume 3.5 x", Version{}, fault.Invalid},
		{"compute 2.90", Version{}, fault.Invalid}, {"3.5", Version{}, fault.Invalid}, {",", Version{}, fault.Invalid},
	} {
		got, err := volume.Negotiate(test.header)
		if got != test.want || err == nil != (test.kind == 0) || err != nil && fault.KindOf(err) != test.kind {
			t.Errorf("Negotiate(%q) = %v, %v", test.header, got, err)
		}
	}
}

func TestRangesOverlapExactlyWhenAVersionIsInBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.SampledFrom([]Version{{}, V(1, 0), V(1, 1), V(1, 2), V(2, 0), V(2, 1)})
		a, b := Range{edge.Draw(t, "a.min"), edge.Draw(t, "a.max")}, Range{edge.Draw(t, "b.min"), edge.Draw(t, "b.max")}
		if a.Min.Compare(a.Max) > 0 && !a.Max.IsZero() || b.Min.Compare(b.Max) > 0 && !b.Max.IsZero() {
			t.Skip("an empty range is nobody's")
		}
		shared := false
		for _, v := range []Version{V(1, 0), V(1, 1), V(1, 2), V(2, 0), V(2, 1), V(9, 0), {0, 1}} {
			shared = shared || a.Contains(v) && b.Contains(v)
		}
		if a.Overlaps(b) != shared || a.Overlaps(b) != b.Overlaps(a) {
			t.Fatalf("%v and %v: overlap %v, share a version: %v", a, b, a.Overlaps(b), shared)
		}
	})
}

func TestContext(t *testing.T) {
	if got := FromContext(With(t.Context(), V(3, 5))); got != V(3, 5) {
		t.Error(got)
	}
	if !FromContext(t.Context()).IsZero() {
		t.Error("a version out of nowhere")
	}
	for r, want := range map[Range]string{{}: "all", From(3, 1): "3.1-", Until(3, 1): "-3.1", Between(V(3, 1), V(3, 2)): "3.1-3.2"} {
		if r.String() != want {
			t.Error(r.String())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("3.71")
	f.Add("1.10000")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		major, minor, _ := strings.Cut(text, ".")
		absurd := len(major) > maxDigits || len(minor) > maxDigits // taken for a version nobody offers
		if err == nil && !absurd && v.String() != text {
			t.Errorf("%q is %v", text, v)
		}
	})
}
