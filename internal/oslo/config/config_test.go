package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
)

// write makes a file for one test and returns its path. Messages are compared after trimming the directory off.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var directory = regexp.MustCompile(`/[^ :\n]*/`)

func short(text string) string { return directory.ReplaceAllString(text, "") }

// load is Load of one file's text, which must succeed.
func load(t *testing.T, text string, options ...Option) *Config {
	t.Helper()
	conf, err := Load(Sources{Files: []string{write(t, "cinder.conf", text)}}, options...)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return conf
}

// refuse is Load of one file's text, which must fail; it gives the message.
func refuse(t *testing.T, text string, options ...Option) string {
	t.Helper()
	_, err := Load(Sources{Files: []string{write(t, "cinder.conf", text)}}, options...)
	if !fault.Is(err, fault.Invalid) {
		t.Fatalf("Load: got %v, want a fault of kind Invalid", err)
	}
	return short(err.Error())
}

func TestDefaultsWithoutAnySource(t *testing.T) {
	stateDir := String("DEFAULT", "state_path", "/var/lib/cinder", "")
	mounts := String("DEFAULT", "nfs-mount-point-base", "$state_path/mnt", "")
	hosts := List("DEFAULT", "hosts", []string{"a", "$state_path"}, "")
	interval := Seconds("DEFAULT", "report_interval", 10*time.Second, "")
	workers := Int("DEFAULT", "osapi_volume_workers", 0, "", NoDefault())
	conf, err := Load(Sources{}, stateDir, mounts, hosts, interval, workers)
	if err != nil {
		t.Fatal(err)
	}
	if got := mounts.Get(conf); got != "/var/lib/cinder/mnt" {
		t.Errorf("a default that refers to another option: %q", got)
	}
	if diff := cmp.Diff([]string{"a", "/var/lib/cinder"}, hosts.Get(conf)); diff != "" {
		t.Error(diff)
	}
	if got := interval.Get(conf); got != 10*time.Second {
		t.Errorf("report_interval %v", got)
	}
	if workers.IsSet(conf) {
		t.Error("an option nobody set says that it is set")
	}
}

