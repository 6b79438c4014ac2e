package apitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/reqctx"
)

// The personas: what a caller may do in a project. Every project has all of them.
const (
	Admin   = "admin"
	Manager = "manager"
	Member  = "member"
	Reader  = "reader"
	Nobody  = "nobody" // in the project, without a role in it
)

// Personas lists them, mightiest first.
func Personas() []string { return []string{Admin, Manager, Member, Reader, Nobody} }

// Caller is one who asks.
type Caller struct {
	*Cloud
	TB      testing.TB
	Request reqctx.Request
	Version string // microversion; empty sends none, so that 3.0 applies
	Bare    bool   // leaves the project out of paths
}

// As is a caller who is persona in project. Project ids are lower case letters, digits and hyphens.
func (c *Cloud) As(t testing.TB, persona, project string) Caller {
	roles := map[string][]string{Admin: {"admin", "manager", "member", "reader"}, Manager: {"manager", "member", "reader"},
		Member: {"member", "reader"}, Reader: {"reader"}}[persona]
	return Caller{Cloud: c, TB: t, Request: reqctx.Request{RequestID: "req-00000000-0000-4000-8000-000000000000",
		UserID: "user-of-" + project, ProjectID: project, Roles: roles, IsAdmin: persona == Admin}}
}

// At is the same caller asking at a microversion.
func (c Caller) At(version string) Caller {
	c.Version = version
	return c
}

// On is the same caller in another test: a subtest.
func (c Caller) On(t testing.TB) Caller {
	c.TB = t
	return c
}

// Exchange is a request and what came of it.
type Exchange struct {
	Test         string
	Method, Path string // the path as it was asked for, without project
	Body         string
	Status       int
}

// Answer is what came of a request.
type Answer struct {
	TB     testing.TB
	Asked  string // method and path, for messages
	Status int
	Header http.Header
	Body   []byte
}

// Do asks. The path is without project and begins with a slash; the project is put before it, unless the caller is Bare. A body that is no string is
// sent as JSON, nil sends none. Headers are "Name: value".
func (c Caller) Do(method, path string, body any, headers ...string) Answer {
	c.TB.Helper()
	sent := encode(c.TB, body)
	r := httptest.NewRequestWithContext(reqctx.With(c.TB.Context(), c.Request), method, "http://cloud"+c.prefix()+path, strings.NewReader(sent))
	if sent != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Version != "" {
		r.Header.Set("OpenStack-API-Version", "volume "+c.Version)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Set(name, strings.TrimSpace(value))
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	if c.seen != nil {
		plain, _, _ := strings.Cut(path, "?")
		c.seen(Exchange{Test: c.TB.Name(), Method: method, Path: plain, Body: sent, Status: w.Code})
	}
	return Answer{TB: c.TB, Asked: method + " " + path, Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
}

func (c Caller) prefix() string {
	if c.Bare {
		return ""
	}
	return "/" + c.Request.ProjectID
}

// Get asks with GET.
func (c Caller) Get(path string, headers ...string) Answer { return c.Do("GET", path, nil, headers...) }

// Post sends a body with POST.
func (c Caller) Post(path string, body any) Answer { return c.Do("POST", path, body) }

// Put sends a body with PUT.
func (c Caller) Put(path string, body any, headers ...string) Answer {
	return c.Do("PUT", path, body, headers...)
}

// Delete sends DELETE.
func (c Caller) Delete(path string) Answer { return c.Do("DELETE", path, nil) }

// Action asks for an action on an item: {name: argument} is posted to the action path of the item's path.
func (c Caller) Action(path, name string, argument any) Answer {
	return c.Do("POST", path+"/action", map[string]any{name: argument})
}

func encode(t testing.TB, body any) string {
	t.Helper()
	switch b := body.(type) {
	case nil:
		return ""
	case string:
		return b
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// OK fails the test at once unless the answer has this status, and gives the answer.
func (a Answer) OK(status int) Answer {
	a.TB.Helper()
	if a.Status != status {
		a.TB.Fatalf("%s: %d %s, want %d", a.Asked, a.Status, a.Body, status)
	}
	return a
}

// JSON decodes the body.
func (a Answer) JSON() map[string]any {
	a.TB.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.Body, &m); err != nil {
		a.TB.Fatalf("%s: %d is no JSON object (%v): %q", a.Asked, a.Status, err, a.Body)
	}
	return m
}

// At walks into the body: At("volume", "id").
func (a Answer) At(path ...string) any {
	a.TB.Helper()
	var at any = a.JSON()
	for _, name := range path {
		m, ok := at.(map[string]any)
		if !ok {
			a.TB.Fatalf("%s: %q of %s is in no object", a.Asked, name, a.Body)
		}
		at = m[name]
	}
	return at
}

// Text is At where a text stands.
func (a Answer) Text(path ...string) string {
	a.TB.Helper()
	text, ok := a.At(path...).(string)
	if !ok {
		a.TB.Fatalf("%s: no text at %v: %s", a.Asked, path, a.Body)
	}
	return text
}

// anyTime is how the API writes a time.
var anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?`)

// Is compares the whole body with want as JSON, so that white space and the order of members do not count. Times in the
// body are <time> in want.
func (a Answer) Is(status int, want string) Answer {
	a.TB.Helper()
	a.OK(status)
	var got, wanted any
	if err := json.Unmarshal(anyTime.ReplaceAll(a.Body, []byte("<time>")), &got); err != nil {
		a.TB.Fatalf("%s: no JSON (%v): %q", a.Asked, err, a.Body)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		a.TB.Fatalf("the test wants what is no JSON (%v): %s", err, want)
	}
	if d := cmp.Diff(wanted, got); d != "" {
		a.TB.Errorf("%s (-want +got):\n%s", a.Asked, d)
	}
	return a
}

// Fault checks that the answer is a fault body with this status, and that its message holds text.
func (a Answer) Fault(status int, text string) {
	a.TB.Helper()
	if a.Status != status {
		a.TB.Errorf("%s: %d %s, want %d", a.Asked, a.Status, a.Body, status)
		return
	}
	var faults map[string]struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.Body, &faults); err != nil || len(faults) != 1 {
		a.TB.Errorf("%s: %d is no fault body: %s", a.Asked, a.Status, a.Body)
		return
	}
	for name, f := range faults {
		if f.Code != status {
			a.TB.Errorf("%s: the fault %s says %d, the answer is %d", a.Asked, name, f.Code, status)
		}
		if !strings.Contains(f.Message, text) {
			a.TB.Errorf("%s: message %q, want %q in it", a.Asked, f.Message, text)
		}
	}
}

// Empty checks the status and that there is no body.
func (a Answer) Empty(status int) {
	a.TB.Helper()
	if a.OK(status); len(a.Body) != 0 {
		a.TB.Errorf("%s: a body where there is none to be: %s", a.Asked, a.Body)
	}
}
