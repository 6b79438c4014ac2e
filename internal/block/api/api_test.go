package api

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/app"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestInventory holds every operation the API serves, with its microversions, status and policies, against a golden: what
// is added to the API or lost from it shows in a review.
func TestInventory(t *testing.T) {
	a, err := New(&app.Core{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range a.Inventory() {
		name := r.Path
		if r.Action != "" {
			name += " " + r.Action
		}
		fmt.Fprintf(&b, "%-6s %-60s %-10s %d  %s\n", r.Method, name, r.Versions, r.Status, strings.Join(r.Policy, " "))
	}
	const golden = "testdata/inventory.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("the API's operations changed (-golden +now); run with -update if that is meant:\n%s", d)
	}
}
