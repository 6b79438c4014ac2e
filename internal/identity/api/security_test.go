package api_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/identity/api/apitest"
	"github.com/clinker/clinker/internal/identity/app"
)

func login(t *testing.T, p *apitest.People, persona, password string) apitest.Answer {
	t.Helper()
	return p.Send(t, "POST", "/v3/auth/tokens", "", p.Expand(fmt.Sprintf(aLogin, persona, password)))
}

// TestLockout guesses a password: after a while the right one is of no use either, for a minute. Tokens that are there
// already, and other people, do not notice.
func TestLockout(t *testing.T) {
	t.Parallel()
	c := apitest.New(t)
	p := apitest.NewPeople(t, c, apitest.AdminPassword)
	right := apitest.Password(apitest.Member)
	for range 9 {
		if answer := login(t, p, apitest.Member, "wrong"); answer.Status != 401 {
			t.Fatalf("a wrong password: %d", answer.Status)
		}
	}
	if answer := login(t, p, apitest.Member, right); answer.Status != 201 {
		t.Fatalf("the right password after nine wrong ones: %d", answer.Status)
	}
	for range 10 {
		login(t, p, apitest.Member, "wrong")
	}
	wrong, locked := login(t, p, apitest.Member, "wrong"), login(t, p, apitest.Member, right)
	if locked.Status != 401 || !bytes.Equal(wrong.Body, locked.Body) {
		t.Errorf("the right password after ten wrong ones: %d %s; a wrong one: %s", locked.Status, locked.Body, wrong.Body)
	}
	if answer := login(t, p, apitest.Reader, apitest.Password(apitest.Reader)); answer.Status != 201 {
		t.Errorf("somebody else: %d", answer.Status)
	}
	if answer := p.Send(t, "GET", "/v3/auth/projects", p.Tokens[apitest.Member], ""); answer.Status != 200 {
		t.Errorf("a token from before: %d", answer.Status)
	}
	c.Advance(time.Minute)
	if answer := login(t, p, apitest.Member, right); answer.Status != 201 {
		t.Errorf("a minute later: %d %s", answer.Status, answer.Body)
	}
}

// TestLockoutSparesServices: a user may be excepted, so that nobody can keep a service out by guessing.
func TestLockoutSparesServices(t *testing.T) {
	t.Parallel()
	p := apitest.NewPeople(t, apitest.New(t), apitest.AdminPassword)
	p.Must(t, "PATCH", "/v3/users/$member", `{"user": {"options": {"ignore_lockout_failure_attempts": true}}}`)
	for range 20 {
		login(t, p, apitest.Member, "wrong")
	}
	if answer := login(t, p, apitest.Member, apitest.Password(apitest.Member)); answer.Status != 201 {
		t.Errorf("%d %s", answer.Status, answer.Body)
	}
}

// TestForgedTokens changes every character of a token, and shows tokens of another cloud.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	p := apitest.NewPeople(t, apitest.New(t), apitest.AdminPassword)
	other := apitest.NewPeople(t, apitest.New(t), apitest.AdminPassword)
	good := p.Tokens[apitest.Admin]
	forged := []string{other.Tokens[apitest.Admin], good + "A", good[1:], good[:len(good)/2], strings.Repeat("A", 300), "é", "' OR 1=1 --"}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(strings.TrimRight(good, "=")) - 1
	for i := range last { // of the last character some bits mean nothing
		at := strings.IndexByte(alphabet, good[i])
		forged = append(forged, good[:i]+string(alphabet[at^1])+good[i+1:])
	}
	for _, token := range forged {
		if answer := p.Send(t, "GET", "/v3/auth/projects", token, ""); answer.Status != 401 {
			t.Fatalf("the token %q: %d %s", token, answer.Status, answer.Body)
		}
		if answer := p.Send(t, "GET", "/v3/auth/tokens", good, "", "X-Subject-Token:"+token); answer.Status != 404 {
			t.Fatalf("the subject token %q: %d %s", token, answer.Status, answer.Body)
		}
	}
}

