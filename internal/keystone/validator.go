package keystone

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/authtoken"
)

const (
	defaultRetries = 3
	maxRetries     = 10
	defaultPause   = 500 * time.Millisecond
)

// Retries say how often a question that is not answered is asked again.
type Retries struct {
	Times int
	Pause time.Duration // before the first time; before each after it, twice as long. 0 is half a second
}

// Validator asks an identity service what tokens are worth. Every question is a request; see authtoken.Cached. It is safe for
// concurrent use.
type Validator struct {
	login   *Login
	service *gophercloud.ServiceClient
	retries Retries
	catalog bool
}

var _ authtoken.Validator = (*Validator)(nil)

// NewValidator makes a Validator that asks as an account, which must be allowed to see others' tokens. Nothing is sent. An
// account that cannot be used is a fault.Invalid.
func NewValidator(a Account, retries Retries, catalog bool) (*Validator, error) {
	l, err := NewLogin(a)
	if err != nil {
		return nil, err
	}
	return &Validator{login: l, service: l.service, retries: retries, catalog: catalog}, nil
}

// Validate implements authtoken.Validator.
func (v *Validator) Validate(ctx context.Context, token string, allowExpired bool) (*authtoken.Token, error) {
	pause := cmp.Or(v.retries.Pause, defaultPause)
	for attempt := 0; ; attempt++ {
		found, again, err := v.ask(ctx, token, allowExpired)
		if !again || attempt >= v.retries.Times {
			return found, err
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return nil, err
		}
	}
}

// ask asks once, and once more if the service's own token is no longer good. again says that the next time it may go better.
func (v *Validator) ask(ctx context.Context, token string, allowExpired bool) (found *authtoken.Token, again bool, err error) {
	for range 2 {
		own, err := v.login.Token(ctx)
		if err != nil {
			return nil, true, err
		}
		var body answer
		_, err = v.service.Get(ctx, v.url(allowExpired), &body, &gophercloud.RequestOpts{OkCodes: []int{http.StatusOK}, MoreHeaders: map[string]string{
			"X-Auth-Token": own, "X-Subject-Token": token, "OpenStack-Identity-Access-Rules": "1"}})
		switch {
		case err == nil:
			found, err := body.token()
			return found, false, err
		case gophercloud.ResponseCodeIs(err, http.StatusNotFound):
			return nil, false, fault.Wrap(err, fault.NotFound, "", "The token is not good.")
		case gophercloud.ResponseCodeIs(err, http.StatusUnauthorized):
			v.login.Forget(own)
		case gophercloud.ResponseCodeIs(err, http.StatusForbidden), gophercloud.ResponseCodeIs(err, http.StatusBadRequest):
			return nil, false, fault.Wrap(err, fault.Unavailable, "", "The identity service does not let this service see tokens.")
		default:
			return nil, true, fault.Wrap(err, fault.Unavailable, "", "The identity service does not answer.")
		}
	}
	return nil, false, fault.New(fault.Unavailable, "", "The identity service does not accept the token it has just given this service.")
}

func (v *Validator) url(allowExpired bool) string {
	query, mark := "", "?"
	if allowExpired {
		query, mark = "?allow_expired=1", "&"
	}
	if !v.catalog {
		query += mark + "nocatalog"
	}
	return v.service.ServiceURL("auth", "tokens") + query
}

// answer is the body about a token.
type answer struct {
	Token struct {
		User                  named               `json:"user"`
		Project               named               `json:"project"`
		Domain                ref                 `json:"domain"`
		System                struct{ All bool }  `json:"system"`
		Roles                 []ref               `json:"roles"`
		ExpiresAt             time.Time           `json:"expires_at"`
		Catalog               []authtoken.Service `json:"catalog"`
		ApplicationCredential struct {
			AccessRules []authtoken.Rule `json:"access_rules"`
		} `json:"application_credential"`
	} `json:"token"`
}

type ref struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type named struct {
	ref
	Domain ref `json:"domain"`
}

// token is what the body says. One that says nothing of a user is nobody's: fault.Unavailable.
func (a answer) token() (*authtoken.Token, error) {
	t := a.Token
	if t.User.ID == "" || t.ExpiresAt.IsZero() {
		return nil, fault.New(fault.Unavailable, "", "The identity service's answer about a token is none.")
	}
	out := &authtoken.Token{User: authtoken.Ref(t.User.ref), UserDomain: authtoken.Ref(t.User.Domain), Project: authtoken.Ref(t.Project.ref),
		ProjectDomain: authtoken.Ref(t.Project.Domain), Domain: authtoken.Ref(t.Domain), System: t.System.All, ExpiresAt: t.ExpiresAt,
		AccessRules: t.ApplicationCredential.AccessRules}
	for _, r := range t.Roles {
		out.Roles = append(out.Roles, r.Name)
	}
	if t.Catalog != nil {
		out.Catalog = authtoken.CatalogHeader(t.Catalog)
	}
	return out, nil
}
