package compat

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/test/compat/tour"
)

// TestTourNames: a step is known by its name, so a group has no name twice.
func TestTourNames(t *testing.T) {
	var groups []string
	for _, g := range tour.All() {
		if slices.Contains(groups, g.Name) {
			t.Errorf("two groups are called %q", g.Name)
		}
		groups = append(groups, g.Name)
		seen := map[string]bool{}
		for _, s := range g.Steps {
			if seen[s.Name] || s.Name == "" {
				t.Errorf("%s: two steps are called %q", g.Name, s.Name)
			}
			seen[s.Name] = true
		}
	}
}

// TestTourIsWhole: the tour visits every route and every action that a running Cinder has registered.
func TestTourIsWhole(t *testing.T) {
	text, err := os.ReadFile("../../internal/block/api/testdata/cinder-26-routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	routes, rest, _ := strings.Cut(string(text), "# actions:")
	actions, _, _ := strings.Cut(rest, "# view extensions:")
	var visits [][]string // method, path, body
	for _, g := range tour.All() {
		for _, s := range g.Steps {
			method, path, _ := strings.Cut(s.Do, " ")
			path, _, _ = strings.Cut(path, "?")
			visits = append(visits, []string{method, strings.Trim(strings.TrimPrefix(path, "/v3/"), "/"), s.Body})
		}
	}
	visited := func(method, pattern string, body ...string) bool {
		return slices.ContainsFunc(visits, func(v []string) bool {
			return v[0] == method && fits(pattern, v[1]) && (len(body) == 0 || slices.ContainsFunc(body, func(b string) bool { return strings.HasPrefix(v[2], b) }))
		})
	}
	for line := range strings.Lines(routes) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 && !visited(f[0], strings.TrimPrefix(f[1], "/")) {
			t.Errorf("no step does %s %s", f[0], f[1])
		}
	}
	typesAreRoutes := []string{"create", "update", "delete"} // in Cinder they are declared as actions
	for line := range strings.Lines(actions) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 2 || strings.HasPrefix(line, "#") || f[0] == "types" && slices.Contains(typesAreRoutes, f[1]) {
			continue
		}
		body := `{"` + f[1] + `":`
		if !visited("POST", f[0]+"/{id}/action", body) && !visited("POST", f[0]+"/action", body) {
			t.Errorf("no step does the action %s of %s", f[1], f[0])
		}
	}
}

// fits says whether a path is of a pattern such as "volumes/{id}".
func fits(pattern, path string) bool {
	p, s := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(p, s, func(p, s string) bool { return p == s || strings.HasPrefix(p, "{") })
}
