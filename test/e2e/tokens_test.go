package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/test/harness"
)

// person asks the services of a cloud as somebody, by HTTP as it is.
type person struct {
	cloud *harness.Cloud
	token string
}

// ask sends a request to a service, by its port, and gives status, header and body.
func (p person) ask(t *testing.T, method string, port int, path, body string, headers ...string) (int, http.Header, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("http://%s:%d%s", p.cloud.Bind, port, path), strings.NewReader(body))
	must(t, err)
	if p.token != "" {
		request.Header.Set("X-Auth-Token", p.token)
	}
	request.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	var decoded map[string]any
	_ = json.Unmarshal(text, &decoded) // what is no object stays nil
	return response.StatusCode, response.Header, decoded
}

const (
	identityPort = 5000
	blockPort    = 8776
	imagePort    = 9292
)

// id makes something and gives a member of its view, such as "id".
func (p person) made(t *testing.T, port int, path, body, member, name string) string {
	t.Helper()
	status, _, answer := p.ask(t, "POST", port, path, body)
	if status >= 300 {
		t.Fatalf("POST %s: %d %v", path, status, answer)
	}
	if member != "" {
		answer, _ = answer[member].(map[string]any)
	}
	value, _ := answer[name].(string)
	return value
}

// as logs in by the members of identity, for a scope; "" is none.
func as(t *testing.T, cloud *harness.Cloud, identity, scope string) person {
	t.Helper()
	if scope != "" {
		scope = `, "scope": ` + scope
	}
	status, header, answer := person{cloud: cloud}.ask(t, "POST", identityPort, "/v3/auth/tokens", `{"auth": {"identity": `+identity+scope+`}}`)
	if status != http.StatusCreated {
		t.Fatalf("logging in with %s %s: %d %v", identity, scope, status, answer)
	}
	return person{cloud, header.Get("X-Subject-Token")}
}

// password is the identity of a user of the default domain.
func password(name, secret string) string {
	return fmt.Sprintf(`{"methods": ["password"], "password": {"user": {"name": %q, "domain": {"id": "default"}, "password": %q}}}`, name, secret)
}

// passwords are those that a cloud was made with.
func passwords(t *testing.T, cloud *harness.Cloud) (found map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(cloud.StateDir, "keystone-passwords.json"))
	must(t, err)
	must(t, json.Unmarshal(text, &found))
	return found
}

func inProject(name string) string {
	return fmt.Sprintf(`{"project": {"name": %q, "domain": {"id": "default"}}}`, name)
}

// asked are what a token is shown with, one request for each service.
var asked = []struct {
	service string
	port    int
	path    string
}{{"identity", identityPort, "/v3/auth/projects"}, {"block", blockPort, "/v3/volumes"}, {"image", imagePort, "/v2/images"}}

// expect checks what every service says to a token.
func expect(t *testing.T, what string, p person, statuses ...int) {
	t.Helper()
	for i, a := range asked {
		want := statuses[min(i, len(statuses)-1)]
		if status, header, answer := p.ask(t, "GET", a.port, a.path, ""); status != want {
			t.Errorf("%s: the %s service says %d %v, want %d", what, a.service, status, answer, want)
		} else if status == http.StatusUnauthorized && !strings.Contains(header.Get("Www-Authenticate"), "Keystone uri=") {
			t.Errorf("%s: the %s service does not say where to log in: %v", what, a.service, header)
		}
	}
}

