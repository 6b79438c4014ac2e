// Package reqctx carries who is asking and under which request id through a context, from the HTTP edge through every
// message to the last driver call. It is OpenStack's request context (oslo.context) as an immutable Go value.
//
// What must not live here: deadlines (context has them), handles to services, anything mutable.
package reqctx

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// Request says who asks for what is being done now. It is a value: change a copy and put that into a new context.
// The field names are oslo.context's; an empty string means "not known".
type Request struct {
	RequestID       string // "req-<uuid>", made by this service for this request
	GlobalRequestID string // the caller's own request id, if it sent a valid one
	UserID          string
	UserName        string
	ProjectID       string
	ProjectName     string
	DomainID        string // domain-scoped tokens only
	UserDomainID    string
	ProjectDomainID string
	SystemScope     string // "all" for system-scoped tokens
	Roles           []string
	ServiceRoles    []string // roles of a service token sent along, already validated
	IsAdmin         bool     // decided once, at authentication, by the policy rule context_is_admin
	AuthToken       string   `json:"-"` // never logged, never stored
	RemoteAddress   string
	// ServiceCatalog is the caller's catalog as X-Service-Catalog has it, a JSON list. Python services that get a message find
	// Glance and Nova by it. "" is none.
	ServiceCatalog string `json:"-"`
}

// HasRole reports whether the caller holds the role; role names compare exactly, lower case as Keystone delivers them.
func (r Request) HasRole(role string) bool { return slices.Contains(r.Roles, role) }

// NewRequestID makes a request id in OpenStack's form.
func NewRequestID() string { return "req-" + uuid.NewString() }

// Elevated is the same request as an administrator: for what a service does on its own account while serving a user.
func (r Request) Elevated() Request {
	r.IsAdmin = true
	return r
}

type key struct{}

// With returns a context that carries r.
func With(ctx context.Context, r Request) context.Context { return context.WithValue(ctx, key{}, &r) }

// From gives the request that ctx carries, or the zero Request (nobody, not an administrator) when there is none.
func From(ctx context.Context) Request { return *Look(ctx) }

// Look is From without a copy, for what every request does several times: what it points to must not be changed.
func Look(ctx context.Context) *Request {
	if r, ok := ctx.Value(key{}).(*Request); ok {
		return r
	}
	return new(Request)
}

// Internal returns a context for work a service starts by itself (a periodic task, recovery): an administrator's
// context with a fresh request id. It keeps ctx's deadline and cancellation.
func Internal(ctx context.Context) context.Context {
	return With(ctx, Request{RequestID: NewRequestID(), IsAdmin: true, Roles: []string{"admin"}})
}
