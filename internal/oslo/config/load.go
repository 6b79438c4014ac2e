package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/optiontype"
)

// Load reads the sources and resolves every option. All that is wrong is collected and reported together, one line each,
// with the place, the option and what is accepted; the error is then a fault of kind Invalid and the Config nil. Values
// of secrets are never repeated. With no sources at all the declared defaults apply.
//
// Declaring two different options of one name in one group is a slip in the program and is reported the same way.
func Load(s Sources, options ...Option) (*Config, error) {
	l := &loader{
		declared: map[key]*definition{},
		resolved: map[key]outcome{},
		foreign:  map[key]outcome{},
	}
	l.declare(options)
	l.read(s)
	l.nameBackends()
	for _, d := range l.order {
		for _, group := range l.groupsOf(d) {
			l.resolve(d, group)
		}
	}
	l.checkForeign()
	l.noteIgnored()
	if err := problemsError(l.problems); err != nil {
		return nil, err
	}
	return l.config(), nil
}

// loader is the state of one Load.
type loader struct {
	order    []*definition
	declared map[key]*definition

	rank                         int
	defaults, environ, overrides *layer
	files                        []*layer // weakest first

	backends []string
	resolved map[key]outcome // declared options, by the group they are read from
	foreign  map[key]outcome // undeclared ones that some value refers to
	stack    []key           // what is being resolved now, for finding cycles

	ignored  map[key]string // what is set and has no effect
	problems []problem
	warnings []warning
}

// outcome is a resolved setting; failed means that a problem about it has been reported.
type outcome struct {
	setting setting
	failed  bool
}

func (l *loader) declare(options []Option) {
	for _, o := range options {
		d := o.definition()
		k := key{d.group, d.name}
		if other, taken := l.declared[k]; taken && other != d {
			l.problems = append(l.problems, problem{key: k, text: "the option is declared twice by this program"})
			continue
		} else if taken {
			continue
		}
		l.declared[k] = d
		l.order = append(l.order, d)
	}
	slices.SortFunc(l.order, func(a, b *definition) int { return compareNames(a.group, a.name, b.group, b.name) })
}

// nameBackends resolves the option that names the back ends, which has to be known before theirs.
func (l *loader) nameBackends() {
	for _, d := range l.order {
		if !d.namesBack {
			continue
		}
		got := l.resolve(d, d.group)
		names, _ := got.setting.value.([]string)
		for _, name := range names {
			switch {
			case name == "":
			case slices.Contains(l.backends, name):
				l.warn(at{}, "%s names the back end %q twice; it is started once", key{d.group, d.name}, name)
			default:
				l.backends = append(l.backends, name)
			}
		}
	}
}

// groupsOf lists the groups an option is read from: its own, and for options of back ends theirs.
func (l *loader) groupsOf(d *definition) []string {
	groups := []string{d.group}
	if d.perBackend {
		for _, group := range append([]string{BackendDefaults}, l.backends...) {
			if group = normalGroup(group); !slices.Contains(groups, group) {
				groups = append(groups, group)
			}
		}
	}
	return groups
}

// resolve finds, expands and parses an option in a group. Problems are reported once, here.
func (l *loader) resolve(d *definition, group string) outcome {
	k := key{group, d.name}
	if done, ok := l.resolved[k]; ok {
		return done
	}
	if d.ignored != "" {
		return outcome{}
	}
	given := l.gather(d, group)
	if cycle := l.enter(k); cycle != "" {
		l.report(d, k, given, cycle, "")
		return outcome{failed: true}
	}
	defer l.leave()
	out := l.evaluate(d, k, given)
	l.resolved[k] = out
	return out
}

func (l *loader) evaluate(d *definition, k key, given []raw) outcome {
	if len(given) == 0 {
		return l.fallback(d, k)
	}
	texts := make([]string, len(given))
	for i, r := range given {
		text, err := l.expand(r.text, k.group)
		if err != nil {
			return l.failure(d, k, given[i:i+1], err)
		}
		texts[i] = text
	}
	last := given[len(given)-1]
	value, err := d.kind.parse(texts, d.limits)
	switch {
	case errors.Is(err, optiontype.ErrEmpty):
		return l.fallback(d, k)
	case err != nil:
		shown := raw{strings.Join(texts, "\n"), last.at}
		return l.failure(d, k, []raw{shown}, err)
	}
	shown := strings.Join(texts, "\n")
	return outcome{setting: setting{value: value, given: true, origin: last.at.where, text: shown, group: k.group, def: d}}
}