// TestTokensThatAreNotGood shows forged, foreign and revoked tokens, and tokens of people who may no longer do anything, to every
// service: none is good for anything.
func TestTokensThatAreNotGood(t *testing.T) {
	t.Parallel()
	cloud, other := harness.Start(t, withKeystone), harness.Start(t, withKeystone)
	admin := as(t, cloud, password("admin", passwords(t, cloud)["admin"]), inProject("admin"))
	foreign := as(t, other, password("admin", passwords(t, other)["admin"]), inProject("admin"))
	expect(t, "a good token", admin, 200)
	middle := len(admin.token) / 2
	for what, token := range map[string]string{
		"no token": "", "another cloud's": foreign.token, "a changed one": admin.token[:middle] + string(admin.token[middle]^1) + admin.token[middle+1:],
		"half of one": admin.token[:middle], "one with something at its end": admin.token + "A", "of noauth": "admin:admin", "a long one": strings.Repeat("gAAAAAB", 1000),
		"SQL": "' OR 1=1 --",
	} {
		expect(t, what, person{cloud, token}, 401)
	}

	project := admin.made(t, identityPort, "/v3/projects", `{"project": {"name": "p", "domain_id": "default"}}`, "project", "id")
	_, _, list := admin.ask(t, "GET", identityPort, "/v3/roles?name=member", "")
	role := list["roles"].([]any)[0].(map[string]any)["id"].(string)
	user := admin.made(t, identityPort, "/v3/users", `{"user": {"name": "u", "domain_id": "default", "password": "a-password"}}`, "user", "id")
	grant := "/v3/projects/" + project + "/users/" + user + "/roles/" + role
	do := func(method, path, body string, headers ...string) func() {
		return func() {
			t.Helper()
			if status, _, answer := admin.ask(t, method, identityPort, path, body, headers...); status >= 300 {
				t.Fatalf("%s %s: %d %v", method, path, status, answer)
			}
		}
	}
	do("PUT", grant, "")()
	for _, c := range []struct {
		what       string
		harm, mend func()
	}{
		{"the role was taken away", do("DELETE", grant, ""), do("PUT", grant, "")},
		{"the user is disabled", do("PATCH", "/v3/users/"+user, `{"user": {"enabled": false}}`), do("PATCH", "/v3/users/"+user, `{"user": {"enabled": true}}`)},
		{"the project is disabled", do("PATCH", "/v3/projects/"+project, `{"project": {"enabled": false}}`), do("PATCH", "/v3/projects/"+project, `{"project": {"enabled": true}}`)},
		{"the password was changed", do("PATCH", "/v3/users/"+user, `{"user": {"password": "another"}}`), do("PATCH", "/v3/users/"+user, `{"user": {"password": "a-password"}}`)},
		{"the user is gone", do("DELETE", "/v3/users/"+user, ""), func() {}},
	} {
		p := as(t, cloud, password("u", "a-password"), inProject("p"))
		expect(t, "before "+c.what, p, 200)
		c.harm()
		expect(t, c.what, p, 401)
		c.mend()
	}
	revoked := as(t, cloud, password("demo", passwords(t, cloud)["demo"]), inProject("demo"))
	expect(t, "before it is revoked", revoked, 200)
	do("DELETE", "/v3/auth/tokens", "", "X-Subject-Token:"+revoked.token)()
	expect(t, "revoked", revoked, 401)
}

// TestTokensExpire waits for the end of a token: no service takes it after that.
func TestTokensExpire(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, withKeystone+"[token]\nexpiration = 3\n")
	demo := as(t, cloud, password("demo", passwords(t, cloud)["demo"]), inProject("demo"))
	expect(t, "a young token", demo, 200)
	until := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(100 * time.Millisecond); time.Now().Before(until); <-tick.C {
		if status, _, _ := demo.ask(t, "GET", identityPort, "/v3/auth/projects", ""); status == http.StatusUnauthorized {
			break
		}
	}
	expect(t, "an expired token", demo, 401)
}

