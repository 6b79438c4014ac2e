package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/clinker/clinker/test/harness"
)

// withKeystone is the configuration of a cloud that authenticates, as "clinker up" does by itself.
const withKeystone = "[DEFAULT]\nauth_strategy = keystone\n"

// login logs in with what "clinker env" prints for a user.
func login(t *testing.T, cloud *harness.Cloud, user string) *gophercloud.ProviderClient {
	t.Helper()
	text, bad, status := clinker(t, "clinker", "env", "--bind", cloud.Bind, "--state-dir", cloud.StateDir, "--user", user)
	if status != 0 || bad != "" {
		t.Fatalf("clinker env ends with %d: %s", status, bad)
	}
	env := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		env[key] = value
	}
	provider, err := openstack.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{IdentityEndpoint: env["OS_AUTH_URL"], Username: env["OS_USERNAME"],
		Password: env["OS_PASSWORD"], DomainName: env["OS_USER_DOMAIN_NAME"],
		Scope: &gophercloud.AuthScope{ProjectName: env["OS_PROJECT_NAME"], DomainName: env["OS_PROJECT_DOMAIN_NAME"]}})
	must(t, err)
	return provider
}

func blockStorage(t *testing.T, provider *gophercloud.ProviderClient) *gophercloud.ServiceClient {
	t.Helper()
	c, err := openstack.NewBlockStorageV3(provider, gophercloud.EndpointOpts{Region: "RegionOne"})
	must(t, err)
	c.Microversion = latest
	return c
}

// TestLogin: from the password on the disk to a token, to the catalog, to a volume; each sees what is theirs.
func TestLogin(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, withKeystone)
	demo, admin := blockStorage(t, login(t, cloud, "demo")), blockStorage(t, login(t, cloud, "admin"))
	v := create(t, demo, volumes.CreateOpts{Size: 1, Name: "of the demo user"})
	create(t, admin, volumes.CreateOpts{Size: 1})
	count := func(c *gophercloud.ServiceClient, all bool) int {
		t.Helper()
		pages, err := volumes.List(c, volumes.ListOpts{AllTenants: all}).AllPages(t.Context())
		must(t, err)
		list, err := volumes.ExtractVolumes(pages)
		must(t, err)
		return len(list)
	}
	if n, all := count(demo, true), count(admin, true); n != 1 || all != 2 {
		t.Errorf("demo sees %d volumes, admin %d", n, all)
	}
	if err := volumes.ForceDelete(t.Context(), demo, v.ID).ExtractErr(); !gophercloud.ResponseCodeIs(err, http.StatusForbidden) {
		t.Errorf("an ordinary user forces a volume away: %v", err)
	}
	token := demo.ProviderClient.Token()
	for name, header := range map[string]http.Header{"no token": {}, "a forged one": {"X-Auth-Token": {token[:len(token)-6] + "AAAAAA"}},
		"one of noauth": {"X-Auth-Token": {"admin:admin"}}, "forged headers": {"X-User-Id": {"x"}, "X-Roles": {"admin"}, "X-Identity-Status": {"Confirmed"}}} {
		r := rawRequest(t, cloud.URL("/v3/volumes"), header)
		if r.StatusCode != http.StatusUnauthorized || !strings.Contains(r.Header.Get("Www-Authenticate"), `Keystone uri="http://`+cloud.Bind+`:5000/v3"`) {
			t.Errorf("%s: %s %v", name, r.Status, r.Header)
		}
	}
	identity, err := openstack.NewIdentityV3(admin.ProviderClient, gophercloud.EndpointOpts{Region: "RegionOne"})
	must(t, err)
	p, err := projects.Create(t.Context(), identity, projects.CreateOpts{Name: "made later"}).Extract()
	must(t, err)

	// Everything is there after the next start, tokens too.
	cloud.Kill(t)
	cloud.Run(t)
	if got := get(t, demo, v.ID); got.Name != v.Name {
		t.Errorf("after a restart: %+v", got)
	}
	if got, err := projects.Get(t.Context(), identity, p.ID).Extract(); err != nil || got.Name != p.Name {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
	if r := rawRequest(t, cloud.URL("/v3/volumes"), http.Header{"X-Auth-Token": {token}}); r.StatusCode != http.StatusOK {
		t.Errorf("the token after a restart: %s", r.Status)
	}
}

