package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/oslo/config"
)

// TestNotificationsAreDelivered: what the configuration asks for is in the log once the cloud has stopped.
func TestNotificationsAreDelivered(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	t.Run("cloud", func(t *testing.T) {
		handler := startCloud(t, "log_file", log, "oslo_messaging_notifications.driver", "log")
		ask(t, t.Context(), handler, "POST", "/v3/types", `{"volume_type": {"name": "gold"}}`, http.StatusOK, new(any))
	})
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var line string
	for l := range strings.Lines(string(text)) {
		if strings.Contains(l, " INFO oslo.messaging.notification.volume_type.create [") {
			line = l
		}
	}
	for _, part := range []string{`"publisher_id":"volumeType.clinker"`, `"event_type":"volume_type.create"`, `"name":"gold"`} {
		if !strings.Contains(line, part) {
			t.Errorf("no %s in the line %q of:\n%s", part, line, text)
		}
	}
}

func TestNotificationsRefused(t *testing.T) {
	for option, value := range map[string]string{"driver": "carrier-pigeon", "transport_url": "kafka://user:hush@broker"} {
		pl := place{bind: "127.0.0.1", stateDir: t.TempDir()}
		defaults := pl.defaults()
		defaults["log_file"] = filepath.Join(pl.stateDir, "log")
		defaults["oslo_messaging_notifications.driver"] = "messagingv2"
		defaults["oslo_messaging_notifications."+option] = value
		_, err := newProcess(t.Context(), "clinker", config.Sources{Defaults: defaults}, allServices)
		if err == nil || !strings.Contains(err.Error(), "[oslo_messaging_notifications] "+option) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s = %s: %v", option, value, err)
		}
	}
}