// TestTokensOfAnotherScope shows tokens that are good, for something else: of no scope, of a domain, of the system, and of
// another project.
func TestTokensOfAnotherScope(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, withKeystone)
	secrets := passwords(t, cloud)
	admin := as(t, cloud, password("admin", secrets["admin"]), inProject("admin"))
	demo := as(t, cloud, password("demo", secrets["demo"]), inProject("demo"))
	system := as(t, cloud, password("admin", secrets["admin"]), `{"system": {"all": true}}`)
	unscoped := as(t, cloud, password("demo", secrets["demo"]), `"unscoped"`)
	expect(t, "an unscoped token", unscoped, 200, 403, 403)
	expect(t, "a token of the system", system, 200, 200, 403)
	if _, _, answer := system.ask(t, "GET", blockPort, "/v3/volumes", ""); len(answer["volumes"].([]any)) != 0 { // as in Cinder: it has no project
		t.Errorf("a token of the system has volumes: %v", answer)
	}

	// What is the administrator's is not demo's.
	_, _, me := admin.ask(t, "GET", identityPort, "/v3/auth/tokens", "", "X-Subject-Token:"+admin.token)
	project, user := me["token"].(map[string]any)["project"].(map[string]any)["id"].(string), me["token"].(map[string]any)["user"].(map[string]any)["id"].(string)
	volume := create(t, blockStorage(t, login(t, cloud, "admin")), volumes.CreateOpts{Size: 1}).ID
	image := admin.made(t, imagePort, "/v2/images", `{"name": "private", "disk_format": "raw", "container_format": "bare"}`, "", "id")
	credential := admin.made(t, identityPort, "/v3/credentials", `{"credential": {"user_id": "`+user+`", "type": "cert", "blob": "b"}}`, "credential", "id")
	for _, c := range []struct {
		method string
		port   int
		path   string
		body   string
		status int
	}{
		{"GET", blockPort, "/v3/volumes/" + volume, "", 404},
		{"DELETE", blockPort, "/v3/volumes/" + volume, "", 404},
		{"PUT", blockPort, "/v3/volumes/" + volume, `{"volume": {"name": "mine"}}`, 404},
		{"POST", blockPort, "/v3/volumes/" + volume + "/action", `{"os-reset_status": {"status": "error"}}`, 404},
		{"POST", blockPort, "/v3/snapshots", `{"snapshot": {"volume_id": "` + volume + `"}}`, 404},
		{"POST", blockPort, "/v3/volumes", `{"volume": {"size": 1, "source_volid": "` + volume + `"}}`, 404},
		{"GET", blockPort, "/v3/" + project + "/volumes", "", 400},
		{"GET", imagePort, "/v2/images/" + image, "", 404},
		{"DELETE", imagePort, "/v2/images/" + image, "", 404},
		{"GET", imagePort, "/v2/images/" + image + "/file", "", 404},
		{"GET", imagePort, "/v2/images/" + image + "/members", "", 404},
		{"GET", identityPort, "/v3/users/" + user, "", 403},
		{"GET", identityPort, "/v3/projects/" + project, "", 403},
		{"GET", identityPort, "/v3/credentials/" + credential, "", 403},
		{"GET", identityPort, "/v3/users/" + user + "/application_credentials", "", 403},
		{"GET", identityPort, "/v3/role_assignments", "", 403},
	} {
		if status, _, answer := demo.ask(t, c.method, c.port, c.path, c.body); status != c.status {
			t.Errorf("%s %d%s as demo: %d %v, want %d", c.method, c.port, c.path, status, answer, c.status)
		}
	}
	if status, _, answer := demo.ask(t, "GET", identityPort, "/v3/auth/tokens", "", "X-Subject-Token:"+admin.token); status != 403 {
		t.Errorf("demo asks what the administrator's token is worth: %d %v", status, answer)
	}
	if status, _, answer := demo.ask(t, "POST", identityPort, "/v3/auth/tokens", `{"auth": {"identity": {"methods": ["token"], "token": {"id": "`+demo.token+`"}}, "scope": `+inProject("admin")+`}}`); status != 401 {
		t.Errorf("demo asks for the administrator's project: %d %v", status, answer)
	}
	for _, scope := range []string{`{"system": {"all": true}}`, `{"domain": {"id": "default"}}`} {
		if status, _, answer := (person{cloud: cloud}).ask(t, "POST", identityPort, "/v3/auth/tokens", `{"auth": {"identity": `+password("demo", secrets["demo"])+`, "scope": `+scope+`}}`); status != 401 {
			t.Errorf("demo asks for %s: %d %v", scope, status, answer)
		}
	}
	if got := get(t, blockStorage(t, login(t, cloud, "admin")), volume); got.Name != "" {
		t.Errorf("somebody else has changed the volume: %+v", got)
	}
}

// form sends a request whose answer is a form.
func form(t *testing.T, request *http.Request) url.Values {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	values, err := url.ParseQuery(string(text))
	must(t, err)
	return values
}
