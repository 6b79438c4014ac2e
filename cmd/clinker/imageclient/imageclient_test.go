package imageclient_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/clinker/clinker/cmd/clinker/imageclient"
	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/glance/client"
	"github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/glance/glancetest"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/reqctx"
)

func load(t *testing.T, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cinder.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{Files: []string{path}}, slices.Concat(client.ConfigOptions(), image.ConfigOptions(), []config.Option{config.String("DEFAULT", "state_path", "/state", "")})...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Which service is asked, and as whom.
func TestOpen(t *testing.T) {
	images := fake.New()
	i := images.Add(glance.Image{}, nil)
	server := glancetest.Serve(t, images)
	var mu sync.Mutex
	var tokens string
	server.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		tokens = r.Header.Get("X-Auth-Token") + " " + r.Header.Get("X-Service-Token")
		return false
	}
	logins := 0
	keystone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		logins++
		w.Header().Set("X-Subject-Token", "cinder:service")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"token": {"expires_at": "2999-01-01T00:00:00.000000Z"}}`))
	}))
	t.Cleanup(keystone.Close)
	here := func() (string, string, bool) { return strings.TrimPrefix(keystone.URL, "http://"), "hush", true }
	elsewhere := func() (string, string, bool) { return "", "", false }
	account := "[service_user]\nauth_url = " + keystone.URL + "\nusername = cinder\npassword = hush\nproject_name = service\n"
	configured := "[DEFAULT]\nglance_api_servers = " + server.URL + "\n"

	for what, test := range map[string]struct {
		conf           string
		cfg            imageclient.Config
		called, nobody string // the tokens
	}{
		"everybody is believed": {configured, imageclient.Config{}, "u:p ", "admin:admin "},
		"our own service":       {"", imageclient.Config{Own: server.URL}, "u:p ", "admin:admin "},
		"an account":            {configured + account, imageclient.Config{Keystone: true, Identity: elsewhere}, "u:p ", "cinder:service "},
		"an account that is sent along": {configured + account + "send_service_user_token = true\n", imageclient.Config{Keystone: true, Identity: elsewhere},
			"u:p cinder:service", "cinder:service cinder:service"},
		"our own identity service": {"", imageclient.Config{Keystone: true, Own: server.URL, Identity: here}, "u:p cinder:service", "cinder:service cinder:service"},
		"no identity service":      {configured, imageclient.Config{Keystone: true, Identity: elsewhere}, "u:p ", "refused"},
	} {
		test.cfg.Log = slog.New(slog.DiscardHandler)
		c, err := imageclient.Open(load(t, test.conf), test.cfg)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if _, err := c.Image(reqctx.With(t.Context(), reqctx.Request{AuthToken: "u:p"}), i.ID); err != nil || tokens != test.called {
			t.Errorf("%s: a caller's %q, %v, want %q", what, tokens, err, test.called)
		}
		_, err = c.Image(t.Context(), i.ID)
		if test.nobody == "refused" {
			if !fault.Is(err, fault.Forbidden) {
				t.Errorf("%s: nobody's: %v", what, err)
			}
		} else if err != nil || tokens != test.nobody {
			t.Errorf("%s: nobody's %q, %v, want %q", what, tokens, err, test.nobody)
		}
	}
	if logins != 3 {
		t.Errorf("%d logins of three accounts", logins)
	}
	if _, err := imageclient.Open(load(t, "[service_user]\nauth_url = "+keystone.URL+"\n"), imageclient.Config{Keystone: true}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an account without a name: %v", err)
	}
	// The files of our own service are read, those of others where that is allowed.
	for what, test := range map[string]struct {
		conf string
		want bool
	}{"ours": {"", true}, "another": {configured, false}, "another, allowed": {configured + "allowed_direct_url_schemes = file\n", true}} {
		c := load(t, test.conf)
		i, err := imageclient.Open(c, imageclient.Config{Own: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if s := i.Settings(c, "b"); s.LocalFiles != test.want || s.Images == nil {
			t.Errorf("%s: files are read: %v", what, s.LocalFiles)
		}
	}
}