// fallback is the declared default, with its references resolved.
func (l *loader) fallback(d *definition, k key) outcome {
	if k.group != d.group {
		return outcome{setting: setting{def: d}} // says nothing there; In looks on
	}
	if d.required {
		l.report(d, k, nil, "not set, but it has to be", d.kind.accepts(d.limits))
		return outcome{failed: true}
	}
	value := d.fallback
	if d.kind.expand != nil {
		var err error
		value, err = d.kind.expand(value, func(text string) (string, error) { return l.expand(text, k.group) })
		if err != nil {
			return l.failure(d, k, nil, fmt.Errorf("the default %w", err))
		}
	}
	text := strings.Join(d.kind.format(value), "\n")
	if d.noDefault {
		text = ""
	}
	return outcome{setting: setting{value: value, text: text, group: d.group, def: d}}
}

// failure reports an error about an option, unless what it depends on has reported it already.
func (l *loader) failure(d *definition, k key, given []raw, err error) outcome {
	var bad *badReference
	switch {
	case errors.Is(err, errReported):
	case errors.As(err, &bad):
		l.report(d, k, given, err.Error(), "")
	default:
		l.report(d, k, given, err.Error(), d.kind.accepts(d.limits))
	}
	return outcome{failed: true}
}

func (l *loader) report(d *definition, k key, given []raw, text, accepted string) {
	p := problem{key: k, text: text, accepted: accepted}
	if len(given) > 0 {
		last := given[len(given)-1]
		p.at, p.value = last.at, new(d.masked(last.text))
	}
	l.problems = append(l.problems, p)
}

// gather collects what the sources say about an option in a group. A single-valued option gets at most one value: from
// the strongest source that has one under any of its names, present name first. A multi-valued one gets all that the
// files say, oldest first; the command line and the environment replace that.
func (l *loader) gather(d *definition, group string) []raw {
	names := []key{{group, d.name}}
	for _, old := range d.old {
		k := names[0]
		if old.group != "" {
			k.group = normalGroup(old.group)
		}
		if old.name != "" {
			k.name = old.name
		}
		names = append(names, k)
	}
	found := l.search(d, names)
	if len(found) > 0 && d.removal != "" {
		l.warn(found[len(found)-1].at, "%s is deprecated for removal: %s", names[0], d.removal)
	}
	return found
}

func (l *loader) search(d *definition, names []key) []raw {
	if found := l.overrides.values[names[0]]; len(found) > 0 {
		return found[len(found)-1:]
	}
	if found := l.environ.values[environKey(names[0])]; len(found) > 0 {
		return found[len(found)-1:]
	}
	var all []raw
	for _, file := range slices.Backward(l.files) {
		for i, name := range names {
			found := file.values[name]
			if len(found) == 0 {
				continue
			}
			if i > 0 {
				l.warn(found[0].at, "%s is the old name of %s; use that", name, names[0])
			}
			if !d.kind.multi {
				return found[len(found)-1:]
			}
			all = append(slices.Clone(found), all...)
		}
	}
	if len(all) > 0 {
		return all
	}
	return l.defaults.values[names[0]]
}

func (l *loader) config() *Config {
	c := &Config{
		values:   make(map[key]setting, len(l.resolved)),
		known:    make(map[key]bool, len(l.declared)),
		backends: l.backends,
		ignored:  l.ignored,
		warnings: sortedWarnings(l.warnings),
	}
	for k := range l.declared {
		c.known[k] = true
	}
	for k, out := range l.resolved {
		// A back end's own section counts only where it says something; otherwise [backend_defaults] must show through.
		if k.group == out.setting.def.group || out.setting.given {
			c.values[k] = out.setting
		}
	}
	return c
}
