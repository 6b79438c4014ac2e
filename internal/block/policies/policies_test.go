package policies

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/oslo/policy"
	"github.com/clinker/clinker/internal/reqctx"
)

// TestPersonas holds the table against upstream's: so many rules for each persona, and each persona may do its own and
// what those below it may.
func TestPersonas(t *testing.T) {
	e, err := policy.New(policy.Options{Defaults: Defaults(), EnforceNewDefaults: true})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range all() {
		count[r.check]++
		mine, others := policy.Owner("p", ""), policy.Owner("q", "")
		for _, persona := range []struct {
			name     string
			caller   reqctx.Request
			may, all bool // in the own project; in any
		}{
			{"nobody", reqctx.Request{ProjectID: "p"}, false, false},
			{"reader", reqctx.Request{ProjectID: "p", Roles: []string{"reader"}}, r.check == reader, false},
			{"member", reqctx.Request{ProjectID: "p", Roles: []string{"member", "reader"}}, r.check != admin, false},
			{"admin", reqctx.Request{ProjectID: "p", Roles: []string{"admin", "member", "reader"}}, true, true},
		} {
			if got := e.Allows(persona.caller, r.name, mine); got != persona.may {
				t.Errorf("%s as %s in the own project: %v", r.name, persona.name, got)
			}
			if got := e.Allows(persona.caller, r.name, others); got != persona.all {
				t.Errorf("%s as %s in another project: %v", r.name, persona.name, got)
			}
		}
	}
	if count[reader] != 27 || count[member] != 56 || count[admin] != 77 {
		t.Errorf("%v", count)
	}
}

// TestAgainstCinder holds every rule against what Cinder's own enforcer says of it, with the new defaults alone and with the old
// ones beside them.
func TestAgainstCinder(t *testing.T) {
	text, err := os.ReadFile("testdata/cinder-26.txt")
	if err != nil {
		t.Fatal(err)
	}
	personas := [][]string{nil, {"reader"}, {"member", "reader"}, {"admin", "member", "reader"}}
	for column, enforce := range map[int]bool{1: true, 2: false} {
		e, err := policy.New(policy.Options{Defaults: Defaults(), EnforceNewDefaults: enforce})
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			fields := strings.Fields(line)
			var ours strings.Builder
			for _, roles := range personas {
				for _, project := range []string{"p", "q"} {
					may := e.Allows(reqctx.Request{UserID: "u", ProjectID: "p", Roles: roles, IsAdmin: slices.Contains(roles, "admin")}, fields[0], policy.Owner(project, "u"))
					ours.WriteByte("-y"[map[bool]int{true: 1}[may]])
				}
			}
			if compared++; ours.String() != fields[column] {
				t.Errorf("%s with new defaults %v: %s, and Cinder says %s", fields[0], enforce, &ours, fields[column])
			}
		}
		if compared != 167 {
			t.Errorf("%d rules were compared", compared)
		}
	}
}

func TestOldChecksStillCount(t *testing.T) {
	e, err := policy.New(policy.Options{Defaults: Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	plain := reqctx.Request{ProjectID: "p"} // a user with no role that Xena knows
	for name, want := range map[string]bool{"volume:create": true, "volume:get": true, "volume_extension:hosts": false, "volume:reimage": false} {
		if e.Allows(plain, name, nil) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestEveryRuleIsDescribed(t *testing.T) {
	for _, d := range Defaults() {
		if !strings.HasSuffix(d.Description, ".") {
			t.Errorf("%s: %q is no sentence", d.Name, d.Description)
		}
		for _, o := range d.Operations {
			if !slices.Contains([]string{"GET", "POST", "PUT", "DELETE"}, o.Method) || !strings.HasPrefix(o.Path, "/") {
				t.Errorf("%s: %v", d.Name, o)
			}
		}
	}
}
