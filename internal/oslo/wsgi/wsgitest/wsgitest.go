// Package wsgitest helps to test an API that is served by package wsgi: one-line requests, and fuzz targets made from a
// request schema. It is imported by tests only.
package wsgitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/reqctx"
)

// Caller is who Do asks as: an administrator of project "abc", so that /abc/... is the caller's own URL.
func Caller() reqctx.Request {
	return reqctx.Request{
		RequestID: "req-00000000-0000-0000-0000-000000000001", UserID: "fed", ProjectID: "abc",
		Roles: []string{"admin", "member", "reader"}, IsAdmin: true,
	}
}

// Do sends one request as Caller and gives the answer. A body is sent as application/json unless a header says
// otherwise; headers are written "Name: value".
func Do(t testing.TB, handler http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return DoAs(t, handler, Caller(), method, path, body, headers...)
}

// DoAs is Do as somebody else.
func DoAs(t testing.TB, handler http.Handler, caller reqctx.Request, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(reqctx.With(t.Context(), caller), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		if value = strings.TrimSpace(value); value == "" {
			r.Header.Del(name)
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// FuzzBody is a fuzz target for one operation: whatever the body, the answer is no 500, and a refusal is a fault body.
// The handlers behind it should be cheap and harmless. The seeds are made from the
// schema: a body that fits, and one for each thing that can be wrong with it.
func FuzzBody(f *testing.F, handler http.Handler, method, path, schema string, versions ...string) {
	f.Helper()
	if len(versions) == 0 {
		versions = []string{"latest"}
	}
	for _, seed := range Seeds(f, schema) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, version := range versions {
			answer := Do(t, handler, method, path, body, "OpenStack-API-Version: volume "+version)
			if answer.Code >= http.StatusInternalServerError {
				t.Fatalf("%s %s at %s: %d %s\nbody %q", method, path, version, answer.Code, answer.Body, body)
			}
			if answer.Code >= http.StatusBadRequest {
				checkFault(t, answer)
			}
		}
	})
}

// checkFault fails the test unless the answer is a fault body that repeats its status.
func checkFault(t testing.TB, answer *httptest.ResponseRecorder) {
	t.Helper()
	var faults map[string]struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &faults); err != nil || len(faults) != 1 {
		t.Fatalf("%d is no fault body (%v): %s", answer.Code, err, answer.Body)
	}
	for name, f := range faults {
		if f.Code != answer.Code || f.Message == "" {
			t.Fatalf("%d has the fault %s with code %d, message %q", answer.Code, name, f.Code, f.Message)
		}
	}
}

// Seeds makes bodies from a schema: one that is meant to fit, that one with each member left out, null, of another
// type, empty and huge, and text that is no JSON object at all.
func Seeds(t testing.TB, schema string) []string {
	t.Helper()
	var parsed map[string]any
	if err := json.Unmarshal([]byte(schema), &parsed); err != nil {
		t.Fatalf("the schema is no JSON: %v", err)
	}
	fitting := example(parsed, 0)
	seeds := []string{"", "{", "[]", "null", "5", `"x"`, `{"a": 1}`, "{\"a\": \"\xff\"}", strings.Repeat("[", 200), `{"a": 1e999999999}`}
	seeds = append(seeds, encode(t, fitting))
	return append(seeds, mutants(t, fitting, fitting)...)
}

func encode(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mutants are the encodings of root with one member of value (an object somewhere in root) changed at a time.
func mutants(t testing.TB, root, value any) []string {
	t.Helper()
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	var out []string
	for name, member := range object {
		for _, other := range []any{nil, true, -1, 1e30, "", strings.Repeat("x", 256), "\u0000", []any{}, map[string]any{}, map[string]any{"x": 1}} {
			object[name] = other
			out = append(out, encode(t, root))
		}
		delete(object, name)
		out = append(out, encode(t, root))
		object[name] = member
		out = append(out, mutants(t, root, member)...)
	}
	return out
}

// maxExampleDepth bounds how far into a schema examples are made; nothing real is deeper.
const maxExampleDepth = 8

// example makes a value that is meant to fit a schema; it need not fit exactly to be a good seed.
func example(schema map[string]any, depth int) any {
	if depth > maxExampleDepth {
		return nil
	}
	if ref, ok := schema["$ref"].(string); ok {
		return exampleOf(ref)
	}
	if values, ok := schema["enum"].([]any); ok && len(values) > 0 {
		return values[0]
	}
	for _, alternatives := range []string{"oneOf", "anyOf"} {
		if list, ok := schema[alternatives].([]any); ok && len(list) > 0 && schema["properties"] == nil {
			last, _ := list[len(list)-1].(map[string]any)
			return example(last, depth+1)
		}
	}
	kind, _ := schema["type"].(string)
	if kinds, ok := schema["type"].([]any); ok && len(kinds) > 0 {
		kind, _ = kinds[0].(string)
	}
	switch kind {
	case "integer", "number":
		return 1
	case "boolean":
		return true
	case "array":
		items, _ := schema["items"].(map[string]any)
		return []any{example(items, depth+1)}
	case "object":
		out := map[string]any{}
		properties, _ := schema["properties"].(map[string]any)
		for name, member := range properties {
			if memberSchema, ok := member.(map[string]any); ok {
				out[name] = example(memberSchema, depth+1)
			}
		}
		return out
	}
	return "00000000-0000-0000-0000-000000000001"
}

// exampleOf guesses from the name of a shared definition.
func exampleOf(ref string) any {
	_, name, _ := strings.Cut(ref, "#/")
	switch {
	case strings.Contains(name, "boolean"):
		return true
	case strings.Contains(name, "size"):
		return 1
	case strings.Contains(name, "metadata"), strings.Contains(name, "specs"):
		return map[string]any{"key": "value"}
	}
	return "00000000-0000-0000-0000-000000000001"
}
