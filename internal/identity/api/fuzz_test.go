package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/identity/api/apitest"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/oslo/wsgi/wsgitest"
)

// bodies sends bodies to operations that read one.
type bodies struct {
	*fixture
	routes         []rest.Route
	paths, fitting []string
}

func newBodies(t testing.TB) *bodies {
	t.Helper()
	c := apitest.New(t)
	b := &bodies{fixture: &fixture{People: apitest.NewPeople(t, c, apitest.AdminPassword), Cloud: c, TB: t}}
	b.IDs["other_project"] = b.made("projects", aProject)
	b.IDs["somebody"] = b.made("users", aUser)
	for _, r := range inventory(t, c) {
		if r.Schema == "" {
			continue
		}
		a := matrixRequests[operation(r)](b.fixture)
		b.routes, b.paths, b.fitting = append(b.routes, r), append(b.paths, b.Expand(a.path)), append(b.fitting, b.Expand(a.body))
	}
	return b
}

// send sends a body to an operation as the administrator: the answer is no server error, and a refusal is a fault body.
func (b *bodies) send(t testing.TB, operation int, body string) {
	t.Helper()
	method, path := b.routes[operation].Method, b.paths[operation]
	answer := b.Send(t, method, path, b.Tokens[apitest.Admin], body)
	fault, _ := answer.JSON()["error"].(map[string]any)
	if answer.Status >= http.StatusInternalServerError || answer.Status >= http.StatusBadRequest && (fault["message"] == "" || fault["code"] != float64(answer.Status)) {
		t.Fatalf("%s %s %q: %d %s", method, path, body, answer.Status, answer.Body)
	}
}

// TestBodies sends every operation bodies in which one thing is wrong.
func TestBodies(t *testing.T) {
	t.Parallel()
	b := newBodies(t)
	for i, r := range b.routes {
		schema := r.Schema
		if r.Member != "" {
			schema = fmt.Sprintf(`{"type": "object", "properties": {%q: %s}, "required": [%q]}`, r.Member, schema, r.Member)
		}
		for _, seed := range wsgitest.Seeds(t, schema) {
			b.send(t, i, seed)
		}
	}
}

// FuzzBodies sends any body to any operation.
func FuzzBodies(f *testing.F) {
	b := newBodies(f)
	for i, body := range b.fitting {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, operation uint8, body string) { b.send(t, int(operation)%len(b.routes), body) })
}

// FuzzRequests sends anything anywhere: tokens, paths and queries that make no sense are refused, and nothing breaks.
func FuzzRequests(f *testing.F) {
	c := apitest.New(f)
	p := apitest.NewPeople(f, c, apitest.AdminPassword)
	for _, path := range []string{"users?limit=1&marker=x", "users?name__contains=%", "role_assignments?effective&scope.project.id=x", "projects?limit=-1", "projects/x?parents_as_ids",
		"users/%00", "users/%ff", "domains/../users", "projects//tags", "role_assignments?scope.system=all&include_names", "projects?tags=a,b&not-tags=c", "users?password_expires_at=lt:x"} {
		f.Add("GET", path, "")
	}
	f.Add("HEAD", "auth/tokens", "gAAAAABrCBdglaA-bmQZ0p9gQompr9kscEPFSSBXWsiyeyEX1pZNjVBrz9Gv6TkgmXm")
	f.Add("PATCH", "users/x", strings.Repeat("A", 300))
	f.Fuzz(func(t *testing.T, method, path, token string) {
		r, err := http.NewRequestWithContext(t.Context(), method, apitest.URL+"/v3/"+path, http.NoBody)
		if err != nil || r.URL.Host != "identity:5000" {
			return // no client can send it
		}
		header := "X-Subject-Token:" + token
		if token == "" {
			token = p.Tokens[apitest.Admin]
		}
		answer := p.Send(t, r.Method, r.URL.RequestURI(), token, "", header)
		if answer.Status >= http.StatusInternalServerError && answer.Status != http.StatusNotImplemented {
			t.Fatalf("%s %s: %d %s", method, path, answer.Status, answer.Body)
		}
	})
}
