package authtoken

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

// Filter puts something before an application.
type Filter = func(http.Handler) http.Handler

// Protocol is the filter with what it needs.
type Protocol struct {
	Validator Validator
	Settings  Settings
	Log       *slog.Logger // nil discards
	Now       func() time.Time
}

// The headers of two sides: of who asks, and of the service that asks on their behalf.
const (
	statusHeader        = "X-Identity-Status"
	serviceStatusHeader = "X-Service-Identity-Status"
	confirmed           = "Confirmed"
	invalid             = "Invalid"

	catalogHeader      = "X-Service-Catalog"
	adminProjectHeader = "X-Is-Admin-Project"
	systemScopeHeader  = "OpenStack-System-Scope"
)

// forgeable are the headers that a client must not be believed: all that this filter sets. Upstream leaves the system's
// scope in, which a client could then claim with a token of a project.
func forgeable() []string {
	list := []string{statusHeader, serviceStatusHeader, catalogHeader, adminProjectHeader, systemScopeHeader, "X-Role", "X-User", "X-Tenant-Id",
		"X-Tenant-Name", "X-Tenant"}
	for _, prefix := range []string{"X", "X-Service"} {
		for _, name := range []string{"-Domain-Id", "-Domain-Name", "-Project-Id", "-Project-Name", "-Project-Domain-Id", "-Project-Domain-Name", "-User-Id",
			"-User-Name", "-User-Domain-Id", "-User-Domain-Name", "-Roles"} {
			list = append(list, prefix+name)
		}
	}
	return list
}

// stripped is h without them, however they are spelt: servers behind a WSGI gateway cannot tell X_User_Id from X-User-Id. It
// is a map of its own, with room for what setHeaders sets; the values are shared.
func stripped(h http.Header, forged map[string]bool) http.Header {
	out := make(http.Header, len(h)+len(said))
	for name, values := range h {
		if !forged[http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))] {
			out[name] = values
		}
	}
	return out
}

// Factory makes the filter of a paste section, whose settings win over those of the configuration.
func (p Protocol) Factory(local map[string]string) (Filter, error) {
	settings, err := p.Settings.with(local)
	if err != nil {
		return nil, err
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	p.Settings = settings
	forged := map[string]bool{}
	for _, name := range forgeable() {
		forged[http.CanonicalHeaderKey(name)] = true
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller := new(Caller) // is filled while the request that carries it is asked
			inner := r.WithContext(context.WithValue(r.Context(), tokenKey{}, caller))
			inner.Header = stripped(r.Header, forged)
			var err error
			if *caller, err = p.authenticate(r.Context(), inner); err != nil {
				p.refuse(w, r, err)
				return
			}
			next.ServeHTTP(&challenged{ResponseWriter: w, uri: settings.WWWAuthenticateURI}, inner)
		})
	}, nil
}

// authenticate finds out who asks and sets the headers that say so. An error is the end of the request.
func (p Protocol) authenticate(ctx context.Context, r *http.Request) (c Caller, err error) {
	serviceStatus, mayBeExpired := confirmed, false
	if text := strings.TrimSpace(r.Header.Get("X-Service-Token")); text != "" {
		service, err := p.validate(ctx, text, false)
		if err != nil {
			return c, err
		}
		trusted := service != nil && slices.ContainsFunc(service.Roles, func(role string) bool { return slices.Contains(p.Settings.ServiceTokenRoles, role) })
		if service != nil && (trusted || !p.Settings.ServiceTokenRolesRequired) {
			c.Service, mayBeExpired = service, trusted
		} else {
			serviceStatus = invalid
		}
		r.Header.Set(serviceStatusHeader, serviceStatus)
	}
	text := r.Header.Get("X-Auth-Token")
	if text == "" {
		text = r.Header.Get("X-Storage-Token")
	}
	if text = strings.TrimSpace(text); text != "" {
		if c.Token, err = p.validate(ctx, text, mayBeExpired); err != nil {
			return c, err
		}
		if c.Token != nil && c.Service == nil && !p.allowed(c.Token, r) {
			p.Log.InfoContext(ctx, "The access rules of an application credential do not allow the request.", "method", r.Method, "path", r.URL.Path)
			c.Token = nil
		}
	}
	if c.Token == nil || serviceStatus == invalid {
		c.Token = nil
		r.Header.Set(statusHeader, invalid)
		if !p.Settings.DelayAuthDecision {
			return c, errUnauthorized()
		}
		return c, nil
	}
	c.Text = text
	r.Header.Set(statusHeader, confirmed)
	p.setHeaders(r.Header, c)
	return c, nil
}

func errUnauthorized() error {
	return fault.New(fault.Unauthorized, "", "The request you have made requires authentication.")
}

// validate gives nil for a token that is not good. An error is one that who asks has to be told.
func (p Protocol) validate(ctx context.Context, text string, mayBeExpired bool) (*Token, error) {
	token, err := p.Validator.Validate(ctx, text, mayBeExpired)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, nil //nolint:nilnil // not good is an answer, not an error
	case err != nil && p.Settings.DelayAuthDecision && !fault.Is(err, fault.Internal):
		p.Log.WarnContext(ctx, "A token cannot be validated; the decision is left to the application.", "error", err)
		return nil, nil //nolint:nilnil // as upstream
	case err != nil:
		p.Log.ErrorContext(ctx, "A token cannot be validated.", "error", err)
		return nil, fault.Wrap(err, fault.Unavailable, "", "The Keystone service is temporarily unavailable.")
	case !mayBeExpired && !p.Now().Before(token.ExpiresAt): // what was remembered may have expired since
		return nil, nil //nolint:nilnil // as above
	}
	return token, nil
}

