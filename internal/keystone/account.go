// Package keystone is the client of an identity service that runs elsewhere: it logs services of ours in, and asks what the
// tokens of requests are worth.
//
// What must not live here: the identity service of our own (internal/identity), and the filter that stands before an API
// (oslo/authtoken).
package keystone

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/authtoken"
)

// Account is who a service of ours is at an identity service.
type Account struct {
	// Group is where the options of the account are, for what is said about them: "service_user".
	Group   string
	AuthURL string // with or without /v3; empty: there is no account

	UserID, Username, Password string
	// An application credential stands for a user and a project; ApplicationCredentialName goes with the user.
	ApplicationCredentialID, ApplicationCredentialName, ApplicationCredentialSecret string

	// The scope: a project, or the system. Domains are said by name or by id; with neither, it is the one with the id "default".
	ProjectID, ProjectName                                           string
	System                                                           bool
	UserDomainName, UserDomainID, ProjectDomainName, ProjectDomainID string

	Transport Transport
}

// tokenLife is how long a token of ours is used: it may be revoked, which who is shown it need not tell us.
const tokenLife = 5 * time.Minute

// failureLife is how long a login that failed is not tried again: whoever waits for one should not each wait anew.
const failureLife = time.Second

// Login is an Account at work: it has a token when one is needed. It is safe for concurrent use.
type Login struct {
	account Account
	service *gophercloud.ServiceClient
	mu      sync.Mutex // held while logging in, so that one does it for all
	token   string
	catalog []authtoken.Service
	err     error // of the last login
	until   time.Time
}

// NewLogin makes a Login; nothing is sent. An account that cannot be used is a fault.Invalid.
func NewLogin(a Account) (*Login, error) {
	user := a.UserID != "" || a.Username != ""
	switch {
	case a.ApplicationCredentialID != "" || a.ApplicationCredentialName != "" && user:
		if a.ApplicationCredentialSecret == "" {
			return nil, invalid(a, "application_credential_secret is needed with an application credential.")
		}
	case !user || a.ProjectName == "" && a.ProjectID == "" && !a.System:
		return nil, invalid(a, "auth_url is set, so username and project_name are needed too.")
	}
	service, err := newClient(a)
	if err != nil {
		return nil, err
	}
	return &Login{account: a, service: service}, nil
}

func invalid(a Account, problem string) error {
	return fault.New(fault.Invalid, "", "[%s] %s", a.Group, problem)
}

// newClient makes a client of the identity service of an account, without a token.
func newClient(a Account) (*gophercloud.ServiceClient, error) {
	base, err := baseURL(a.AuthURL)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "", "[%s] auth_url: %.200q is not the address of an identity service; http://keystone.example.com:5000/v3 would be one.",
			a.Group, a.AuthURL)
	}
	transport, err := a.Transport.Open(a.Group)
	if err != nil {
		return nil, err
	}
	provider := &gophercloud.ProviderClient{HTTPClient: http.Client{Transport: transport, Timeout: a.Transport.timeout(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	provider.UserAgent.Prepend("clinker")
	return &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: base + "v3/", Type: "identity"}, nil
}

// Token is a token of the account. Faults: Unavailable.
func (l *Login) Token(ctx context.Context) (string, error) {
	token, _, err := l.Session(ctx)
	return token, err
}

// Session is a token of the account, and the catalog that came with it, which must not be changed. Faults: Unavailable.
func (l *Login) Session(ctx context.Context) (token string, catalog []authtoken.Service, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.until) {
		return l.token, l.catalog, l.err
	}
	result := tokens.Create(ctx, l.service, l.account.options())
	t, err := result.ExtractToken()
	if err != nil {
		l.token, l.catalog, l.err = "", nil, fault.Wrap(l.account.hide(err), fault.Unavailable, "", "The identity service gives this service no token.")
		if ctx.Err() == nil {
			l.until = time.Now().Add(failureLife)
		}
		return "", nil, l.err
	}
	l.token, l.catalog, l.err, l.until = t.ID, catalogOf(result), nil, time.Now().Add(min(tokenLife, time.Until(t.ExpiresAt)/2))
	return l.token, l.catalog, nil
}

// catalogOf is the catalog in the answer to a login; nil if it has none.
func catalogOf(r tokens.CreateResult) (list []authtoken.Service) {
	c, err := r.ExtractServiceCatalog()
	if err != nil {
		return nil
	}
	for _, entry := range c.Entries {
		s := authtoken.Service{Type: entry.Type, Name: entry.Name}
		for _, e := range entry.Endpoints {
			s.Endpoints = append(s.Endpoints, authtoken.Endpoint{Interface: e.Interface, Region: cmp.Or(e.RegionID, e.Region), URL: e.URL})
		}
		list = append(list, s)
	}
	return list
}

// Forget makes the next Token log in again, if the token that is no longer good is the one it would give.
func (l *Login) Forget(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token == token {
		l.until = time.Time{}
	}
}

// options are the account as gophercloud wants it.
func (a Account) options() *tokens.AuthOptions {
	if a.ApplicationCredentialID != "" {
		return &tokens.AuthOptions{ApplicationCredentialID: a.ApplicationCredentialID, ApplicationCredentialSecret: a.ApplicationCredentialSecret}
	}
	o := &tokens.AuthOptions{UserID: a.UserID, Username: a.Username, DomainID: a.UserDomainID, DomainName: a.UserDomainName}
	if o.UserID != "" {
		o.Username = ""
	}
	inDomain(o.Username, &o.DomainID, &o.DomainName)
	if a.ApplicationCredentialName != "" {
		o.ApplicationCredentialName, o.ApplicationCredentialSecret = a.ApplicationCredentialName, a.ApplicationCredentialSecret
		return o
	}
	o.Password = a.Password
	o.Scope = tokens.Scope{ProjectID: a.ProjectID, ProjectName: a.ProjectName, DomainID: a.ProjectDomainID, DomainName: a.ProjectDomainName, System: a.System}
	if o.Scope.ProjectID != "" {
		o.Scope.ProjectName = ""
	}
	inDomain(o.Scope.ProjectName, &o.Scope.DomainID, &o.Scope.DomainName)
	return o
}

// inDomain leaves one of id and name, or neither when there is no name that belongs to a domain.
func inDomain(named string, id, name *string) {
	switch {
	case named == "":
		*id, *name = "", ""
	case *id != "":
		*name = ""
	case *name == "":
		*id = "default"
	}
}

// hide is an error whose text cannot have the account's secrets in it, whatever a service has answered.
func (a Account) hide(err error) error {
	text := err.Error()
	for _, secret := range []string{a.Password, a.ApplicationCredentialSecret} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return errors.New(text)
}
