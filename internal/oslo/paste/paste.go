// Package paste builds an HTTP pipeline from a PasteDeploy file, so that an operator's api-paste.ini works as it is. The
// dotted Python names in it are keys of a Registry of Go factories.
//
// The rules are those of paste.deploy.loadwsgi and paste.urlmap: sections are found by type and name, "use" inherits from
// another section or names a factory, "set" changes the global configuration for what is below, a section nobody refers
// to is never looked at. "use = config:" and keys of a urlmap that name a host are refused; OpenStack uses neither.
//
// What lives here: reading the file, wiring, urlmap, the choice between pipelines. What must not: any filter or
// application, and any name of a service.
package paste

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/ini"
)

// Filter wraps a handler in another.
type Filter = func(http.Handler) http.Handler

// FilterFactory makes a filter of a section's settings: its own and beneath them the global ones ([DEFAULT] and "set").
// The map is the factory's to keep. An error should say which setting is wrong and what would be right; the place is
// added to it.
type FilterFactory func(settings map[string]string) (Filter, error)

// AppFactory makes an application of a section's settings, as FilterFactory.
type AppFactory func(settings map[string]string) (http.Handler, error)

// CompositeFactory makes an application of others, which it gets from the loader by name. Here the settings are the
// section's own only, because their keys are often not names but paths.
type CompositeFactory func(l Loader, settings map[string]string) (http.Handler, error)

// Registry says which Go factory stands for which name in a file. Keys are dotted Python names, as in "paste.app_factory
// = cinder.api.versions:Versions.factory" and after "call:", or egg references with the prefix, "egg:Paste#urlmap". The
// names of eggs compare as Python's package names do.
type Registry struct {
	Filters    map[string]FilterFactory
	Apps       map[string]AppFactory
	Composites map[string]CompositeFactory
}

// Load reads a file and builds the application of that name ("osapi_volume"). Every error is a fault of kind Invalid that
// names the file, the section and the line; where several parts of one pipeline are wrong, each has its line of text.
func Load(path, app string, r Registry) (http.Handler, error) {
	f, problems := ini.Read(path, ini.Python)
	return load(f, problems, app, r)
}

// LoadText is Load for a text that is in memory; name stands for the file's in messages.
func LoadText(name string, text []byte, app string, r Registry) (http.Handler, error) {
	f, problems := ini.Python(name, text)
	return load(f, problems, app, r)
}

func load(f ini.File, problems []ini.Problem, app string, r Registry) (http.Handler, error) {
	if len(problems) > 0 {
		lines := make([]string, len(problems))
		for i, p := range problems {
			lines[i] = p.Error()
		}
		return nil, fault.New(fault.Invalid, "", "%s", strings.Join(lines, "\n"))
	}
	l := Loader{
		document: newDocument(f),
		registry: Registry{normalKeys(r.Filters), normalKeys(r.Apps), normalKeys(r.Composites)},
		budget:   new(maxParts),
	}
	h, err := l.App(app)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "%s", distinctLines(err.Error()))
	}
	return h, nil
}

// maxReported bounds how many problems one error tells of.
const maxReported = 50

// distinctLines leaves out what was met before: a filter that many pipelines share is wrong in all of them.
func distinctLines(text string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if !slices.Contains(out, line) && len(out) < maxReported {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// maxParts bounds how many filters and applications one file may make: every reference makes one of its own, so that a
// few sections that name each other twice could make millions. Cinder's own file makes 25.
const maxParts = 1000

// maxNesting bounds how deep applications may contain each other.
const maxNesting = 100

var eggReference = regexp.MustCompile(`^egg:([^#]+)(?:#(.*))?$`)

// normalName spells the reference to a factory as the registry's keys are compared.
func normalName(name string) string {
	name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "call:"))
	m := eggReference.FindStringSubmatch(name)
	if m == nil {
		return name
	}
	entry := strings.TrimSpace(m[2])
	if entry == "" {
		entry = "main"
	}
	egg := strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(strings.TrimSpace(m[1])))
	return "egg:" + egg + "#" + entry
}

func normalKeys[F any](factories map[string]F) map[string]F {
	out := make(map[string]F, len(factories))
	for name, factory := range factories {
		out[normalName(name)] = factory
	}
	return out
}

// Loader gives a composite the parts it is made of. It is good only during the call it was passed to.
type Loader struct {
	document *document
	registry Registry
	globals  map[string]string // what "set" changed above
	inside   []string          // the sections being built, outermost first
	budget   *int
}

// App builds the application of that name: a section [app:], [composite:], [pipeline:] or [filter-app:], or a reference
// with "egg:" or "call:".
func (l Loader) App(name string) (http.Handler, error) {
	s, err := l.section(appTypes, name)
	if err != nil {
		return nil, err
	}
	return l.app(s)
}

// Filter builds the filter of that name, from a section [filter:].
func (l Loader) Filter(name string) (Filter, error) {
	s, err := l.section(filterTypes, name)
	if err != nil {
		return nil, err
	}
	return l.filter(s)
}

// section finds and evaluates the section that a name means; the loader it carries belongs to its inside.
func (l Loader) section(types [][]string, name string) (*part, error) {
	name = strings.TrimSpace(name)
	found, err := l.document.find(types, name)
	if err != nil {
		return nil, err
	}
	if slices.Contains(l.inside, found.Name) {
		return nil, found.problem("contains itself: %s", strings.Join(append(slices.Clone(l.inside), found.Name), " -> "))
	}
	if len(l.inside) >= maxNesting {
		return nil, found.problem("is nested more than %d deep", maxNesting)
	}
	if *l.budget--; *l.budget < 0 {
		return nil, found.problem("the file makes more than %d filters and applications", maxParts)
	}
	p := &part{section: found, loader: l}
	p.loader.inside = append(slices.Clone(l.inside), found.Name)
	p.loader.globals = maps.Clone(l.globals)
	if p.loader.globals == nil {
		p.loader.globals = map[string]string{}
	}
	if err := p.evaluate(); err != nil {
		return nil, err
	}
	return p, nil
}

// problem says what is wrong with a section: "api-paste.ini:12: [filter:cors]: ...". Errors from inside that already have a
// place keep it.
func (s *section) problem(format string, args ...any) error {
	return s.problemAt(s.Line, format, args...)
}

func (s *section) problemAt(line int, format string, args ...any) error {
	return &placed{fmt.Sprintf("%s:%d: [%s]: %s", s.file, line, s.Name, fmt.Sprintf(format, args...))}
}

// placed is an error that names its place.
type placed struct{ text string }

func (p *placed) Error() string { return p.text }

// in adds a place to a factory's error, unless it comes from a part that has named its own.
func (s *section) in(err error) error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var each []error
		for _, one := range many.Unwrap() {
			each = append(each, s.in(one))
		}
		return errors.Join(each...)
	}
	var p *placed
	if errors.As(err, &p) {
		return err
	}
	return s.problem("%s", err)
}
