package authtoken_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/reqctx"
)

// keystone validates the tokens of a table.
type keystone struct {
	tokens map[string]*authtoken.Token
	away   atomic.Bool
	asked  atomic.Int64
	slow   time.Duration
}

func (k *keystone) Validate(_ context.Context, token string, allowExpired bool) (*authtoken.Token, error) {
	k.asked.Add(1)
	time.Sleep(k.slow)
	if k.away.Load() {
		return nil, fault.New(fault.Unavailable, "", "keystone is away")
	}
	t, ok := k.tokens[token]
	if !ok || !allowExpired && !time.Now().Before(t.ExpiresAt) {
		return nil, fault.New(fault.NotFound, "", "no such token")
	}
	return t, nil
}

func ref(id string) authtoken.Ref { return authtoken.Ref{ID: id, Name: "the " + id} }

func token(roles ...string) *authtoken.Token {
	return &authtoken.Token{User: ref("u"), UserDomain: ref("d"), Project: ref("p"), ProjectDomain: ref("e"), Roles: roles,
		ExpiresAt: time.Now().Add(time.Hour), Catalog: `[{"type":"image"}]`}
}

func expired(t *authtoken.Token) *authtoken.Token {
	t.ExpiresAt = time.Now().Add(-time.Minute)
	return t
}

func newKeystone() *keystone {
	system := &authtoken.Token{User: ref("u"), UserDomain: ref("d"), System: true, Roles: []string{"admin"}, ExpiresAt: time.Now().Add(time.Hour)}
	ruled := token("member")
	ruled.AccessRules = []authtoken.Rule{{Service: "volumev3", Method: "GET", Path: "/v3/*/volumes"}}
	nothing := token("member")
	nothing.AccessRules = []authtoken.Rule{}
	return &keystone{tokens: map[string]*authtoken.Token{"good": token("member", "reader"), "old": expired(token("member")), "service": token("service"),
		"nova": token("member"), "system": system, "ruled": ruled, "nothing": nothing}}
}

func settings() authtoken.Settings {
	return authtoken.Settings{WWWAuthenticateURI: "http://keystone:5000/v3", IncludeServiceCatalog: true, ServiceTokenRoles: []string{"service"},
		ServiceTokenRolesRequired: true, ServiceTypes: []string{"volumev3", "block-storage"}}
}

// ask sends a request through the filter, and gives the answer and the headers the application saw; nil if it was not reached.
func ask(t *testing.T, p authtoken.Protocol, local map[string]string, path string, headers ...string) (*httptest.ResponseRecorder, http.Header, authtoken.Caller) {
	t.Helper()
	filter, err := p.Factory(local)
	if err != nil {
		t.Fatal(err)
	}
	var seen http.Header
	var caller authtoken.Caller
	app := filter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen, caller = r.Header.Clone(), authtoken.From(r.Context())
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header[name] = append(r.Header[name], value) // as it is spelt
	}
	sent := r.Header.Clone()
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if d := cmp.Diff(sent, r.Header); d != "" {
		t.Errorf("the request of others was changed:\n%s", d)
	}
	return w, seen, caller
}

func TestHeaders(t *testing.T) {
	p := authtoken.Protocol{Validator: newKeystone(), Settings: settings()}
	w, seen, caller := ask(t, p, nil, "/v3", "X-Auth-Token: good", "Accept: */*")
	want := map[string]string{"X-Auth-Token": "good", "Accept": "*/*", "X-Identity-Status": "Confirmed", "X-User-Id": "u", "X-User-Name": "the u",
		"X-User-Domain-Id": "d", "X-User-Domain-Name": "the d", "X-Project-Id": "p", "X-Project-Name": "the p", "X-Project-Domain-Id": "e",
		"X-Project-Domain-Name": "the e", "X-Roles": "member,reader", "X-Is-Admin-Project": "True", "X-Role": "member,reader", "X-User": "the u",
		"X-Tenant-Id": "p", "X-Tenant-Name": "the p", "X-Tenant": "the p", "X-Service-Catalog": `[{"type":"image"}]`}
	got := map[string]string{}
	for name := range seen {
		got[name] = seen.Get(name)
	}
	if d := cmp.Diff(want, got); d != "" || w.Code != http.StatusOK {
		t.Errorf("%d (-want +got):\n%s", w.Code, d)
	}
	if caller.Text != "good" || caller.Token.User.ID != "u" || caller.Service != nil {
		t.Errorf("%+v", caller)
	}
	_, seen, _ = ask(t, p, nil, "/v3", "X-Auth-Token: system")
	if seen.Get("OpenStack-System-Scope") != "all" || seen.Get("X-Project-Id") != "" {
		t.Errorf("system: %v", seen)
	}
	_, seen, caller = ask(t, p, map[string]string{"include_service_catalog": "false"}, "/v3", "X-Auth-Token: good", "X-Service-Token: service")
	if seen.Get("X-Service-Roles") != "service" || seen.Get("X-Service-User-Id") != "u" || seen.Get("X-Service-Identity-Status") != "Confirmed" ||
		seen.Get("X-Service-Catalog") != "" || caller.Service == nil {
		t.Errorf("with a service: %v", seen)
	}
}

