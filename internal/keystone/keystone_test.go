package keystone_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/oslo/authtoken"
)

// server gives tokens and says what they are worth, and keeps what it was asked.
type server struct {
	mu       sync.Mutex
	logins   []string        // the bodies
	asked    []*http.Request // about tokens
	life     time.Duration   // of the tokens it gives
	statuses []int           // of the next answers about tokens; none left: 200
	refuse   int             // the status of logins; 0: they succeed
	body     string          // about a token
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/v3/auth/tokens" {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if r.Method == http.MethodGet {
		s.asked = append(s.asked, r)
		if len(s.statuses) > 0 {
			status := s.statuses[0]
			if s.statuses = s.statuses[1:]; status != http.StatusOK {
				w.WriteHeader(status)
				return
			}
		}
		_, _ = io.WriteString(w, s.body)
		return
	}
	body, _ := io.ReadAll(r.Body)
	s.logins = append(s.logins, string(body))
	if s.refuse != 0 {
		w.WriteHeader(s.refuse)
		_, _ = io.WriteString(w, "your password is hush")
		return
	}
	w.Header().Set("X-Subject-Token", fmt.Sprintf("token-%d", len(s.logins)))
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"token": map[string]any{"expires_at": time.Now().Add(s.life).UTC().Format("2006-01-02T15:04:05.000000Z")}})
}

func (s *server) count() (logins, asked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.logins), len(s.asked)
}

func start(t *testing.T) (*server, keystone.Account) {
	t.Helper()
	s := &server{life: time.Hour, body: projectToken}
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	return s, keystone.Account{Group: "some_group", AuthURL: listening.URL + "/v3", Username: "cinder", Password: "hush", ProjectName: "service", ProjectDomainName: "Services"}
}

// A login is made once for all, with the account's names, and anew when its token has aged or was forgotten.
func TestLogin(t *testing.T) {
	s, account := start(t)
	l, err := keystone.NewLogin(account)
	if err != nil {
		t.Fatal(err)
	}
	token := func(l *keystone.Login, want string) {
		t.Helper()
		if token, err := l.Token(t.Context()); token != want || err != nil {
			t.Errorf("%q, %v", token, err)
		}
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { token(l, "token-1") })
	}
	all.Wait()
	if n, _ := s.count(); n != 1 {
		t.Errorf("%d logins", n)
	}
	for _, part := range []string{`"name":"cinder"`, `"password":"hush"`, `"domain":{"id":"default"}`, `"name":"service"`, `"domain":{"name":"Services"}`} {
		if !strings.Contains(s.logins[0], part) {
			t.Errorf("no %s in %s", part, s.logins[0])
		}
	}
	l.Forget("another")
	token(l, "token-1")
	l.Forget("token-1")
	token(l, "token-2")
	s.life = 0
	if l, err = keystone.NewLogin(account); err != nil {
		t.Fatal(err)
	}
	token(l, "token-3")
	token(l, "token-4")
	// One that fails is not tried again at once, and says nothing of the password.
	s.refuse = http.StatusUnauthorized
	for range 3 {
		if _, err = l.Token(t.Context()); !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "hush") {
			t.Errorf("refused: %v", err)
		}
	}
	if n, _ := s.count(); n != 5 {
		t.Errorf("%d logins", n)
	}
}

