package keymanagertest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/reqctx"
)

// Site is a fake Barbican behind HTTP, whose keys are those of a Memory, and an identity service that logs in to it. What it
// answers is what Barbican 20 (OpenStack 2025.1) answers.
type Site struct {
	*httptest.Server
	Keys Memory
	// Before may answer a request itself; then it returns true. nil: it never does. It is set before anything is asked.
	Before func(w http.ResponseWriter, r *http.Request) bool
	// Looks is how many looks an order takes before its key is made.
	Looks int

	mu      sync.Mutex
	valid   map[string]bool // tokens of logins
	logins  int
	headers []http.Header
	orders  map[string]*order
}

type order struct {
	meta  map[string]any
	keyID string
	looks int
}

// Token is a token of somebody in a project.
func Token(project string) string { return "of-" + project }

// UserOf is the user whom Token(project) is for.
func UserOf(project string) string { return "user-of-" + project }

// Serve starts a site; it ends with the test. Barbican is at /key-manager/v1, the identity service at /identity/v3.
func Serve(t testing.TB) *Site {
	s := &Site{valid: map[string]bool{}, orders: map[string]*order{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /identity/v3/auth/tokens", s.login)
	mux.HandleFunc("POST /key-manager/v1/orders", s.authenticated(s.order))
	mux.HandleFunc("GET /key-manager/v1/orders/{id}", s.authenticated(s.look))
	mux.HandleFunc("POST /key-manager/v1/secrets", s.authenticated(s.store))
	mux.HandleFunc("GET /key-manager/v1/secrets/{id}", s.authenticated(s.metadata))
	mux.HandleFunc("GET /key-manager/v1/secrets/{id}/payload", s.authenticated(s.payload))
	mux.HandleFunc("DELETE /key-manager/v1/secrets/{id}", s.authenticated(s.remove))
	mux.HandleFunc("PUT /key-manager/v1/secrets/{id}/acl", s.authenticated(s.share))
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Catalog is the catalog of a caller, as X-Service-Catalog has it.
func (s *Site) Catalog() string {
	return `[{"type": "key-manager", "name": "barbican", "endpoints": [{"region": "far", "publicURL": "http://127.0.0.1:1/"},
		{"region": "near", "publicURL": "` + s.URL + `/key-manager", "internalURL": "` + s.URL + `/key-manager/v1/"}]}]`
}

// As is somebody of a project, who asks.
func (s *Site) As(ctx context.Context, project string) context.Context {
	return reqctx.With(ctx, reqctx.Request{RequestID: "req-1", ProjectID: project, UserID: UserOf(project), AuthToken: Token(project), ServiceCatalog: s.Catalog()})
}

// Headers are those of the requests to Barbican.
func (s *Site) Headers() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headers
}

// Revoke makes every token that a login gave bad.
func (s *Site) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.valid)
}

func (s *Site) login(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins++
	token := "login-" + strconv.Itoa(s.logins)
	s.valid[token] = true
	w.Header().Set("X-Subject-Token", token)
	answer(w, http.StatusCreated, map[string]any{"token": map[string]any{"expires_at": "2999-01-01T00:00:00.000000Z", "catalog": []any{
		map[string]any{"type": "key-manager", "name": "barbican", "endpoints": []any{
			map[string]any{"interface": "public", "region_id": "near", "url": s.URL + "/key-manager"}}}}}})
}

