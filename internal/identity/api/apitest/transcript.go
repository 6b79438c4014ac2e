package apitest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A transcript is a file of requests and what came of them. It is written by hand but for the lines of answers and rows:
//
//	# Anything about the requests that follow.
//	> user = domain_manager POST /v3/users {"user": {"name": "t-user"}}
//	< 201 {"user": {…
//	+ users id=$user name=t-user …
//
// A request is who asks (a persona, or the name of a token that was got), how, what for, headers as "@Name:value", and a body.
// "name =" before it keeps what the answer says, for what follows: $name is the id (or the token), $name.secret the secret,
// and so on. The lines below it are the answer, how Keystone answers if it answers otherwise (K), and the rows that changed.
// "> clock 1h" moves the clock.
type step struct {
	above    []string // comments and blank lines
	ask      string
	keystone string // the K line; "" if there is none
}

func parse(content string) (steps []step, tail []string) {
	var above []string
	for line := range strings.Lines(content) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "> "):
			steps = append(steps, step{above: above, ask: line})
			above = nil
		case strings.HasPrefix(line, "K ") && len(steps) > 0:
			steps[len(steps)-1].keystone = line
		case strings.HasPrefix(line, "#") || line == "":
			above = append(above, line)
		}
	}
	return steps, above
}

// Replay sends the requests of a transcript to a new Cloud and gives the transcript as it is now. With a Keystone, the
// requests are sent to it too, and its answers noted; otherwise what was noted stays.
func Replay(t testing.TB, content string, keystone Server, adminPassword string) string {
	t.Helper()
	steps, tail := parse(content)
	c := New(t)
	ours := &player{People: NewPeople(t, c, AdminPassword), cloud: c}
	var theirs *player
	if keystone != nil {
		theirs = &player{People: NewPeople(t, keystone, adminPassword)}
		defer theirs.Clean(t)
	}
	var out strings.Builder
	rows := c.Rows(t)
	for _, s := range steps {
		for _, line := range s.above {
			fmt.Fprintln(&out, line)
		}
		fmt.Fprintln(&out, s.ask)
		if pause, ok := strings.CutPrefix(s.ask, "> clock "); ok {
			d, err := time.ParseDuration(pause)
			if err != nil {
				t.Fatal(err)
			}
			c.Advance(d)
			continue
		}
		answer := ours.play(t, s.ask)
		fmt.Fprintln(&out, "< "+answer)
		noted := strings.TrimPrefix(s.keystone, "K ")
		if theirs != nil {
			noted = theirs.play(t, s.ask)
		}
		if noted != "" && noted != answer {
			fmt.Fprintln(&out, "K "+noted)
			if !slices.ContainsFunc(s.above, func(line string) bool { return strings.HasPrefix(line, "#") }) {
				t.Errorf("Keystone answers otherwise, and no comment says why:\n%s\n< %s\nK %s", s.ask, answer, noted)
			}
		}
		after := c.Rows(t)
		for _, line := range ours.changes(rows, after) {
			fmt.Fprintln(&out, line)
		}
		rows = after
	}
	for _, line := range tail {
		fmt.Fprintln(&out, line)
	}
	return out.String()
}

// player sends the requests of a transcript to one server.
type player struct {
	*People
	cloud *Cloud // nil for a Keystone
}

var request = regexp.MustCompile(`^> (?:(\w+) = )?(\S+) ([A-Z]+) (\S+)((?: @\S+)*)(?: (.*))?$`)

// play sends one request and gives status and body of the answer, with names in the place of what differs each time.
func (p *player) play(t testing.TB, line string) string {
	t.Helper()
	parts := request.FindStringSubmatch(line)
	if parts == nil {
		t.Fatalf("this is no request: %s", line)
	}
	name, who, method, path, body := parts[1], parts[2], parts[3], p.Expand(parts[4]), p.Expand(parts[6])
	token, known := p.Tokens[who]
	if !known {
		if token, known = p.IDs[who]; !known {
			t.Fatalf("nobody is %s: %s", who, line)
		}
	}
	var headers []string
	for _, h := range strings.Fields(parts[5]) {
		headers = append(headers, p.Expand(h[1:]))
	}
	answer := p.Send(t, method, path, token, body, headers...)
	if name != "" && answer.Status < 300 {
		p.keep(name, answer)
	}
	return unordered(p.hide(strings.TrimSpace(fmt.Sprintf("%d %s", answer.Status, plain(answer.Body)))))
}

