package client_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance/client"
	"github.com/clinker/clinker/internal/reqctx"
)

// keystone gives tokens, and keeps what it was asked with.
type keystone struct {
	mu     sync.Mutex
	asked  []map[string]any
	life   time.Duration
	status int
}

func (k *keystone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	k.asked = append(k.asked, body)
	if k.status != 0 || r.Method != http.MethodPost || r.URL.Path != "/v3/auth/tokens" {
		w.WriteHeader(max(k.status, http.StatusNotFound))
		_, _ = io.WriteString(w, "your password is hush")
		return
	}
	w.Header().Set("X-Subject-Token", "token-"+string(rune('0'+len(k.asked))))
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"token": map[string]any{"expires_at": time.Now().Add(k.life).UTC().Format("2006-01-02T15:04:05.000000Z")}})
}

func (k *keystone) logins() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.asked)
}

// A login is made once for all, with the account's names, and anew when its token has aged.
func TestLogin(t *testing.T) {
	k := &keystone{life: time.Hour}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	account := client.Account{AuthURL: server.URL + "/v3", Username: "cinder", Password: "hush", ProjectName: "service", ProjectDomainName: "Services"}
	l, err := client.NewLogin(account)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if token, err := l.Token(t.Context()); token != "token-1" || err != nil {
				t.Errorf("%q, %v", token, err)
			}
		})
	}
	all.Wait()
	if n := k.logins(); n != 1 {
		t.Errorf("%d logins", n)
	}
	text, _ := json.Marshal(k.asked[0])
	for _, part := range []string{`"name":"cinder"`, `"password":"hush"`, `"domain":{"id":"default"}`, `"name":"service"`, `"domain":{"name":"Services"}`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in %s", part, text)
		}
	}

	k.life = 0
	if l, err = client.NewLogin(account); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := l.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := k.logins(); n != 3 {
		t.Errorf("%d logins with tokens that do not last", n)
	}
	k.status = http.StatusUnauthorized
	if _, err = l.Token(t.Context()); !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "hush") {
		t.Errorf("refused: %v", err)
	}

	for what, a := range map[string]client.Account{"no user": {AuthURL: server.URL, ProjectName: "p"}, "no project": {AuthURL: server.URL, Username: "u"},
		"no address": {AuthURL: "keystone.sock/%", Username: "u", ProjectName: "p"}, "no authorities": {AuthURL: server.URL, Username: "u", ProjectName: "p", CAFile: "/nonexistent"}} {
		if _, err := client.NewLogin(a); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), "service_user") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Who asks: the caller where there is one, the service's own user where there is none.
func TestLoginWith(t *testing.T) {
	k := &keystone{life: time.Hour}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	l, err := client.NewLogin(client.Account{AuthURL: server.URL, Username: "cinder", Password: "hush", ProjectName: "service"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	called := reqctx.With(t.Context(), reqctx.Request{AuthToken: "callers"})
	credentials := func(ctx context.Context, send bool) client.Credentials {
		t.Helper()
		c, err := l.With(send, log)(ctx)
		if err != nil {
			t.Error(err)
		}
		return c
	}
	if c := credentials(called, false); c != (client.Credentials{Token: "callers"}) || k.logins() != 0 {
		t.Errorf("a caller's: %+v after %d logins", c, k.logins())
	}
	if c := credentials(t.Context(), false); c != (client.Credentials{Token: "token-1"}) {
		t.Errorf("nobody's: %+v", c)
	}
	if c := credentials(called, true); c != (client.Credentials{Token: "callers", ServiceToken: "token-1"}) {
		t.Errorf("both: %+v", c)
	}
	server.Close()
	if l, err = client.NewLogin(client.Account{AuthURL: server.URL, Username: "cinder", Password: "hush", ProjectName: "service"}); err != nil {
		t.Fatal(err)
	}
	if c := credentials(called, true); c != (client.Credentials{Token: "callers"}) {
		t.Errorf("without an identity service: %+v", c)
	}
	if _, err := l.With(true, log)(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody without an identity service: %v", err)
	}
}
