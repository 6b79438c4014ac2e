package wsgi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/clinker/clinker/internal/oslo/microversion"
)

// Options is what New builds an API from.
type Options struct {
	Service    microversion.Service // {Name: "volume", Min: 3.0, Max: 3.71}
	Extensions []Extension

	// Absent are routes that are known and have nothing behind them ("GET volumes/new"): they answer 404 as a fault body of the
	// API, where a path nobody knows gets NotFound. One whose collection is not loaded, or that an extension has, is left out.
	Absent []string

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
	// Observe is called when a request is found to be for a route ("/volumes/{id}", without mount point and project id),
	// for traces and metrics; end when it has been answered, with the error if that was a fault. nil means nobody looks.
	Observe func(ctx context.Context, method, route string) (observed context.Context, end func(error))
	Logger  *slog.Logger // nil discards
}

// New checks everything that is declared and gives the API as one http.Handler. It refuses, with an error that names
// extension and route: a missing or disabled core extension, two routes that could both answer a request, a schema that
// does not compile, an action or view of a resource that does not exist.
//
// The API expects the path after its mount point (/v3 cut off), a reqctx.Request in the context (oslo/middleware puts
// it there), and answers with or without a project id as the first segment.
func New(options Options) (*API, error) { return newAPI(options) }

// API serves a set of extensions. It is immutable and safe for concurrent use.
type API struct {
	options     Options
	extensions  []Extension // loaded ones, by alias
	operations  []*operation
	views       map[string][]ViewExtension // by collection
	collections map[string]bool
	mux         *http.ServeMux
	projectID   *regexp.Regexp
	maxBody     int64 // bytes
	maxLimit    int
	vendorMedia string // application/vnd.openstack.volume+json
	log         *slog.Logger
	writers     sync.Pool // of *jsonview.Writer
}

// RouteInfo describes one operation of an API for inventories, documents and goldens.
type RouteInfo struct {
	Method, Path string // the path without project id, starting with a slash; an action's ends in /action
	Action       string // the key of the body, "" for a plain route
	Versions     microversion.Range
	Status       int
	Policy       []string
	Extension    string // alias
	HasSchema    bool
	Schemas      []Schema // as declared; JSON texts
}

// Inventory lists every operation, sorted by path, method, action and version.
func (a *API) Inventory() []RouteInfo {
	var out []RouteInfo
	add := func(op *operation, action string, variants []variant) {
		for _, v := range variants {
			out = append(out, RouteInfo{
				Method: op.method, Path: op.path, Action: action, Versions: v.versions, Status: v.status,
				Policy: v.rules(), Extension: v.extension, HasSchema: len(v.schemas) > 0, Schemas: v.declared,
			})
		}
	}
	for _, op := range a.operations {
		add(op, "", op.variants)
		for name, variants := range op.actions {
			add(op, name, variants)
		}
	}
	slices.SortFunc(out, func(x, y RouteInfo) int {
		return cmp.Or(strings.Compare(x.Path, y.Path), strings.Compare(x.Method, y.Method),
			strings.Compare(x.Action, y.Action), x.Versions.Min.Compare(y.Versions.Min))
	})
	return out
}

// rules are all rules a variant checks, the one checked before the handler first.
func (v *variant) rules() []string {
	if v.authorize == "" || slices.Contains(v.policy, v.authorize) {
		return v.policy
	}
	return append([]string{v.authorize}, v.policy...)
}

// Extensions lists the loaded extensions by alias.
func (a *API) Extensions() []Extension { return slices.Clone(a.extensions) }
