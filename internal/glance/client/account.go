package client

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Account is a user of the service's own at an identity service: the options of [service_user].
type Account struct {
	AuthURL            string // with or without /v3; empty: there is no account
	Username, Password string
	// The domains are said by name or by id; with neither, it is the one with the id "default".
	UserDomainName, UserDomainID                    string
	ProjectName, ProjectDomainName, ProjectDomainID string
	Insecure                                        bool
	CAFile                                          string
	Timeout                                         time.Duration // of a login; 0 means a minute
}

// tokenLife is how long a token of ours is used: it may be revoked, which only the next login shows.
const tokenLife = 5 * time.Minute

// Login is an Account at work: it has a token when one is needed. It is safe for concurrent use.
type Login struct {
	account Account
	service *gophercloud.ServiceClient
	mu      sync.Mutex // held while logging in, so that one does it for all
	token   string
	until   time.Time
}

// NewLogin makes a Login; nothing is sent. An account that cannot be used is a fault.Invalid.
func NewLogin(a Account) (*Login, error) {
	a.Timeout = cmp.Or(max(a.Timeout, 0), defaultTimeout)
	if a.Username == "" || a.ProjectName == "" {
		return nil, fault.New(fault.Invalid, "", "[service_user] auth_url is set, so username and project_name are needed too.")
	}
	base, err := baseURL(a.AuthURL)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "[service_user] auth_url: %.200q is not the address of an identity service; http://keystone.example.com:5000/v3 would be one.", a.AuthURL)
	}
	transport, err := newTransport(Options{Insecure: a.Insecure, CAFile: a.CAFile}, a.Timeout)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "", "[service_user] cafile cannot be used: %s", a.CAFile)
	}
	provider := &gophercloud.ProviderClient{HTTPClient: http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	provider.UserAgent.Prepend("clinker")
	return &Login{account: a, service: &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: base + "v3/", Type: "identity"}}, nil
}

// Token is a token of the account. Faults: Unavailable.
func (l *Login) Token(ctx context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.until) {
		return l.token, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.account.Timeout)
	defer cancel()
	a := l.account
	o := tokens.AuthOptions{IdentityEndpoint: l.service.Endpoint, Username: a.Username, Password: a.Password, DomainID: a.UserDomainID,
		DomainName: a.UserDomainName, Scope: tokens.Scope{ProjectName: a.ProjectName, DomainID: a.ProjectDomainID, DomainName: a.ProjectDomainName}}
	one := func(id, name *string) {
		switch {
		case *id != "":
			*name = ""
		case *name == "":
			*id = "default"
		}
	}
	one(&o.DomainID, &o.DomainName)
	one(&o.Scope.DomainID, &o.Scope.DomainName)
	t, err := tokens.Create(ctx, l.service, &o).ExtractToken()
	if err != nil {
		return "", fault.Wrap(withoutSecrets{err, a.Password}, fault.Unavailable, "", "The identity service gives this service no token.")
	}
	l.token, l.until = t.ID, time.Now().Add(min(tokenLife, time.Until(t.ExpiresAt)/2))
	return l.token, nil
}

// withoutSecrets is an error whose text cannot have the password in it, whatever a service has answered.
type withoutSecrets struct {
	error
	secret string
}

// Error implements error.
func (w withoutSecrets) Error() string {
	if w.secret == "" {
		return w.error.Error()
	}
	return strings.ReplaceAll(w.error.Error(), w.secret, "***")
}

// With gives credentials for Options: the caller's token, and the account's for what has no caller any more. Where send is set the
// account's goes along with each, so that a caller's that has expired meanwhile is still good.
func (l *Login) With(send bool, log *slog.Logger) func(ctx context.Context) (Credentials, error) {
	return func(ctx context.Context) (Credentials, error) {
		caller := reqctx.From(ctx).AuthToken
		if caller != "" && !send {
			return Credentials{Token: caller}, nil
		}
		own, err := l.Token(ctx)
		if err != nil && caller != "" {
			log.WarnContext(ctx, "the image service is asked without a token of our own", "error", err)
			return Credentials{Token: caller}, nil
		}
		c := Credentials{Token: cmp.Or(caller, own)}
		if send {
			c.ServiceToken = own
		}
		return c, err
	}
}
