package versionedobjects

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/fault"
)

// zoo is a project whose classes have every kind of field.
func zoo(t testing.TB) *Registry {
	t.Helper()
	r, err := NewRegistry("zoo",
		Class{Name: "Animal", Version: "1.4", Fields: []Field{
			{Name: "id", Kind: UUID}, {Name: "name", Kind: String, Nullable: true}, {Name: "legs", Kind: Integer, Nullable: true},
			{Name: "tame", Kind: Boolean, Nullable: true}, {Name: "born", Kind: DateTime, Nullable: true},
			{Name: "names", Kind: Strings, Nullable: true}, {Name: "notes", Kind: DictOfStrings, Nullable: true},
			{Name: "marks", Kind: DictOfNullableStrings, Nullable: true}, {Name: "anything", Kind: Dict, Nullable: true},
			{Name: "mood", Kind: String, Nullable: true, Values: []string{"calm", "wild"}},
			{Name: "mother", Kind: Nested, Class: "Animal", Nullable: true}, {Name: "herd", Kind: Nested, Class: "AnimalList", Nullable: true, Since: "1.3"},
		}},
		Class{Name: "AnimalList", Version: "1.1", Fields: []Field{{Name: "objects", Kind: List, Class: "Animal"}}},
		Class{Name: "Order", Version: "2.0", Fields: []Field{{Name: "state", Kind: String, Values: []string{"open"}}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tree(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func primitive(name, version, data string) string {
	return `{"versioned_object.name":"` + name + `","versioned_object.namespace":"zoo","versioned_object.version":"` + version +
		`","versioned_object.data":` + data + `}`
}

const whole = `{"id":"1","name":null,"legs":4,"tame":true,"born":"2026-01-02T03:04:05Z","names":["a"],"notes":{"k":"v"},"marks":{"a":null,"b":"c"},
	"anything":{"deep":[1,{"x":null}]},"mood":"wild"}`

func TestWhatIsUnsetNullAndSetIsKeptApart(t *testing.T) {
	r := zoo(t)
	text := primitive("Animal", "1.4", strings.TrimSuffix(strings.TrimSpace(whole), "}")+`,"mother":`+primitive("Animal", "1.4", `{"id":"2"}`)+
		`,"herd":`+primitive("AnimalList", "1.1", `{"objects":[`+primitive("Animal", "1.4", `{"id":"3"}`)+`]}`)+`}`)
	o, err := r.Decode(tree(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if !o.Has("name") || o.Text("name") != "" || o.Has("nothing") || o.Int("legs") != 4 || !o.Bool("tame") || o.Object("mother").Text("id") != "2" ||
		o.Object("mother").Has("name") || o.Object("herd").Objects("objects")[0].Text("id") != "3" || o.Map("notes")["k"] != "v" || o.Strings("names")[0] != "a" ||
		*o.NullableMap("marks")["b"] != "c" || o.NullableMap("marks")["a"] != nil || o.Dict("anything")["deep"] == nil ||
		!o.Time("born").Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("decoded %+v", o)
	}
	back, err := r.Encode(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, text), again(t, back)); diff != "" {
		t.Errorf("encoded again (-came +goes):\n%s", diff)
	}
}

// again is a tree after a trip through JSON.
func again(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return tree(t, string(b))
}

func TestWhatPythonTolerates(t *testing.T) {
	r := zoo(t)
	for name, text := range map[string]string{
		"a field of a later fix":     primitive("Animal", "1.4.7", `{"id":"1","tail":{"long":true}}`),
		"an older version":           primitive("Animal", "1.0", `{"id":"1"}`),
		"a number as a text":         primitive("Animal", "1.4", `{"id":"1","name":7,"notes":{"n":1.5,"b":true}}`),
		"a text as a number":         primitive("Animal", "1.4", `{"id":"1","legs":"4"}`),
		"a fraction of a second":     primitive("Animal", "1.4", `{"id":"1","born":"2026-01-02T03:04:05.678901Z"}`),
		"another zone":               primitive("Animal", "1.4", `{"id":"1","born":"2026-01-02T05:04:05+02:00"}`),
		"no zone":                    primitive("Animal", "1.4", `{"id":"1","born":"2026-01-02T03:04:05"}`),
		"changes nobody knows of":    strings.Replace(primitive("Animal", "1.4", `{"id":"1"}`), `{"v`, `{"versioned_object.changes":["id","tail"],"v`, 1),
		"a status that we never saw": primitive("Animal", "1.4", `{"id":"1","mood":"sleepy"}`),
	} {
		o, err := r.Decode(tree(t, text))
		if err != nil || o.Text("id") != "1" {
			t.Errorf("%s: %+v, %v", name, o, err)
			continue
		}
		if o.Has("born") && !o.Time("born").Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
			t.Errorf("%s: born %v", name, o.Time("born"))
		}
		if o.Has("tail") || len(o.Changes) > 1 {
			t.Errorf("%s: %+v keeps what the class does not have", name, o)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	r := zoo(t)
	deep := `null`
	for range maxDepth + 2 {
		deep = primitive("Animal", "1.4", `{"id":"1","mother":`+deep+`}`)
	}
	for name, c := range map[string]struct{ text, want string }{
		"no object":         {`[]`, ""},
		"a plain map":       {`{"id":"1"}`, ""},
		"no data":           {strings.Replace(primitive("Animal", "1.4", `{}`), `.data":{}`, `.data":[]`, 1), ""},
		"another project":   {strings.Replace(primitive("Animal", "1.4", `{}`), `"zoo"`, `"nova"`, 1), "UnsupportedObjectError"},
		"an unknown class":  {primitive("Plant", "1.0", `{}`), "UnsupportedObjectError"},
		"a newer minor":     {primitive("Animal", "1.5", `{"id":"1"}`), "IncompatibleObjectVersion"},
		"a newer major":     {primitive("Animal", "2.0", `{"id":"1"}`), "IncompatibleObjectVersion"},
		"an older major":    {primitive("Order", "1.0", `{}`), "IncompatibleObjectVersion"},
		"no version":        {primitive("Animal", "new", `{"id":"1"}`), "IncompatibleObjectVersion"},
		"a newer one below": {primitive("AnimalList", "1.1", `{"objects":[`+primitive("Animal", "1.9", `{}`)+`]}`), "IncompatibleObjectVersion"},
		"a null":            {primitive("Animal", "1.4", `{"id":null}`), ""},
		"a fraction":        {primitive("Animal", "1.4", `{"legs":1.5}`), ""},
		"a huge number":     {primitive("Animal", "1.4", `{"legs":1e300}`), ""},
		"a list as text":    {primitive("Animal", "1.4", `{"name":[]}`), ""},
		"a text as boolean": {primitive("Animal", "1.4", `{"tame":"yes"}`), ""},
		"no time":           {primitive("Animal", "1.4", `{"born":"yesterday"}`), ""},
		"nested otherwise":  {primitive("Animal", "1.4", `{"mother":`+primitive("AnimalList", "1.1", `{"objects":[]}`)+`}`), ""},
		"a list of others":  {primitive("AnimalList", "1.1", `{"objects":[`+primitive("Order", "2.0", `{}`)+`]}`), ""},
		"a list that is no": {primitive("AnimalList", "1.1", `{"objects":{}}`), ""},
		"names that are no": {strings.Replace(primitive("Animal", "1.4", `{}`), `{"v`, `{"versioned_object.changes":7,"v`, 1), ""},
		"too deep":          {deep, ""},
	} {
		o, err := r.Decode(tree(t, c.text))
		if !fault.Is(err, fault.Invalid) || fault.NameOf(err) != c.want {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
}

func TestOlderPeersGetOlderForms(t *testing.T) {
	r := zoo(t)
	o := New("Animal")
	o.Set("id", "1")
	herd := New("AnimalList")
	herd.Set("objects", []*Object{o})
	top := New("Animal")
	top.Set("id", "0")
	top.Set("mother", o)
	top.Set("herd", herd)
	top.Changes = []string{"herd", "id"}
	got, err := r.Encode(top, Manifest{"Animal": "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	want := tree(t, `{"versioned_object.name":"Animal","versioned_object.namespace":"zoo","versioned_object.version":"1.2","versioned_object.changes":["id"],
		"versioned_object.data":{"id":"0","mother":`+primitive("Animal", "1.2", `{"id":"1"}`)+`}}`)
	if diff := cmp.Diff(want, again(t, got)); diff != "" {
		t.Errorf("at 1.2 (-want +got):\n%s", diff)
	}
	if p, err := r.Encode(top, Manifest{"Animal": "9.0"}); err != nil || p[keyVersion] != "1.4" {
		t.Errorf("a peer of the future gets version %v, %v", p[keyVersion], err)
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	r := zoo(t)
	for name, o := range map[string]*Object{
		"an unknown class":  New("Plant"),
		"an unknown field":  {Class: "Animal", Data: map[string]any{"tail": "long"}},
		"a null":            {Class: "Animal", Data: map[string]any{"id": nil}},
		"an int":            {Class: "Animal", Data: map[string]any{"legs": 4}},
		"a text as integer": {Class: "Animal", Data: map[string]any{"legs": "4"}},
		"another class":     {Class: "Animal", Data: map[string]any{"mother": New("Order")}},
		"a nil entry":       {Class: "AnimalList", Data: map[string]any{"objects": []*Object{nil}}},
		"an unknown state":  {Class: "Order", Data: map[string]any{"state": "closed"}},
	} {
		if p, err := r.Encode(o, nil); !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	p, err := r.Encode(&Object{Class: "Animal", Data: map[string]any{"mood": "sleepy"}}, nil)
	if err != nil || p[keyData].(map[string]any)["mood"] != nil {
		t.Errorf("a status that Python does not know: %v, %v", p, err)
	}
}

func TestRegistriesThatAreWrong(t *testing.T) {
	for name, classes := range map[string][]Class{
		"no version":     {{Name: "A", Version: "1"}},
		"twice":          {{Name: "A", Version: "1.0"}, {Name: "A", Version: "1.1"}},
		"a field twice":  {{Name: "A", Version: "1.0", Fields: []Field{{Name: "x"}, {Name: "x"}}}},
		"a field's age":  {{Name: "A", Version: "1.0", Fields: []Field{{Name: "x", Since: "old"}}}},
		"a class astray": {{Name: "A", Version: "1.0", Fields: []Field{{Name: "x", Kind: Nested, Class: "B"}}}},
	} {
		if _, err := NewRegistry("zoo", classes...); !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := zoo(t)
	if r.Classes()["Animal"] != "1.4" || len(r.Fields("AnimalList")) != 1 || r.Fields("Plant") != nil {
		t.Errorf("classes %v", r.Classes())
	}
}

// draw makes an object of a class, each field unset, null or any value.
func draw(t *rapid.T, r *Registry, name string, depth int) *Object {
	o := New(name)
	word := rapid.StringMatching(`[a-z0-9 ü]{0,6}`)
	for _, f := range r.classes[name].Fields {
		if f.Nullable && rapid.Bool().Draw(t, "skip") {
			if rapid.Bool().Draw(t, "null") {
				o.Set(f.Name, nil)
			}
			continue
		}
		switch f.Kind {
		case String, UUID:
			s := word.Draw(t, f.Name)
			if len(f.Values) > 0 {
				s = rapid.SampledFrom(f.Values).Draw(t, f.Name)
			}
			o.Set(f.Name, s)
		case Integer:
			o.Set(f.Name, rapid.Int64Range(-1<<52, 1<<52).Draw(t, f.Name))
		case Boolean:
			o.Set(f.Name, rapid.Bool().Draw(t, f.Name))
		case DateTime:
			o.Set(f.Name, time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, f.Name), 0).UTC())
		case Strings:
			o.Set(f.Name, rapid.SliceOf(word).Draw(t, f.Name))
		case DictOfStrings:
			o.Set(f.Name, rapid.MapOf(word, word).Draw(t, f.Name))
		case DictOfNullableStrings:
			o.Set(f.Name, rapid.MapOf(word, rapid.Ptr(word, true)).Draw(t, f.Name))
		case Dict:
			o.Set(f.Name, map[string]any{"k": word.Draw(t, f.Name)})
		case Nested:
			if depth < 3 {
				o.Set(f.Name, draw(t, r, f.Class, depth+1))
			}
		case List:
			list := []*Object{}
			for range rapid.IntRange(0, 2).Draw(t, f.Name) {
				list = append(list, draw(t, r, f.Class, depth+1))
			}
			o.Set(f.Name, list)
		}
	}
	return o
}

func TestEveryObjectSurvivesTheWire(t *testing.T) {
	r := zoo(t)
	rapid.Check(t, func(rt *rapid.T) {
		o := draw(rt, r, "Animal", 0)
		p, err := r.Encode(o, nil)
		if err != nil {
			rt.Fatal(err)
		}
		sent := again(t, p)
		got, err := r.Decode(sent)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := r.Encode(got, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(sent, again(t, back)); diff != "" {
			rt.Errorf("encoded again (-sent +again):\n%s", diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(primitive("Animal", "1.4", whole)))
	f.Add([]byte(primitive("AnimalList", "1.1", `{"objects":[`+primitive("Animal", "1.4.1", `{"id":"1"}`)+`]}`)))
	r := zoo(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var v any
		if json.Unmarshal(b, &v) != nil {
			return
		}
		o, err := r.Decode(v)
		if err != nil {
			if !fault.Is(err, fault.Invalid) || len(err.Error()) > 1000 {
				t.Errorf("refused as %v", err)
			}
			return
		}
		p, err := r.Encode(o, nil)
		if err != nil {
			// A field that may not be null and has a status nobody knows is all that cannot be sent again.
			if !strings.Contains(err.Error(), "Order.state") {
				t.Errorf("what came cannot be sent: %v", err)
			}
			return
		}
		if _, err := r.Decode(again(t, p)); err != nil {
			t.Errorf("what was sent again does not come back: %v", err)
		}
	})
}
