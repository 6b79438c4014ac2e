package identityservice_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/cmd/clinker/identityservice"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity/app/bootstrap"
	"github.com/clinker/clinker/internal/oslo/config"
)

// open makes the service over a state directory, listening at an address.
func open(t *testing.T, stateDir, listen string, services ...bootstrap.Service) (*identityservice.Service, error) {
	t.Helper()
	o := identityservice.NewOptions()
	path := filepath.Join(t.TempDir(), "clinker.conf")
	if err := os.WriteFile(path, []byte("[clinker]\nidentity_port = 5000\nidentity_listen = "+listen+"\n[identity]\npassword_hash_rounds = 4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{Files: []string{path}}, o.All()...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.Open(t.Context(), c, identityservice.Config{StateDir: stateDir, Synchronous: "OFF", Services: services, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

func mustOpen(t *testing.T, stateDir, listen string, services ...bootstrap.Service) *identityservice.Service {
	t.Helper()
	s, err := open(t, stateDir, listen, services...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// login gives the status of a login with a password, and the body of the answer.
func login(t *testing.T, s *identityservice.Service, user, project, password string) (int, string) {
	t.Helper()
	body := fmt.Sprintf(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": %q, "domain": {"name": "Default"}, "password": %q}}},
		"scope": {"project": {"name": %q, "domain": {"name": "Default"}}}}}`, user, password, project)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://keystone/v3/auth/tokens", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// files reads every file of a directory but databases.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, ".sqlite") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		text, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, dir)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The first start makes everything, the ones after it change nothing.
func TestStarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := mustOpen(t, dir, "127.0.0.1")
	made := files(t, dir)
	for _, name := range []string{"/keystone-passwords.json", "/clouds.yaml", "/fernet-keys/0", "/fernet-keys/1", "/credential-keys/1"} {
		if made[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	for _, a := range bootstrap.Accounts() {
		if status, body := login(t, s, a.Name, a.Project, s.Passwords[a.Name]); status != http.StatusCreated || !strings.Contains(body, `"name":"`+a.Roles[0]+`"`) {
			t.Errorf("%s: %d %s", a.Name, status, body)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, dir, "127.0.0.1")
	if diff := cmp.Diff(made, files(t, dir)); diff != "" {
		t.Errorf("the second start changes files:\n%s", diff)
	}
	if status, body := login(t, again, "demo", "demo", s.Passwords["demo"]); status != http.StatusCreated {
		t.Errorf("%d %s", status, body)
	}
}

// The catalog says where things are now, and what is not there any more in the accounts does not come back.
func TestOtherAddress(t *testing.T) {
	dir := t.TempDir()
	image := bootstrap.Service{Type: "image", Name: "glance", URL: "http://127.0.0.1:9292"}
	s := mustOpen(t, dir, "127.0.0.1", image)
	old := s.Passwords["admin"]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	image.URL = "http://127.0.0.2:9292"
	s = mustOpen(t, dir, "127.0.0.2", image)
	_, body := login(t, s, "admin", "admin", old)
	if strings.Contains(body, "127.0.0.1") || strings.Count(body, "http://127.0.0.2:9292") != 3 || strings.Count(body, "http://127.0.0.2:5000/v3") != 3 {
		t.Error(body)
	}
	if clouds := files(t, dir)["/clouds.yaml"]; strings.Contains(clouds, "127.0.0.1") || strings.Count(clouds, `auth_url: "http://127.0.0.2:5000/v3"`) != 3 {
		t.Error(clouds)
	}
}

// A crash between writing the passwords and filling the database, and between that and writing clouds.yaml.
func TestCrashes(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, "127.0.0.1")
	want := s.Passwords
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for what, gone := range map[string]string{"before the database is filled": "keystone.sqlite*", "before clouds.yaml": "clouds.yaml"} {
		paths, err := filepath.Glob(filepath.Join(dir, gone))
		if err != nil || len(paths) == 0 {
			t.Fatal(paths, err)
		}
		for _, path := range paths {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		s := mustOpen(t, dir, "127.0.0.1")
		if diff := cmp.Diff(want, s.Passwords); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		if status, body := login(t, s, "admin", "admin", want["admin"]); status != http.StatusCreated || files(t, dir)["/clouds.yaml"] == "" {
			t.Errorf("%s: %d %s", what, status, body)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever lost the passwords starts anyway: users may have changed them all long ago.
func TestPasswordsGone(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, "127.0.0.1")
	password := s.Passwords["admin"]
	if err := errors.Join(s.Close(), os.Remove(filepath.Join(dir, "keystone-passwords.json"))); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, "127.0.0.1")
	if status, _ := login(t, s, "admin", "admin", password); status != http.StatusCreated || len(s.Passwords) != 0 {
		t.Errorf("%d, passwords %v", status, s.Passwords)
	}
	if _, err := identityservice.Environment(dir, "http://here/v3", "admin"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "keystone-passwords.json"), []byte("admin: secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir, "127.0.0.1"); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret") {
		t.Errorf("a file that is none: %v", err)
	}
}

// What is needed and cannot be used is refused, with its name.
func TestRefused(t *testing.T) {
	for what, spoil := range map[string]func(dir string) error{
		"fernet-keys": func(dir string) error { return os.WriteFile(filepath.Join(dir, "fernet-keys"), nil, 0o600) },
		"credential-keys": func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "credential-keys"), 0o700), os.WriteFile(filepath.Join(dir, "credential-keys", "1"), []byte("no key"), 0o600))
		},
		"keystone.sqlite": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "keystone.sqlite"), bytes.Repeat([]byte("no database"), 1000), 0o600)
		},
	} {
		dir := t.TempDir()
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, dir, "127.0.0.1"); err == nil || what != "keystone.sqlite" && !strings.Contains(fault.UserText(err), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What clinker env prints is good for a login, and only for who there is.
func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, "127.0.0.1")
	list, err := identityservice.Environment(dir, s.URL+"/v3", "demo")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, pair := range list {
		env[pair[0]] = pair[1]
	}
	if env["OS_USERNAME"] != "demo" || env["OS_PASSWORD"] != s.Passwords["demo"] || env["OS_AUTH_URL"] != "http://127.0.0.1:5000/v3" || env["OS_PROJECT_NAME"] != "demo" {
		t.Error(env)
	}
	if _, err := identityservice.Environment(dir, s.URL+"/v3", "nobody"); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), "admin, demo") {
		t.Error(err)
	}
}

// A token is good for the other services of the process, and not once it is revoked.
func TestValidator(t *testing.T) {
	s := mustOpen(t, t.TempDir(), "127.0.0.1")
	send := func(method, body string, header http.Header) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, "http://keystone/v3/auth/tokens", strings.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, r)
		return w
	}
	body, err := json.Marshal(map[string]any{"auth": map[string]any{"identity": map[string]any{"methods": []string{"password"}, "password": map[string]any{
		"user": map[string]any{"name": "demo", "domain": map[string]any{"id": "default"}, "password": s.Passwords["demo"]}}},
		"scope": map[string]any{"project": map[string]any{"name": "demo", "domain": map[string]any{"id": "default"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	token := send(http.MethodPost, string(body), http.Header{}).Header().Get("X-Subject-Token")
	found, err := s.Validator.Validate(context.Background(), token, false)
	if err != nil || found.User.Name != "demo" || found.Project.Name != "demo" || !cmp.Equal(found.Roles, []string{"member", "reader"}, sorted) ||
		!strings.Contains(found.Catalog, `"publicURL":"http://127.0.0.1:5000/v3"`) {
		t.Fatalf("%+v, %v", found, err)
	}
	if w := send(http.MethodDelete, "", http.Header{"X-Auth-Token": {token}, "X-Subject-Token": {token}}); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if _, err := s.Validator.Validate(context.Background(), token, false); !fault.Is(err, fault.NotFound) {
		t.Errorf("a revoked token: %v", err)
	}
}

// sorted compares lists without their order.
var sorted = cmp.Transformer("sorted", func(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
})
