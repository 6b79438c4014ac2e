package paste

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// part is a section being made into a filter or an application.
type part struct {
	section *section
	loader  Loader // for what is inside
	local   map[string]string
	factory string // the factory's name, normalized; empty for pipelines and filter-apps
	kind    string // the type of section whose rules apply: that of the section which names the factory
}

// evaluate computes the settings of a section (loadwsgi.py, ConfigLoader.get_context): "set x" goes to the globals,
// "get x" takes from them, and a name that [DEFAULT] has too is left to [DEFAULT].
func (p *part) evaluate() error {
	s, d := p.section, p.loader.document
	p.local = map[string]string{}
	p.kind = s.kind()
	globals, err := p.globals()
	if err != nil {
		return err
	}
	var gets []string
	for _, e := range s.Entries {
		value, err := d.interpolate(e.Value, s.values, 0)
		if err != nil {
			return s.problemAt(e.Line, "%s %s", e.Key, err)
		}
		if name, ok := strings.CutPrefix(e.Key, "set "); ok {
			name = strings.TrimSpace(name)
			p.loader.globals[name], globals[name] = value, value
		} else if _, ok := strings.CutPrefix(e.Key, "get "); ok {
			gets = append(gets, e.Key)
			p.local[e.Key] = value
		} else if _, isGlobal := d.defaults[e.Key]; !isGlobal {
			p.local[e.Key] = value
		}
	}
	for _, key := range gets {
		from := p.local[key]
		delete(p.local, key)
		value, ok := globals[from]
		if !ok {
			return s.problemAt(s.lineOf(key), "%s: there is no global setting %s", key, from)
		}
		p.local[strings.TrimSpace(strings.TrimPrefix(key, "get "))] = value
	}
	delete(p.local, "require") // Python packages
	return p.findFactory()
}

// globals is [DEFAULT] with what the sections above have set.
func (p *part) globals() (map[string]string, error) {
	d := p.loader.document
	out := make(map[string]string, len(d.defaults))
	for name, text := range d.defaults {
		value, err := d.interpolate(text, nil, 0)
		if err != nil {
			return nil, &placed{d.name + ": [DEFAULT] " + name + " " + err.Error()}
		}
		out[name] = value
	}
	maps.Copy(out, p.loader.globals)
	return out, nil
}

// protocols are the settings that name a factory, with the type of section they are for.
var protocols = map[string]string{
	"paste.app_factory": "app", "paste.composite_factory": "composite", "paste.composit_factory": "composite",
	"paste.filter_factory": "filter", "paste.filter_app_factory": "filter",
}

// findFactory takes the settings that say how the part is made out of the local ones.
func (p *part) findFactory() error {
	if p.kind == "pipeline" {
		return nil
	}
	if use, ok := p.take("use"); ok {
		return p.use(use)
	}
	var found []string
	for _, protocol := range slices.Sorted(maps.Keys(protocols)) {
		name, ok := p.take(protocol)
		if !ok {
			continue
		}
		found = append(found, protocol)
		p.factory = normalName(name)
		if p.kind != "filter-app" {
			p.kind = protocols[protocol]
		}
	}
	switch len(found) {
	case 1:
		return nil
	case 0:
		return p.section.problem("says not how it is made; it should have use = ... or paste.%s_factory = module:name", p.kind)
	}
	return p.section.problem("has both %s; it should have one", strings.Join(found, " and "))
}

// use follows "use": to a factory, or to another section whose settings lie beneath these.
func (p *part) use(name string) error {
	switch scheme, _, hasScheme := strings.Cut(name, ":"); {
	case hasScheme && (scheme == "egg" || scheme == "call"):
		p.factory = normalName(name)
		return nil
	case hasScheme:
		return p.section.problemAt(p.section.lineOf("use"), "use = %s is not supported; it should be egg:, call: or the name of "+
			"a section", name)
	}
	types := appTypes
	if p.kind == "filter" || p.kind == "filter-app" {
		types = filterTypes
	}
	other, err := p.loader.section(types, name)
	if err != nil {
		return err
	}
	own := p.local
	p.local = other.local
	maps.Copy(p.local, own)
	for key, value := range other.loader.globals {
		if _, set := p.loader.globals[key]; !set {
			p.loader.globals[key] = value
		}
	}
	p.factory = other.factory
	if p.kind != "filter-app" {
		p.kind = other.kind
	}
	return nil
}

// take removes a setting and returns it.
func (p *part) take(name string) (string, bool) {
	value, ok := p.local[name]
	delete(p.local, name)
	return value, ok
}