// allowed reports whether an application credential's rules allow the request. Without a service type of its own the filter
// cannot tell, and allows nothing.
func (p Protocol) allowed(t *Token, r *http.Request) bool {
	if t.AccessRules == nil {
		return true
	}
	path := wsgi.ScriptName(r) + r.URL.Path
	return slices.ContainsFunc(t.AccessRules, func(rule Rule) bool { return rule.Allows(p.Settings.ServiceTypes, r.Method, path) })
}

// said is what is said of a token, of the user's and of the service's, and under which older name too.
var said = [...]struct {
	user, service, old string
	of                 func(t *Token) string
}{
	{"X-Domain-Id", "X-Service-Domain-Id", "", func(t *Token) string { return t.Domain.ID }},
	{"X-Domain-Name", "X-Service-Domain-Name", "", func(t *Token) string { return t.Domain.Name }},
	{"X-Project-Id", "X-Service-Project-Id", "X-Tenant-Id", func(t *Token) string { return t.Project.ID }},
	{"X-Project-Name", "X-Service-Project-Name", "X-Tenant-Name", func(t *Token) string { return t.Project.Name }},
	{"X-Project-Name", "X-Service-Project-Name", "X-Tenant", func(t *Token) string { return t.Project.Name }},
	{"X-Project-Domain-Id", "X-Service-Project-Domain-Id", "", func(t *Token) string { return t.ProjectDomain.ID }},
	{"X-Project-Domain-Name", "X-Service-Project-Domain-Name", "", func(t *Token) string { return t.ProjectDomain.Name }},
	{"X-User-Id", "X-Service-User-Id", "", func(t *Token) string { return t.User.ID }},
	{"X-User-Name", "X-Service-User-Name", "X-User", func(t *Token) string { return t.User.Name }},
	{"X-User-Domain-Id", "X-Service-User-Domain-Id", "", func(t *Token) string { return t.UserDomain.ID }},
	{"X-User-Domain-Name", "X-Service-User-Domain-Name", "", func(t *Token) string { return t.UserDomain.Name }},
	{"X-Roles", "X-Service-Roles", "X-Role", func(t *Token) string { return strings.Join(t.Roles, ",") }},
}

func (p Protocol) setHeaders(h http.Header, c Caller) {
	values := make([]string, 0, 2*len(said)) // all in one piece: this is done for every request
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	for _, one := range said {
		if value := one.of(c.Token); value != "" {
			set(one.user, value)
			if one.old != "" {
				h[one.old] = h[one.user]
			}
		}
		if c.Service == nil {
			continue
		}
		if value := one.of(c.Service); value != "" {
			set(one.service, value)
		}
	}
	if c.Token.System {
		h.Set(systemScopeHeader, "all")
	}
	h.Set(adminProjectHeader, "True") // what a token that does not say counts as
	if c.Token.Catalog != "" && p.Settings.IncludeServiceCatalog {
		h.Set(catalogHeader, c.Token.Catalog)
	}
}

// refuse answers in Keystone's form.
func (p Protocol) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := wsgi.Status(fault.KindOf(err))
	if status == http.StatusUnauthorized {
		p.Log.InfoContext(r.Context(), "Rejecting a request without a good token.", "method", r.Method, "path", r.URL.Path)
		w.Header().Set("WWW-Authenticate", challenge(p.Settings.WWWAuthenticateURI))
	}
	writeError(w, status, fault.UserText(err))
}

func writeError(w http.ResponseWriter, status int, text string) {
	body, err := json.Marshal(map[string]any{"error": map[string]any{"code": status, "title": http.StatusText(status), "message": text}})
	if err != nil {
		panic(err) // texts always encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away: nothing is left to do for it
}

func challenge(uri string) string { return `Keystone uri="` + uri + `"` }

// challenged says where to get a token with every 401, also one that an application gives.
type challenged struct {
	http.ResponseWriter
	uri string
}

// WriteHeader implements http.ResponseWriter.
func (c *challenged) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		c.Header().Set("WWW-Authenticate", challenge(c.uri))
	}
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (c *challenged) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// KeystoneContext is the filter after Protocol's: it makes the request context of what that has found, and refuses whom it has
// not found with 401. isAdmin decides by policy whether a caller is an administrator. It believes no header: a pipeline that
// lacks auth_token serves nobody. Upstream: CinderKeystoneContext in cinder/api/middleware/auth.py.
func KeystoneContext(isAdmin func(reqctx.Request) bool) func(map[string]string) (Filter, error) {
	return func(map[string]string) (Filter, error) {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c := From(r.Context())
				if c.Token == nil {
					writeError(w, http.StatusUnauthorized, fault.UserText(errUnauthorized()))
					return
				}
				request := Request(*reqctx.Look(r.Context()), c)
				request.IsAdmin = isAdmin(request)
				next.ServeHTTP(w, r.WithContext(reqctx.With(r.Context(), request)))
			})
		}, nil
	}
}

// Request is r as a request of the caller. Whether they are an administrator is left to decide.
func Request(r reqctx.Request, c Caller) reqctx.Request {
	t := c.Token
	r.UserID, r.UserName, r.UserDomainID = t.User.ID, t.User.Name, t.UserDomain.ID
	r.ProjectID, r.ProjectName, r.ProjectDomainID = t.Project.ID, t.Project.Name, t.ProjectDomain.ID
	r.DomainID, r.Roles, r.AuthToken, r.ServiceCatalog = t.Domain.ID, t.Roles, c.Text, t.Catalog
	if t.System {
		r.SystemScope = "all"
	}
	if c.Service != nil {
		r.ServiceRoles = c.Service.Roles
	}
	return r
}