// TestForgedHeaders sends every header the filter sets, in several spellings.
func TestForgedHeaders(t *testing.T) {
	p := authtoken.Protocol{Validator: newKeystone(), Settings: settings()}
	_, seen, _ := ask(t, p, nil, "/v3", "X-Auth-Token: good", "X-Service-Token: service")
	system := http.Header{"Openstack-System-Scope": nil}
	maps.Copy(system, seen)
	var forged []string
	for name := range system {
		switch name {
		case "X-Auth-Token", "X-Service-Token":
		default:
			forged = append(forged, name+": forged", strings.ToLower(name)+": forged", strings.ReplaceAll(name, "-", "_")+": forged")
		}
	}
	for _, who := range []string{"good", "bad"} {
		_, seen, _ := ask(t, p, map[string]string{"delay_auth_decision": "yes"}, "/v3", append(forged, "X-Auth-Token: "+who)...)
		for name, values := range seen {
			if strings.Contains(strings.Join(values, " "), "forged") {
				t.Errorf("%s: a forged %s reaches the application", who, name)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"no token":                          {nil, 401},
		"a bad one":                         {[]string{"X-Auth-Token: bad"}, 401},
		"an expired one":                    {[]string{"X-Auth-Token: old"}, 401},
		"expired, with a service":           {[]string{"X-Auth-Token: old", "X-Service-Token: service"}, 200},
		"expired, with one who is none":     {[]string{"X-Auth-Token: old", "X-Service-Token: nova"}, 401},
		"good, with a service that is none": {[]string{"X-Auth-Token: good", "X-Service-Token: nova"}, 401},
		"good, with a bad service token":    {[]string{"X-Auth-Token: good", "X-Service-Token: bad"}, 401},
		"good, with an expired service":     {[]string{"X-Auth-Token: good", "X-Service-Token: old"}, 401},
		"a service alone":                   {[]string{"X-Service-Token: service"}, 401},
		"in the other header":               {[]string{"X-Storage-Token: good"}, 200},
		"with white space":                  {[]string{"X-Auth-Token:  good "}, 200},
	} {
		w, seen, _ := ask(t, authtoken.Protocol{Validator: newKeystone(), Settings: settings()}, nil, "/v3", c.headers...)
		if w.Code != c.status || (seen != nil) != (c.status == 200) {
			t.Errorf("%s: %d, %v", name, w.Code, seen)
		}
		if c.status != 401 {
			continue
		}
		var body struct {
			Error struct {
				Code           int
				Title, Message string
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error.Code != 401 || body.Error.Title != "Unauthorized" ||
			body.Error.Message != "The request you have made requires authentication." || w.Header().Get("WWW-Authenticate") != `Keystone uri="http://keystone:5000/v3"` {
			t.Errorf("%s: %s %v %v", name, w.Body, w.Header(), err)
		}
	}
}

func TestDelayedDecision(t *testing.T) {
	k := newKeystone()
	p := authtoken.Protocol{Validator: k, Settings: settings()}
	p.Settings.DelayAuthDecision = true
	for _, headers := range [][]string{nil, {"X-Auth-Token: bad"}, {"X-Auth-Token: good", "X-Service-Token: bad"}} {
		w, seen, caller := ask(t, p, nil, "/v3", headers...)
		if w.Code != 200 || seen.Get("X-Identity-Status") != "Invalid" || caller.Token != nil || seen.Get("X-User-Id") != "" {
			t.Errorf("%v: %d %v", headers, w.Code, seen)
		}
	}
	k.away.Store(true)
	if w, seen, _ := ask(t, p, nil, "/v3", "X-Auth-Token: good"); w.Code != 200 || seen.Get("X-Identity-Status") != "Invalid" {
		t.Errorf("keystone away: %d %v", w.Code, seen)
	}
	if w, _, _ := ask(t, p, nil, "/refused"); w.Header().Get("WWW-Authenticate") == "" {
		t.Error("an application's 401 does not say where to get a token")
	}
}

func TestServiceTokenRolesNotRequired(t *testing.T) {
	p := authtoken.Protocol{Validator: newKeystone(), Settings: settings()}
	off := map[string]string{"service_token_roles_required": "False"}
	if w, seen, _ := ask(t, p, off, "/v3", "X-Auth-Token: good", "X-Service-Token: nova"); w.Code != 200 || seen.Get("X-Service-Roles") != "member" {
		t.Errorf("%d %v", w.Code, seen)
	}
	if w, _, _ := ask(t, p, off, "/v3", "X-Auth-Token: old", "X-Service-Token: nova"); w.Code != 401 {
		t.Errorf("an expired token with a service that has no role: %d", w.Code)
	}
	if w, _, _ := ask(t, p, map[string]string{"service_token_roles": "x, member"}, "/v3", "X-Auth-Token: old", "X-Service-Token: nova"); w.Code != 200 {
		t.Errorf("another role: %d", w.Code)
	}
	for _, wrong := range []map[string]string{{"delay_auth_decision": "perhaps"}, {"include_service_catalog": ""}} {
		if _, err := p.Factory(wrong); err == nil {
			t.Errorf("%v is accepted", wrong)
		}
	}
}

func TestAccessRules(t *testing.T) {
	p := authtoken.Protocol{Validator: newKeystone(), Settings: settings()}
	for _, c := range []struct {
		token, path string
		status      int
	}{{"ruled", "/v3/p/volumes", 200}, {"ruled", "/v3/p/volumes/1", 401}, {"ruled", "/v3/volumes", 401}, {"nothing", "/v3/p/volumes", 401}} {
		if w, _, _ := ask(t, p, nil, c.path, "X-Auth-Token: "+c.token); w.Code != c.status {
			t.Errorf("%s on %s: %d", c.token, c.path, w.Code)
		}
	}
	if w, _, _ := ask(t, p, nil, "/v3/p/snapshots", "X-Auth-Token: ruled", "X-Service-Token: service"); w.Code != 200 {
		t.Errorf("with a service: %d", w.Code)
	}
	p.Settings.ServiceTypes = nil
	if w, _, _ := ask(t, p, nil, "/v3/p/volumes", "X-Auth-Token: ruled"); w.Code != 401 {
		t.Errorf("a filter that does not know what it is: %d", w.Code)
	}
}

func TestRule(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/v3/volumes", "/v3/volumes", true}, {"/v3/volumes", "/v3/volumes/1", false}, {"/v3/*/volumes", "/v3/p/volumes", true},
		{"/v3/{project_id}/volumes/{id}", "/v3/p/volumes/1", true}, {"/v3/{project_id}/volumes", "/v3//volumes", false}, {"/v3/**", "/v3/a/b", true},
		{"/v3/**", "/v2/a", false}, {"**", "/any/thing", true}, {"/v3/vol*", "/v3/volumes", true}, {"/v3/vol*", "/v3/volumes/1", false},
		{"/v3/.*", "/v3/volumes", false}, {"/v3/(a|b)", "/v3/a", false}, {strings.Repeat("*", 2000), "/v3", false},
	} {
		r := authtoken.Rule{Service: "volumev3", Method: "get", Path: c.pattern}
		if got := r.Allows([]string{"volumev3"}, "GET", c.path); got != c.want {
			t.Errorf("%.40q on %q: %v", c.pattern, c.path, got)
		}
	}
	r := authtoken.Rule{Service: "volumev3", Method: "GET", Path: "**"}
	if r.Allows([]string{"image"}, "GET", "/") || r.Allows([]string{"volumev3"}, "POST", "/") {
		t.Error("another service or method")
	}
}

func TestCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeystone()
		p := authtoken.Protocol{Validator: authtoken.Cached(k, 5*time.Minute, time.Now), Settings: settings()}
		status := func(token string) int {
			w, _, _ := ask(t, p, nil, "/v3", "X-Auth-Token: "+token)
			return w.Code
		}
		for range 3 {
			if status("good") != 200 || status("bad") != 401 {
				t.Error("wrong answers")
			}
		}
		if n := k.asked.Load(); n != 2 {
			t.Errorf("keystone was asked %d times about two tokens", n)
		}
		k.away.Store(true)
		if status("good") != 200 || status("bad") != 401 || status("nova") != 503 {
			t.Error("with keystone away")
		}
		time.Sleep(6 * time.Minute)
		if got := status("good"); got != 503 {
			t.Errorf("with keystone away for long: %d", got)
		}
		k.away.Store(false)
		if status("good") != 200 || status("nova") != 200 {
			t.Error("with keystone back")
		}
		delete(k.tokens, "good") // revoked
		time.Sleep(5*time.Minute + time.Second)
		if got := status("good"); got != 401 {
			t.Errorf("a revoked token, once its time in memory is over: %d", got)
		}
	})
}

func TestCachedTokensExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeystone()
		k.tokens["short"] = token("member")
		k.tokens["short"].ExpiresAt = time.Now().Add(time.Minute)
		p := authtoken.Protocol{Validator: authtoken.Cached(k, 5*time.Minute, time.Now), Settings: settings()}
		if w, _, _ := ask(t, p, nil, "/v3", "X-Auth-Token: short"); w.Code != 200 {
			t.Error(w.Code)
		}
		time.Sleep(61 * time.Second)
		if w, _, _ := ask(t, p, nil, "/v3", "X-Auth-Token: short"); w.Code != 401 {
			t.Errorf("a token that expired in memory: %d", w.Code)
		}
	})
}

func TestCacheAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeystone()
		k.slow = time.Second
		v := authtoken.Cached(k, time.Minute, time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		results := make(chan error, 50)
		go func() {
			_, err := v.Validate(ctx, "good", false) // gives up early and takes nobody along
			results <- err
		}()
		for range 49 {
			go func() {
				_, err := v.Validate(t.Context(), "good", false)
				results <- err
			}()
		}
		gaveUp := 0
		for range 50 {
			if err := <-results; errors.Is(err, context.DeadlineExceeded) {
				gaveUp++
			} else if err != nil {
				t.Error(err)
			}
		}
		if n := k.asked.Load(); n != 1 || gaveUp != 1 {
			t.Errorf("asked %d times, %d gave up", n, gaveUp)
		}
	})
}

// TestCacheIsBounded tries more bad tokens than are remembered, and a good one stays.
func TestCacheIsBounded(t *testing.T) {
	k := newKeystone()
	v := authtoken.Cached(k, time.Hour, time.Now)
	if _, err := v.Validate(t.Context(), "good", false); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * authtoken.MaxCached {
		if _, err := v.Validate(t.Context(), "x"+strconv.Itoa(i), false); !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	}
	before := k.asked.Load()
	if _, err := v.Validate(t.Context(), "good", false); err != nil || k.asked.Load() != before {
		t.Errorf("the good token was forgotten: %v", err)
	}
}

func TestKeystoneContext(t *testing.T) {
	filter, err := authtoken.KeystoneContext(func(r reqctx.Request) bool { return r.HasRole("admin") })(nil)
	if err != nil {
		t.Fatal(err)
	}
	var seen reqctx.Request
	app := filter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = reqctx.From(r.Context()) }))
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v3", nil)
	r.Header.Set("X-User-Id", "forged")
	r.Header.Set("X-Roles", "admin")
	w := httptest.NewRecorder()
	if app.ServeHTTP(w, r); w.Code != http.StatusUnauthorized || seen.UserID != "" {
		t.Errorf("without the filter before it: %d %+v", w.Code, seen)
	}
	k := newKeystone()
	ctx := reqctx.With(t.Context(), reqctx.Request{RequestID: "req-1", RemoteAddress: "192.0.2.1"})
	ctx = authtoken.With(ctx, authtoken.Caller{Token: k.tokens["good"], Service: k.tokens["service"], Text: "good"})
	app.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
	want := reqctx.Request{RequestID: "req-1", RemoteAddress: "192.0.2.1", ServiceCatalog: `[{"type":"image"}]`, UserID: "u", UserName: "the u", UserDomainID: "d", ProjectID: "p", ProjectName: "the p",
		ProjectDomainID: "e", Roles: []string{"member", "reader"}, ServiceRoles: []string{"service"}, AuthToken: "good"}
	if d := cmp.Diff(want, seen); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	app.ServeHTTP(httptest.NewRecorder(), r.WithContext(authtoken.With(t.Context(), authtoken.Caller{Token: k.tokens["system"]})))
	if !seen.IsAdmin || seen.SystemScope != "all" || seen.ProjectID != "" {
		t.Errorf("system: %+v", seen)
	}
}

// TestLogsKeepTokens looks for tokens in what is logged.
func TestLogsKeepTokens(t *testing.T) {
	var log strings.Builder
	k := newKeystone()
	p := authtoken.Protocol{Validator: k, Settings: settings(), Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	k.tokens["gAAAAAsecret"] = k.tokens["ruled"]
	for _, away := range []bool{false, true} {
		k.away.Store(away)
		for _, token := range []string{"gAAAAAsecret", "gAAAAAunknown"} {
			ask(t, p, nil, "/v3/x", "X-Auth-Token: "+token, "X-Service-Token: "+token)
		}
	}
	if text := log.String(); strings.Contains(text, "gAAAAA") || !strings.Contains(text, "level=") {
		t.Errorf("logged: %s", text)
	}
}

func FuzzRule(f *testing.F) {
	f.Add("/v3/{x}/**", "/v3/a/b")
	f.Add("/v3/[(*", "/v3/[(x")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		r := authtoken.Rule{Service: "s", Method: "GET", Path: pattern}
		if got := r.Allows([]string{"s"}, "GET", path); got && !strings.ContainsAny(pattern, "*{") && pattern != path {
			t.Errorf("%q allows %q", pattern, path)
		}
	})
}
