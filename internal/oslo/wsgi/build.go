package wsgi

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/bodyschema"
	"github.com/clinker/clinker/internal/oslo/microversion"
)

const (
	defaultProjectIDRegex = `[0-9a-f\-]+`
	defaultMaxLimit       = 1000
	defaultMaxBodyBytes   = 114688 // osapi_max_request_body_size
)

// operation is what one method on one path does: variants by version, or by action and version.
type operation struct {
	method, path string
	isAction     bool
	variants     []variant
	actions      map[string][]variant
}

// variant is one handler of an operation and the versions it serves.
type variant struct {
	versions  microversion.Range
	status    int
	schemas   []compiledSchema
	declared  []Schema // what they were compiled from
	noBody    bool
	policy    []string
	authorize string
	handler   Handler
	extension string
}

type compiledSchema struct {
	versions microversion.Range
	schema   *bodyschema.Schema
}

// builder gathers what New checks.
type builder struct {
	api        *API
	schemas    *bodyschema.Compiler
	operations map[string]*operation // by method and path
	declared   map[string]bool       // collections, those of disabled extensions too
	errs       []error
}

func newAPI(options Options) (*API, error) {
	pattern := cmp.Or(options.ProjectIDRegex, defaultProjectIDRegex)
	projectID, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("project_id_regex %q is no regular expression: %w", pattern, err)
	}
	schemas, err := bodyschema.NewCompiler(options.Definitions, options.Formats)
	if err != nil {
		return nil, err
	}
	log := options.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	a := &API{
		options: options, projectID: projectID, log: log, mux: http.NewServeMux(),
		collections: map[string]bool{}, views: map[string][]ViewExtension{},
		maxBody: cmp.Or(options.MaxBodyBytes, defaultMaxBodyBytes), maxLimit: cmp.Or(options.MaxLimit, defaultMaxLimit),
		vendorMedia: "application/vnd.openstack." + options.Service.Name + "+json",
	}
	b := &builder{api: a, schemas: schemas, operations: map[string]*operation{}, declared: map[string]bool{}}
	b.choose()
	for _, e := range a.extensions {
		for _, r := range e.Resources {
			b.addResource(e, r)
		}
	}
	for _, e := range a.extensions {
		b.addActions(e)
		b.addViews(e)
	}
	b.addAbsent()
	b.register()
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	return a, nil
}

func (b *builder) failf(format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf(format, args...))
}

// choose decides which extensions are loaded.
func (b *builder) choose() {
	options := b.api.options
	seen := map[string]bool{}
	for _, e := range options.Extensions {
		for _, r := range e.Resources {
			b.declared[r.Collection] = true
		}
		disabled := slices.Contains(options.Disabled, e.Alias)
		switch {
		case e.Alias == "":
			b.failf("an extension named %q has no alias", e.Name)
		case seen[e.Alias]:
			b.failf("extension %s is declared twice", e.Alias)
		case disabled && (e.Core || slices.Contains(options.Core, e.Alias)):
			b.failf("extension %s is a core part of the API and cannot be disabled", e.Alias)
		case !disabled:
			b.api.extensions = append(b.api.extensions, e)
		}
		seen[e.Alias] = true
	}
	for _, alias := range options.Core {
		if !seen[alias] {
			b.failf("core extension %s is missing", alias)
		}
	}
	for _, alias := range options.Disabled {
		if !seen[alias] {
			b.failf("extension %s is to be disabled, but there is none of that alias", alias)
		}
	}
	slices.SortStableFunc(b.api.extensions, func(x, y Extension) int { return strings.Compare(x.Alias, y.Alias) })
}

func (b *builder) addResource(e Extension, r Resource) {
	if r.Collection != "" {
		b.api.collections[r.Collection] = true
	}
	for _, route := range r.Routes {
		where := fmt.Sprintf("extension %s: %s /%s", e.Alias, route.Method, route.Path)
		if first, _, _ := strings.Cut(route.Path, "/"); first != r.Collection {
			b.failf("%s: the path does not start with the collection %q", where, r.Collection)
			continue
		}
		op := b.operation(route.Method, route.Path, false)
		v := variant{
			versions: route.Versions, status: cmp.Or(route.Status, http.StatusOK), noBody: route.NoBody, policy: route.Policy,
			authorize: route.Authorize, handler: route.Handler, extension: e.Alias,
		}
		b.addVariant(where, &op.variants, v, route.Schemas)
	}
}

