package main

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/keymanager"
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

// TestBarbicanInsteadOfTheFixedKey: the service of a cloud that has gone over to Barbican gives its encrypted volumes keys there when it starts.
func TestBarbicanInsteadOfTheFixedKey(t *testing.T) {
	const key = "00112233445566778899aabbccddeeff"
	s, dir := keymanagertest.Serve(t), t.TempDir()
	start := func(t *testing.T, backend string) func(method, path, body string, status int) map[string]any {
		handler := startCloud(t, "state_path", dir, "database.connection", "sqlite:///"+filepath.Join(dir, "cinder.sqlite"), "key_manager.backend", backend, "key_manager.fixed_key", key,
			"service_user.auth_url", s.URL+"/identity/v3", "service_user.username", "cinder", "service_user.password", "hush", "service_user.project_name", "service")
		return func(method, path, body string, status int) (answer map[string]any) {
			t.Helper()
			ask(t, t.Context(), handler, method, path, body, status, &answer)
			return answer
		}
	}
	var id string
	t.Run("before", func(t *testing.T) {
		do := start(t, keymanager.FixedBackend)
		typeID := do("POST", "/v3/types", `{"volume_type": {"name": "secret"}}`, http.StatusOK)["volume_type"].(map[string]any)["id"].(string)
		do("POST", "/v3/types/"+typeID+"/encryption", `{"encryption": {"provider": "luks", "control_location": "front-end", "cipher": "aes-xts-plain64", "key_size": 256}}`, http.StatusOK)
		id = do("POST", "/v3/volumes", `{"volume": {"size": 1, "volume_type": "secret"}}`, http.StatusAccepted)["volume"].(map[string]any)["id"].(string)
		for deadline := time.Now().Add(10 * time.Second); do("GET", "/v3/volumes/"+id, "", http.StatusOK)["volume"].(map[string]any)["status"] != "available"; {
			if time.Now().After(deadline) {
				t.Fatal("the volume is not available after 10 seconds")
			}
		}
	})
	t.Run("after", func(t *testing.T) {
		do := start(t, "barbican")
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			keyID, _ := do("GET", "/v3/volumes/"+id+"/encryption", "", http.StatusOK)["encryption_key_id"].(string)
			if s.Keys.Owners()[keyID] == keymanagertest.Service {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the volume's key is %q after 10 seconds, and Barbican has %v", keyID, s.Keys.Owners())
			}
		}
	})
}