// authenticated is a handler for those with a token that is good: one of a project, or of a login.
func (s *Site) authenticated(next func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("X-Auth-Token")
		s.mu.Lock()
		s.headers = append(s.headers, r.Header)
		service := s.valid[token]
		s.mu.Unlock()
		project, user := strings.CutPrefix(token, "of-")
		if s.Before != nil && s.Before(w, r) {
			return
		}
		switch {
		case service:
			r = r.WithContext(s.Keys.AsService(r.Context()))
		case user:
			r = r.WithContext(reqctx.With(r.Context(), reqctx.Request{ProjectID: project, UserID: UserOf(project)}))
		default:
			answer(w, http.StatusUnauthorized, map[string]any{"error": map[string]any{"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}})
			return
		}
		next(w, r)
	}
}

// elsewhere is the address that Barbican takes for its own (host_href), which need not be where it is reached.
const elsewhere = "http://localhost:9311/v1/"

func (s *Site) order(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Type string         `json:"type"`
		Meta map[string]any `json:"meta"`
	}
	err := json.NewDecoder(r.Body).Decode(&body)
	algorithm, _ := body.Meta["algorithm"].(string)
	bits, _ := body.Meta["bit_length"].(float64)
	if err != nil || body.Type != "key" || algorithm == "" || bits < 1 {
		refuse(w, http.StatusBadRequest, "Provided object does not match schema 'Order': 'bit_length' is required field for key type order. Invalid property: 'meta'")
		return
	}
	id, err := s.Keys.Create(r.Context(), algorithm, int64(bits))
	if err != nil {
		fail(w, err)
		return
	}
	ordered := uuid.NewString()
	s.mu.Lock()
	s.orders[ordered] = &order{body.Meta, id, s.Looks}
	s.mu.Unlock()
	answer(w, http.StatusAccepted, map[string]any{"order_ref": elsewhere + "orders/" + ordered})
}

func (s *Site) look(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[r.PathValue("id")]
	if o == nil {
		refuse(w, http.StatusNotFound, "Order not found.")
		return
	}
	body := map[string]any{"created": "2026-01-02T03:04:05.081626", "updated": "2026-01-02T03:04:05.081626", "status": "PENDING", "type": "key", "meta": o.meta, "creator_id": nil,
		"order_ref": elsewhere + "orders/" + r.PathValue("id")}
	if o.looks--; o.looks < 0 {
		body["status"], body["secret_ref"] = "ACTIVE", elsewhere+"secrets/"+o.keyID
	}
	answer(w, http.StatusOK, body)
}

func (s *Site) store(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Algorithm string `json:"algorithm"`
		Bits      int    `json:"bit_length"`
		Type      string `json:"secret_type"`
		Payload   string `json:"payload"`
		Content   string `json:"payload_content_type"`
		Encoding  string `json:"payload_content_encoding"`
	}
	err := json.NewDecoder(r.Body).Decode(&body)
	key, wrong := base64.StdEncoding.DecodeString(body.Payload)
	if err != nil || wrong != nil || len(key)*8 != body.Bits || body.Type != "symmetric" || body.Content != "application/octet-stream" || body.Encoding != "base64" {
		refuse(w, http.StatusBadRequest, "Provided object does not match schema 'Secret': "+body.Payload)
		return
	}
	id, err := s.Keys.Store(r.Context(), keymanager.NewKey(body.Algorithm, key))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusCreated, map[string]any{"secret_ref": elsewhere + "secrets/" + id})
}

// key is the key that a request is about, if whoever asks may have it.
func (s *Site) key(w http.ResponseWriter, r *http.Request) (k keymanager.Key, found bool) {
	id := r.PathValue("id")
	if _, there := s.Keys.Owners()[id]; !there {
		refuse(w, http.StatusNotFound, "Secret not found.")
		return k, false
	}
	k, err := s.Keys.Get(r.Context(), id)
	if fault.Is(err, fault.NotFound) {
		refuse(w, http.StatusForbidden, "Secret retrieval attempt not allowed - please review your user/project privileges")
		return k, false
	}
	if err != nil {
		fail(w, err)
	}
	return k, err == nil
}

func (s *Site) metadata(w http.ResponseWriter, r *http.Request) {
	if k, found := s.key(w, r); found {
		answer(w, http.StatusOK, map[string]any{"created": "2026-01-02T03:04:05.081626", "updated": "2026-01-02T03:04:05.081626", "status": "ACTIVE", "name": nil, "secret_type": "symmetric",
			"algorithm": k.Algorithm, "bit_length": 8 * len(k.Bytes()), "content_types": map[string]any{"default": "application/octet-stream"},
			"secret_ref": elsewhere + "secrets/" + r.PathValue("id")})
	}
}

func (s *Site) payload(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Accept") != "application/octet-stream" {
		refuse(w, http.StatusNotAcceptable, "Secret payload retrieval issue seen - Wrong payload content-type.")
		return
	}
	if k, found := s.key(w, r); found {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(k.Bytes()) // the client went away
	}
}

func (s *Site) share(w http.ResponseWriter, r *http.Request) {
	if _, found := s.key(w, r); !found {
		return
	}
	var body struct {
		Read struct {
			Users []string `json:"users"`
		} `json:"read"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Read.Users) != 1 {
		refuse(w, http.StatusBadRequest, "Provided object does not match schema 'ACL'")
		return
	}
	if err := s.Keys.Share(r.Context(), r.PathValue("id"), body.Read.Users[0]); fault.Is(err, fault.Forbidden) {
		refuse(w, http.StatusForbidden, "SecretACL(s) Update attempt not allowed - please review your user/project privileges")
		return
	} else if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"acl_ref": elsewhere + "secrets/" + r.PathValue("id") + "/acl"})
}

func (s *Site) remove(w http.ResponseWriter, r *http.Request) {
	if _, found := s.key(w, r); !found {
		return
	}
	if err := s.Keys.Delete(r.Context(), r.PathValue("id")); fault.Is(err, fault.Forbidden) {
		refuse(w, http.StatusForbidden, "Secret deletion attempt not allowed - please review your user/project privileges")
		return
	} else if err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}

func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]any{"code": status, "title": http.StatusText(status), "description": why})
}

func fail(w http.ResponseWriter, err error) {
	refuse(w, http.StatusInternalServerError, fault.UserText(err))
}
