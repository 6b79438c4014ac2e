package client_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/glance/client"
	"github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/glance/glancetest"
	"github.com/clinker/clinker/internal/reqctx"
)

var discard = slog.New(slog.DiscardHandler)

func newClient(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	o.Log, o.RetryPause = discard, time.Millisecond
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func caller(t *testing.T) context.Context {
	return reqctx.With(t.Context(), reqctx.Request{RequestID: "req-1", UserID: "u", ProjectID: "p", AuthToken: "u:p"})
}

func TestSuite(t *testing.T) {
	glancetest.Test(t, func(t *testing.T) glancetest.Subject {
		f := fake.New()
		server := glancetest.Serve(t, f)
		return glancetest.Subject{Service: newClient(t, client.Options{Servers: []string{server.URL}}), Add: f.Add}
	})
}

// Addresses as operators write them.
func TestServers(t *testing.T) {
	f := fake.New()
	i := f.Add(glance.Image{}, nil)
	url := glancetest.Serve(t, f).URL
	for _, server := range []string{url, url + "/", strings.TrimPrefix(url, "http://"), url + "/v2", url + "/v2.9/", " " + url} {
		if _, err := newClient(t, client.Options{Servers: []string{server}}).Image(caller(t), i.ID); err != nil {
			t.Errorf("%q: %v", server, err)
		}
	}
	for _, server := range []string{"", "ftp://glance", "http://", "http://user:secret@glance", "http://glance?x=y", "http://gl ance", "//"} {
		_, err := client.New(client.Options{Servers: []string{server}})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), "glance_api_servers") {
			t.Errorf("%q: %v", server, err)
		}
	}
}

func TestNoServers(t *testing.T) {
	_, err := newClient(t, client.Options{Retries: 3}).Image(caller(t), uuid.NewString())
	if fault.NameOf(err) != "GlanceConnectionFailed" || !strings.Contains(fault.UserText(err), "glance_api_servers") {
		t.Errorf("%v", err)
	}
}

// What a request carries, and what it must not.
func TestHeaders(t *testing.T) {
	f := fake.New()
	i := f.Add(glance.Image{}, nil)
	server := glancetest.Serve(t, f)
	var seen http.Header
	server.Before = func(_ http.ResponseWriter, r *http.Request) bool { seen = r.Header.Clone(); return false }
	if _, err := newClient(t, client.Options{Servers: []string{server.URL}}).Image(caller(t), i.ID); err != nil {
		t.Fatal(err)
	}
	if seen.Get("X-Auth-Token") != "u:p" || seen.Get("X-OpenStack-Request-ID") != "req-1" || seen.Get("X-Service-Token") != "" {
		t.Errorf("headers %v", seen)
	}
	both := client.Options{Servers: []string{server.URL}, Credentials: func(context.Context) (client.Credentials, error) {
		return client.Credentials{Token: "cinder:service", ServiceToken: "st"}, nil
	}}
	if _, err := newClient(t, both).Image(t.Context(), i.ID); err != nil {
		t.Fatal(err)
	}
	if seen.Get("X-Auth-Token") != "cinder:service" || seen.Get("X-Service-Token") != "st" {
		t.Errorf("headers %v", seen)
	}
	both.Credentials = func(context.Context) (client.Credentials, error) {
		return client.Credentials{}, errors.New("no Keystone")
	}
	if _, err := newClient(t, both).Image(t.Context(), i.ID); fault.NameOf(err) != "GlanceConnectionFailed" {
		t.Errorf("without a token: %v", err)
	}
	if _, err := newClient(t, client.Options{Servers: []string{server.URL}}).Image(t.Context(), i.ID); fault.NameOf(err) != "ImageNotAuthorized" {
		t.Errorf("nobody: %v", err)
	}
}

// A token does not follow a redirect.
func TestRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with the token %q", r.Header.Get("X-Auth-Token"))
	}))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	_, err := newClient(t, client.Options{Servers: []string{server.URL}}).Image(caller(t), uuid.NewString())
	if fault.NameOf(err) != "GlanceConnectionFailed" {
		t.Errorf("%v", err)
	}
}

