package novatest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/nova"
	"github.com/clinker/clinker/internal/nova/fake"
)

// Site is a fake compute service behind HTTP, and an identity service that logs in to it.
type Site struct {
	*httptest.Server
	nova *fake.Nova

	mu      sync.Mutex
	valid   map[string]bool
	logins  int
	headers []http.Header
}

// Token is a token of a caller; others are 401, but for those that Server gave out itself.
const Token = "the-callers"

// Serve starts a site; it ends with the test. The compute service is at /compute/v2.1, the identity service at /identity/v3.
func Serve(t testing.TB, n *fake.Nova) *Site {
	s := &Site{nova: n, valid: map[string]bool{Token: true}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /identity/v3/auth/tokens", s.login)
	mux.HandleFunc("GET /compute/v2.1/servers/{server}/os-volume_attachments/{volume}", s.authenticated(s.attachment))
	mux.HandleFunc("PUT /compute/v2.1/servers/{server}/os-volume_attachments/{volume}", s.authenticated(s.swap))
	mux.HandleFunc("POST /compute/v2.1/os-server-external-events", s.authenticated(s.events))
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Catalog is the catalog of a caller, as X-Service-Catalog has it.
func (s *Site) Catalog() string {
	return `[{"type": "compute", "name": "nova", "endpoints": [{"region": "far", "publicURL": "http://127.0.0.1:1/"},
		{"region": "near", "publicURL": "` + s.URL + `/compute/v2.1/", "internalURL": "` + s.URL + `/compute"}]}]`
}

// Headers are those of the requests to the compute service.
func (s *Site) Headers() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headers
}

// Logins is how many there were.
func (s *Site) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Revoke makes every token that a login gave bad.
func (s *Site) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.valid = map[string]bool{Token: true}
}

func (s *Site) login(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins++
	token := "login-" + strconv.Itoa(s.logins)
	s.valid[token] = true
	w.Header().Set("X-Subject-Token", token)
	answer(w, http.StatusCreated, map[string]any{"token": map[string]any{"expires_at": "2999-01-01T00:00:00.000000Z", "catalog": []any{
		map[string]any{"type": "compute", "name": "nova", "endpoints": []any{
			map[string]any{"interface": "public", "region_id": "near", "url": s.URL + "/compute/v2.1"},
			map[string]any{"interface": "internal", "region_id": "near", "url": s.URL + "/compute"}}}}}})
}

func (s *Site) authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.headers = append(s.headers, r.Header)
		known := s.valid[r.Header.Get("X-Auth-Token")]
		s.mu.Unlock()
		if !known {
			refuse(w, http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

// before says whether a request's microversion is older than 2.minor.
func before(r *http.Request, minor int) bool {
	text, is := strings.CutPrefix(r.Header.Get("OpenStack-API-Version"), "compute 2.")
	got, err := strconv.Atoi(text)
	return !is || err != nil || got < minor
}

func (s *Site) attachment(w http.ResponseWriter, r *http.Request) {
	id, err := s.nova.AttachmentOf(r.Context(), r.PathValue("server"), r.PathValue("volume"))
	if err != nil {
		fail(w, err)
		return
	}
	body := map[string]any{"volumeId": r.PathValue("volume"), "serverId": r.PathValue("server"), "device": "/dev/vdb"}
	if !before(r, 89) {
		body["attachment_id"] = id
	}
	answer(w, http.StatusOK, map[string]any{"volumeAttachment": body})
}

func (s *Site) swap(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Attachment struct {
			VolumeID string `json:"volumeId"`
		} `json:"volumeAttachment"`
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.Attachment.VolumeID == "" {
		refuse(w, http.StatusBadRequest)
		return
	}
	if err := s.nova.UpdateServerVolume(r.Context(), r.PathValue("server"), r.PathValue("volume"), body.Attachment.VolumeID); err != nil {
		fail(w, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func (s *Site) events(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Events []struct {
			Name     string `json:"name"`
			ServerID string `json:"server_uuid"`
			Tag      string `json:"tag"`
		} `json:"events"`
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		refuse(w, http.StatusBadRequest)
		return
	}
	status, answers, known := http.StatusOK, []any{}, 0
	for _, e := range body.Events {
		if e.Name == nova.EventVolumeExtended && before(r, 51) || e.Name == nova.EventVolumeReimaged && before(r, 93) {
			refuse(w, http.StatusBadRequest)
			return
		}
		code, outcome := http.StatusOK, "completed"
		err := s.nova.Tell(r.Context(), nova.Event{Name: e.Name, ServerID: e.ServerID, Tag: e.Tag})
		switch {
		case fault.Is(err, fault.NotFound):
			code, outcome, status = http.StatusNotFound, "failed", http.StatusMultiStatus
		case err != nil:
			fail(w, err)
			return
		default:
			known++
		}
		answers = append(answers, map[string]any{"name": e.Name, "server_uuid": e.ServerID, "tag": e.Tag, "status": outcome, "code": code})
	}
	if known == 0 {
		refuse(w, http.StatusNotFound)
		return
	}
	answer(w, status, map[string]any{"events": answers})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}

func refuse(w http.ResponseWriter, status int) {
	answer(w, status, map[string]any{"fault": map[string]any{"code": status, "message": http.StatusText(status)}})
}

func fail(w http.ResponseWriter, err error) {
	status := map[fault.Kind]int{fault.NotFound: http.StatusNotFound, fault.Conflict: http.StatusConflict,
		fault.Forbidden: http.StatusForbidden, fault.Unavailable: http.StatusServiceUnavailable}[fault.KindOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	refuse(w, status)
}
