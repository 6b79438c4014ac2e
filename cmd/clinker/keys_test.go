package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/cmd/clinker/statedir"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/oslo/config"
)

// TestFixedKeyIsToldNobody: an encrypted volume is made, copied, attached, offered and deleted, with everything logged; the
// key is in no log line and in no answer.
func TestFixedKeyIsToldNobody(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	key, err := statedir.FixedKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var answers strings.Builder
	t.Run("cloud", func(t *testing.T) {
		handler := startCloud(t, "log_file", log, "debug", "true", "oslo_messaging_notifications.driver", "log",
			"key_manager.backend", keymanager.FixedBackend, "key_manager.fixed_key", key)
		do := func(method, path, body string, status int) map[string]any {
			t.Helper()
			var answer map[string]any
			ask(t, t.Context(), handler, method, path, body, status, &answer)
			if err := json.NewEncoder(&answers).Encode(answer); err != nil {
				t.Fatal(err)
			}
			return answer
		}
		typeID := do("POST", "/v3/types", `{"volume_type": {"name": "secret"}}`, http.StatusOK)["volume_type"].(map[string]any)["id"].(string)
		do("POST", "/v3/types/"+typeID+"/encryption", `{"encryption": {"provider": "luks", "control_location": "front-end", "cipher": "aes-xts-plain64", "key_size": 256}}`, http.StatusOK)
		id := do("POST", "/v3/volumes", `{"volume": {"size": 1, "volume_type": "secret"}}`, http.StatusAccepted)["volume"].(map[string]any)["id"].(string)
		metadata := do("GET", "/v3/volumes/"+id+"/encryption", "", http.StatusOK)
		if metadata["encryption_key_id"] != keymanager.FixedKeyID {
			t.Errorf("the encryption is %v", metadata)
		}
		for deadline := time.Now().Add(10 * time.Second); do("GET", "/v3/volumes/"+id, "", http.StatusOK)["volume"].(map[string]any)["status"] != "available"; {
			if time.Now().After(deadline) {
				t.Fatal("the volume is not available after 10 seconds")
			}
		}
		do("POST", "/v3/volumes", `{"volume": {"source_volid": "`+id+`"}}`, http.StatusAccepted)
		do("POST", "/v3/volume-transfers", `{"transfer": {"volume_id": "`+id+`"}}`, http.StatusBadRequest) // 3.0 knows no encrypted ones
		do("GET", "/v3/volumes/detail", "", http.StatusOK)
	})
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "volume.create.end") || !strings.Contains(answers.String(), keymanager.FixedKeyID) {
		t.Error("nothing was logged or answered that has to do with an encrypted volume")
	}
	for what, said := range map[string]string{"log": string(text), "answers": answers.String()} {
		if i := strings.Index(said, key); i >= 0 {
			t.Errorf("the key is in the %s, after %q", what, said[max(0, i-100):i])
		}
	}
}

// TestFixedKeyRefused: a broken key stops the start and is not repeated.
func TestFixedKeyRefused(t *testing.T) {
	pl := place{bind: "127.0.0.1", stateDir: t.TempDir()}
	defaults := pl.defaults()
	defaults["log_file"] = filepath.Join(pl.stateDir, "log")
	defaults["key_manager.backend"], defaults["key_manager.fixed_key"] = keymanager.FixedBackend, "hush"
	_, err := newProcess(t.Context(), "clinker", config.Sources{Defaults: defaults}, allServices)
	if err == nil || !strings.Contains(err.Error(), "[key_manager] fixed_key") || strings.Contains(err.Error(), "hush") {
		t.Errorf("%v", err)
	}
}
