// Package apitest is a whole image service in one process for the API's tests: the API over a SQLite database and two stores in
// a temporary directory. There is no authentication: a test says who asks with a persona of a project.
//
// It is imported by tests only.
package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/recovery"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api"
	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/apptest"
	"github.com/clinker/clinker/internal/image/app/data"
	"github.com/clinker/clinker/internal/image/app/imports"
	"github.com/clinker/clinker/internal/image/policies"
	"github.com/clinker/clinker/internal/image/storage"
	"github.com/clinker/clinker/internal/image/storage/filesystem"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/image/store/sqlstore"
	"github.com/clinker/clinker/internal/oslo/policy"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/run"
)

// The stores of every Cloud.
const (
	First  = "first" // the default
	Second = "second"
)

// Options is what a test may change of a Cloud before it is made; New fills in the defaults first.
type Options struct {
	App     app.Options
	Fetcher imports.Fetcher
	// Wrap puts something before a store.
	Wrap func(id string, s storage.Store) storage.Store
	// Idle leaves imports to the journal.
	Idle bool
}

// Cloud is an image service at work.
type Cloud struct {
	Core    *app.Core
	Imports *imports.Service
	Data    *data.Service
	Store   *sqlstore.Store
	Dir     string // below it the directories of the stores, and "staging"
	Log     *Log
	Routes  []web.Route
	handler http.Handler
}

// Log is what the service has logged, for tests that look for secrets in it.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all of it.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Defaults are upstream's.
func Defaults() app.Options {
	return app.Options{ContainerFormats: []string{"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"},
		DiskFormats: []string{"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"},
		MemberQuota: 128, PropertyQuota: 128, TagQuota: 128, LocationQuota: 10, LimitDefault: 25, LimitMax: 1000, SizeCapBytes: 1 << 40,
		HashAlgorithm: "sha512", RequireFormatMatch: true, NonfatalGPTChecks: []string{"mbr"}, ImportMethods: imports.Methods(), TaskLife: 48 * time.Hour}
}

// New makes a Cloud and takes it down when the test ends.
func New(t testing.TB, change ...func(*Options)) *Cloud {
	t.Helper()
	o := Options{App: Defaults(), Fetcher: Web{}, Wrap: func(_ string, s storage.Store) storage.Store { return s }}
	for _, f := range change {
		f(&o)
	}
	c := &Cloud{Dir: t.TempDir(), Log: &Log{}}
	c.open(t, o)
	return c
}

