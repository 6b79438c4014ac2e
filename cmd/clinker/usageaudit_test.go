package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/cmd/clinker/usageaudit"
)

// TestUsageAudit runs the command on the database of a cloud that has stopped.
func TestUsageAudit(t *testing.T) {
	dir := t.TempDir()
	database, log := filepath.Join(dir, "cinder.sqlite"), filepath.Join(dir, "audit.log")
	t.Run("cloud", func(t *testing.T) {
		handler := startCloud(t, "database.connection", "sqlite:///"+database)
		ask(t, t.Context(), handler, "POST", "/v3/volumes", `{"volume": {"size": 1, "name": "seen"}}`, http.StatusAccepted, new(any))
	})
	conf := filepath.Join(dir, "cinder.conf")
	write := func(more string) {
		t.Helper()
		text := "[DEFAULT]\nhost = auditor\ntransport_url = inproc://\nlog_file = " + log + "\n[database]\nconnection = sqlite:///" + database + "\n" + more
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[oslo_messaging_notifications]\ndriver = log\n")
	run := func(args ...string) int {
		return execute(t.Context(), append([]string{usageaudit.Name, "--config-file", conf}, args...))
	}
	if code := run("--start_time", "2020-01-01 00:00:00", "--end-time=2100-01-01 00:00:00", "--send_actions"); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"notification.volume.exists", "notification.volume.create.start", `"audit_period_beginning":"2020-01-01 00:00:00+00:00"`,
		`"publisher_id":"volume.auditor"`, `"display_name":"seen"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
	for what, args := range map[string][]string{
		"no time":        {"--start_time", "yesterday"},
		"no period":      {"--start_time", "2020-01-02 00:00:00", "--end_time", "2020-01-01 00:00:00"},
		"too much":       {"volumes"},
		"an unknown one": {"--start_tim", "x"},
	} {
		if code := run(args...); code == 0 {
			t.Errorf("%s: exit status 0", what)
		}
	}
	write("")
	if code := run(); code == 0 {
		t.Error("nobody is told, and that is no error")
	}
	write("[oslo_messaging_notifications]\ndriver = log\n[DEFAULT]\nvolume_usage_audit_period = week\n")
	if code := run(); code == 0 {
		t.Error("a week is no period, and that is no error")
	}
}
