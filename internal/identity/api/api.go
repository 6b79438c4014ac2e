// Package api puts the identity API together: which routes it has, and the versions document. The HTTP of each family of
// resources is in a package of its own below this one; what requests mean is in app.
//
// It sees app and nothing below: no store.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"github.com/clinker/clinker/internal/identity/api/catalog"
	"github.com/clinker/clinker/internal/identity/api/credentials"
	"github.com/clinker/clinker/internal/identity/api/domainconfig"
	"github.com/clinker/clinker/internal/identity/api/federation"
	"github.com/clinker/clinker/internal/identity/api/limits"
	"github.com/clinker/clinker/internal/identity/api/logins"
	"github.com/clinker/clinker/internal/identity/api/oauth1"
	"github.com/clinker/clinker/internal/identity/api/policytexts"
	"github.com/clinker/clinker/internal/identity/api/projects"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/api/roles"
	"github.com/clinker/clinker/internal/identity/api/trusts"
	"github.com/clinker/clinker/internal/identity/api/users"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/auth"
	usecatalog "github.com/clinker/clinker/internal/identity/app/catalog"
	usecredentials "github.com/clinker/clinker/internal/identity/app/credentials"
	usedomainconfig "github.com/clinker/clinker/internal/identity/app/domainconfig"
	"github.com/clinker/clinker/internal/identity/app/ec2"
	usefederation "github.com/clinker/clinker/internal/identity/app/federation"
	uselimits "github.com/clinker/clinker/internal/identity/app/limits"
	useoauth1 "github.com/clinker/clinker/internal/identity/app/oauth1"
	usepolicytexts "github.com/clinker/clinker/internal/identity/app/policytexts"
	useprojects "github.com/clinker/clinker/internal/identity/app/projects"
	useroles "github.com/clinker/clinker/internal/identity/app/roles"
	"github.com/clinker/clinker/internal/identity/app/tokens"
	usetrusts "github.com/clinker/clinker/internal/identity/app/trusts"
	useusers "github.com/clinker/clinker/internal/identity/app/users"
	"github.com/clinker/clinker/internal/reqctx"
)

// Options are the deployment's choices.
type Options struct {
	PublicEndpoint string // [DEFAULT] public_endpoint
	MaxBodyBytes   int64
	// Observe is told of each request that is for a route, as rest.Options has it.
	Observe func(ctx context.Context, method, route string) (context.Context, func(error))
	Log     *slog.Logger
}

// New makes the handler of everything on the identity port. Its errors are mistakes in what the routes declare.
func New(t *tokens.Tokens, o Options) (*rest.API, error) {
	return rest.New(rest.Options{Routes: routes(t), PublicEndpoint: o.PublicEndpoint, MaxBodyBytes: o.MaxBodyBytes, Methods: t.Codec.Methods,
		Observe: o.Observe, Log: o.Log,
		Authenticate: func(ctx context.Context, token, method, path string) (context.Context, error) {
			ctx, err := t.Authenticate(ctx, token, method, path)
			if err != nil {
				return ctx, err
			}
			return reqctx.With(ctx, request(reqctx.From(ctx), app.Caller(ctx))), nil
		}})
}

func routes(t *tokens.Tokens) []rest.Route {
	c := t.Core
	signed := useoauth1.New(c)
	login := auth.New(t, signed)
	return slices.Concat(versions(), logins.Routes(login, t), logins.EC2(ec2.New(t), t), projects.Routes(useprojects.New(c), c.Options),
		users.Routes(useusers.New(login), c.Options), roles.Routes(useroles.New(c), c.Options), catalog.Routes(usecatalog.New(c), c.Options),
		catalog.FilterRoutes(usecatalog.New(c), c.Options), credentials.Routes(usecredentials.New(c)), limits.Routes(uselimits.New(c), c.Options),
		policytexts.Routes(usepolicytexts.New(c), c.Options), trusts.Routes(usetrusts.New(c)), oauth1.Routes(signed), federation.Routes(usefederation.New(c)),
		domainconfig.Routes(usedomainconfig.New(c)), missing())
}

// request is r as a request of the bearer of a token. Nobody is an administrator by themselves here: policy goes by roles.
func request(r reqctx.Request, t *app.Token) reqctx.Request {
	r.UserID, r.UserName, r.UserDomainID, r.Roles = t.User.ID, t.User.Name, t.UserDomain.ID, t.RoleNames()
	switch {
	case t.System:
		r.SystemScope = "all"
	case t.Domain != nil:
		r.DomainID = t.Domain.ID
	case t.Project != nil:
		r.ProjectID, r.ProjectName, r.ProjectDomainID = t.Project.ID, t.Project.Name, t.ProjectDomain.ID
	}
	return r
}

// versions is what discovery reads.
func versions() []rest.Route {
	document := func(r *rest.Request) map[string]any {
		return map[string]any{"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
			"links":       []any{map[string]any{"rel": "self", "href": r.Link("")}},
			"media-types": []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}}}
	}
	return []rest.Route{
		{Method: "GET", Path: "/", Status: http.StatusMultipleChoices, Handler: func(_ context.Context, r *rest.Request) (*rest.Response, error) {
			return rest.JSON(map[string]any{"versions": map[string]any{"values": []any{document(r)}}}).With("Location", r.Link("")), nil
		}},
		{Method: "GET", Path: "/v3", Handler: func(_ context.Context, r *rest.Request) (*rest.Response, error) {
			return rest.JSON(map[string]any{"version": document(r)}), nil
		}},
	}
}
