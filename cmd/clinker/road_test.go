package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/telemetry"
)

// TestRoad sends one volume down the whole road and compares the spans it leaves with what ARCHITECTURE.md shows.
func TestRoad(t *testing.T) {
	ctx := t.Context()
	handler := startCloud(t)
	recorder, tracer := telemetry.NewRecorder()
	traced := telemetry.WithTracer(ctx, tracer)

	var made struct {
		Volume struct{ ID, Status string }
	}
	ask(t, traced, handler, "POST", "/v3/volumes", `{"volume": {"size": 1}}`, http.StatusAccepted, &made)
	path := "/v3/volumes/" + made.Volume.ID
	for deadline := time.Now().Add(10 * time.Second); made.Volume.Status != "available" || strings.Contains(recorder.Tree(), "(open)"); {
		if time.Now().After(deadline) {
			t.Fatalf("the volume is %s after 10 seconds, and this was its road:\n%s", made.Volume.Status, recorder.Tree())
		}
		time.Sleep(5 * time.Millisecond)
		ask(t, ctx, handler, "GET", path, "", http.StatusOK, &made)
	}
	compareRoad(t, "../../ARCHITECTURE.md", recorder.Tree("route", "topic"))
}

// startCloud starts the services of "clinker up" and gives the API's handler, which is not listening anywhere.
func startCloud(t *testing.T, options ...string) http.Handler {
	t.Helper()
	pl := place{bind: "127.0.0.1", stateDir: t.TempDir()}
	defaults := pl.defaults()
	defaults["auth_strategy"] = "noauth"
	defaults["backend_defaults.target_port"], defaults["clinker.admin_port"], defaults["log_file"] = "0", "0", filepath.Join(pl.stateDir, "log")
	for i := 0; i+1 < len(options); i += 2 {
		defaults[options[i]] = options[i+1]
	}
	p, err := newProcess(t.Context(), "clinker", config.Sources{Defaults: defaults}, services{scheduler: true, volume: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	components, err := p.components(services{scheduler: true, volume: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range components {
		if err := c.Start(t.Context(), func(err error) { t.Errorf("%s: %v", c.Name, err) }); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := c.Stop(ctx); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		})
	}
	handler, err := p.apiHandler()
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// ask sends a request and reads the answer.
func ask(t *testing.T, ctx context.Context, handler http.Handler, method, path, body string, status int, answer any) {
	t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", "admin:0123456789abcdef")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
}

// compareRoad compares a tree of spans with the block below "## The road of a volume" in a document. Each line of the
// block is a span and, behind at least two spaces, the file that does what it stands for.
func compareRoad(t *testing.T, document, tree string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## The road of a volume\n")
	_, rest, _ = strings.Cut(rest, "\n```\n")
	block, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatalf("%s has no block under \"The road of a volume\"", document)
	}
	var spans strings.Builder
	for line := range strings.Lines(block) {
		columns := regexp.MustCompile(`^( *\S+(?: \S+)*) {2,}(\S+)\n$`).FindStringSubmatch(line)
		if columns == nil {
			t.Errorf("%s: the line %q is not a span and a file", document, line)
			continue
		}
		spans.WriteString(columns[1] + "\n")
		checkFile(t, columns[2], columns[1])
	}
	if spans.String() != tree {
		diff := cmp.Diff(strings.Split(spans.String(), "\n"), strings.Split(tree, "\n"))
		t.Errorf("the road is not the one in %s (-document +truth); write it there, with the files:\n%s\n%s", document, diff, tree)
	}
}

// checkFile checks that a file is there and speaks of what the span stands for, in whatever spelling.
func checkFile(t *testing.T, file, span string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", file))
	if err != nil {
		t.Errorf("the road leads through a file that is not there: %v", err)
		return
	}
	name, _, _ := strings.Cut(strings.TrimSpace(span), " ")
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	last := plain(name[strings.LastIndexByte(name, '.')+1:])
	if !strings.Contains(plain(string(text)), last) {
		t.Errorf("%s does not speak of %s", file, last)
	}
}
