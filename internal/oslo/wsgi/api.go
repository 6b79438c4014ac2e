package wsgi

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/clinker/clinker/internal/oslo/microversion"
)

// Options is what New builds an API from.
type Options struct {
	Service    microversion.Service // {Name: "volume", Min: 3.0, Max: 3.71}
	Extensions []Extension

	// Core are aliases that must be loaded whatever the configuration says; New refuses to go without one of them.
	Core []string
	// Disabled are aliases of extensions that are left out. A core one, or one that does not exist, is refused.
	Disabled []string

	// ProjectIDRegex is what the optional first path segment must match as a whole (project_id_regex); "" is [0-9a-f\-]+.
	ProjectIDRegex string
	// PublicEndpoint replaces scheme, host and path prefix in links (osapi_volume_base_URL); "" takes the request's.
	PublicEndpoint string
	// MaxLimit is the largest page (osapi_max_limit); 0 is 1000.
	MaxLimit int
	// MaxBodyBytes bounds a request body (osapi_max_request_body_size); 0 is 114688.
	MaxBodyBytes int64

	// Definitions are schemas that others refer to, by name: {"$ref": "parameter_types#/uuid"}. JSON texts.
	Definitions map[string]string
	// Formats are checks of {"format": ...} beside the built-in ones. An error that is a *fault.Error is the answer as it
	// stands; any other means "'x' is not a 'format'".
	Formats map[string]func(value any) error

	Enforcer Enforcer // for Route.Authorize; may be nil when no route has one
	// Prepare, when set, runs before the handler of every request that is not a GET and gives the context to use. wait
	// runs before a 2xx answer is written: it lets work that the request set off inside this process finish first, so
	// that the client's first poll sees the result. It must be bounded in time (tens of milliseconds).
	Prepare func(ctx context.Context) (prepared context.Context, wait func())
	Logger  *slog.Logger // nil discards
}

// New checks everything that is declared and gives the API as one http.Handler. It refuses, with an error that names
// extension and route: a missing or disabled core extension, two routes that could both answer a request, a schema that
// does not compile, an action or view of a resource that does not exist.
//
// The API expects the path after its mount point (/v3 cut off), a reqctx.Request in the context (oslo/middleware puts
// it there), and answers with or without a project id as the first segment.
func New(options Options) (*API, error) { panic("being written") }

// API serves a set of extensions.
type API struct{}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// RouteInfo describes one operation of an API for inventories, documents and goldens.
type RouteInfo struct {
	Method, Path string // the path without project id, starting with a slash; an action's ends in /action
	Action       string // the key of the body, "" for a plain route
	Versions     microversion.Range
	Status       int
	Policy       []string
	Extension    string // alias
	HasSchema    bool
}

// Inventory lists every operation, sorted by path, method, action and version.
func (a *API) Inventory() []RouteInfo { return nil }

// Extensions lists the loaded extensions in the order GET /extensions gives them.
func (a *API) Extensions() []Extension { return nil }
