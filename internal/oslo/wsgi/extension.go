// Package wsgi is the HTTP shape that all OpenStack APIs of the house share: extensions with resources, actions and
// view extensions; microversions; request schemas; fault bodies; paging and links.
//
// What lives here: the values an API is declared with, and the one http.Handler that serves them. What must not: any
// resource, rule or message of one service (those are its wing's), or the filters before the API (oslo/middleware).
//
// Upstream: cinder/api/openstack/wsgi.py, cinder/api/extensions.py and cinder/api/common.py; the registration of core
// resources as extensions is the way of Nova's v3 design.
package wsgi

import (
	"context"

	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
)

// Extension is one part of an API, the core ones too. All its parts are data; nothing runs before New has checked them.
type Extension struct {
	Alias string // unique: "volumes", "os-extend-volume"
	// Name, Description and Updated (RFC 3339: "2011-08-08T00:00:00+00:00") are what clients are shown of it. Without a Name it
	// is a part of the API that upstream has as no extension, and is not shown.
	Name        string
	Description string
	Updated     string
	Core        bool // the API makes no sense without it: configuration cannot leave it out
	Resources   []Resource
	Actions     []Action
	Views       []ViewExtension
}

// Handler answers one request that has passed negotiation, decoding and validation. An error becomes a fault body by
// its fault.Kind; any other error is a 500 that tells the user nothing. A nil Response with a nil error is an empty body
// with the route's status. A Handler is called concurrently.
type Handler func(ctx context.Context, r *Request) (*Response, error)

// Resource is a noun of the API and its routes.
type Resource struct {
	// Collection is the first segment of every path of the resource ("volumes"). A second extension may add routes to
	// the collection of another. The empty Collection has one route, the root of the application.
	Collection string
	Routes     []Route
}

// Route is one method on one path at a range of microversions. Routes of equal Method and Path with ranges that do not
// overlap are the versions of one operation; at a version that none of them covers the operation is 404.
type Route struct {
	Method string // GET, POST, PUT, DELETE, PATCH; HEAD and OPTIONS are answered only where a route names them
	// Path is relative and starts with the resource's collection: "volumes", "volumes/detail", "volumes/{id}/metadata/{key}".
	// A literal segment wins over a {wildcard}. The project id is never part of it: every path is served with and without.
	Path     string
	Versions microversion.Range // zero: all
	Status   int                // of a success whose Response names none; 0 is 200
	Schemas  []Schema           // of the request body; at most one covers a version
	NoBody   bool               // POST, PUT and PATCH need a body, else 400; this one does not, and ignores it
	// Policy names the rules the operation checks anywhere below, for the inventory and the policy reference.
	Policy []string
	// Authorize, when not empty, is a rule checked here, after the schema and before Handler, with the caller as target.
	// Use it for operations that have no owner to look up (hosts, services); everything else checks in its use case.
	Authorize string
	Handler   Handler
}

// Action is a named handler under another resource's POST .../action: the single key of the body chooses it. Actions of
// equal Resource, Name and OnCollection with ranges that do not overlap are versions of one action.
type Action struct {
	Resource     string // the collection: "volumes" gives POST volumes/{id}/action; the id is r.PathValue("id")
	OnCollection bool   // POST groups/action, without an id
	Name         string // the key: "os-extend"
	Versions     microversion.Range
	Status       int      // 0 is 202, what all but a few actions answer
	Schemas      []Schema // of the whole body, the key included
	Policy       []string
	Authorize    string
	Handler      Handler
}

// Schema is a JSON schema (draft 4) of a request body for a range of microversions, compiled once in New. Besides the
// standard it knows what Cinder's validators add: minimum and maximum also hold for numbers in strings, and formats of
// OpenStack (see package bodyschema). {"$ref": "parameter_types#/name"} refers to a shared definition.
type Schema struct {
	Versions microversion.Range // zero: all
	JSON     string
}

// ViewExtension adds fields to the show and detail views of another resource. The resource that owns the view asks for
// them with Request.Views and has no need to know who adds what.
type ViewExtension struct {
	Resource string // the collection whose items it extends: "volumes"
	Versions microversion.Range
	// Open runs once per answer, before the first item: check the policy and fetch what all items need in one go. items
	// is what the owner passed to Request.Views (the wing says which type per collection). A nil FieldWriter adds nothing.
	Open func(ctx context.Context, r *Request, items any) (FieldWriter, error)
}

// FieldWriter appends fields to the open object of one item. item is a pointer the owner of the view passes; the wing
// says to which type. It must not keep either.
type FieldWriter func(w *jsonview.Writer, item any)

// Enforcer decides whether the caller in ctx may do what rule names. target gives attributes of what it is done to
// (project_id, user_id); a nil target is the caller itself. A refusal is fault.Forbidden; so is an unknown rule.
// Package oslo/policy implements it.
type Enforcer interface {
	Check(ctx context.Context, rule string, target func(name string) (value string, known bool)) error
}
