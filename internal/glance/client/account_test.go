package client_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance/client"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/reqctx"
)

// tokenServer gives tokens, and keeps what it was asked with.
type tokenServer struct {
	mu     sync.Mutex
	asked  []map[string]any
	life   time.Duration
	status int
}

func (k *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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

func (k *tokenServer) logins() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.asked)
}

// Who asks: the caller where there is one, the service's own user where there is none.
func TestLoginWith(t *testing.T) {
	k := &tokenServer{life: time.Hour}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	l, err := keystone.NewLogin(keystone.Account{AuthURL: server.URL, Username: "cinder", Password: "hush", ProjectName: "service"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	called := reqctx.With(t.Context(), reqctx.Request{AuthToken: "callers"})
	credentials := func(ctx context.Context, send bool) client.Credentials {
		t.Helper()
		c, err := client.With(l, send, log)(ctx)
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
	if l, err = keystone.NewLogin(keystone.Account{AuthURL: server.URL, Username: "cinder", Password: "hush", ProjectName: "service"}); err != nil {
		t.Fatal(err)
	}
	if c := credentials(called, true); c != (client.Credentials{Token: "callers"}) {
		t.Errorf("without an identity service: %+v", c)
	}
	if _, err := client.With(l, true, log)(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody without an identity service: %v", err)
	}
}