// settings is what a filter's or an application's factory is given.
func (p *part) settings() (map[string]string, error) {
	all, err := p.globals()
	if err != nil {
		return nil, err
	}
	delete(all, "here")
	delete(all, "__file__")
	maps.Copy(all, p.local)
	return all, nil
}

// filter makes the part a filter.
func (l Loader) filter(p *part) (Filter, error) {
	outer, hasOuter := p.take("filter-with")
	f, err := p.makeFilter()
	if err != nil || !hasOuter {
		return f, err
	}
	around, err := p.loader.Filter(outer)
	if err != nil {
		return nil, err
	}
	return func(h http.Handler) http.Handler { return around(f(h)) }, nil
}

func (p *part) makeFilter() (Filter, error) {
	factory, ok := p.loader.registry.Filters[p.factory]
	if !ok {
		return nil, p.unknown("filter", slices.Collect(maps.Keys(p.loader.registry.Filters)))
	}
	settings, err := p.settings()
	if err != nil {
		return nil, err
	}
	f, err := factory(settings)
	return f, p.section.in(err)
}

// app makes the part an application.
func (l Loader) app(p *part) (http.Handler, error) {
	outer, hasOuter := p.take("filter-with")
	h, err := p.makeApp()
	if err != nil || !hasOuter {
		return h, err
	}
	around, err := p.loader.Filter(outer)
	if err != nil {
		return nil, err
	}
	return around(h), nil
}

func (p *part) makeApp() (http.Handler, error) {
	switch p.kind {
	case "pipeline":
		return p.pipeline()
	case "filter-app":
		return p.filterApp()
	}
	if factory, ok := p.loader.registry.Composites[p.factory]; ok && p.kind != "app" && p.kind != "application" || ok && p.isEgg() {
		h, err := factory(p.loader, p.local)
		return h, p.section.in(err)
	}
	if factory, ok := p.loader.registry.Apps[p.factory]; ok && !strings.HasPrefix(p.kind, "composit") {
		settings, err := p.settings()
		if err != nil {
			return nil, err
		}
		h, err := factory(settings)
		return h, p.section.in(err)
	}
	if strings.HasPrefix(p.kind, "composit") {
		return nil, p.unknown("composite", slices.Collect(maps.Keys(p.loader.registry.Composites)))
	}
	return nil, p.unknown("application", slices.Collect(maps.Keys(p.loader.registry.Apps)))
}

// isEgg: an egg says itself whether it is an application or a composite, whatever section names it.
func (p *part) isEgg() bool { return strings.HasPrefix(p.factory, "egg:") }

func (p *part) pipeline() (http.Handler, error) {
	names, ok := p.take("pipeline")
	if !ok || len(strings.Fields(names)) == 0 {
		return nil, p.section.problem("has no pipeline; it should be pipeline = filter ... application")
	}
	if len(p.local) > 0 {
		extra := slices.Sorted(maps.Keys(p.local))
		return nil, p.section.problemAt(p.section.lineOf(extra[0]), "a pipeline has no settings of its own, but this one has %s",
			strings.Join(extra, ", "))
	}
	h, err := p.loader.Pipeline(names)
	return h, p.section.in(err)
}

func (p *part) filterApp() (http.Handler, error) {
	next, ok := p.take("next")
	if !ok {
		return nil, p.section.problem("does not say what it filters; it should have next = application")
	}
	f, filterErr := p.makeFilter()
	h, appErr := p.loader.App(next)
	if err := errors.Join(filterErr, appErr); err != nil {
		return nil, err
	}
	return f(h), nil
}

// Pipeline builds the filters and, last, the application that names lists, separated by white space, and puts the first
// filter outermost. All that is wrong with its parts is reported together.
func (l Loader) Pipeline(names string) (http.Handler, error) {
	list := strings.Fields(names)
	if len(list) == 0 {
		return nil, errors.New("an empty pipeline; it should be filter ... application")
	}
	var problems []error
	filters := make([]Filter, len(list)-1)
	for i, name := range list[:len(list)-1] {
		var err error
		filters[i], err = l.Filter(name)
		problems = append(problems, err)
	}
	h, err := l.App(list[len(list)-1])
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	for _, f := range slices.Backward(filters) {
		h = f(h)
	}
	return h, nil
}

// unknown refuses a factory that the registry has not.
func (p *part) unknown(what string, known []string) error {
	line := p.section.Line
	for _, e := range p.section.Entries {
		if _, isProtocol := protocols[e.Key]; isProtocol || e.Key == "use" {
			line = e.Line
		}
	}
	slices.Sort(known)
	return p.section.problemAt(line, "the %s factory %s is not known; known are %s", what, p.factory, strings.Join(known, ", "))
}