func (b *builder) operation(method, path string, isAction bool) *operation {
	key := method + " /" + path
	op := b.operations[key]
	if op == nil {
		op = &operation{method: method, path: "/" + path, isAction: isAction, actions: map[string][]variant{}}
		b.operations[key] = op
	}
	return op
}

// addVariant checks a handler against those already there and takes it up.
func (b *builder) addVariant(where string, variants *[]variant, v variant, schemas []Schema) {
	if v.handler == nil {
		b.failf("%s: no handler", where)
	}
	if v.authorize != "" && b.api.options.Enforcer == nil {
		b.failf("%s: rule %s is to be checked, but there is no enforcer", where, v.authorize)
	}
	for _, other := range *variants {
		if other.versions.Overlaps(v.versions) {
			b.failf("%s: versions %s overlap with %s of extension %s", where, v.versions, other.versions, other.extension)
		}
	}
	v.declared = schemas
	for i, s := range schemas {
		for _, other := range schemas[:i] {
			if other.Versions.Overlaps(s.Versions) {
				b.failf("%s: schemas for %s and %s overlap", where, s.Versions, other.Versions)
			}
		}
		compiled, err := b.schemas.Compile(s.JSON)
		if err != nil {
			b.failf("%s: schema for %s: %w", where, s.Versions, err)
		}
		v.schemas = append(v.schemas, compiledSchema{s.Versions, compiled})
	}
	*variants = append(*variants, v)
}

// present reports whether a collection is served. One that nobody declares is an error; one whose extension is
// disabled takes its actions and views with it.
func (b *builder) present(e Extension, what, collection string) bool {
	if !b.declared[collection] {
		b.failf("extension %s: %s of a resource %q that nobody declares", e.Alias, what, collection)
	}
	return b.api.collections[collection]
}

func (b *builder) addActions(e Extension) {
	for _, action := range e.Actions {
		if !b.present(e, "action "+action.Name, action.Resource) {
			continue
		}
		path := action.Resource + "/{id}/action"
		if action.OnCollection {
			path = action.Resource + "/action"
		}
		op := b.operation(http.MethodPost, path, true)
		variants := op.actions[action.Name]
		v := variant{
			versions: action.Versions, status: cmp.Or(action.Status, http.StatusAccepted), policy: action.Policy,
			authorize: action.Authorize, handler: action.Handler, extension: e.Alias,
		}
		b.addVariant(fmt.Sprintf("extension %s: action %s of %s", e.Alias, action.Name, action.Resource), &variants, v, action.Schemas)
		op.actions[action.Name] = variants
	}
}

func (b *builder) addViews(e Extension) {
	for _, view := range e.Views {
		if !b.present(e, "view", view.Resource) {
			continue
		}
		if view.Open == nil {
			b.failf("extension %s: the view of %s does nothing", e.Alias, view.Resource)
		}
		b.api.views[view.Resource] = append(b.api.views[view.Resource], view)
	}
}

// addAbsent adds the known routes that nothing answers. A wildcard's name makes no difference between two routes.
func (b *builder) addAbsent() {
	taken := map[string]bool{}
	for key := range b.operations {
		taken[wildcard.ReplaceAllString(key, "{}")] = true
	}
	for _, route := range b.api.options.Absent {
		method, path, _ := strings.Cut(route, " ")
		collection, _, _ := strings.Cut(path, "/")
		if b.api.collections[collection] && !taken[wildcard.ReplaceAllString(method+" /"+path, "{}")] {
			b.operation(method, path, false)
		}
	}
}

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// register hands the operations to the mux, which refuses those that could both answer a request.
func (b *builder) register() {
	for _, key := range slices.Sorted(maps.Keys(b.operations)) {
		op := b.operations[key]
		if len(op.actions) > 0 && len(op.variants) > 0 {
			b.failf("%s %s is a route and an action", op.method, op.path)
		}
		path := op.path
		if path == "/" {
			path = "/{$}"
		}
		if err := handle(b.api.mux, op.method+" "+path, func(w http.ResponseWriter, r *http.Request) {
			b.api.serve(w.(*exchange), r, op)
		}); err != nil {
			b.failf("%s %s: %w", op.method, op.path, err)
		}
		b.api.operations = append(b.api.operations, op)
	}
	if err := handle(b.api.mux, "/", func(w http.ResponseWriter, r *http.Request) { NotFound(w, r) }); err != nil {
		b.failf("the catch-all: %w", err)
	}
}

// handle is ServeMux.HandleFunc with an error for what it panics about.
func handle(mux *http.ServeMux, pattern string, handler http.HandlerFunc) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("%v", problem)
		}
	}()
	mux.HandleFunc(pattern, handler)
	return nil
}
