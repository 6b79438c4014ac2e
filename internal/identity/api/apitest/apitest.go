// Package apitest is a whole identity service in one process for the API's tests: the API over a SQLite database in a
// temporary directory, with people of every kind in it, and a clock that moves only as requests do.
//
// It is imported by tests only. Everything but the database is asked for over the API, so that the same requests can be sent
// to a Keystone and the answers compared.
package apitest

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fernet"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/bootstrap"
	"github.com/clinker/clinker/internal/identity/app/secrets"
	"github.com/clinker/clinker/internal/identity/app/tokens"
	"github.com/clinker/clinker/internal/identity/policies"
	"github.com/clinker/clinker/internal/identity/store/sqlstore"
	"github.com/clinker/clinker/internal/identity/token"
	"github.com/clinker/clinker/internal/oslo/policy"
	"github.com/clinker/clinker/internal/sqlkit"
)

// AdminPassword is the administrator's.
const AdminPassword = "the-administrator's"

// URL is where a Cloud seems to be.
const URL = "http://identity:5000"

// Answer is what came of a request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON is the body, nil if it is no JSON object.
func (a Answer) JSON() (body map[string]any) {
	_ = json.Unmarshal(a.Body, &body) // what is no object stays nil
	return body
}

// Server answers requests: a Cloud, or a Keystone.
type Server interface {
	// Send sends a request with a token, unless it is "", a JSON body, unless it is "", and headers "Name:value".
	Send(t testing.TB, method, path, token, body string, headers ...string) Answer
	// Base is the URL the server is found at, without a path.
	Base() string
}

// Cloud is an identity service. It has one user, "admin".
type Cloud struct {
	Tokens *tokens.Tokens
	API    *rest.API
	Store  *sqlstore.Store
	path   string     // of the database
	rows   *sqlkit.DB // the same, to look at
	mu     sync.Mutex
	now    time.Time
}

// New makes a Cloud and takes it down when the test ends.
func New(t testing.TB, change ...func(*app.Core)) *Cloud {
	t.Helper()
	dir := t.TempDir()
	c := &Cloud{path: filepath.Join(dir, "keystone.sqlite"), now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	keys, err := fernet.OpenRepository(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Store, err = sqlstore.Open(t.Context(), sqlstore.Config{Path: c.path, Synchronous: "OFF", Keys: keys.Keys}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Store.Close() })
	enforcer, err := policy.New(policy.Options{Defaults: policies.Defaults(), EnforceNewDefaults: true, EnforceScope: true})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := secrets.New(4)
	if err != nil {
		t.Fatal(err)
	}
	core := &app.Core{Store: c.Store, Policy: enforcer, Secrets: hasher, Options: app.DefaultOptions(), Now: c.Now, Log: slog.New(slog.DiscardHandler),
		Codec: token.Codec{Keys: keys.Keys, Methods: token.DefaultMethods(), DefaultDomainID: identity.DefaultDomainID}}
	for _, f := range change {
		f(core)
	}
	passwords := map[string]string{}
	for _, a := range bootstrap.Accounts() {
		passwords[a.Name] = AdminPassword
	}
	err = bootstrap.Run(t.Context(), core, bootstrap.Options{Region: "RegionOne", Passwords: passwords, Services: []bootstrap.Service{
		{Type: "identity", Name: "keystone", Description: "Identity", URL: URL + "/v3"}}})
	if err != nil {
		t.Fatal(err)
	}
	c.Tokens = tokens.New(core)
	if c.API, err = api.New(c.Tokens, api.Options{Log: core.Log}); err != nil {
		t.Fatal(err)
	}
	return c
}

// Now is what the clock shows.
func (c *Cloud) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Cloud) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Base implements Server.
func (c *Cloud) Base() string { return URL }

// Send implements Server. Every request takes a second, so that tokens are younger than what was revoked before them.
func (c *Cloud) Send(t testing.TB, method, path, token, body string, headers ...string) Answer {
	t.Helper()
	c.Advance(time.Second)
	r := httptest.NewRequestWithContext(t.Context(), method, URL+path, strings.NewReader(body))
	prepare(r, token, body, headers)
	w := httptest.NewRecorder()
	c.API.ServeHTTP(w, r)
	if method == http.MethodHead {
		w.Body.Reset() // as a server does
	}
	return Answer{w.Code, w.Header(), w.Body.Bytes()}
}

func prepare(r *http.Request, token, body string, headers []string) {
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Set(name, value)
	}
}

// Keystone is one that runs somewhere, at a URL without a path.
type Keystone string

// Base implements Server.
func (k Keystone) Base() string { return string(k) }

// Send implements Server. After what changes something it waits, as Cloud does by its clock.
func (k Keystone) Send(t testing.TB, method, path, token, body string, headers ...string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, string(k)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	prepare(r, token, body, headers)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return Answer{Status: -1, Body: []byte(err.Error())} // some bodies kill it
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if method != http.MethodGet {
		time.Sleep(time.Second)
	}
	return Answer{response.StatusCode, response.Header, text.Bytes()}
}