// What does not answer is asked again, at the next server; what answers is not.
func TestRetries(t *testing.T) {
	f := fake.New()
	i := f.Add(glance.Image{}, nil)
	server := glancetest.Serve(t, f)
	var requests atomic.Int64
	var refusals atomic.Int64
	var status atomic.Int64
	status.Store(http.StatusServiceUnavailable)
	server.Before = func(w http.ResponseWriter, _ *http.Request) bool {
		requests.Add(1)
		if refusals.Add(-1) >= 0 {
			w.WriteHeader(int(status.Load()))
			return true
		}
		return false
	}
	refusals.Store(1)
	if _, err := newClient(t, client.Options{Servers: []string{server.URL}, Retries: 1}).Image(caller(t), i.ID); err != nil || requests.Load() != 2 {
		t.Errorf("after one refusal: %v, %d requests", err, requests.Load())
	}
	refusals.Store(2)
	if _, err := newClient(t, client.Options{Servers: []string{server.URL}, Retries: 1}).Image(caller(t), i.ID); fault.NameOf(err) != "GlanceConnectionFailed" {
		t.Errorf("after two refusals: %v", err)
	}
	requests.Store(0)
	refusals.Store(1)
	status.Store(http.StatusInternalServerError)
	if _, err := newClient(t, client.Options{Servers: []string{server.URL}, Retries: 5}).Image(caller(t), i.ID); fault.NameOf(err) != "GlanceConnectionFailed" || requests.Load() != 1 {
		t.Errorf("after an error of the service: %v, %d requests", err, requests.Load())
	}
	// Nobody listens at one of two servers; whichever comes first, the other helps.
	gone := httptest.NewServer(nil)
	gone.Close()
	refusals.Store(0)
	two := newClient(t, client.Options{Servers: []string{gone.URL, server.URL}, Retries: 1})
	for range 2 {
		if _, err := two.Image(caller(t), i.ID); err != nil {
			t.Errorf("with one of two servers: %v", err)
		}
	}
}

// The service's own words reach the user without markup, and in measure.
func TestWords(t *testing.T) {
	for body, want := range map[string]string{
		"<html>\n <head>\n  <title>400 Bad Request</title>\n </head>\n <body>\n  <h1>400 Bad Request</h1>\n  Invalid <b>container</b> format &#39;x&#39; for\n image.<br /><br />\n </body>\n</html>": "Invalid container format 'x' for image.",
		`{"message": "Bad \u0000thing", "code": "400"}`: "Bad thing",
		strings.Repeat("y", 1000):                       strings.Repeat("y", 300) + "...",
		"":                                              "it did not say why",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, body)
		}))
		_, err := newClient(t, client.Options{Servers: []string{server.URL}}).Image(caller(t), uuid.NewString())
		if !fault.Is(err, fault.Invalid) || fault.UserText(err) != "The image service refused it: "+want {
			t.Errorf("%q became %v", body, err)
		}
		server.Close()
	}
}

func TestStatuses(t *testing.T) {
	for status, name := range map[int]string{401: "ImageNotAuthorized", 403: "ImageNotAuthorized", 404: "ImageNotFound", 413: "ImageLimitExceeded",
		415: "Invalid", 409: "", 410: "", 500: "GlanceConnectionFailed", 418: "GlanceConnectionFailed", 204: "GlanceConnectionFailed"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		_, err := newClient(t, client.Options{Servers: []string{server.URL}}).Image(caller(t), uuid.NewString())
		if err == nil || fault.NameOf(err) != name {
			t.Errorf("%d: %v (%q), want %q", status, err, fault.NameOf(err), name)
		}
		server.Close()
	}
}

