package main

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/brokertest"
)

// TestOverRabbit has the services of one process meet over a real broker, and a volume go its whole way.
func TestOverRabbit(t *testing.T) {
	broker, err := brokertest.Start()
	if errors.Is(err, brokertest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	handler := startCloud(t, "transport_url", broker.URL(""), "oslo_messaging_notifications.driver", "messagingv2", "backend_stats_polling_interval", "3")
	var made struct {
		Volume   struct{ ID, Status string }
		Snapshot struct{ ID, Status string }
	}
	until := func(path string, status *string, want string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); *status != want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) || *status == "error" {
				t.Fatalf("%s is %s, want %s", path, *status, want)
			}
			ask(t, t.Context(), handler, "GET", path, "", http.StatusOK, &made)
		}
	}
	began := time.Now()
	ask(t, t.Context(), handler, "POST", "/v3/volumes", `{"volume": {"size": 1}}`, http.StatusAccepted, &made)
	volume := "/v3/volumes/" + made.Volume.ID
	until(volume, &made.Volume.Status, "available")
	t.Logf("a volume is available after %v", time.Since(began))
	ask(t, t.Context(), handler, "POST", "/v3/snapshots", `{"snapshot": {"volume_id": "`+made.Volume.ID+`"}}`, http.StatusAccepted, &made)
	until("/v3/snapshots/"+made.Snapshot.ID, &made.Snapshot.Status, "available")
	var connection struct {
		ConnectionInfo struct {
			Type string `json:"driver_volume_type"`
		} `json:"connection_info"`
	}
	ask(t, t.Context(), handler, "POST", volume+"/action", `{"os-initialize_connection": {"connector": {"host": "here"}}}`, http.StatusOK, &connection)
	if connection.ConnectionInfo.Type == "" {
		t.Error("a call has no answer")
	}
}
