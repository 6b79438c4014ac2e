package tokens

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/catalog"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/oslo/authtoken"
)

// Authenticate gives ctx a caller: the bearer of the token text. A token that is not good is fault.Unauthorized. path is
// what the request is for, in case the token is good for some requests only.
func (t *Tokens) Authenticate(ctx context.Context, text, method, path string) (context.Context, error) {
	valid, err := t.Validate(ctx, text, 0)
	if fault.Is(err, fault.NotFound) {
		return ctx, identity.Unauthorized("token: %s", fault.UserText(err))
	}
	if err != nil {
		return ctx, err
	}
	if c := valid.ApplicationCredential; c != nil && c.AccessRules != nil && !allowed(c.AccessRules, method, path) {
		return ctx, identity.Unauthorized("the rules of application credential %s do not allow %s %s", c.ID, method, path)
	}
	return app.With(ctx, valid), nil
}

// allowed reports whether an application credential's rules allow a request to this API.
func allowed(rules []identity.AccessRule, method, path string) bool {
	return slices.ContainsFunc(rules, func(r identity.AccessRule) bool {
		return authtoken.Rule{Service: r.Service, Method: r.Method, Path: r.Path}.Allows([]string{"identity"}, method, path)
	})
}

// Check asks about another token, or one's own: rule is identity:validate_token or identity:check_token. allowExpired
// accepts one that expired not too long ago; rulesUnderstood says that who asks will heed an application credential's access
// rules, without which a token that has some is not for them.
func (t *Tokens) Check(ctx context.Context, rule, text string, allowExpired, rulesUnderstood bool) (*app.Token, error) {
	if app.Caller(ctx) == nil {
		return nil, identity.Unauthorized("%s needs a token", rule)
	}
	var window time.Duration
	if allowExpired {
		window = t.Options.AllowExpiredWindow
	}
	valid, err := t.Validate(ctx, text, window)
	if err != nil {
		return nil, err
	}
	if err := t.Authorize(ctx, rule, app.Target{"target.token.user_id": valid.User.ID}); err != nil {
		return nil, err
	}
	if c := valid.ApplicationCredential; c != nil && c.AccessRules != nil && !rulesUnderstood {
		return nil, notValid()
	}
	return valid, nil
}

// Delete revokes a token by its own name: others of its chain stay good.
func (t *Tokens) Delete(ctx context.Context, text string) error {
	valid, err := t.Check(ctx, "identity:revoke_token", text, false, true)
	if err != nil {
		return err
	}
	return t.Store.Update(ctx, func(tx store.Tx) error {
		return t.Revoke(ctx, tx, identity.RevocationEvent{AuditID: valid.AuditIDs[0], IssuedBefore: valid.IssuedAt})
	})
}

// maxEvents bounds a list of revocations.
const maxEvents = 10000

// Revocations lists what makes tokens worthless, since a time; the zero time is all.
func (t *Tokens) Revocations(ctx context.Context, since time.Time) ([]identity.RevocationEvent, error) {
	if err := t.Authorize(ctx, "identity:list_revoke_events", app.Target{}); err != nil {
		return nil, err
	}
	return t.Store.AllRevocations(ctx, since, maxEvents)
}

// Entry is a service in the catalog of one caller, with where it is reached.
type Entry struct {
	*identity.Service
	Endpoints []*identity.Endpoint // their URLs are ready to use
}

// CatalogOf is Catalog for the bearer of a token; with a trust it is the trustor's.
func (t *Tokens) CatalogOf(ctx context.Context, valid *app.Token) ([]Entry, error) {
	userID := valid.User.ID
	if valid.Trust != nil {
		userID = valid.Trust.TrustorUserID
	}
	return t.Catalog(ctx, userID, valid.ProjectID())
}

// Catalog lists the enabled services and endpoints for a user in a project; those that need a project are left out without
// one. A project that was given endpoints sees those alone, and services that have one of them.
func (t *Tokens) Catalog(ctx context.Context, userID, projectID string) (entries []Entry, err error) {
	all, err := t.everything(ctx)
	if err != nil {
		return nil, err
	}
	endpoints, given := all.endpoints, []*identity.Endpoint(nil)
	if all.filtered {
		err := t.Store.Read(ctx, func(s store.Reader) error {
			given, err = catalog.Given(ctx, s, projectID)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(given) > 0 {
		endpoints = given
	}
	for _, service := range all.services {
		if !service.Enabled {
			continue
		}
		if e := entry(service, endpoints, userID, projectID); len(given) == 0 || len(e.Endpoints) > 0 {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// whole is the whole catalog at an epoch of the store. What is in it is shared and must not be changed.
type whole struct {
	epoch     uint64
	services  []*identity.Service
	endpoints []*identity.Endpoint
	filtered  bool // some project was given endpoints, and sees those alone
}

// everything gives the whole catalog, which is remembered until something in the store changes.
func (t *Tokens) everything(ctx context.Context) (*whole, error) {
	epoch := t.Store.Epoch()
	if w := t.catalog.Load(); w != nil && w.epoch == epoch {
		return w, nil
	}
	w := &whole{epoch: epoch}
	err := t.Store.Read(ctx, func(s store.Reader) (err error) {
		if w.services, err = s.Services(ctx, store.ServiceQuery{}); err != nil {
			return err
		}
		if w.endpoints, err = s.Endpoints(ctx, store.EndpointQuery{}); err != nil {
			return err
		}
		w.filtered, err = s.EndpointsAreGiven(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.catalog.Store(w)
	return w, nil
}

func entry(service *identity.Service, endpoints []*identity.Endpoint, userID, projectID string) Entry {
	e := Entry{Service: service}
	for _, endpoint := range endpoints {
		if endpoint.ServiceID != service.ID || !endpoint.Enabled {
			continue
		}
		url, ok, err := identity.ExpandURL(endpoint.URL, projectID, userID)
		if err != nil || !ok {
			continue // one that was stored in spite of CheckURL helps nobody
		}
		expanded := *endpoint
		expanded.URL = strings.TrimSpace(url)
		e.Endpoints = append(e.Endpoints, &expanded)
	}
	return e
}