func TestEveryTypeIsRead(t *testing.T) {
	s := String("g", "s", "", "")
	i := Int("g", "i", 0, "")
	f := Float("g", "f", 0, "")
	b := Bool("g", "b", false, "")
	l := List("g", "l", nil, "")
	m := MultiString("g", "m", nil, "")
	d := Dict("g", "d", nil, "")
	md := MultiDict("g", "md", "")
	p := Port("g", "p", 0, "")
	h := HostAddress("g", "h", "", "")
	u := URI("g", "u", "", "")
	sec := Seconds("g", "sec", 0, "")
	size := Bytes("g", "size", 0, "")
	conf := load(t, `
[g]
s = a = b ; no comment
i = 1_000
f: 2.5
b = YES
l = x, y,,z,
m = one
m = two
d = a:1, b : 2:3
md = backend_id:x,conf:y
md = backend_id:z
p = 3260
h = ceph-1.example.org.
u = http://[::1]:5000/v3
sec = 0.5
size = 4M
`, s, i, f, b, l, m, d, md, p, h, u, sec, size)
	got := []any{s.Get(conf), i.Get(conf), f.Get(conf), b.Get(conf), l.Get(conf), m.Get(conf), d.Get(conf), md.Get(conf),
		p.Get(conf), h.Get(conf), u.Get(conf), sec.Get(conf), size.Get(conf)}
	want := []any{"a = b ; no comment", 1000, 2.5, true, []string{"x", "y", "", "z"}, []string{"one", "two"},
		map[string]string{"a": "1", "b": "2:3"},
		[]map[string]string{{"backend_id": "x", "conf": "y"}, {"backend_id": "z"}},
		3260, "ceph-1.example.org", "http://[::1]:5000/v3", 500 * time.Millisecond, int64(4 << 20)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	l.Get(conf)[0] = "changed"
	if l.Get(conf)[0] != "x" {
		t.Error("a caller changed the snapshot through what it was given")
	}
}

func TestLaterSourcesWin(t *testing.T) {
	a := String("DEFAULT", "a", "declared", "")
	many := MultiString("DEFAULT", "many", []string{"declared"}, "", Deprecated("", "more"))
	dir := t.TempDir()
	for name, text := range map[string]string{
		"2.conf": "[DEFAULT]\na = two\nmany = 2\n", "1.conf": "[DEFAULT]\na = one\nmany = 1\n",
		"3.other": "[DEFAULT]\na = no\n", ".4.conf": "[DEFAULT]\na = hidden\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := write(t, "cinder.conf", "[DEFAULT]\na = zero\nmany = 0\nmore = old\na = zero again\n")
	all := Sources{
		Defaults: map[string]string{"a": "built in", "many": "built in"}, Files: []string{first}, Dirs: []string{dir},
		Environ: []string{"OS_DEFAULT__A=env", "PATH=/bin"}, Overrides: map[string]string{"DEFAULT.a": "flag"},
	}
	for _, step := range []struct {
		want, origin string
		many         []string
		drop         func()
	}{
		{"flag", "command line", []string{"old", "0", "1", "2"}, func() { all.Overrides = nil }},
		{"env", "environment variable OS_DEFAULT__A", []string{"old", "0", "1", "2"}, func() { all.Environ = nil }},
		{"two", "2.conf:2", []string{"old", "0", "1", "2"}, func() { all.Dirs = nil }},
		{"zero again", "cinder.conf:5", []string{"old", "0"}, func() { all.Files = nil }},
		{"built in", "built-in default", []string{"built in"}, func() { all.Defaults = nil }},
		{"declared", "", []string{"declared"}, func() {}},
	} {
		conf, err := Load(all, a, many)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Get(conf); got != step.want || short(conf.Settings()[0].Origin) != step.origin {
			t.Errorf("a = %q from %q, want %q from %q", got, conf.Settings()[0].Origin, step.want, step.origin)
		}
		if diff := cmp.Diff(step.many, many.Get(conf)); diff != "" {
			t.Errorf("many, when a is %q: %s", step.want, diff)
		}
		step.drop()
	}
}

func TestSubstitution(t *testing.T) {
	a := String("DEFAULT", "a", "", "")
	options := []Option{a, String("DEFAULT", "b", "", ""), String("g", "b", "", ""), Int("g", "c", 7, ""),
		Bool("g", "yes", true, ""), String("g", "none", "", "", NoDefault()), List("g", "l", []string{"x", "y"}, "")}
	for text, want := range map[string]string{
		"$$x \\$y $ $1 ${ ${b $-":      "$x $y $ $1 ${ ${b $-",
		"${g.b}/$g.c\n[g]\nb = $c":     "7/7",
		"$g.b\n[g]\nb = $b2\nb2=q":     "q", // a name only the file knows
		"$g.yes-$g.none-$g.l":          "True--x,y",
		"$b/${b}x\nb = v":              "v/vx",
		"$g.b\nb = outer\n[g]\nb = in": "in",
		"$g.b\nx = 1\n[g]\nb = $x":     "1", // falls back to [DEFAULT]
	} {
		conf := load(t, "[DEFAULT]\na = "+text+"\n", options...)
		if got := a.Get(conf); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	limit := Int("DEFAULT", "osapi_max_limit", 1000, "", Min(1))
	tests := []struct {
		name, text, want string
		options          []Option
	}{
		{"a bad number", "[DEFAULT]\n\nosapi_max_limit = many\n",
			`cinder.conf:3: [DEFAULT] osapi_max_limit = "many": not an integer; accepted: a whole number of at least 1`,
			[]Option{limit}},
		{"every problem at once, in the file's order", "[b]\nx = 0\n[DEFAULT]\nosapi_max_limit = 0\nwhat\n[a]\nx = maybe\n",
			`cinder.conf:2: [b] x = "0": too small; accepted: a number from 1 to 2
cinder.conf:4: [DEFAULT] osapi_max_limit = "0": too small; accepted: a whole number of at least 1
cinder.conf:5: neither a [section] nor an assignment; it should be name = value
cinder.conf:7: [a] x = "maybe": not a truth value; accepted: true, 1, on, yes, false, 0, off or no`,
			[]Option{limit, Bool("a", "x", false, ""), Float("b", "x", 1, "", Min(1), Max(2))}},
		{"a secret", "[DEFAULT]\npassword = 12345\n",
			`cinder.conf:2: [DEFAULT] password = "***": too long; accepted: at most 4 characters`,
			[]Option{String("DEFAULT", "password", "", "", Secret(), MaxLength(4))}},
		{"a choice", "[DEFAULT]\nauth_strategy = none\n",
			`cinder.conf:2: [DEFAULT] auth_strategy = "none": not one of the choices; accepted: one of "noauth", "keystone"`,
			[]Option{String("DEFAULT", "auth_strategy", "keystone", "", Choices("noauth", "keystone"))}},
		{"a cycle", "[DEFAULT]\na = $b\nb = $g.c\n[g]\nc = ${a}\n",
			`cinder.conf:2: [DEFAULT] a = "$b": refers to itself: [DEFAULT] a -> [DEFAULT] b -> [g] c -> [DEFAULT] a`,
			[]Option{String("DEFAULT", "a", "", ""), String("DEFAULT", "b", "", ""), String("g", "c", "", "")}},
		{"an unknown reference", "[DEFAULT]\na = $nope\n",
			`cinder.conf:2: [DEFAULT] a = "$nope": refers to $nope, which is no option; use $$ for a plain dollar sign`,
			[]Option{String("DEFAULT", "a", "", "")}},
		{"a name that goes on after its dot", "[DEFAULT]\na = $b.txt\n",
			`cinder.conf:2: [DEFAULT] a = "$b.txt": refers to $b.txt, but there is no option txt in [b]; use ${b} if the name ` +
				`ends before the dot, and $$ for a plain dollar sign`,
			[]Option{String("DEFAULT", "a", "", ""), String("DEFAULT", "b", "", "")}},
		{"a missing required option", "", `[database] connection: not set, but it has to be; accepted: any text`,
			[]Option{String("database", "connection", "", "", Required())}},
		{"two options of one name", "", `[DEFAULT] a: the option is declared twice by this program`,
			[]Option{String("DEFAULT", "a", "", ""), Int("DEFAULT", "a", 0, "")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, refuse(t, tt.text, tt.options...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSubstitutionHasBounds(t *testing.T) {
	name := func(i int) string { return "b" + strings.Repeat("b", i) }
	doubling := "[DEFAULT]\na = $b\n"
	for i := range 30 {
		doubling += name(i) + " = $" + name(i+1) + "$" + name(i+1) + "\n"
	}
	doubling += name(30) + " = x\n"
	if got := refuse(t, doubling, String("DEFAULT", "a", "", "")); !strings.Contains(got, "grows beyond") {
		t.Errorf("values that double each other: %.200s", got)
	}
	chain := "[DEFAULT]\na = $b\n"
	for i := range 100 {
		chain += name(i) + " = $" + name(i+1) + "\n"
	}
	if got := refuse(t, chain, String("DEFAULT", "a", "", "")); !strings.Contains(got, "more than 64 references") {
		t.Errorf("a long chain: %.200s", got)
	}
}

func TestSourceProblems(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := Load(Sources{Files: []string{missing + "/cinder.conf"}, Dirs: []string{missing},
		Overrides: map[string]string{"osapi-max-limits": "5"}}, Int("DEFAULT", "osapi_max_limit", 1, ""))
	if err == nil {
		t.Fatal("missing files were accepted")
	}
	for _, part := range []string{
		missing + "/cinder.conf: no such file",
		"the configuration directory " + missing + " cannot be read",
		"command line: [DEFAULT] osapi_max_limits: there is no such option; is osapi_max_limit meant?",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in:\n%v", part, err)
		}
	}
}

func TestDefaultFiles(t *testing.T) {
	home, etc := t.TempDir(), t.TempDir()
	for _, path := range []string{home + "/cinder.conf", etc + "/cinder.conf", etc + "/cinder-api.conf"} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(etc+"/cinder.conf.d", 0o700); err != nil {
		t.Fatal(err)
	}
	files, dirs := findIn([]string{home, etc}, "cinder", "cinder-api")
	if diff := cmp.Diff([]string{home + "/cinder.conf", etc + "/cinder-api.conf"}, files); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{etc + "/cinder.conf.d"}, dirs); diff != "" {
		t.Error(diff)
	}
}
