package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/identity/api/apitest"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/policies"
)

func operation(r rest.Route) string { return r.Method + " " + r.Path }

// inventory is every operation of the API, by path.
func inventory(t testing.TB, c *apitest.Cloud) []rest.Route {
	t.Helper()
	routes := c.API.Routes()
	slices.SortFunc(routes, func(a, b rest.Route) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return routes
}

// TestInventory holds every operation the API serves, with its status and policies, against a golden: what is added to the
// API or lost from it shows in a review.
func TestInventory(t *testing.T) {
	var b strings.Builder
	for _, r := range inventory(t, apitest.New(t)) {
		fmt.Fprintf(&b, "%-6s %-100s %d  %s\n", r.Method, r.Path, max(200, r.Status), strings.Join(r.Policy, " "))
	}
	golden(t, "testdata/inventory.txt", b.String())
}

// TestRulesAreUsed makes sure that every rule of the policies is some operation's, and every operation's rule is in the
// policies: else an operator would change what has no effect.
func TestRulesAreUsed(t *testing.T) {
	used := map[string]bool{}
	for _, r := range apitest.New(t).API.Routes() {
		for _, name := range r.Policy {
			used[name] = true
		}
	}
	for _, d := range policies.Defaults() {
		if strings.HasPrefix(d.Name, "identity:") && !used[d.Name] {
			t.Errorf("no operation has the rule %s", d.Name)
		}
		delete(used, d.Name)
	}
	for name := range used {
		t.Errorf("there is no rule %s", name)
	}
}
