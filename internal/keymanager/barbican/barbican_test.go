package barbican_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/keymanager/barbican"
	"github.com/clinker/clinker/internal/keymanager/keymanagertest"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/reqctx"
)

var discard = slog.New(slog.DiscardHandler)

func account(s *keymanagertest.Site) keystone.Account {
	return keystone.Account{Group: "keystone_authtoken", AuthURL: s.URL + "/identity/v3", Username: "cinder", Password: "hush", ProjectName: "service"}
}

func login(t *testing.T, s *keymanagertest.Site) *keystone.Login {
	t.Helper()
	l, err := keystone.NewLogin(account(s))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func open(t *testing.T, o barbican.Options) *barbican.Client {
	t.Helper()
	if o.Log == nil {
		o.Log = discard
	}
	if o.RetryDelay == 0 {
		o.RetryDelay = time.Millisecond
	}
	c, err := barbican.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSuite runs the suite against a fake Barbican: found in the callers' catalog, and at an address of the configuration; with
// a service's token beside the callers', and without.
func TestSuite(t *testing.T) {
	for name, options := range map[string]func(t *testing.T, s *keymanagertest.Site) barbican.Options{
		"catalog": func(t *testing.T, s *keymanagertest.Site) barbican.Options {
			s.Looks = 2
			return barbican.Options{Region: "near", Service: login(t, s)}
		},
		"endpoint": func(t *testing.T, s *keymanagertest.Site) barbican.Options {
			return barbican.Options{Endpoint: s.URL + "/key-manager", Service: login(t, s), Beside: login(t, s)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			keymanagertest.Run(t, func(t *testing.T) (keymanager.Manager, func(string) context.Context) {
				s := keymanagertest.Serve(t)
				return open(t, options(t, s)), func(project string) context.Context { return s.As(t.Context(), project) }
			})
		})
	}
}

// TestAsWhom: a caller's key is asked for as the caller, what is the service's as the service, with a new token when the one that it
// had is no longer good; and what nobody asks for any more as the service too.
func TestAsWhom(t *testing.T) {
	s := keymanagertest.Serve(t)
	c := open(t, barbican.Options{Region: "near", Service: login(t, s), Beside: login(t, s)})
	ctx := s.As(t.Context(), "demo")
	if err := c.Delete(ctx, uuid.NewString()); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(c.AsService(ctx), uuid.NewString()); err != nil {
		t.Fatal(err)
	}
	s.Revoke()
	if err := c.Delete(t.Context(), uuid.NewString()); err != nil {
		t.Errorf("after its token was revoked: %v", err)
	}
	var got []string
	for _, h := range s.Headers() {
		got = append(got, h.Get("X-Auth-Token")+" "+h.Get("X-Service-Token")+" "+h.Get("X-OpenStack-Request-Id"))
	}
	if want := "of-demo login-1 req-1, login-2 login-1 req-1, login-2 login-1 , login-3 login-1 "; strings.Join(got, ", ") != want {
		t.Errorf("asked as %q, want %q", strings.Join(got, ", "), want)
	}
}

// TestWhereItIs: what catalogs and the configuration say of Barbican's address.
func TestWhereItIs(t *testing.T) {
	s := keymanagertest.Serve(t)
	for name, c := range map[string]struct {
		options barbican.Options
		catalog string
		says    string // "": it answers
	}{
		"nobody knows":       {barbican.Options{}, "", "nobody says where it is"},
		"no Barbican":        {barbican.Options{}, `[]`, "the catalog has no public address"},
		"first region":       {barbican.Options{}, s.Catalog(), "it does not answer"},
		"region":             {barbican.Options{Region: "near"}, s.Catalog(), ""},
		"with a version":     {barbican.Options{Region: "near", Interface: "internal"}, s.Catalog(), ""},
		"no such interface":  {barbican.Options{Region: "near", Interface: "admin"}, s.Catalog(), "no admin address"},
		"no catalog":         {barbican.Options{}, "{", "the catalog cannot be read"},
		"no address":         {barbican.Options{}, `[{"type": "key-manager", "endpoints": [{"publicURL": "barbican:9311"}]}]`, "is not its address"},
		"of the service":     {barbican.Options{Service: login(t, s)}, "", ""},
		"of the options":     {barbican.Options{Endpoint: s.URL + "/key-manager/v1/"}, "", ""},
		"before the catalog": {barbican.Options{Endpoint: s.URL + "/key-manager"}, "{", ""},
	} {
		ctx := reqctx.With(t.Context(), reqctx.Request{AuthToken: keymanagertest.Token("demo"), ServiceCatalog: c.catalog})
		err := open(t, c.options).Delete(ctx, uuid.NewString())
		if (err == nil) != (c.says == "") || err != nil && (!fault.Is(err, fault.Unavailable) || !strings.Contains(fault.UserText(err), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := open(t, barbican.Options{Region: "near"}).Delete(t.Context(), "x"); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "[keystone_authtoken]") {
		t.Errorf("nobody asks, and there is no account: %v", err)
	}
}

// TestRefused: what Barbican answers is a fault of the right kind, is logged, and brings neither a token nor a key along.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		logged string
	}{
		"not allowed": {403, `{"code": 403, "title": "Forbidden", "description": "Order creation attempt not allowed"}`, fault.Forbidden, "Order creation attempt not allowed"},
		"a bad token": {401, "", fault.Unavailable, "401"},
		"it fails":    {500, "<html>hush</html>", fault.Unavailable, "500"},
		"no order":    {202, `{"order_ref": "/../../x"}`, fault.Unavailable, "is no reference"},
		"no answer":   {202, `<html>`, fault.Unavailable, "it does not answer"},
		"sent away":   {302, "", fault.Unavailable, "302"},
		"quota":       {403, `{"title": "Quota reached for project", "description": ""}`, fault.Forbidden, "Quota reached"},
		"not there":   {404, `{}`, fault.Unavailable, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			s := keymanagertest.Serve(t)
			s.Before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
				return true
			}
			var log bytes.Buffer
			m := open(t, barbican.Options{Region: "near", Log: slog.New(slog.NewTextHandler(&log, nil))})
			_, err := m.Create(s.As(t.Context(), "demo"), "aes", 256)
			if fault.KindOf(err) != c.kind || !strings.Contains(log.String(), c.logged) {
				t.Errorf("%v, logged:\n%s", err, &log)
			}
			for _, secret := range []string{keymanagertest.Token("demo"), "hush"} {
				if strings.Contains(err.Error()+log.String(), secret) {
					t.Errorf("%s shows: %v, logged:\n%s", secret, err, &log)
				}
			}
		})
	}
	// A key that Barbican does not take may be in its answer, and goes nowhere.
	s := keymanagertest.Serve(t)
	s.Before = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"title": "Bad Request", "description": "aHVzaCwgaHVzaA== is no key"}`))
		return true
	}
	var log bytes.Buffer
	m := open(t, barbican.Options{Region: "near", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if _, err := m.Store(s.As(t.Context(), "demo"), keymanager.NewKey("AES", []byte("hush, hush"))); !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error()+log.String(), "aHVz") {
		t.Errorf("%v, logged:\n%s", err, &log)
	}
}

// TestOrders: an order that fails, and one that is never done.
func TestOrders(t *testing.T) {
	s := keymanagertest.Serve(t)
	s.Looks = 1000
	ctx, c := s.As(t.Context(), "demo"), open(t, barbican.Options{Region: "near", Retries: 3})
	if _, err := c.Create(ctx, "aes", 256); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "after 3 looks") {
		t.Errorf("never done: %v", err)
	}
	if n := len(s.Headers()); n != 4 {
		t.Errorf("%d requests", n)
	}
	s.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`{"status": "ERROR", "error_status_code": "500", "error_reason": "Process TypeOrder failure seen"}`))
		}
		return r.Method == http.MethodGet
	}
	if _, err := c.Create(ctx, "aes", 256); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "TypeOrder failure seen") {
		t.Errorf("failed: %v", err)
	}
}

func TestSettings(t *testing.T) {
	load := func(text string) (*barbican.Client, error) {
		path := filepath.Join(t.TempDir(), "cinder.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := barbican.NewSettings()
		c, err := config.Load(config.Sources{Files: []string{path}}, s.All()...)
		if err != nil {
			return nil, err
		}
		return s.Open(c, keystone.Account{}, false, discard)
	}
	c, err := load("[barbican]\nbarbican_endpoint = http://b:9311\nbarbican_api_version = v1\nauth_endpoint = http://k/v3\nretry_delay = 2\nnumber_of_retries = 5\nverify_ssl = false\n" +
		"barbican_endpoint_type = internal\nbarbican_region_name = r\nsend_service_user_token = true\n[barbican_service_user]\nauth_url = http://k\nusername = u\npassword = p\nproject_name = s\n")
	if err != nil || c.Endpoint != "http://b:9311" || c.RetryDelay != 2*time.Second || c.Retries != 5 || !c.Transport.Insecure || c.Interface != "internal" || c.Region != "r" ||
		c.Service != nil || c.Beside == nil {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = load(""); err != nil || c.Retries != 60 || c.RetryDelay != time.Second || c.Transport.Insecure || c.Interface != "public" || c.Beside != nil {
		t.Errorf("%+v, %v", c, err)
	}
	for text, says := range map[string]string{"barbican_endpoint = barbican": "barbican_endpoint", "barbican_api_version = v2": "barbican_api_version",
		"verify_ssl_path = /nonexistent": "verify_ssl_path", "verify_ssl_path = /dev/null": "/dev/null", "number_of_retries = 0": "number_of_retries"} {
		if _, err := load("[barbican]\n" + text + "\n"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
