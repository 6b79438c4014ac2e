package middleware

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

func settings() Settings {
	return Settings{
		MaxRequestBodyBytes: 100,
		CORS: CORSSettings{AllowedOrigins: []string{"http://ui"}, AllowCredentials: true, ExposeHeaders: []string{"X-Auth-Token", "X-B"},
			MaxAgeSeconds: 3600, AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"X-Auth-Token"}},
	}
}

func filter(t *testing.T, factory Factory, local map[string]string, app http.HandlerFunc) http.Handler {
	t.Helper()
	f, err := factory(local)
	if err != nil {
		t.Fatal(err)
	}
	return f(app)
}

func request(t *testing.T, method, target, body string, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRequestID(t *testing.T) {
	var seen reqctx.Request
	h := filter(t, Filters{}.RequestID, nil, func(_ http.ResponseWriter, r *http.Request) { seen = reqctx.From(r.Context()) })
	const global = "req-01234567-89ab-cdef-0123-456789abcdef"
	w := serve(h, request(t, "GET", "/", "", "X-OpenStack-Request-ID: "+global))
	if seen.GlobalRequestID != global || !requestIDForm.MatchString(seen.RequestID) || seen.RequestID == global || seen.RemoteAddress != "192.0.2.1" {
		t.Errorf("%+v", seen)
	}
	if w.Header().Get("x-openstack-request-id") != seen.RequestID {
		t.Error(w.Header())
	}
	serve(h, request(t, "GET", "/", "", "X-OpenStack-Request-ID: "+global+"\n; rm"))
	if seen.GlobalRequestID != "" {
		t.Errorf("took up %q", seen.GlobalRequestID)
	}
}

func TestFaultWrap(t *testing.T) {
	var log bytes.Buffer
	f := Filters{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	w := serve(filter(t, f.FaultWrap, nil, func(http.ResponseWriter, *http.Request) { panic("secret") }), request(t, "GET", "/x", ""))
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"computeFault"`) || strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret") {
		t.Errorf("%d %s; log %s", w.Code, w.Body, log.String())
	}
	w = serve(filter(t, f.FaultWrap, nil, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(202)
		panic("late")
	}), request(t, "GET", "/x", ""))
	if w.Code != 202 || w.Body.Len() > 0 {
		t.Errorf("wrote twice: %d %s", w.Code, w.Body)
	}
}

func TestSizeLimit(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(400)
			return
		}
		_, _ = w.Write(body)
	}
	for _, test := range []struct {
		local   map[string]string
		size    int
		chunked bool
		want    int
	}{
		{nil, 100, false, 200}, {nil, 101, false, 413}, {nil, 100, true, 200}, {nil, 101, true, 400}, {map[string]string{"max_request_body_size": "5"}, 6, false, 413},
	} {
		r := request(t, "POST", "/", strings.Repeat("x", test.size))
		if test.chunked {
			r.ContentLength = -1
		}
		if w := serve(filter(t, Filters{Settings: settings()}.SizeLimit, test.local, echo), r); w.Code != test.want {
			t.Errorf("%+v: %d", test, w.Code)
		}
	}
	if _, err := (Filters{}).SizeLimit(map[string]string{"max_request_body_size": "x"}); err == nil {
		t.Error("a bad size is accepted")
	}
}

func TestHTTPProxyToWSGI(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, wsgi.ApplicationURL(r, "")+" "+r.RemoteAddr+" "+reqctx.From(r.Context()).RemoteAddress)
	}
	on := map[string]string{"enable_proxy_headers_parsing": "true"}
	for _, test := range []struct {
		local   map[string]string
		headers []string
		want    string
	}{
		{nil, []string{"X-Forwarded-Proto: https"}, "http://example.com/v3 192.0.2.1:1234 "},
		{on, []string{"X-Forwarded-Proto: https", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Prefix: /volume/"}, "https://example.com/volume/v3 10.0.0.1 10.0.0.1"},
		{on, []string{"X-Forwarded-Host: cloud:80"}, "http://cloud:80/v3 192.0.2.1:1234 "},
		{on, []string{`Forwarded: for=10.1.1.1;proto=https;host="cloud", for=x`, "X-Forwarded-Proto: http"}, "https://cloud/v3 10.1.1.1 10.1.1.1"},
		{on, []string{"X-Forwarded-Proto: javascript", "X-Forwarded-Prefix: //evil"}, "http://example.com/v3 192.0.2.1:1234 "},
		{on, []string{"Forwarded: host=a b/c;proto=;=;x"}, "http://example.com/v3 192.0.2.1:1234 "},
	} {
		h := filter(t, Filters{}.HTTPProxyToWSGI, test.local, func(w http.ResponseWriter, r *http.Request) {
			http.StripPrefix("/v3", http.HandlerFunc(show)).ServeHTTP(w, r)
		})
		if got := serve(h, request(t, "GET", "/v3/volumes", "", test.headers...)).Body.String(); got != test.want {
			t.Errorf("%v: %s", test.headers, got)
		}
	}
}

func TestNoAuth(t *testing.T) {
	var seen reqctx.Request
	app := func(_ http.ResponseWriter, r *http.Request) { seen = reqctx.From(r.Context()) }
	for token, want := range map[string][2]string{"fed:abc": {"fed", "abc"}, "fed": {"fed", "fed"}, "fed:": {"fed", "fed"}, "fed:a:b": {"fed", "a:b"}} {
		serve(filter(t, Filters{}.NoAuth, nil, app), request(t, "GET", "/", "", "X-Auth-Token: "+token))
		if seen.UserID != want[0] || seen.ProjectID != want[1] || !seen.IsAdmin || !seen.HasRole("admin") {
			t.Errorf("%s: %+v", token, seen)
		}
	}
	for _, test := range []struct {
		factory Factory
		headers []string
		token   string
		url     string
	}{
		{Filters{}.NoAuth, nil, "admin:admin", "http://example.com/v3"},
		{Filters{}.NoAuth, []string{"X-Auth-User: fed", "X-Auth-Project-Id: abc"}, "fed:abc", "http://example.com/v3"},
		{Filters{}.NoAuthIncludeProjectID, []string{"X-Auth-User: fed", "X-Auth-Project-Id: abc"}, "fed:abc", "http://example.com/v3/abc"},
	} {
		w := serve(filter(t, test.factory, nil, app), request(t, "GET", "/v3/", "", test.headers...))
		if w.Code != 204 || w.Header().Get("X-Auth-Token") != test.token || w.Header().Get("X-Server-Management-Url") != test.url {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
	s := Settings{UseForwardedFor: true}
	serve(filter(t, Filters{Settings: s}.NoAuth, nil, app), request(t, "GET", "/", "", "X-Auth-Token: a:b", "X-Forwarded-For: 10.0.0.9"))
	if seen.RemoteAddress != "10.0.0.9" {
		t.Error(seen.RemoteAddress)
	}
}

func TestCORS(t *testing.T) {
	app := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			wsgi.NotFound(w, r)
			return
		}
		w.Header().Set("Vary", "OpenStack-API-Version")
		_, _ = io.WriteString(w, "body")
	}
	project := map[string]string{"oslo_config_project": "cinder"}
	for _, test := range []struct {
		name    string
		local   map[string]string
		method  string
		headers []string
		want    map[string]string
		body    string
	}{
		{"no browser", project, "GET", nil, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "OpenStack-API-Version"}, "body"},
		{"known origin", project, "GET", []string{"Origin: http://ui"}, map[string]string{"Access-Control-Allow-Origin": "http://ui",
			"Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "X-Auth-Token,X-B", "Vary": "OpenStack-API-Version,Origin"}, "body"},
		{"unknown origin", project, "GET", []string{"Origin: http://evil"}, map[string]string{"Access-Control-Allow-Origin": ""}, "body"},
		{"any origin", map[string]string{"allowed_origin": "*", "allow_credentials": "no"}, "GET", []string{"Origin: http://evil"},
			map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": ""}, "body"},
		{"preflight", project, "OPTIONS", []string{"Origin: http://ui", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-auth-token, Accept"},
			map[string]string{"Access-Control-Allow-Origin": "http://ui", "Access-Control-Allow-Methods": "PUT", "Access-Control-Max-Age": "3600",
				"Access-Control-Allow-Headers": "x-auth-token,Accept", "Vary": "Origin"}, ""},
		{"preflight, other method", project, "OPTIONS", []string{"Origin: http://ui", "Access-Control-Request-Method: PATCH"}, map[string]string{"Access-Control-Allow-Origin": ""}, ""},
		{"preflight, other header", project, "OPTIONS", []string{"Origin: http://ui", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: X-Evil"},
			map[string]string{"Access-Control-Allow-Origin": ""}, ""},
		{"options of no browser", project, "OPTIONS", nil, map[string]string{"Access-Control-Allow-Origin": "", "Content-Type": ""}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := serve(filter(t, Filters{Settings: settings()}.CORS, test.local, app), request(t, test.method, "/", "", test.headers...))
			if w.Code != 200 || w.Body.String() != test.body {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			for name, want := range test.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s is %q, not %q", name, got, want)
				}
			}
		})
	}
	for _, local := range []map[string]string{{}, {"allowed_origin": "x", "max_age": "x"}, {"allowed_origin": "x", "allow_credentials": "x"}} {
		if _, err := (Filters{}).CORS(local); err == nil {
			t.Errorf("%v is accepted", local)
		}
	}
}

func TestHealthcheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "disabled")
	app, err := Filters{}.Healthcheck(map[string]string{"backends": "disable_by_file", "disable_by_file_path": file})
	if err != nil {
		t.Fatal(err)
	}
	check := func(method, accept string, status int, contentType, body string) {
		t.Helper()
		w := serve(app, request(t, method, "/healthcheck", "", "Accept: "+accept))
		if w.Code != status || !strings.HasPrefix(w.Header().Get("Content-Type"), contentType) || w.Body.String() != body && body != "*" {
			t.Errorf("%s %s: %d %v %s", method, accept, w.Code, w.Header(), w.Body)
		}
	}
	check("GET", "", 200, "text/plain", "OK")
	check("GET", "*/*", 200, "text/plain", "OK")
	check("GET", "image/png", 200, "text/plain", "OK")
	check("HEAD", "", 204, "text/plain", "")
	check("GET", "application/json", 200, "application/json", "{\n    \"detailed\": false,\n    \"reasons\": [\n        \"OK\"\n    ]\n}")
	check("GET", "text/html, application/json;q=0.5", 200, "text/html", "*")
	check("GET", "text/*;q=0.1, application/json;q=0.5", 200, "application/json", "*")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check("GET", "", 503, "text/plain", "DISABLED BY FILE")
	check("HEAD", "", 503, "text/plain", "")
}

func TestHealthcheckSettings(t *testing.T) {
	app := func(local map[string]string) http.Handler {
		t.Helper()
		h, err := Filters{}.Healthcheck(local)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	var detailed struct {
		Detailed bool
		Reasons  []struct{ Class, Details, Reason string }
	}
	w := serve(app(map[string]string{"backends": "enable_by_files", "enable_by_file_paths": "/nowhere/<x>", "detailed": "true"}), request(t, "GET", "/", "", "Accept: application/json"))
	if err := json.Unmarshal(w.Body.Bytes(), &detailed); err != nil || w.Code != 503 || !detailed.Detailed || detailed.Reasons[0].Reason != "FILE PATH MISSING" {
		t.Errorf("%v %d %s", err, w.Code, w.Body)
	}
	w = serve(app(map[string]string{"backends": "enable_by_files", "enable_by_file_paths": "/nowhere/<x>", "detailed": "true"}), request(t, "GET", "/", "", "Accept: text/html"))
	if strings.Contains(w.Body.String(), "<x>") || !strings.Contains(w.Body.String(), "&lt;x&gt;") {
		t.Errorf("%s", w.Body)
	}
	ranges := app(map[string]string{"allowed_source_ranges": "10.0.0.0/8"})
	if w := serve(ranges, request(t, "GET", "/", "")); w.Code != 404 { // from 192.0.2.1
		t.Error(w.Code)
	}
	proxied := app(map[string]string{"ignore_proxied_requests": "true"})
	if w := serve(proxied, request(t, "GET", "/", "", "X-Forwarded-For: 1.1.1.1")); w.Code != 404 {
		t.Error(w.Code)
	}
	server := httptest.NewServer(app(nil))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":")+1:]
	byPort := httptest.NewUnstartedServer(app(map[string]string{"backends": "disable_by_files_ports", "disable_by_file_paths": "1:/," + port + ":/nowhere"}))
	byPort.Start()
	defer byPort.Close()
	answer, err := http.Get(byPort.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		t.Error(answer.StatusCode)
	}
	for _, local := range []map[string]string{
		{"backends": "magic"}, {"allowed_source_ranges": "10"}, {"detailed": "maybe"}, {"ignore_proxied_requests": "x"},
		{"backends": "disable_by_file,enable_by_files"}, {"backends": "disable_by_files_ports", "disable_by_file_paths": "x"},
	} {
		if _, err := (Filters{}).Healthcheck(local); err == nil {
			t.Errorf("%v is accepted", local)
		}
	}
}

func TestDisabledByPort(t *testing.T) {
	here := t.TempDir()
	check, err := newHealthCheck("disable_by_files_ports", HealthcheckSettings{DisableByFilePaths: []string{"8776:" + here, "8777:/nowhere"}})
	if err != nil {
		t.Fatal(err)
	}
	for port, want := range map[int]bool{8776: false, 8777: true, 8778: true} {
		if got := check(port); got.available != want {
			t.Errorf("%d: %+v", port, got)
		}
	}
}

func TestOptionsAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cinder.conf")
	if err := os.WriteFile(file, []byte("[DEFAULT]\nosapi_max_request_body_size = 500\n[cors]\nallowed_origin = http://a,http://b\n[healthcheck]\nbackends = disable_by_file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	options := NewOptions(CORSSettings{AllowMethods: []string{"GET"}})
	c, err := config.Load(config.Sources{Files: []string{file}}, options.All()...)
	if err != nil {
		t.Fatal(err)
	}
	got := options.Settings(c)
	if got.MaxRequestBodyBytes != 500 || len(got.CORS.AllowedOrigins) != 2 || got.CORS.AllowMethods[0] != "GET" || got.Healthcheck.Backends[0] != "disable_by_file" || got.CORS.MaxAgeSeconds != 3600 {
		t.Errorf("%+v", got)
	}
}

func TestFactoriesHaveTheNamesOfPasteFiles(t *testing.T) {
	for name, factory := range (Filters{Settings: settings()}).Factories() {
		if _, err := factory(map[string]string{"oslo_config_project": "cinder"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