func TestAccounts(t *testing.T) {
	s, account := start(t)
	for what, c := range map[string]struct {
		change func(*keystone.Account)
		sent   string
	}{
		"by ids": {func(a *keystone.Account) { a.UserID, a.ProjectID = "u1", "p1" },
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"u1","password":"hush"}}},"scope":{"project":{"id":"p1"}}}}`},
		"of the system": {func(a *keystone.Account) { a.UserDomainName, a.ProjectName, a.System = "D", "", true },
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"name":"D"},"name":"cinder","password":"hush"}}},"scope":{"system":{"all":true}}}}`},
		"an application credential": {func(a *keystone.Account) { a.ApplicationCredentialID, a.ApplicationCredentialSecret = "c1", "hush" },
			`{"auth":{"identity":{"application_credential":{"id":"c1","secret":"hush"},"methods":["application_credential"]}}}`},
		"an application credential by name": {func(a *keystone.Account) { a.ApplicationCredentialName, a.ApplicationCredentialSecret = "c", "hush" },
			`{"auth":{"identity":{"application_credential":{"name":"c","secret":"hush","user":{"domain":{"id":"default"},"name":"cinder"}},"methods":["application_credential"]}}}`},
	} {
		a := account
		c.change(&a)
		l, err := keystone.NewLogin(a)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := l.Token(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if diff := cmp.Diff(decode(t, c.sent), decode(t, s.logins[len(s.logins)-1])); diff != "" {
			t.Errorf("%s: -want +sent:\n%s", what, diff)
		}
	}
	for what, change := range map[string]func(*keystone.Account){
		"no user":        func(a *keystone.Account) { a.Username = "" },
		"no project":     func(a *keystone.Account) { a.ProjectName = "" },
		"no secret":      func(a *keystone.Account) { a.ApplicationCredentialID = "c1" },
		"no address":     func(a *keystone.Account) { a.AuthURL = "keystone.sock/%" },
		"no authorities": func(a *keystone.Account) { a.Transport.CAFile = "/nonexistent" },
		"no key":         func(a *keystone.Account) { a.Transport.CertFile = "/nonexistent" },
	} {
		a := account
		change(&a)
		if _, err := keystone.NewLogin(a); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), "[some_group]") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func decode(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

const (
	projectToken = `{"token": {"methods": ["password"], "user": {"id": "u1", "name": "demo", "domain": {"id": "default", "name": "Default"}, "password_expires_at": null},
		"project": {"id": "p1", "name": "demo", "domain": {"id": "default", "name": "Default"}}, "is_domain": false, "roles": [{"id": "r1", "name": "member"}, {"id": "r2", "name": "reader"}],
		"expires_at": "2030-01-02T03:04:05.000000Z", "issued_at": "2030-01-02T02:04:05.000000Z", "audit_ids": ["x"],
		"catalog": [{"id": "s1", "type": "identity", "name": "keystone", "endpoints": [{"id": "e1", "interface": "public", "region": "R", "region_id": "R", "url": "http://here/v3"}]}]}}`
	systemToken = `{"token": {"user": {"id": "u1", "name": "admin", "domain": {"id": "default", "name": "Default"}}, "system": {"all": true}, "roles": [],
		"expires_at": "2030-01-02T03:04:05Z"}}`
	ruledToken = `{"token": {"user": {"id": "u1", "name": "demo", "domain": {"id": "default", "name": "Default"}}, "expires_at": "2030-01-02T03:04:05Z",
		"application_credential": {"id": "c1", "name": "c", "restricted": true, "access_rules": [{"id": "a1", "service": "volumev3", "method": "GET", "path": "/v3/**"}]}}}`
	barredToken = `{"token": {"user": {"id": "u1", "name": "demo", "domain": {"id": "default", "name": "Default"}}, "expires_at": "2030-01-02T03:04:05Z",
		"application_credential": {"id": "c1", "name": "c", "restricted": true, "access_rules": []}}}`
)

func TestValidate(t *testing.T) {
	s, account := start(t)
	v, err := keystone.NewValidator(account, keystone.Retries{}, true)
	if err != nil {
		t.Fatal(err)
	}
	user, domain, until := authtoken.Ref{ID: "u1", Name: "demo"}, authtoken.Ref{ID: "default", Name: "Default"}, time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for body, want := range map[string]*authtoken.Token{
		projectToken: {User: user, UserDomain: domain, Project: authtoken.Ref{ID: "p1", Name: "demo"}, ProjectDomain: domain, Roles: []string{"member", "reader"}, ExpiresAt: until,
			Catalog: `[{"endpoints":[{"publicURL":"http://here/v3","region":"R"}],"name":"keystone","type":"identity"}]`},
		systemToken: {User: authtoken.Ref{ID: "u1", Name: "admin"}, UserDomain: domain, System: true, ExpiresAt: until},
		ruledToken: {User: user, UserDomain: domain, ExpiresAt: until,
			AccessRules: []authtoken.Rule{{Service: "volumev3", Method: "GET", Path: "/v3/**"}}},
		barredToken: {User: user, UserDomain: domain, ExpiresAt: until, AccessRules: []authtoken.Rule{}},
	} {
		s.body = body
		found, err := v.Validate(t.Context(), "a-token", false)
		if diff := cmp.Diff(want, found); err != nil || diff != "" {
			t.Errorf("%v; -want +found:\n%s", err, diff)
		}
	}
	r := s.asked[0]
	if r.Header.Get("X-Auth-Token") != "token-1" || r.Header.Get("X-Subject-Token") != "a-token" || r.Header.Get("OpenStack-Identity-Access-Rules") != "1" || r.URL.RawQuery != "" {
		t.Errorf("%v %v", r.URL, r.Header)
	}
	if v, err = keystone.NewValidator(account, keystone.Retries{}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Validate(t.Context(), "a-token", true); err != nil {
		t.Error(err)
	}
	if query := s.asked[len(s.asked)-1].URL.RawQuery; query != "allow_expired=1&nocatalog" {
		t.Error(query)
	}
}

// What a service answers is a fault of the right kind, and asked again only where that may help.
func TestValidateRefused(t *testing.T) {
	for what, c := range map[string]struct {
		statuses      []int
		body          string
		kind          fault.Kind // Internal: none
		asked, logins int
	}{
		"a token that is not good":    {[]int{404}, "", fault.NotFound, 1, 1},
		"our own token ended":         {[]int{401, 200}, projectToken, fault.Internal, 2, 2},
		"our own token is never good": {[]int{401, 401}, "", fault.Unavailable, 2, 2},
		"we may not":                  {[]int{403}, "", fault.Unavailable, 1, 1},
		"it was away":                 {[]int{503, 502, 200}, projectToken, fault.Internal, 3, 1},
		"it is away":                  {[]int{500, 500, 500, 500}, "", fault.Unavailable, 3, 1},
		"it knows no token":           {nil, `{"token": {}}`, fault.Unavailable, 1, 1},
		"it sends something else":     {nil, `<html>`, fault.Unavailable, 3, 1},
		"it sends us away":            {[]int{302, 302, 302}, "", fault.Unavailable, 3, 1},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s, account := start(t)
			s.statuses, s.body = c.statuses, c.body
			v, err := keystone.NewValidator(account, keystone.Retries{Times: 2, Pause: time.Millisecond}, false)
			if err != nil {
				t.Fatal(err)
			}
			found, err := v.Validate(t.Context(), "the-subject", false)
			if (c.kind == fault.Internal) != (err == nil) || err != nil && fault.KindOf(err) != c.kind || (found == nil) != (err != nil) {
				t.Errorf("%v, %v", found, err)
			}
			if err != nil && strings.Contains(err.Error(), "the-subject") {
				t.Errorf("the error has the token in it: %v", err)
			}
			if logins, asked := s.count(); asked != c.asked || logins != c.logins {
				t.Errorf("%d questions, %d logins", asked, logins)
			}
		})
	}
}