// An answer without end does not fill the memory.
func TestLongAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"name": "`)
		for {
			if _, err := w.Write(bytes.Repeat([]byte{'x'}, 1<<20)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	_, err := newClient(t, client.Options{Servers: []string{server.URL}}).Image(caller(t), uuid.NewString())
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

// breaking serves an image whose download breaks off after a part, the first few times.
type breaking struct {
	content []byte
	part    int
	breaks  atomic.Int64
	ranges  bool // whether it knows ranges
	asked   []string
}

func (b *breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.asked = append(b.asked, r.Header.Get("Range"))
	content, status := b.content, http.StatusOK
	var from int
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil && b.ranges {
		content, status = content[from:], http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(b.content)-1, len(b.content)))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	w.WriteHeader(status)
	if b.breaks.Add(-1) >= 0 {
		_, _ = w.Write(content[:b.part])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(content)
}

func TestDownloadGoesOn(t *testing.T) {
	for name, ranges := range map[string]bool{"with ranges": true, "without ranges": false} {
		t.Run(name, func(t *testing.T) {
			b := &breaking{content: glancetest.Noise(300_000), part: 100_000, ranges: ranges}
			b.breaks.Store(1)
			server := httptest.NewServer(b)
			t.Cleanup(server.Close)
			c := newClient(t, client.Options{Servers: []string{server.URL}, Retries: 1})
			body, err := c.Download(caller(t), uuid.NewString())
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			if err := errors.Join(err, body.Close()); err != nil || !bytes.Equal(got, b.content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if len(b.asked) != 2 || b.asked[0] != "" || b.asked[1] == "" {
				t.Errorf("asked for %q", b.asked)
			}
			b.breaks.Store(2) // more than it may
			if body, err = c.Download(caller(t), uuid.NewString()); err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			if got, err := io.ReadAll(body); fault.NameOf(err) != "GlanceConnectionFailed" {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// A service that falls silent is given up, in the middle of an answer or of taking one.
func TestStall(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(make([]byte, 10))
			w.(http.Flusher).Flush()
		}
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	c := newClient(t, client.Options{Servers: []string{server.URL}, Timeout: 50 * time.Millisecond})
	body, err := c.Download(caller(t), uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadAll(body); fault.NameOf(err) != "GlanceConnectionFailed" {
		t.Errorf("download: %v", err)
	}
	err = c.Upload(caller(t), uuid.NewString(), glance.Upload{SizeBytes: 100 << 20}, io.LimitReader(zeros{}, 100<<20))
	if fault.NameOf(err) != "GlanceConnectionFailed" {
		t.Errorf("upload: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestUploadHeaders(t *testing.T) {
	f := fake.New()
	server := glancetest.Serve(t, f)
	var seen *http.Request
	server.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		seen = r.Clone(context.Background())
		return false
	}
	c := newClient(t, client.Options{Servers: []string{server.URL}})
	i := f.Add(glance.Image{Owner: "p", Status: glance.StatusQueued}, nil)
	u := glance.Upload{SizeBytes: 3, StoreID: "fast", BaseImageID: "b"}
	if err := c.Upload(caller(t), i.ID, u, strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	if seen.ContentLength != 3 || seen.Header.Get("X-Image-Meta-Store") != "fast" || seen.Header.Get("X-OpenStack-Base-Image-Ref") != "b" {
		t.Errorf("length %d, headers %v", seen.ContentLength, seen.Header)
	}
}

func TestTLS(t *testing.T) {
	f := fake.New()
	i := f.Add(glance.Image{}, nil)
	plain := glancetest.Serve(t, f)
	server := httptest.NewTLSServer(plain.Config.Handler)
	t.Cleanup(server.Close)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]client.Options{"CA": {CAFile: ca}, "insecure": {Insecure: true}} {
		o.Servers = []string{server.URL}
		if _, err := newClient(t, o).Image(caller(t), i.ID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newClient(t, client.Options{Servers: []string{server.URL}}).Image(caller(t), i.ID); fault.NameOf(err) != "GlanceConnectionFailed" {
		t.Errorf("an unknown authority: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]client.Options{"glance_ca_certificates_file cannot be read": {CAFile: "/nonexistent"},
		"glance_ca_certificates_file holds no certificate": {CAFile: empty}, "glance_certfile": {CertFile: ca, KeyFile: empty}} {
		if _, err := client.New(o); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
