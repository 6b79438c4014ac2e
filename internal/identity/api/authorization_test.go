package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/identity/api/apitest"
	"github.com/clinker/clinker/internal/identity/app"
)

// TestAuthorization asks for every operation as every persona and holds the statuses against a golden. Every request is one
// that is right but for who asks, about things of the domain that most personas belong to, or of the member, made for it. An
// operation that is missing here fails the test: nothing is added to the API without saying who may use it.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	c := apitest.New(t, func(c *app.Core) { c.Options.TokenExpiration = 24 * time.Hour }) // each of thousands of requests takes a second
	f := &fixture{People: apitest.NewPeople(t, c, apitest.AdminPassword), Cloud: c, TB: t}
	f.IDs["other_project"] = f.made("projects", aProject)
	f.IDs["somebody"] = f.made("users", aUser) // to whom things are done, so that the personas stay who they are
	var b strings.Builder
	fmt.Fprintf(&b, "%-92s %s\n", "# status by persona", strings.Join(apitest.Personas(), " "))
	done := map[string]bool{}
	for _, r := range inventory(t, c) {
		name := operation(r)
		if r.Status == 501 {
			continue
		}
		done[name] = true
		request, known := matrixRequests[name]
		if !known {
			t.Errorf("%s is not in the authorization matrix: add a request that is right to matrixRequests", name)
			continue
		}
		fmt.Fprintf(&b, "%-92s", name)
		for _, persona := range apitest.Personas() {
			fmt.Fprintf(&b, " %*d", len(persona), f.ask(r.Method, persona, request))
		}
		b.WriteByte('\n')
	}
	for name := range matrixRequests {
		if !done[name] {
			t.Errorf("%s is in the authorization matrix, and the API has no such operation", name)
		}
	}
	golden(t, "testdata/authorization.txt", b.String())
}

// fixture makes what the requests of the matrix are about, as the administrator.
type fixture struct {
	*apitest.People
	Cloud *apitest.Cloud
	TB    testing.TB
	count int
}

// asked is a request without who asks: a path, and a body and headers if there are any.
type asked struct{ path, body, header, more string }

// ask sends a request of the matrix and gives the status.
func (f *fixture) ask(method, persona string, request func(*fixture) asked) int {
	f.TB.Helper()
	a := request(f)
	var headers []string
	for _, header := range []string{a.header, a.more} {
		if header != "" {
			headers = append(headers, f.Expand(header))
		}
	}
	answer := f.Send(f.TB, method, f.Expand(a.path), f.Tokens[persona], f.Expand(a.body), headers...)
	if answer.Status >= 500 || answer.Status == 400 {
		f.TB.Errorf("%s %s %s as %s: the request is not right: %d %s", method, a.path, a.body, persona, answer.Status, answer.Body)
	}
	return answer.Status
}

// name is a new one.
func (f *fixture) name() string {
	f.count++
	return fmt.Sprintf("t-%d", f.count)
}

// made makes something in a collection and gives its id. One %s in the body is a new name.
func (f *fixture) made(collection, body string) string {
	f.TB.Helper()
	if strings.Contains(body, "%s") {
		body = fmt.Sprintf(body, f.name())
	}
	return f.Make(f.TB, collection, body)
}

// granted makes an assignment of the member role to somebody, or to a group, at a place, and gives the path.
func (f *fixture) granted(prefix, place, actors, suffix string, there bool) string {
	f.TB.Helper()
	actor := "$somebody"
	if actors == "groups" {
		actor = f.made("groups", aGroup)
	}
	path := "/v3" + prefix + place + "/" + actors + "/" + actor + "/roles/$member_role" + suffix
	if there {
		f.Must(f.TB, "PUT", path, "")
	}
	return path
}

// application makes an application credential of the member's, with an access rule, and gives its id.
func (f *fixture) application() string {
	f.TB.Helper()
	answer := f.Send(f.TB, "POST", f.Expand("/v3/users/$member/application_credentials"), f.Tokens[apitest.Member], fmt.Sprintf(anApplication, f.name()))
	if answer.Status != 201 {
		f.TB.Fatalf("%d %s", answer.Status, answer.Body)
	}
	return answer.JSON()["application_credential"].(map[string]any)["id"].(string)
}

// token gets a new token of the member's.
func (f *fixture) token() string {
	f.TB.Helper()
	return f.Must(f.TB, "POST", "/v3/auth/tokens", fmt.Sprintf(aLogin, "member", apitest.Password("member"))).Header.Get("X-Subject-Token")
}

// Bodies of what the requests are about, of the domain.
const (
	aUser         = `{"user": {"name": "%s", "domain_id": "$domain", "password": "p"}}`
	aGroup        = `{"group": {"name": "%s", "domain_id": "$domain"}}`
	aProject      = `{"project": {"name": "%s", "domain_id": "$domain", "tags": ["tag"]}}`
	aDomain       = `{"domain": {"name": "%s", "enabled": false}}`
	aRole         = `{"role": {"name": "%s"}}`
	aService      = `{"service": {"name": "%s", "type": "t"}}`
	aRegion       = `{"region": {"id": "%s"}}`
	aCredential   = `{"credential": {"user_id": "$member", "type": "cert", "blob": "%s"}}`
	anApplication = `{"application_credential": {"name": "%s", "access_rules": [{"service": "identity", "method": "GET", "path": "/v3/users/*"}]}}`
	aLogin        = `{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "$%s", "password": "%s"}}}}}`
)
