package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRepeatedCreate: through the whole pipeline, a create under the caller's own request id makes one volume, and under
// what is no request id it makes one each time.
func TestRepeatedCreate(t *testing.T) {
	handler := startCloud(t)
	create := func(requestID string) string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v3/volumes", strings.NewReader(`{"volume": {"size": 1}}`))
		r.Header.Set("X-Auth-Token", "admin:0123456789abcdef")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-OpenStack-Request-ID", requestID)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var made struct{ Volume struct{ ID string } }
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusAccepted || made.Volume.ID == "" {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
		return made.Volume.ID
	}
	const id = "req-1f0c5a5e-7a3e-4d52-9d8e-2a8a5f0f3c11"
	if a, b := create(id), create(id); a != b {
		t.Errorf("repeated: %s, then %s", a, b)
	}
	if a, b := create("req-mine"), create("req-mine"); a == b {
		t.Errorf("req-mine is no request id, and made %s twice", a)
	}
}
