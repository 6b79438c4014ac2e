package api_test

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what OAuth 1.0 signs with
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/identity/api/apitest"
)

// consumer signs requests as a program does that acts for users.
type consumer struct {
	cloud              *apitest.Cloud
	key, secret        string
	token, tokenSecret string
	verifier           string
	count              int
}

// header is the Authorization header of a POST to a path.
func (c *consumer) header(path string) string {
	c.count++
	parameters := url.Values{"oauth_consumer_key": {c.key}, "oauth_nonce": {fmt.Sprint(c.count)}, "oauth_signature_method": {"HMAC-SHA1"},
		"oauth_timestamp": {fmt.Sprint(c.cloud.Now().Unix())}, "oauth_version": {"1.0"}}
	for name, value := range map[string]string{"oauth_token": c.token, "oauth_verifier": c.verifier} {
		if value != "" {
			parameters.Set(name, value)
		}
	}
	mac := hmac.New(sha1.New, []byte(c.secret+"&"+c.tokenSecret))
	mac.Write([]byte("POST&" + url.QueryEscape(apitest.URL+path) + "&" + url.QueryEscape(parameters.Encode())))
	parameters.Set("oauth_signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	var parts []string
	for name := range parameters {
		parts = append(parts, name+`="`+url.QueryEscape(parameters.Get(name))+`"`)
	}
	slices.Sort(parts)
	return "Authorization:OAuth " + strings.Join(parts, ", ")
}

func newConsumer(t testing.TB, p *apitest.People, c *apitest.Cloud) *consumer {
	t.Helper()
	made := p.Must(t, "POST", "/v3/OS-OAUTH1/consumers", `{"consumer": {"description": "a program"}}`).JSON()["consumer"].(map[string]any)
	return &consumer{cloud: c, key: made["id"].(string), secret: made["secret"].(string)}
}

// take keeps the token of an answer.
func (c *consumer) take(t testing.TB, answer apitest.Answer) {
	t.Helper()
	values, err := url.ParseQuery(string(answer.Body))
	if err != nil || answer.Status != 201 || answer.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || values.Get("oauth_expires_at") == "" {
		t.Fatalf("%d %v %q", answer.Status, err, answer.Body)
	}
	c.token, c.tokenSecret = values.Get("oauth_token"), values.Get("oauth_token_secret")
}

const (
	requestTokenPath = "/v3/OS-OAUTH1/request_token"
	accessTokenPath  = "/v3/OS-OAUTH1/access_token"
	oauthLogin       = `{"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}}`
)

// granted gets the consumer an access token of the administrator's, with the reader role.
func (c *consumer) granted(t testing.TB, p *apitest.People) {
	t.Helper()
	c.take(t, p.Send(t, "POST", requestTokenPath, "", "", c.header(requestTokenPath), "Requested-Project-Id:"+p.IDs["admin_project"]))
	answer := p.Must(t, "PUT", "/v3/OS-OAUTH1/authorize/"+c.token, `{"roles": [{"name": "reader"}]}`).JSON()
	c.verifier = answer["token"].(map[string]any)["oauth_verifier"].(string)
	c.take(t, p.Send(t, "POST", accessTokenPath, "", "", c.header(accessTokenPath)))
	c.verifier = ""
}

// TestOAuth1 goes the way of a program: it asks for a token, a user lets it act, it gets an access token, and a token of
// ours with it, which is good for what the user has let it have, until that is taken back.
func TestOAuth1(t *testing.T) {
	t.Parallel()
	cloud := apitest.New(t)
	p := apitest.NewPeople(t, cloud, apitest.AdminPassword)
	c := newConsumer(t, p, cloud)
	c.granted(t, p)
	login := func(header string) apitest.Answer {
		return p.Send(t, "POST", "/v3/auth/tokens", "", oauthLogin, header)
	}
	header := c.header("/v3/auth/tokens")
	answer := login(header)
	token, _ := answer.JSON()["token"].(map[string]any)
	oauth, _ := token["OS-OAUTH1"].(map[string]any)
	roles, _ := token["roles"].([]any)
	if answer.Status != 201 || oauth["consumer_id"] != c.key || oauth["access_token_id"] != c.token || len(roles) != 1 || roles[0].(map[string]any)["name"] != "reader" {
		t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	text := answer.Header.Get("X-Subject-Token")
	if again := login(header); again.Status != 401 {
		t.Errorf("the same request again: %d %s", again.Status, again.Body)
	}
	for what, want := range map[string]struct {
		method, path, body string
		status             int
	}{
		"what a reader may":         {"GET", "/v3/auth/projects", "", 200},
		"what an administrator may": {"POST", "/v3/users", `{"user": {"name": "t-more"}}`, 403},
		"another token":             {"POST", "/v3/auth/tokens", `{"auth": {"identity": {"methods": ["token"], "token": {"id": "` + text + `"}}}}`, 403},
		"a credential":              {"GET", "/v3/credentials", "", 200},
		"an EC2 key":                {"POST", "/v3/users/" + p.IDs["admin"] + "/credentials/OS-EC2", `{"tenant_id": "` + p.IDs["admin_project"] + `"}`, 403},
		"an application credential": {"POST", "/v3/users/" + p.IDs["admin"] + "/application_credentials", `{"application_credential": {"name": "t"}}`, 403},
		"a trust":                   {"POST", "/v3/OS-TRUST/trusts", p.Expand(`{"trust": {"trustor_user_id": "$admin", "trustee_user_id": "$member", "impersonation": true, "project_id": "$admin_project", "roles": [{"name": "reader"}]}}`), 403},
		"the list of access tokens": {"GET", "/v3/users/" + p.IDs["admin"] + "/OS-OAUTH1/access_tokens", "", 403},
	} {
		if answer := p.Send(t, want.method, want.path, text, want.body); answer.Status != want.status {
			t.Errorf("%s: %d %s, want %d", what, answer.Status, answer.Body, want.status)
		}
	}
	path := "/v3/users/$admin/OS-OAUTH1/access_tokens"
	if list := p.Must(t, "GET", path, "").JSON()["access_tokens"].([]any); len(list) != 1 || strings.Contains(fmt.Sprint(list), c.tokenSecret) {
		t.Errorf("%v", list)
	}
	p.Must(t, "DELETE", path+"/"+c.token, "")
	if answer := p.Send(t, "GET", "/v3/auth/projects", text, ""); answer.Status != 401 {
		t.Errorf("a token whose access token was taken back: %d", answer.Status)
	}
	if answer := login(c.header("/v3/auth/tokens")); answer.Status != 401 {
		t.Errorf("a login with an access token that was taken back: %d", answer.Status)
	}
}

// TestOAuth1Refusals forges and repeats what a program sends.
func TestOAuth1Refusals(t *testing.T) {
	t.Parallel()
	cloud := apitest.New(t)
	p := apitest.NewPeople(t, cloud, apitest.AdminPassword)
	c, other := newConsumer(t, p, cloud), newConsumer(t, p, cloud)
	project := "Requested-Project-Id:" + p.IDs["project"]
	expect := func(what string, status int, answer apitest.Answer) {
		t.Helper()
		if answer.Status != status {
			t.Errorf("%s: %d %s, want %d", what, answer.Status, answer.Body, status)
		}
	}
	ask := func(c *consumer, headers ...string) apitest.Answer {
		return p.Send(t, "POST", requestTokenPath, "", "", append([]string{c.header(requestTokenPath)}, headers...)...)
	}
	expect("no project", 400, ask(c))
	expect("a project that is not there", 404, ask(c, "Requested-Project-Id:none"))
	expect("no signature", 400, p.Send(t, "POST", requestTokenPath, "", "", project))
	forged := *c
	forged.secret = other.secret
	expect("another's secret", 401, ask(&forged, project))
	expect("a consumer who is not there", 404, ask(&consumer{cloud: cloud, key: "none"}, project))
	late := c.header(requestTokenPath)
	cloud.Advance(11 * time.Minute)
	expect("an old signature", 401, p.Send(t, "POST", requestTokenPath, "", "", late, project))

	c.take(t, ask(c, project))
	exchange := func(c *consumer) apitest.Answer {
		return p.Send(t, "POST", accessTokenPath, "", "", c.header(accessTokenPath))
	}
	expect("no verifier", 400, exchange(c))
	c.verifier = "guessed1"
	expect("a token nobody has authorized", 401, exchange(c))
	authorize := func(persona, body string) apitest.Answer {
		return p.Send(t, "PUT", "/v3/OS-OAUTH1/authorize/"+c.token, p.Tokens[persona], p.Expand(body))
	}
	expect("authorized by a member", 403, authorize(apitest.Member, `{"roles": [{"name": "member"}]}`))
	expect("roles that the administrator does not have in that project", 401, authorize(apitest.Admin, `{"roles": [{"name": "member"}]}`))
	p.Must(t, "PUT", "/v3/projects/$project/users/$admin/roles/$member_role", "")
	answer := authorize(apitest.Admin, `{"roles": [{"id": "$member_role"}]}`)
	expect("authorized", 200, answer)
	expect("a guessed verifier", 401, exchange(c))
	c.verifier = answer.JSON()["token"].(map[string]any)["oauth_verifier"].(string)
	thief := *other
	thief.token, thief.tokenSecret, thief.verifier = c.token, c.tokenSecret, c.verifier
	expect("another consumer", 401, exchange(&thief))
	forged = *c
	forged.tokenSecret = "forged"
	expect("another secret of the token", 401, exchange(&forged))
	used := *c
	c.take(t, exchange(c))
	expect("a request token twice", 404, exchange(&used))
	c.verifier = ""
	cloud.Advance(25 * time.Hour)
	expect("an access token that has expired", 401, p.Send(t, "POST", "/v3/auth/tokens", "", oauthLogin, c.header("/v3/auth/tokens")))
	expect("no header at all", 400, p.Send(t, "POST", "/v3/auth/tokens", "", oauthLogin))
}
