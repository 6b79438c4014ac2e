package main

import (
	"net/http"
	"testing"

	"github.com/clinker/clinker/internal/keymanager/keymanagertest"
)

// TestBarbican: a process whose configuration names Barbican makes the keys of encrypted volumes there. Without anybody who is logged
// in (noauth) that is done with the account in [service_user], and with the address that its catalog says.
func TestBarbican(t *testing.T) {
	s := keymanagertest.Serve(t)
	handler := startCloud(t, "key_manager.backend", "barbican", "key_manager.fixed_key", "00112233445566778899aabbccddeeff",
		"service_user.auth_url", s.URL+"/identity/v3", "service_user.username", "cinder", "service_user.password", "hush", "service_user.project_name", "service")
	do := func(method, path, body string, status int) map[string]any {
		t.Helper()
		var answer map[string]any
		ask(t, t.Context(), handler, method, path, body, status, &answer)
		return answer
	}
	typeID := do("POST", "/v3/types", `{"volume_type": {"name": "secret"}}`, http.StatusOK)["volume_type"].(map[string]any)["id"].(string)
	do("POST", "/v3/types/"+typeID+"/encryption", `{"encryption": {"provider": "luks", "control_location": "front-end", "cipher": "aes-xts-plain64", "key_size": 256}}`, http.StatusOK)
	id := do("POST", "/v3/volumes", `{"volume": {"size": 1, "volume_type": "secret"}}`, http.StatusAccepted)["volume"].(map[string]any)["id"].(string)
	keyID, _ := do("GET", "/v3/volumes/"+id+"/encryption", "", http.StatusOK)["encryption_key_id"].(string)
	if owners := s.Keys.Owners(); len(owners) != 1 || owners[keyID] != keymanagertest.Service {
		t.Errorf("the volume has the key %q, and Barbican %v", keyID, owners)
	}
}
