package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestInventory holds every operation the API serves, with its microversions, status and policies, against a golden: what
// is added to the API or lost from it shows in a review.
func TestInventory(t *testing.T) {
	var b strings.Builder
	for _, r := range inventory(t) {
		name := r.Path
		if r.Action != "" {
			name += " " + r.Action
		}
		fmt.Fprintf(&b, "%-6s %-60s %-10s %d  %s\n", r.Method, name, r.Versions, r.Status, strings.Join(r.Policy, " "))
	}
	golden(t, "testdata/inventory.txt", b.String())
}