// changes are the rows that are no longer there, each with a "-" before it, and those that are new, with a "+".
func (p *player) changes(before, after []string) (lines []string) {
	counts := map[string]int{}
	for _, line := range after {
		counts[line]++
	}
	for _, line := range before {
		counts[line]--
	}
	for line, n := range counts {
		switch {
		case n < 0:
			lines = append(lines, "- "+p.hide(line))
		case n > 0:
			lines = append(lines, "+ "+p.hide(line))
		}
	}
	// By row, and what was before what is.
	slices.SortFunc(lines, func(a, b string) int {
		return cmp.Or(strings.Compare(a[2:], b[2:]), -strings.Compare(a, b))
	})
	return lines
}

// keep keeps what an answer says under a name.
func (p *player) keep(name string, answer Answer) {
	for _, member := range answer.JSON() {
		if list, ok := member.([]any); ok && len(list) > 0 { // several that were made at once: the first
			member = list[0]
		}
		object, _ := member.(map[string]any)
		for key, value := range object {
			if s, ok := value.(string); ok && (key == "secret" || key == "access") {
				p.IDs[name+"."+key] = s
			}
		}
		for _, key := range []string{"id", "access"} {
			if id := text(object, key); id != "" {
				p.IDs[name] = id
				break
			}
		}
	}
	if token := answer.Header.Get("X-Subject-Token"); token != "" {
		p.IDs[name] = token
	}
}

// plain is a body on one line: JSON with members in order and without parts of how Keystone is made, else the text.
func plain(body []byte) string {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return strings.Join(strings.Fields(string(body)), " ")
	}
	return schema.ReplaceAllString(encode(withoutExtra(value)), `"`)
}

// schema is what Keystone adds to some messages about a body.
var schema = regexp.MustCompile(`\\n\\nFailed validating (?:[^"\\]|\\.)*"`)

// withoutExtra leaves out "extra", which Keystone adds to the answer of a change: a part of how it keeps things.
func withoutExtra(value any) any {
	object, _ := value.(map[string]any)
	for _, member := range object {
		if m, ok := member.(map[string]any); ok {
			delete(m, "extra")
		}
	}
	return value
}

// unordered is an answer with its lists in the order of what is in them: nobody promises another.
func unordered(answer string) string {
	status, body, _ := strings.Cut(answer, " ")
	var value any
	if json.Unmarshal([]byte(body), &value) != nil {
		return answer
	}
	return status + " " + encode(sorted(value))
}

func sorted(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = sorted(member)
		}
	case []any:
		for i := range v {
			v[i] = sorted(v[i])
		}
		slices.SortFunc(v, func(a, b any) int { return strings.Compare(encode(a), encode(b)) })
	}
	return value
}

// What differs each time and has no name.
var anonymous = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`"audit_ids":\["[\w-]{22}"\]`), `"audit_ids":["<audit>"]`},
	{regexp.MustCompile(`"audit_ids":\["[\w-]{22}","[\w-]{22}"\]`), `"audit_ids":["<audit>","<audit>"]`},
	{regexp.MustCompile(`audit(_chain)?_id=[\w-]{22}`), `audit${1}_id=<audit>`},
	{regexp.MustCompile(`gAAAA[\w=-]{60,}`), "<token>"},
	{regexp.MustCompile(`"secret":"[\w-]{40,}"`), `"secret":"<secret>"`},
	{regexp.MustCompile(`[0-9a-f]{32,64}`), "<id>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*Z?`), "<time>"},
}

// hide puts names in the place of ids.
func (p *player) hide(s string) string {
	s = strings.ReplaceAll(s, p.Base(), "")
	names := slices.SortedFunc(maps.Keys(p.IDs), func(a, b string) int {
		if n := len(p.IDs[b]) - len(p.IDs[a]); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if len(p.IDs[name]) >= 16 {
			s = strings.ReplaceAll(s, p.IDs[name], "$"+name)
		}
	}
	for _, a := range anonymous {
		s = a.pattern.ReplaceAllString(s, a.name)
	}
	return s
}

var reference = regexp.MustCompile(`\$(\w+(?:\.(?:secret|access))?)`)

// expand puts ids in the place of their names; what is nobody's name stays.
func expand(s string, ids map[string]string) string {
	return reference.ReplaceAllStringFunc(s, func(name string) string {
		if id, known := ids[name[1:]]; known {
			return id
		}
		return name
	})
}
