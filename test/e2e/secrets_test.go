package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/test/harness"
)

// session does everything that somebody can do with a secret, rightly and wrongly, and gives all the secrets that were in it.
func session(t *testing.T, cloud *harness.Cloud) (secrets []string) {
	t.Helper()
	all := passwords(t, cloud)
	admin := as(t, cloud, password("admin", all["admin"]), inProject("admin"))
	demo := as(t, cloud, password("demo", all["demo"]), inProject("demo"))
	keep := func(values ...string) {
		t.Helper()
		for _, value := range values {
			if len(value) < 8 {
				t.Fatalf("a secret of %d characters: the answer did not have it", len(value))
			}
			secrets = append(secrets, value)
		}
	}
	keep(admin.token, demo.token)
	_, _, me := demo.ask(t, "GET", identityPort, "/v3/auth/tokens", "", "X-Subject-Token:"+demo.token)
	token := me["token"].(map[string]any)
	user, project := token["user"].(map[string]any)["id"].(string), token["project"].(map[string]any)["id"].(string)

	// Passwords: made, changed by oneself, wrong, and in requests that are refused.
	made := admin.made(t, identityPort, "/v3/users", `{"user": {"name": "s", "domain_id": "default", "password": "the-first-password"}}`, "user", "id")
	(person{cloud: cloud}).ask(t, "POST", identityPort, "/v3/users/"+made+"/password", `{"user": {"original_password": "the-first-password", "password": "the-second-password"}}`)
	(person{cloud: cloud}).ask(t, "POST", identityPort, "/v3/users/"+made+"/password", `{"user": {"original_password": "a-third-password", "password": "the-fourth-password"}}`)
	admin.ask(t, "POST", identityPort, "/v3/users", `{"user": {"name": 7, "password": "the-fifth-password"}}`)
	admin.ask(t, "POST", identityPort, "/v3/users", `{"user": {"password": "the-sixth-password"`)
	keep("the-first-password", "the-second-password", "a-third-password", "the-fourth-password", "the-fifth-password", "the-sixth-password")

	// Application credentials, with a good secret and a wrong one.
	_, _, answer := demo.ask(t, "POST", identityPort, "/v3/users/"+user+"/application_credentials", `{"application_credential": {"name": "robot"}}`)
	robot := answer["application_credential"].(map[string]any)
	byRobot := func(secret string) string {
		return fmt.Sprintf(`{"methods": ["application_credential"], "application_credential": {"id": %q, "secret": %q}}`, robot["id"], secret)
	}
	keep(robot["secret"].(string), as(t, cloud, byRobot(robot["secret"].(string)), "").token, "a-wrong-robot-secret")
	(person{cloud: cloud}).ask(t, "POST", identityPort, "/v3/auth/tokens", `{"auth": {"identity": `+byRobot("a-wrong-robot-secret")+`}}`)

	// EC2 and S3 keys, and another credential.
	_, _, answer = demo.ask(t, "POST", identityPort, "/v3/users/"+user+"/credentials/OS-EC2", `{"tenant_id": "`+project+`"}`)
	key := answer["credential"].(map[string]any)
	keep(key["secret"].(string), "the-blob-of-a-credential")
	demo.ask(t, "POST", identityPort, "/v3/credentials", `{"credential": {"user_id": "`+user+`", "type": "totp", "blob": "the-blob-of-a-credential"}}`)
	signed := base64.URLEncoding.EncodeToString([]byte("what was signed"))
	for _, path := range []string{"/v3/s3tokens", "/v3/ec2tokens"} {
		admin.ask(t, "POST", identityPort, path, fmt.Sprintf(`{"credentials": {"access": %q, "signature": "AAAA", "token": %q, "host": "h", "verb": "GET", "path": "/",
			"params": {"SignatureVersion": "0", "Action": "x", "Timestamp": "y"}}}`, key["access"], signed))
	}

	// A trust, and what is got with it.
	trust := demo.made(t, identityPort, "/v3/OS-TRUST/trusts", fmt.Sprintf(`{"trust": {"trustor_user_id": %q, "trustee_user_id": %q, "project_id": %q, "impersonation": true,
		"roles": [{"name": "member"}]}}`, user, made, project), "trust", "id")
	keep(as(t, cloud, password("s", "the-second-password"), `{"OS-TRUST:trust": {"id": "`+trust+`"}}`).token)

	keep(oauthSession(t, cloud, admin)...)

	// Tokens that are not good, in both places, and the volumes and images that they are shown for.
	forged := person{cloud, demo.token[:len(demo.token)-9] + "AAAAAAAAA"}
	for _, a := range asked {
		demo.ask(t, "GET", a.port, a.path, "")
		forged.ask(t, "GET", a.port, a.path, "")
	}
	admin.ask(t, "GET", identityPort, "/v3/auth/tokens", "", "X-Subject-Token:"+forged.token)
	demo.ask(t, "GET", blockPort, "/v3/volumes", "", "X-Service-Token:"+forged.token)
	admin.ask(t, "DELETE", identityPort, "/v3/auth/tokens", "", "X-Subject-Token:"+demo.token)
	demo.ask(t, "GET", blockPort, "/v3/volumes", "")
	return append(secrets, forged.token)
}