// TestKeystoneElsewhere: a cloud that has its tokens validated by another's identity service believes what that says, goes on
// while it is away, and learns of what was revoked.
func TestKeystoneElsewhere(t *testing.T) {
	t.Parallel()
	home := harness.Start(t, withKeystone)
	var passwords map[string]string
	text, err := os.ReadFile(filepath.Join(home.StateDir, "keystone-passwords.json"))
	must(t, err)
	must(t, json.Unmarshal(text, &passwords))
	cloud := harness.Start(t, withKeystone+"[keystone_authtoken]\nauth_url = http://"+home.Bind+":5000/v3\nusername = cinder\nproject_name = service\npassword = "+
		passwords["cinder"]+"\nhttp_request_max_retries = 0\n")
	demo := login(t, home, "demo")
	status := func(token string) int {
		t.Helper()
		return rawRequest(t, cloud.URL("/v3/volumes"), http.Header{"X-Auth-Token": {token}}).StatusCode
	}
	first := demo.Token()
	if got := status(first); got != http.StatusOK {
		t.Fatalf("a good token: %d", got)
	}
	if got := status(first[:len(first)-6] + "AAAAAA"); got != http.StatusUnauthorized {
		t.Errorf("a forged one: %d", got)
	}
	revoked := login(t, home, "demo")
	identity, err := openstack.NewIdentityV3(revoked, gophercloud.EndpointOpts{Region: "RegionOne"})
	must(t, err)
	must(t, tokens.Revoke(t.Context(), identity, revoked.Token()).Err)
	if got := status(revoked.Token()); got != http.StatusUnauthorized {
		t.Errorf("a revoked one: %d", got)
	}
	later := login(t, home, "demo")
	home.Kill(t)
	if got := status(first); got != http.StatusOK {
		t.Errorf("a token that is remembered, without the identity service: %d", got)
	}
	if got := status(later.Token()); got != http.StatusServiceUnavailable {
		t.Errorf("one that is not: %d", got)
	}
	home.Run(t)
	if got := status(later.Token()); got != http.StatusOK {
		t.Errorf("when it is back: %d", got)
	}
}

func rawRequest(t *testing.T, url string, header http.Header) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	must(t, response.Body.Close())
	return response
}

// TestSecretsOfTheCloud: what lets somebody in is readable by its owner only, and never in a log.
func TestSecretsOfTheCloud(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, withKeystone+"debug = true\n")
	demo := login(t, cloud, "demo")
	create(t, blockStorage(t, demo), volumes.CreateOpts{Size: 1})
	_, _ = openstack.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{IdentityEndpoint: "http://" + cloud.Bind + ":5000/v3", Username: "demo",
		Password: "a-wrong-password", DomainName: "Default"})
	secrets := session(t, cloud)
	err := filepath.WalkDir(cloud.StateDir, func(path string, d os.DirEntry, err error) error {
		must(t, err)
		info, err := d.Info()
		must(t, err)
		if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 && strings.ContainsAny(filepath.Base(path), "k") {
			t.Errorf("%s has mode %v", path, mode)
		}
		if strings.Contains(path, "-keys/") {
			text, err := os.ReadFile(path)
			must(t, err)
			secrets = append(secrets, string(text))
		}
		return nil
	})
	must(t, err)
	passwords, err := os.ReadFile(filepath.Join(cloud.StateDir, "keystone-passwords.json"))
	must(t, err)
	for word := range strings.FieldsFuncSeq(string(passwords), func(r rune) bool { return r == '"' }) {
		if len(word) > 20 {
			secrets = append(secrets, word)
		}
	}
	secrets = append(secrets, demo.Token(), "a-wrong-password")
	if len(secrets) < 21+4+5+2 {
		t.Fatalf("only %d secrets were found", len(secrets))
	}
	log := cloud.Log(t)
	if !strings.Contains(log, "request refused") {
		t.Error("the log does not even tell of what was refused: it is not the debug log")
	}
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows a secret that begins with %.6s", secret)
		}
	}
}
