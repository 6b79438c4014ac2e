package imageservice

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/middleware"
)

// open makes and starts a service without authentication, which is stopped when the test ends or stop is called.
func open(t *testing.T, dir string, options map[string]string) (s *Service, stop func()) {
	t.Helper()
	s, err := tryOpen(t, dir, options)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Component()
	if err := c.Start(t.Context(), func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

func tryOpen(t *testing.T, dir string, options map[string]string) (*Service, error) {
	t.Helper()
	o := NewOptions()
	conf, err := config.Load(config.Sources{Defaults: options}, o.All()...)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	return o.Open(t.Context(), conf, Config{StateDir: dir, Synchronous: "OFF", Filters: middleware.Filters{Logger: log}, Flow: flow.Options{Log: log}, Log: log})
}

func ask(t *testing.T, s *Service, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", "user:0123456789abcdef")
	r.Header.Set("Content-Type", "application/json")
	if strings.HasSuffix(path, "/file") {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	return w
}

const id = "4d2e2f30-1111-4222-8333-0123456789ab"

// TestService: an image is there again after a restart, in the store it went to, and what nobody knows of is gone.
func TestService(t *testing.T) {
	dir := t.TempDir()
	options := map[string]string{"clinker.image_stores": "slow:file,fast:file", "glance_store.default_backend": "fast"}
	s, stop := open(t, dir, options)
	if w := ask(t, s, "POST", "/v2/images", `{"id": "`+id+`", "disk_format": "raw", "container_format": "bare"}`); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, s, "PUT", "/v2/images/"+id+"/file", "content"); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for path, want := range map[string]string{"/": `"versions"`, "/v2/images/" + id: "file://" + dir + "/images/fast/" + id} {
		if w := ask(t, s, "GET", path, ""); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := ask(t, s, "GET", "/healthcheck", ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	stop()
	stray := filepath.Join(dir, "images", "staging", "5d2e2f30-1111-4222-8333-0123456789ab")
	if err := os.WriteFile(stray, []byte("of a dead process"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ = open(t, dir, options)
	if w := ask(t, s, "GET", "/v2/images/"+id+"/file", ""); w.Body.String() != "content" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if _, err := os.Stat(stray); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}

// TestOpenRefuses what is not in the configuration as it should be, with the option's name.
func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct{ option, value, want string }{
		{"clinker.image_stores", "a:file,a:file", `image_stores`},
		{"clinker.image_stores", "../a:file", `image_stores`},
		{"clinker.image_stores", "staging:file", `image_stores`},
		{"clinker.image_stores", "os_glance_a:file", `image_stores`},
		{"clinker.image_stores", "a:swift", `there is no store of type "swift"`},
		{"clinker.image_stores", "a:s3", `s3_store_host`},
		{"clinker.image_stores", "", `there is no store`},
		{"clinker.image_store_weights", "file:much", `no whole number`},
		{"glance_store.default_backend", "b", `default_backend`},
		{"DEFAULT.user_storage_quota", "1PB", `user_storage_quota`},
		{"DEFAULT.hashing_algorithm", "crc32", `hashing_algorithm`},
		{"DEFAULT.enabled_import_methods", "glance-download", `enabled_import_methods`},
	} {
		if _, err := tryOpen(t, t.TempDir(), map[string]string{c.option: c.value}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %s: %v", c.option, c.value, err)
		}
	}
}

// TestStoreInS3: its options reach it, and the keys nobody.
func TestStoreInS3(t *testing.T) {
	options := map[string]string{"clinker.image_stores": "file:file,cloud:s3", "glance_store.s3_store_host": "https://s3.example.org", "glance_store.s3_store_access_key": "who",
		"glance_store.s3_store_secret_key": "0123456789secret", "glance_store.s3_store_bucket": "images"}
	s, err := tryOpen(t, t.TempDir(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one, err := s.core.Stores.Get("cloud")
	if err != nil || one.URL(id) != "s3+https://s3.example.org/images/"+id {
		t.Errorf("%v, %v", one, err)
	}
	if w := ask(t, s, "GET", "/v2/info/stores/detail", ""); !strings.Contains(w.Body.String(), `"cloud"`) || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	options["clinker.image_stores"] = "a:s3,b:s3"
	if _, err := tryOpen(t, t.TempDir(), options); err == nil || !strings.Contains(err.Error(), "two stores of type s3") || strings.Contains(err.Error(), "secret") {
		t.Errorf("two: %v", err)
	}
}

func TestQuotaBytes(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "7": 7, "7B": 7, "2KB": 2048, "3MB": 3 << 20, "1GB": 1 << 30, "5TB": 5 << 40, "99999999TB": 0, "99999999999999999999": 0} {
		if got := quotaBytes(text); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