// TestUnknownUsersAreNotTold makes sure that the answer to a login does not tell who is there.
func TestUnknownUsersAreNotTold(t *testing.T) {
	t.Parallel()
	p := apitest.NewPeople(t, apitest.New(t), apitest.AdminPassword)
	p.Must(t, "PATCH", "/v3/users/$reader", `{"user": {"enabled": false}}`)
	var answers []string
	for _, who := range []string{`"id": "$member"`, `"id": "$reader"`, `"id": "none"`, `"name": "t-member", "domain": {"id": "$domain"}`, `"name": "none", "domain": {"id": "$domain"}`,
		`"name": "none", "domain": {"id": "none"}`} {
		body := p.Expand(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {` + who + `, "password": "wrong"}}}}}`)
		answer := p.Send(t, "POST", "/v3/auth/tokens", "", body)
		answers = append(answers, fmt.Sprintf("%d %s", answer.Status, answer.Body))
	}
	if len(slices.Compact(answers)) != 1 {
		t.Errorf("%q", answers)
	}
}

// TestLogsHoldNoSecrets does what people do with secrets, at the level that logs most, and looks for them.
func TestLogsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug - 4}))
	p := apitest.NewPeople(t, apitest.New(t, func(c *app.Core) { c.Log = logger }), apitest.AdminPassword)
	secrets := []string{apitest.AdminPassword, "a-wrong-password", "a-new-password", "an-ec2-secret", "the-blob-of-it"}
	login(t, p, apitest.Member, "a-wrong-password")
	login(t, p, "nobody-at-all", "a-wrong-password")
	p.Must(t, "PATCH", "/v3/users/$reader", `{"user": {"password": "a-new-password"}}`)
	p.Send(t, "POST", p.Expand("/v3/users/$reader/password"), "", `{"user": {"original_password": "a-wrong-password", "password": "a-new-password"}}`)
	p.Send(t, "POST", "/v3/users", p.Tokens[apitest.Admin], `{"user": {"password": "a-new-password", "name": 5}}`)
	p.Make(t, "credentials", `{"credential": {"user_id": "$member", "project_id": "$project", "type": "ec2", "blob": "{\"access\": \"a\", \"secret\": \"an-ec2-secret\"}"}}`)
	p.Send(t, "POST", "/v3/credentials", p.Tokens[apitest.Admin], p.Expand(`{"credential": {"user_id": "$member", "type": "ec2", "blob": "the-blob-of-it"}}`))
	for _, persona := range apitest.Personas() {
		secrets = append(secrets, apitest.Password(persona))
		if token := p.Tokens[persona]; token != "" {
			secrets = append(secrets, token)
			p.Send(t, "DELETE", "/v3/auth/tokens", token, "", "X-Subject-Token:"+token)
			p.Send(t, "GET", "/v3/users", token, "")
		}
	}
	if log.Len() == 0 {
		t.Error("nothing was logged")
	}
	for _, secret := range secrets {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestPages walks a list page by page.
func TestPages(t *testing.T) {
	t.Parallel()
	p := apitest.NewPeople(t, apitest.New(t, func(c *app.Core) { c.Options.MaxListLimit = 4 }), apitest.AdminPassword)
	var all []string
	for i := range 9 {
		all = append(all, p.Make(t, "groups", fmt.Sprintf(`{"group": {"name": "g%d", "domain_id": "$domain"}}`, i)))
	}
	slices.Sort(all)
	var seen []string
	for path := "/v3/groups?limit=100&domain_id=" + p.IDs["domain"]; path != ""; {
		answer := p.Must(t, "GET", path, "").JSON()
		page := answer["groups"].([]any)
		if len(page) > 4 {
			t.Fatalf("a page of %d", len(page))
		}
		for _, g := range page {
			seen = append(seen, g.(map[string]any)["id"].(string))
		}
		next, more := answer["links"].(map[string]any)["next"].(string)
		if more != (len(page) == 4) || more != (answer["truncated"] == true) {
			t.Fatalf("a page of %d: next %q, truncated %v", len(page), next, answer["truncated"])
		}
		path = strings.TrimPrefix(next, apitest.URL)
	}
	if !slices.Equal(seen, all) {
		t.Errorf("pages hold\n%q, not\n%q", seen, all)
	}
}

// TestRevocationsWithinASecond changes a password again and again within one second, with a login after each: every token from
// before a change is worthless after it, and the one after it is good.
func TestRevocationsWithinASecond(t *testing.T) {
	t.Parallel()
	c := apitest.New(t)
	p := apitest.NewPeople(t, c, apitest.AdminPassword)
	send := func(method, path, token, body string) apitest.Answer {
		answer := p.Send(t, method, path, token, p.Expand(body))
		c.Advance(-time.Second)
		return answer
	}
	var before []string
	for i := range 5 {
		password := fmt.Sprintf("password %d", i)
		if answer := send("PATCH", "/v3/users/"+p.IDs[apitest.Member], p.Tokens[apitest.Admin], `{"user": {"password": "`+password+`"}}`); answer.Status != 200 {
			t.Fatalf("%d %s", answer.Status, answer.Body)
		}
		for _, token := range before {
			if answer := send("GET", "/v3/auth/projects", token, ""); answer.Status != 401 {
				t.Errorf("a token from before change %d: %d", i, answer.Status)
			}
		}
		answer := send("POST", "/v3/auth/tokens", "", fmt.Sprintf(aLogin, apitest.Member, password))
		token := answer.Header.Get("X-Subject-Token")
		if answer := send("GET", "/v3/auth/projects", token, ""); answer.Status != 200 {
			t.Fatalf("the token after change %d: %d", i, answer.Status)
		}
		before = append(before, token)
	}
	last := before[len(before)-1]
	if answer := send("DELETE", "/v3/auth/tokens", last, ""); answer.Status == 204 {
		t.Errorf("no token was named: %d", answer.Status)
	}
	if answer := p.Send(t, "DELETE", "/v3/auth/tokens", last, "", "X-Subject-Token:"+last); answer.Status != 204 {
		t.Errorf("%d %s", answer.Status, answer.Body)
	}
	c.Advance(-2 * time.Second)
	if answer := p.Send(t, "GET", "/v3/auth/projects", last, ""); answer.Status != 401 {
		t.Errorf("a revoked token that was dated ahead: %d", answer.Status)
	}
}