// oauthSession goes the way of a program that acts for the administrator, by signatures that are the secrets themselves.
func oauthSession(t *testing.T, cloud *harness.Cloud, admin person) (secrets []string) {
	t.Helper()
	_, _, answer := admin.ask(t, "POST", identityPort, "/v3/OS-OAUTH1/consumers", `{"consumer": {}}`)
	consumer := answer["consumer"].(map[string]any)
	count := 0
	header := func(secret, tokenSecret, more string) string {
		count++
		return fmt.Sprintf(`Authorization:OAuth oauth_consumer_key="%s", oauth_signature_method="PLAINTEXT", oauth_signature="%s", oauth_timestamp="%d", oauth_nonce="%d"%s`,
			consumer["id"], url.QueryEscape(secret+"&"+tokenSecret), time.Now().Unix(), count, more)
	}
	secret := consumer["secret"].(string)
	send := func(path string, headers ...string) (id, tokenSecret string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), "POST", fmt.Sprintf("http://%s:%d%s", cloud.Bind, identityPort, path), nil)
		must(t, err)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ":")
			request.Header.Set(name, value)
		}
		values := form(t, request)
		return values.Get("oauth_token"), values.Get("oauth_token_secret")
	}
	_, _, me := admin.ask(t, "GET", identityPort, "/v3/auth/tokens", "", "X-Subject-Token:"+admin.token)
	project := me["token"].(map[string]any)["project"].(map[string]any)["id"].(string)
	request, requestSecret := send("/v3/OS-OAUTH1/request_token", header(secret, "", ""), "Requested-Project-Id:"+project)
	_, _, answer = admin.ask(t, "PUT", identityPort, "/v3/OS-OAUTH1/authorize/"+request, `{"roles": [{"name": "reader"}]}`)
	verifier := answer["token"].(map[string]any)["oauth_verifier"].(string)
	access, accessSecret := send("/v3/OS-OAUTH1/access_token", header(secret, requestSecret, fmt.Sprintf(`, oauth_token="%s", oauth_verifier="%s"`, request, verifier)))
	const login = `{"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}}`
	status, h, answer := person{cloud: cloud}.ask(t, "POST", identityPort, "/v3/auth/tokens", login, header(secret, accessSecret, fmt.Sprintf(`, oauth_token="%s"`, access)))
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, answer)
	}
	person{cloud: cloud}.ask(t, "POST", identityPort, "/v3/auth/tokens", login, header(secret, "a-wrong-access-secret", fmt.Sprintf(`, oauth_token="%s"`, access)))
	return []string{secret, requestSecret, verifier, accessSecret, "a-wrong-access-secret", h.Get("X-Subject-Token")}
}
