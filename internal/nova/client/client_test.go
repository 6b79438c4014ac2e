package client_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/nova"
	"github.com/clinker/clinker/internal/nova/client"
	"github.com/clinker/clinker/internal/nova/fake"
	"github.com/clinker/clinker/internal/nova/novatest"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/reqctx"
)

var discard = slog.New(slog.DiscardHandler)

func caller(t *testing.T, s *novatest.Site) context.Context {
	return reqctx.With(t.Context(), reqctx.Request{RequestID: "req-1", AuthToken: novatest.Token, ServiceCatalog: s.Catalog()})
}

func login(t *testing.T, s *novatest.Site) *keystone.Login {
	t.Helper()
	l, err := keystone.NewLogin(keystone.Account{AuthURL: s.URL + "/identity/v3", Username: "nova", Password: "hush", ProjectName: "service"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func open(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	o.Log = discard
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSuite runs the suite over HTTP, as the caller, and as a service with an account.
func TestSuite(t *testing.T) {
	t.Run("caller", func(t *testing.T) {
		novatest.Run(t, func(t *testing.T, behind *fake.Nova) (nova.Service, context.Context) {
			s := novatest.Serve(t, behind)
			return open(t, client.Options{Region: "near"}), caller(t, s)
		})
	})
	t.Run("service", func(t *testing.T) {
		novatest.Run(t, func(t *testing.T, behind *fake.Nova) (nova.Service, context.Context) {
			s := novatest.Serve(t, behind)
			return open(t, client.Options{Region: "near", Interface: "internal", Own: login(t, s), Service: login(t, s), Callers: true}), caller(t, s)
		})
	})
}

// TestAsWhom: what is asked for a caller is asked as the caller, and what this service tells, as itself.
func TestAsWhom(t *testing.T) {
	n := new(fake.Nova)
	n.Attach(novatest.Server, novatest.Volume, novatest.Attachment)
	s := novatest.Serve(t, n)
	c := open(t, client.Options{Region: "near", Own: login(t, s), Service: login(t, s)})
	event := nova.Event{Name: nova.EventVolumeExtended, ServerID: novatest.Server, Tag: novatest.Volume}
	if _, err := c.AttachmentOf(caller(t, s), novatest.Server, novatest.Volume); err != nil {
		t.Fatal(err)
	}
	if err := c.Tell(t.Context(), event); err != nil { // nobody asks: a restart goes on
		t.Fatal(err)
	}
	s.Revoke()
	if err := c.Tell(t.Context(), event); err != nil {
		t.Errorf("after its token was revoked: %v", err)
	}
	headers := s.Headers()
	for i, want := range [][4]string{{novatest.Token, "login-1", "compute 2.89", "req-1"}, {"login-2", "login-1", "compute 2.51", ""},
		{"login-2", "login-1", "compute 2.51", ""}, {"login-3", "login-1", "compute 2.51", ""}} {
		h := headers[i]
		if got := [4]string{h.Get("X-Auth-Token"), h.Get("X-Service-Token"), h.Get("OpenStack-API-Version"), h.Get("X-OpenStack-Request-Id")}; got != want {
			t.Errorf("request %d: %v, want %v", i, got, want)
		}
	}
	if len(headers) != 4 || s.Logins() != 3 {
		t.Errorf("%d requests and %d logins", len(headers), s.Logins())
	}
}

// TestWhereItIs: what catalogs say, and that nothing of a token is in an error.
func TestWhereItIs(t *testing.T) {
	n := new(fake.Nova)
	n.Attach(novatest.Server, novatest.Volume, novatest.Attachment)
	s := novatest.Serve(t, n)
	for name, c := range map[string]struct {
		options client.Options
		catalog string
		absent  bool
		says    string // "": it answers
	}{
		"nobody knows":       {client.Options{}, "", true, "There is no compute service."},
		"no compute service": {client.Options{}, `[{"type": "image", "endpoints": []}]`, true, "There is no compute service."},
		"callers have one":   {client.Options{Callers: true}, "", false, "the caller came without a catalog"},
		"first region":       {client.Options{}, s.Catalog(), false, "it does not answer"},
		"region":             {client.Options{Region: "near"}, s.Catalog(), false, ""},
		"without a version":  {client.Options{Region: "near", Interface: "internal"}, s.Catalog(), false, ""},
		"no such interface":  {client.Options{Region: "near", Interface: "admin"}, s.Catalog(), false, "no admin address"},
		"no such region":     {client.Options{Region: "x"}, s.Catalog(), false, `in region "x"`},
		"no catalog":         {client.Options{}, "{", false, "the catalog cannot be read"},
		"no address":         {client.Options{}, `[{"type": "compute", "endpoints": [{"publicURL": "nova:8774"}]}]`, false, "is none"},
		"own catalog":        {client.Options{Callers: true, Own: login(t, s)}, "", false, ""},
	} {
		ctx := reqctx.With(t.Context(), reqctx.Request{AuthToken: novatest.Token, ServiceCatalog: c.catalog})
		_, err := open(t, c.options).AttachmentOf(ctx, novatest.Server, novatest.Volume)
		if errors.Is(err, nova.ErrAbsent) != c.absent || (err == nil) != (c.says == "") || err != nil && !strings.Contains(fault.UserText(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx := reqctx.With(t.Context(), reqctx.Request{AuthToken: "bad-token", ServiceCatalog: s.Catalog()})
	_, err := open(t, client.Options{Region: "near"}).AttachmentOf(ctx, novatest.Server, novatest.Volume)
	if !fault.Is(err, fault.Forbidden) || strings.Contains(err.Error(), "bad-token") {
		t.Errorf("a bad token: %v", err)
	}
}

func TestOptions(t *testing.T) {
	load := func(text string) (client.Options, error) {
		path := filepath.Join(t.TempDir(), "cinder.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Sources{Files: []string{path}}, client.ConfigOptions()...)
		if err != nil {
			return client.Options{}, err
		}
		return client.OptionsFrom(c, nil, discard)
	}
	o, err := load("[nova]\nauth_type = password\nauth_url = http://k:5000\nusername = nova\npassword = p\nproject_name = service\nregion_name = r\ninterface = internal\ntoken_auth_url = http://k\ntimeout = 7\n")
	if err != nil || o.Own == nil || o.Region != "r" || o.Interface != "internal" || o.Transport.Timeout.Seconds() != 7 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = load(""); err != nil || o.Own != nil || o.Interface != "public" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, text := range []string{"[nova]\ninterface = x\n", "[nova]\nauth_url = http://k\n"} {
		if _, err := load(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
