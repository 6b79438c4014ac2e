package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/identity/api/apitest"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/secrets"
	"github.com/clinker/clinker/internal/identity/app/tokens"
)

// defaultWork lets a Cloud hash passwords as one does that nobody has configured.
func defaultWork(b *testing.B) func(*app.Core) {
	hasher, err := secrets.New(0)
	if err != nil {
		b.Fatal(err)
	}
	return func(c *app.Core) { c.Secrets = hasher }
}

// longLived lets tokens live as long as a benchmark, every request of which takes a second of its clock.
func longLived(c *app.Core) { c.Options.TokenExpiration = 10000 * time.Hour }

// BenchmarkLogin gets tokens of a project, with the catalog. A password costs bcrypt's work (2^10 rounds by default, which is
// all of the difference to a token); the secret of an application credential is random and costs 2^4.
func BenchmarkLogin(b *testing.B) {
	p := apitest.NewPeople(b, apitest.New(b, defaultWork(b), longLived), apitest.AdminPassword)
	robot := p.Send(b, "POST", p.Expand("/v3/users/$member/application_credentials"), p.Tokens[apitest.Member], `{"application_credential": {"name": "robot"}}`)
	credential := robot.JSON()["application_credential"].(map[string]any)
	scope := p.Expand(`, "scope": {"project": {"id": "$project"}}`)
	for _, c := range []struct{ name, body string }{
		{"password", `{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "` + p.IDs[apitest.Member] + `", "password": "` +
			apitest.Password(apitest.Member) + `"}}}` + scope + `}}`},
		{"application credential", fmt.Sprintf(`{"auth": {"identity": {"methods": ["application_credential"], "application_credential": {"id": %q, "secret": %q}}}}`,
			credential["id"], credential["secret"])},
		{"token", `{"auth": {"identity": {"methods": ["token"], "token": {"id": "` + p.Tokens[apitest.Member] + `"}}` + scope + `}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if answer := p.Send(b, "POST", "/v3/auth/tokens", "", c.body); answer.Status != 201 {
					b.Fatalf("%d %s", answer.Status, answer.Body)
				}
			}
		})
	}
}

// BenchmarkValidate finds out what a token is worth: one that is remembered, one that has to be looked up, and, over the API
// with the catalog, for a service elsewhere.
func BenchmarkValidate(b *testing.B) {
	c := apitest.New(b, longLived)
	p := apitest.NewPeople(b, c, apitest.AdminPassword)
	token := p.Tokens[apitest.Member]
	b.Run("remembered", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Tokens.Validate(b.Context(), token, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("looked up", func(b *testing.B) {
		for b.Loop() {
			if _, err := tokens.New(c.Tokens.Core).Validate(b.Context(), token, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("over the API", func(b *testing.B) {
		for b.Loop() {
			if answer := p.Send(b, "GET", "/v3/auth/tokens", token, "", "X-Subject-Token:"+token); answer.Status != 200 {
				b.Fatalf("%d %s", answer.Status, answer.Body)
			}
		}
	})
}
