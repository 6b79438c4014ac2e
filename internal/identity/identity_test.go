package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/identity"
)

func TestImplied(t *testing.T) {
	rules := []identity.Implication{{Prior: "admin", Implied: "member"}, {Prior: "member", Implied: "reader"}, {Prior: "reader", Implied: "admin"}, {Prior: "x", Implied: "y"}}
	for _, c := range []struct{ have, want string }{
		{"", ""}, {"reader", "reader admin member"}, {"member", "member reader admin"}, {"x admin", "x admin y member reader"},
	} {
		if got := strings.Join(identity.Implied(strings.Fields(c.have), rules), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.have, got, c.want)
		}
	}
	if got := identity.Implied(nil, []identity.Implication{{Prior: "member", Implied: "reader"}}); len(got) != 0 {
		t.Errorf("nothing implies %v", got)
	}
}

func TestLockedUntil(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		user     identity.User
		attempts int
		locked   bool
	}{
		"never failed": {identity.User{}, 3, false},
		"failed twice": {identity.User{FailedAuthCount: 2, FailedAuthAt: at}, 3, false},
		"too often":    {identity.User{FailedAuthCount: 3, FailedAuthAt: at}, 3, true},
		"no lockout":   {identity.User{FailedAuthCount: 99, FailedAuthAt: at}, 0, false},
		"exempt":       {identity.User{FailedAuthCount: 99, FailedAuthAt: at, Options: identity.Options{identity.OptionIgnoreLockout: true}}, 3, false},
	} {
		until, locked := c.user.LockedUntil(c.attempts, time.Minute)
		if locked != c.locked || locked && !until.Equal(at.Add(time.Minute)) {
			t.Errorf("%s: %v %v", name, until, locked)
		}
	}
}

func TestRevokes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ids := []string{"own", "first"}
	for name, c := range map[string]struct {
		event  identity.RevocationEvent
		issued time.Time
		want   bool
	}{
		"user":         {identity.RevocationEvent{UserID: "u"}, at, true},
		"other user":   {identity.RevocationEvent{UserID: "v"}, at, false},
		"project":      {identity.RevocationEvent{ProjectID: "p"}, at, true},
		"other place":  {identity.RevocationEvent{ProjectID: "q"}, at, false},
		"own id":       {identity.RevocationEvent{AuditID: "own"}, at, true},
		"chain":        {identity.RevocationEvent{AuditChainID: "first"}, at, true},
		"other chain":  {identity.RevocationEvent{AuditChainID: "own"}, at, false},
		"other id":     {identity.RevocationEvent{AuditID: "first"}, at, false},
		"issued later": {identity.RevocationEvent{UserID: "u"}, at.Add(time.Second), false},
		"before":       {identity.RevocationEvent{UserID: "u"}, at.Add(-time.Second), true},
	} {
		c.event.IssuedBefore = at
		if got := c.event.Revokes("u", "p", ids, c.issued); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (identity.RevocationEvent{IssuedBefore: at}).Revokes("u", "p", []string{"only"}, at) == false {
		t.Error("an event without fields is about every token")
	}
	if !(identity.RevocationEvent{AuditChainID: "only", IssuedBefore: at}).Revokes("u", "p", []string{"only"}, at) {
		t.Error("a token that begins a chain belongs to it")
	}
}

func TestExpandURL(t *testing.T) {
	for template, want := range map[string]string{
		"http://h/v3": "http://h/v3", "http://h/v3/$(project_id)s": "http://h/v3/P", "http://h/%(tenant_id)s/x": "http://h/P/x",
		"http://h/AUTH_$(user_id)s$": "http://h/AUTH_U$", "http://h/100%25/$x": "http://h/100%25/$x",
	} {
		if got, ok, err := identity.ExpandURL(template, "P", "U"); got != want || !ok || err != nil {
			t.Errorf("%s: %q %v %v", template, got, ok, err)
		}
	}
	if url, ok, err := identity.ExpandURL("http://h/$(project_id)s", "", "U"); ok || err != nil || url != "" {
		t.Errorf("without a project: %q %v %v", url, ok, err)
	}
	for _, broken := range []string{"http://h/$(nonsense)s", "http://h/%(project_id)", "http://h/$(project_id"} {
		if _, _, err := identity.ExpandURL(broken, "P", "U"); err == nil {
			t.Errorf("%s is accepted", broken)
		}
	}
}

func TestOptionsAndExtra(t *testing.T) {
	o := identity.Options{"a": true, "b": "x"}
	if got := o.Merge(identity.Options{"b": nil, "c": 1}); !got.True("a") || len(got) != 2 || got["c"] != 1 || len(o) != 2 {
		t.Errorf("%v %v", got, o)
	}
	e := identity.Extra(nil).Merge(identity.Extra{"x": nil})
	if _, there := e["x"]; !there {
		t.Error("null is kept")
	}
}

func FuzzExpandURL(f *testing.F) {
	f.Add("http://h/$(project_id)s/%(user_id)s")
	f.Add("$(")
	f.Fuzz(func(t *testing.T, template string) {
		url, ok, err := identity.ExpandURL(template, "P", "U")
		if (err != nil || !ok) && url != "" {
			t.Errorf("%q: %q %v %v", template, url, ok, err)
		}
	})
}