// open makes what a process makes at its start.
func (c *Cloud) open(t testing.TB, o Options) {
	t.Helper()
	c.Store = apptest.Store(t, c.Dir)
	files := func(id string) *filesystem.Store {
		s, err := filesystem.New(filesystem.Options{Directory: filepath.Join(c.Dir, id)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stores := app.NewStores([]app.NamedStore{{Store: o.Wrap(First, files(First)), ID: First, Description: "where images go"},
		{Store: o.Wrap(Second, files(Second)), ID: Second, Weight: 5}}, First, staging{o.Wrap("staging", files("staging")), files("staging")})
	enforcer, err := policy.New(policy.Options{Defaults: policies.Defaults(), EnforceNewDefaults: true, EnforceScope: true})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(c.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Core = &app.Core{Store: c.Store, Policy: enforcer, Stores: stores, Options: o.App, Log: log, Now: func() time.Time { return time.Now().UTC() },
		Flows: flow.NewEngine(app.NewJournal(c.Store), flow.Options{Stopping: run.ErrStopping, UndoPause: 1, Log: log})}
	c.Imports = imports.New(c.Core, o.Fetcher)
	c.Data = &data.Service{Core: c.Core}
	a, handler, err := api.New(c.Core, c.Imports, api.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	c.Routes, c.handler = a.Routes(), api.Versioned(handler, "")
	if !o.Idle {
		ctx, stop := context.WithCancelCause(context.WithoutCancel(t.Context()))
		c.Imports.Start(ctx)
		t.Cleanup(func() { stop(run.ErrStopping); c.Imports.Wait() })
	}
}

// staging is a store that may have been wrapped, and lists what is in the one beneath.
type staging struct {
	storage.Store
	files *filesystem.Store
}

// IDs implements storage.Staging.
func (s staging) IDs(ctx context.Context) ([]string, error) { return s.files.IDs(ctx) }

// Recover sees to what a dead process left in the journal, as a start does.
func (c *Cloud) Recover(t testing.TB) {
	t.Helper()
	resume := c.Core.Resumptions()
	for _, more := range []map[string]recovery.Resume{c.Imports.Resumptions(), c.Data.Resumptions()} {
		for name, fn := range more {
			resume[name] = fn
		}
	}
	if err := recovery.Recover(t.Context(), c.Store, app.FlowOwner, 0, resume); err != nil {
		t.Fatal(err)
	}
}

// Web is a web of these URLs; one that is not there does not answer, and one that is empty is not allowed.
type Web map[string]string

// Check implements imports.Fetcher.
func (w Web) Check(uri string) error {
	if content, there := w[uri]; there && content == "" {
		return fault.New(fault.Invalid, "", "it is not allowed")
	}
	return nil
}

// Fetch implements imports.Fetcher.
func (w Web) Fetch(_ context.Context, uri string) (io.ReadCloser, error) {
	content, there := w[uri]
	if !there {
		return nil, fault.New(fault.Unavailable, "", "The image could not be fetched.")
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

// The personas: what a caller may do in a project. Every project has all of them.
const (
	Admin   = "admin"
	Member  = "member"
	Reader  = "reader"
	Nobody  = "nobody"  // in the project, without a role in it
	Service = "service" // another service
)

// Personas lists them.
func Personas() []string { return []string{Admin, Member, Reader, Nobody, Service} }

// Caller is one who asks.
type Caller struct {
	*Cloud
	TB      testing.TB
	Request reqctx.Request
}

// As is a caller who is persona in project.
func (c *Cloud) As(t testing.TB, persona, project string) Caller {
	roles := map[string][]string{Admin: {"admin", "member", "reader"}, Member: {"member", "reader"}, Reader: {"reader"}, Service: {"service"}}[persona]
	return Caller{Cloud: c, TB: t, Request: reqctx.Request{RequestID: "req-00000000-0000-4000-8000-000000000000", UserID: "user-of-" + project,
		ProjectID: project, Roles: roles, IsAdmin: persona == Admin, AuthToken: "gAAAA-a-token-that-nobody-may-read"}}
}

// Answer is what came of a request.
type Answer struct {
	TB     testing.TB
	Asked  string
	Status int
	Header http.Header
	Body   []byte
}

// Do asks. A body that is neither a string nor bytes is sent as JSON, nil sends none. Headers are "Name: value".
func (c Caller) Do(method, path string, body any, headers ...string) Answer {
	c.TB.Helper()
	r := httptest.NewRequestWithContext(c.TB.Context(), method, "http://cloud"+path, reader(c.TB, body))
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-Auth-Token", c.Request.AuthToken)
	if body == nil {
		r.Body = http.NoBody
	} else if _, isData := body.([]byte); isData {
		r.Header.Set("Content-Type", "application/octet-stream")
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Set(name, strings.TrimSpace(value))
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return Answer{TB: c.TB, Asked: method + " " + path, Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
}

// ServeHTTP serves a request as the caller's.
func (c Caller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.handler.ServeHTTP(w, r.WithContext(reqctx.With(r.Context(), c.Request)))
}

func reader(t testing.TB, body any) io.Reader {
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(b)
	case []byte:
		return bytes.NewReader(b)
	case io.Reader:
		return b
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(text)
}

// Get asks with GET.
func (c Caller) Get(path string, headers ...string) Answer {
	c.TB.Helper()
	return c.Do("GET", path, nil, headers...)
}

// Post sends a body with POST.
func (c Caller) Post(path string, body any, headers ...string) Answer {
	c.TB.Helper()
	return c.Do("POST", path, body, headers...)
}

// Put sends a body with PUT.
func (c Caller) Put(path string, body any, headers ...string) Answer {
	c.TB.Helper()
	return c.Do("PUT", path, body, headers...)
}

// Delete sends DELETE.
func (c Caller) Delete(path string) Answer {
	c.TB.Helper()
	return c.Do("DELETE", path, nil)
}

// Patch sends a patch of the newest form.
func (c Caller) Patch(id string, operations ...map[string]any) Answer {
	c.TB.Helper()
	return c.Do("PATCH", "/v2/images/"+id, append([]map[string]any{}, operations...), "Content-Type: application/openstack-images-v2.1-json-patch")
}

// Op is one operation of a patch.
func Op(op, path string, value ...any) map[string]any {
	o := map[string]any{"op": op, "path": path}
	if len(value) > 0 {
		o["value"] = value[0]
	}
	return o
}

// Image creates a raw image, with more in its body, and gives its id.
func (c Caller) Image(more ...any) string {
	c.TB.Helper()
	body := map[string]any{"name": "an image", "disk_format": "raw", "container_format": "bare"}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return c.Post("/v2/images", body).OK(201).Text("id")
}

// Active creates a raw image with data, and gives its id.
func (c Caller) Active(content []byte, more ...any) string {
	c.TB.Helper()
	id := c.Image(more...)
	c.Put("/v2/images/"+id+"/file", content).Empty(204)
	return id
}

// Row is an image's row as it stands; nil if there is none.
func (c *Cloud) Row(t testing.TB, id string) *image.Image {
	t.Helper()
	i, err := c.Store.Image(t.Context(), id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	return i
}

// Change changes rows behind the API's back, to bring about what only a failure would.
func (c *Cloud) Change(t testing.TB, fn func(tx store.Tx) error) {
	t.Helper()
	if err := c.Store.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// Journal are the records of operations under way.
func (c *Cloud) Journal(t testing.TB) []flow.Record {
	t.Helper()
	records, err := c.Store.Flows(t.Context(), app.FlowOwner, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return records
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

// Text is a member of the body that is a text.
func (a Answer) Text(name string) string {
	a.TB.Helper()
	text, ok := a.JSON()[name].(string)
	if !ok {
		a.TB.Fatalf("%s: no text called %s: %s", a.Asked, name, a.Body)
	}
	return text
}

// Has compares members of the body.
func (a Answer) Has(want map[string]any) Answer {
	a.TB.Helper()
	body := a.JSON()
	for name, value := range want {
		if diff := cmp.Diff(value, body[name]); diff != "" {
			a.TB.Errorf("%s: %s (-want +got):\n%s", a.Asked, name, diff)
		}
	}
	return a
}

// Page checks that the answer is a page of this status whose text holds text.
func (a Answer) Page(status int, text string) {
	a.TB.Helper()
	if a.Status != status {
		a.TB.Errorf("%s: %d %s, want %d", a.Asked, a.Status, a.Body, status)
		return
	}
	if message := a.Text("message"); !strings.Contains(message, text) {
		a.TB.Errorf("%s: message %q, want %q in it", a.Asked, message, text)
	}
}

// Empty checks the status and that there is no body.
func (a Answer) Empty(status int) Answer {
	a.TB.Helper()
	if a.OK(status); len(a.Body) != 0 {
		a.TB.Errorf("%s: a body where there is none to be: %s", a.Asked, a.Body)
	}
	return a
}

// IDs are the ids of a list of images, in its order.
func (a Answer) IDs() (ids []string) {
	a.TB.Helper()
	list, _ := a.OK(200).JSON()["images"].([]any)
	for _, one := range list {
		ids = append(ids, one.(map[string]any)["id"].(string))
	}
	return ids
}
