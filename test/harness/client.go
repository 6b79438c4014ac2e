package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/noauth"
)

// URL is the address of a path of the API's port; path begins with a slash.
func (c *Cloud) URL(path string) string { return "http://" + net.JoinHostPort(c.Bind, apiPort) + path }

// Client is gophercloud's noauth client of the API for one project, at a microversion such as "3.71"; "" sends none,
// which is 3.0.
func (c *Cloud) Client(t testing.TB, project, microversion string) *gophercloud.ServiceClient {
	t.Helper()
	provider, err := noauth.NewClient(gophercloud.AuthOptions{Username: "tester", TenantName: project})
	if err != nil {
		t.Fatal(err)
	}
	provider.HTTPClient = *c.http
	client, err := noauth.NewBlockStorageNoAuthV3(provider, noauth.EndpointOpts{CinderEndpoint: c.URL("/v3")})
	if err != nil {
		t.Fatal(err)
	}
	client.Microversion = microversion
	return client
}

// Request is one HTTP request as it goes out, well-formed or not.
type Request struct {
	Method string // "": GET, or POST with a Body
	Path   string // with query, percent-encoded as sent; "/v3/..."
	// Body is sent as it is if it is a string or []byte, else as JSON; nil sends none.
	Body    any
	Project string // "" is "admin"
	Version string // microversion; "" sends none
	Header  http.Header
}

// Response is an answer, read whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request. It fails the test when there is no answer at all.
func (c *Cloud) Do(t testing.TB, r Request) Response {
	t.Helper()
	answer, err := c.Send(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// Send is Do for goroutines and for requests that may get no answer.
func (c *Cloud) Send(ctx context.Context, r Request) (Response, error) {
	var body io.Reader
	switch b := r.Body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case []byte:
		body = bytes.NewReader(b)
	case io.Reader:
		body = b
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return Response{}, err
		}
		body = bytes.NewReader(text)
	}
	method, project := r.Method, r.Project
	if method == "" {
		method = http.MethodGet
		if body != nil {
			method = http.MethodPost
		}
	}
	if project == "" {
		project = "admin"
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL(r.Path), body)
	if err != nil {
		return Response{}, err
	}
	request.Header.Set("X-Auth-Token", "tester:"+project)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if r.Version != "" {
		request.Header.Set("OpenStack-API-Version", "volume "+r.Version)
	}
	for name, values := range r.Header {
		request.Header[name] = values
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Response{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return Response{Status: response.StatusCode, Header: response.Header, Body: text}, err
}

// Into decodes the answer's JSON.
func (r Response) Into(t testing.TB, value any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, value); err != nil {
		t.Fatalf("%v in the answer: %.2000s", err, r.Body)
	}
}

// Fault is the one fault of a fault body: its name, such as "badRequest", its code and its message. ok is false for any
// other body.
func (r Response) Fault() (name string, code int, message string, ok bool) {
	var body map[string]struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(r.Body, &body) != nil || len(body) != 1 {
		return "", 0, "", false
	}
	for name, fault := range body {
		return name, fault.Code, fault.Message, fault.Code != 0
	}
	return "", 0, "", false
}

// Metric reads one number without labels from /metrics.
func (c *Cloud) Metric(t testing.TB, name string) float64 {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+net.JoinHostPort(c.Bind, adminPort)+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // so that the look itself leaves nothing open in the server
	response, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatalf("metric %s: %v", name, err)
			}
			return number
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// CloseIdle ends the connections that the clients of this cloud hold open without use.
func (c *Cloud) CloseIdle() { c.http.CloseIdleConnections() }

// patience is how long Eventually waits.
const patience = 10 * time.Second

// Eventually polls until check says it is done, for at most ten seconds; then the test fails with what check said last.
func Eventually(t testing.TB, what string, check func() (done bool, state string)) {
	t.Helper()
	Within(t, patience, what, check)
}

// Within is Eventually for what takes long, or is to be over soon.
func Within(t testing.TB, patience time.Duration, what string, check func() (done bool, state string)) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		done, state := check()
		if done {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: after %s still %s", what, patience, state)
		}
	}
}

// Environment is what "clinker env" says of the named user: the OS_* variables by their names. "" is the administrator. It
// is of use only where the cloud authenticates, which Start's conf must ask for.
func (c *Cloud) Environment(t testing.TB, user string) map[string]string {
	t.Helper()
	args := []string{"env", "--bind", c.Bind, "--state-dir", c.StateDir}
	if user != "" {
		args = append(args, "--user", user)
	}
	out, err := run(t, Binary(t), args...)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "="); ok {
			env[name] = strings.Trim(value, "'")
		}
	}
	return env
}
