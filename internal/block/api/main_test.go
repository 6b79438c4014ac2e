package api_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

var update = flag.Bool("update", false, "write the golden files and docs/conformance.md anew")

// exercised is which operations of the API were asked for, and answered well, by which tests of this package.
var exercised = recorder{seen: map[string]map[string]bool{}}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	// What part of the tests exercises says nothing about the whole.
	if code == 0 && unrestricted() {
		if err := checkConformance(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// unrestricted says whether all tests ran.
func unrestricted() bool {
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list", "test.bench"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return true
}

// cloud is a new cloud whose exchanges count as tests of what they ask for.
func cloud(t *testing.T, change ...func(*apitest.Options)) *apitest.Cloud {
	t.Helper()
	return apitest.New(t, exercised.record, change...)
}

// operations is all the API serves, independent of any cloud.
var operations = sync.OnceValues(func() ([]wsgi.RouteInfo, error) {
	a, err := api.New(&app.Core{}, api.Options{})
	if err != nil {
		return nil, err
	}
	return a.Inventory(), nil
})

func inventory(t testing.TB) []wsgi.RouteInfo {
	t.Helper()
	list, err := operations()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// operationName names an operation in goldens and documents: "POST /volumes/{id}/action os-extend".
func operationName(r wsgi.RouteInfo) string {
	return strings.TrimSpace(r.Method + " " + r.Path + " " + r.Action)
}

// recorder remembers which tests exercised which operation. Refusals count as exercise only together with a success.
type recorder struct {
	mu   sync.Mutex
	seen map[string]map[string]bool // operation to top-level tests
}

func (r *recorder) record(e apitest.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Status >= 300 {
		return
	}
	list, err := operations()
	if err != nil {
		panic(err) // the tests of the inventory say it better
	}
	if i := find(list, e); i >= 0 {
		name := operationName(list[i])
		if r.seen[name] == nil {
			r.seen[name] = map[string]bool{}
		}
		test, _, _ := strings.Cut(e.Test, "/")
		r.seen[name][test] = true
	}
}

// tests are the tests that exercised an operation, in order.
func (r *recorder) tests(operation string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for test := range r.seen[operation] {
		list = append(list, test)
	}
	slices.Sort(list)
	return list
}

// find gives the operation that an exchange was with, -1 if there is none. A literal segment wins over a wildcard.
func find(list []wsgi.RouteInfo, e apitest.Exchange) int {
	best, literals := -1, -1
	for i, r := range list {
		if r.Method != e.Method || r.Action != "" && r.Action != actionOf(e.Body) {
			continue
		}
		if n := matches(r.Path, e.Path); n > literals || n == literals && r.Action != "" {
			best, literals = i, n
		}
	}
	return best
}

// matches counts the literal segments of a pattern that a path has, -1 if it is no match.
func matches(pattern, path string) int {
	p, s := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(p) != len(s) {
		return -1
	}
	literals := 0
	for i := range p {
		switch {
		case p[i] == s[i]:
			literals++
		case !strings.HasPrefix(p[i], "{"):
			return -1
		}
	}
	return literals
}

// actionOf is the one key of a body.
func actionOf(body string) string {
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(body), &m) == nil && len(m) == 1 {
		for name := range m {
			return name
		}
	}
	return ""
}

// golden compares text with a file, or writes it with -update.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text); d != "" {
		t.Errorf("%s differs (-golden +now); run with -update if that is meant:\n%s", file, d)
	}
}

// fill puts ids and other texts in the place of <names> in a wanted body.
func fill(text string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(text)
}

// object is a JSON object of names and values in turns.
func object(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// encodeObject writes one member as a JSON object.
func encodeObject(t *testing.T, name string, value any) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
