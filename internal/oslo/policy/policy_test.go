package policy

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

func base(extra ...Default) []Default {
	return append([]Default{
		{Name: "context_is_admin", Check: "role:admin"},
		{Name: "admin_api", Check: "is_admin:True or (role:admin and is_admin_project:True)"},
		{Name: "reader", Check: "(role:admin) or (role:reader and project_id:%(project_id)s)"},
	}, extra...)
}

func newEnforcer(t testing.TB, options Options) *Enforcer {
	t.Helper()
	e, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRuleLanguage(t *testing.T) {
	caller := reqctx.Request{UserID: "u", ProjectID: "p", Roles: []string{"Member", "reader"}, ServiceRoles: []string{"service"}, UserDomainID: "d"}
	target := Attributes(map[string]string{"project_id": "p", "user_id": "other", "role": "reader", "name": "admin", "a.b": "u", "empty": "", "none": "None"})
	for rule, want := range map[string]bool{
		"": true, "@": true, "!": false, "not !": true, "not @": false, "not not @": true,
		"role:member": true, "role:MEMBER": true, "role:admin": false, "role:%(role)s": true, "role:%(nothing)s": false,
		"project_id:%(project_id)s": true, "user_id:%(user_id)s": false, "user_id:%(a.b)s": true, "project_id:p": true, "tenant:p": true,
		"is_admin:True": false, "is_admin:False": true, "is_admin_project:True": true, "'admin':%(name)s": true, `"admin":%(name)s`: true,
		"'x':%(name)s": false, "True:True": true, "True:%(name)s": false, "5:5": true, "None:None": true, "roles:Member": true, "service_roles:service": true,
		"user_domain_id:d": true, "domain_id:None": true, "system_scope:all": false, "whatever:x": false,
		"domain_id:%(empty)s": false, "domain_id:%(none)s": false, "project_id:%(nothing)s": false,
		"'p-admin':%(project_id)s-%(name)s": true, "'100%':100%%": true,
		"@ and !": false, "@ or !": true, "! or ! or @": true, "@ and @ and !": false,
		"! and ! or @": true, "@ or ! and !": true, "(@ or !) and !": false, "not ! and !": false, "not (! and !)": true, "not (@ or !)": false,
		"  @   AND  ( @ Or ! ) ": true, "((@))": true, "(role:member)and(@)": false, "rule:yes": true, "rule:no": false, "rule:missing": false, "not rule:missing": true,
	} {
		e, err := New(Options{Defaults: []Default{{Name: "test", Check: rule}, {Name: "yes", Check: "@"}, {Name: "no", Check: "!"}}})
		if rule == "(role:member)and(@)" {
			if err == nil && e.Allows(caller, "test", target) {
				t.Error("words are only apart by white space")
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", rule, err)
			continue
		}
		if got := e.Allows(caller, "test", target); got != want {
			t.Errorf("%q is %v", rule, got)
		}
	}
}

func TestWhatIsNoRuleIsRefused(t *testing.T) {
	deep := strings.Repeat("(", 60) + "@" + strings.Repeat(")", 60)
	for rule, want := range map[string]string{
		"  ": "ends where", "and": "stands where", "@ and": "ends where", "@ @": "comes after", "(@": "parenthesis is missing", "@)": "comes after", ")": "stands where",
		"or @": "stands where", "not": "ends where", "admin": "is no check", ":x": "is no check", "'admin'": "is no check", "http://host/x": "remote server", "https://host/%(x)s": "remote server",
		"role:%x": "percent sign", "role:%(x)d": "percent sign", "role:%": "percent sign", "role:%()s": "percent sign", deep: "nested deeper", strings.Repeat("x", 20000): "longer than",
	} {
		if _, err := Parse(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v", rule, err)
		}
	}
	for _, value := range []any{nil, 5, []any{5}, []any{[]any{nil}}, []any{[]any{"x"}}, map[string]any{}} {
		if _, err := Parse(value); err == nil {
			t.Errorf("%v is a rule", value)
		}
	}
}

func TestOldListForm(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{[]any{}, "@"}, {[]any{[]any{}}, "!"}, {[]any{"role:a"}, "role:a"}, {[]any{[]any{"role:a", "role:b"}, "rule:c"}, "((role:a and role:b) or rule:c)"},
	} {
		if got, err := Parse(test.value); err != nil || got != test.want {
			t.Errorf("%v: %q, %v", test.value, got, err)
		}
	}
}

func TestCheckSaysWhatIsRefused(t *testing.T) {
	e := newEnforcer(t, Options{Defaults: base(Default{Name: "volume:get", Check: "rule:reader"}, Default{Name: "hosts", Check: "rule:admin_api"})})
	reader := reqctx.With(t.Context(), reqctx.Request{ProjectID: "p", UserID: "u", Roles: []string{"reader"}})
	admin := reqctx.With(t.Context(), reqctx.Request{ProjectID: "q", Roles: []string{"admin"}})
	for _, test := range []struct {
		ctx    context.Context
		rule   string
		target Target
		want   string
	}{
		{reader, "volume:get", nil, ""}, {reader, "volume:get", Owner("p", ""), ""}, {reader, "volume:get", Owner("x", ""), "Policy doesn't allow volume:get to be performed."},
		{reader, "hosts", nil, "Policy doesn't allow hosts to be performed."}, {admin, "hosts", nil, ""}, {admin, "volume:get", Owner("p", ""), ""},
		{admin, "unknown", nil, "Policy doesn't allow unknown to be performed."}, {t.Context(), "volume:get", nil, "Policy doesn't allow volume:get to be performed."},
	} {
		err := e.Check(test.ctx, test.rule, test.target)
		if (err == nil) != (test.want == "") || err != nil && (fault.UserText(err) != test.want || fault.KindOf(err) != fault.Forbidden || fault.NameOf(err) != "PolicyNotAuthorized") {
			t.Errorf("%s: %v", test.rule, err)
		}
	}
	if !e.IsAdmin(reqctx.Request{Roles: []string{"admin"}}) || e.IsAdmin(reqctx.Request{Roles: []string{"member"}}) {
		t.Error("context_is_admin")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFilesOverrideAndReload(t *testing.T) {
	dir := t.TempDir()
	file, policyD := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "policy.d")
	if err := os.Mkdir(policyD, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, file, "# a comment\n\"a\": \"!\"\nb: '!'\nblock: role:x\nd: rule:block\n")
	write(t, filepath.Join(policyD, "1.yaml"), `{"b": [["role:member"]]}`)
	write(t, filepath.Join(policyD, "2.yaml"), `typo: "@"`)
	write(t, filepath.Join(policyD, ".hidden"), `b: "!"`)
	var log bytes.Buffer
	e := newEnforcer(t, Options{
		Defaults: []Default{{Name: "a", Check: "@"}, {Name: "b", Check: "@"}, {Name: "c", Check: "@"}, {Name: "d", Check: "@"}},
		File:     file, Directories: []string{policyD, filepath.Join(dir, "missing")}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	member := reqctx.Request{Roles: []string{"member"}}
	for rule, want := range map[string]bool{"a": false, "b": true, "c": true, "d": false} {
		if e.Allows(member, rule, nil) != want {
			t.Errorf("%s is %v", rule, !want)
		}
	}
	if text := log.String(); !strings.Contains(text, "rule=typo") || strings.Contains(text, "rule=block") {
		t.Errorf("warnings: %s", text)
	}
	write(t, file, `a: "@ or @"`)
	if e.Allows(member, "a", nil) {
		t.Error("the files were looked at before their time")
	}
	e.nextLook.Store(time.Now().Add(-time.Second).UnixNano())
	if !e.Allows(member, "a", nil) {
		t.Error("the change was not seen")
	}
	write(t, file, `a: "not a rule at all"`)
	e.nextLook.Store(0)
	if !e.Allows(member, "a", nil) || !strings.Contains(log.String(), "stay in force") {
		t.Error("a broken file took the rules away")
	}
}

func TestWrongFilesAreRefusedAtStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	for text, want := range map[string]string{
		"a: http://x/": `rule "a"`, "a: [": "policy.yaml", "a:": "no value", "- a": "policy.yaml", "a: rule:b\nb: rule:a": "circle", "a: rule:a": "circle",
		strings.Repeat("#", maxFileBytes+1): "larger than",
	} {
		write(t, file, text)
		if _, err := New(Options{File: file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := New(Options{Defaults: []Default{{Name: "a"}, {Name: "a"}}}); err == nil {
		t.Error("a rule registered twice is accepted")
	}
	if _, err := New(Options{Defaults: []Default{{Name: "a", Check: "("}}}); err == nil {
		t.Error("a wrong default is accepted")
	}
}

func TestDeprecatedRules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	defaults := []Default{
		{Name: "new", Check: "role:member", Deprecated: &Deprecated{Name: "old", Check: "role:owner", Since: "Xena"}},
		{Name: "same", Check: "role:member", Deprecated: &Deprecated{Name: "same", Check: "role:owner"}},
	}
	for _, test := range []struct {
		file      string
		enforce   bool
		role      string
		new, same bool
	}{
		{"", false, "owner", true, true}, {"", true, "owner", false, false}, {"", true, "member", true, true},
		{"old: role:boss", false, "boss", true, false}, {"old: role:boss", false, "member", false, true}, {"old: rule:new", true, "member", true, true},
		{"old: role:boss\nnew: role:me", false, "boss", false, false}, {"same: role:me", false, "owner", true, false},
	} {
		write(t, file, test.file)
		e := newEnforcer(t, Options{Defaults: defaults, File: file, EnforceNewDefaults: test.enforce})
		caller := reqctx.Request{Roles: []string{test.role}}
		if e.Allows(caller, "new", nil) != test.new || e.Allows(caller, "same", nil) != test.same {
			t.Errorf("%+v: %v", test, e.Effective())
		}
	}
}

func TestScopesAndDefaultRule(t *testing.T) {
	defaults := []Default{{Name: "sys", Check: "@", ScopeTypes: []string{"system"}}, {Name: "default", Check: "role:fallback"}}
	e := newEnforcer(t, Options{Defaults: defaults, EnforceScope: true})
	if !e.Allows(reqctx.Request{SystemScope: "all"}, "sys", nil) || e.Allows(reqctx.Request{ProjectID: "p"}, "sys", nil) || e.Allows(reqctx.Request{DomainID: "p"}, "sys", nil) {
		t.Error("scope")
	}
	if !newEnforcer(t, Options{Defaults: defaults}).Allows(reqctx.Request{ProjectID: "p"}, "sys", nil) {
		t.Error("scope is looked at unasked")
	}
	if !e.Allows(reqctx.Request{Roles: []string{"fallback"}}, "nobody:knows", nil) || e.Allows(reqctx.Request{}, "nobody:knows", nil) {
		t.Error("default rule")
	}
}

// TestNormalFormMeansTheSame: whatever is parsed, its normal form parses, is stable and decides alike.
func TestNormalFormMeansTheSame(t *testing.T) {
	word := rapid.SampledFrom([]string{"and", "or", "not", "(@", "!)", "@", "!", "role:a", "role:b", "(role:a)", "project_id:%(project_id)s", "((role:b", "'a':%(x)s", "rule:none))"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(word, 1, 9).Draw(t, "rule"), " ")
		normal, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(normal)
		if err != nil || again != normal {
			t.Fatalf("%q is %q is %q (%v)", text, normal, again, err)
		}
		e, err := New(Options{Defaults: []Default{{Name: "one", Check: text}, {Name: "two", Check: normal}}})
		if err != nil {
			t.Fatal(err)
		}
		caller := reqctx.Request{ProjectID: "p", Roles: rapid.SliceOf(rapid.SampledFrom([]string{"a", "b"})).Draw(t, "roles")}
		if e.Allows(caller, "one", nil) != e.Allows(caller, "two", nil) {
			t.Fatalf("%q and %q differ", text, normal)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "@", "role:admin or (not rule:x and 'a':%(b.c)s)", "%%:%%", "((((", "a:b:c", "http:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		normal, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(normal); err != nil || again != normal {
			t.Fatalf("%q is %q is %q (%v)", text, normal, again, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	e := newEnforcer(b, Options{Defaults: base(Default{Name: "volume:get", Check: "rule:reader"})})
	ctx := reqctx.With(b.Context(), reqctx.Request{ProjectID: "p", Roles: []string{"member", "reader"}})
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Check(ctx, "volume:get", nil); err != nil {
			b.Fatal(err)
		}
	}
}
