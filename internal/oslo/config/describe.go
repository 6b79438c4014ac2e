package config

import (
	"slices"
	"strings"
)

// Description is a declared option as its documentation needs it.
type Description struct {
	Group, Name string
	Help        string
	Type        string   // "integer value"
	Accepted    string   // "a whole number of at least 1"
	Default     []string // one line for each value; nil for none
	Choices     []string
	Deprecated  []string // old names, as "[group] name"
	Removal     string   // why it is deprecated for removal
	Secret      bool
	Required    bool
	Advanced    bool
	Multi       bool // may be given many times
	PerBackend  bool // may be set in the section of each back end
}

// Describe lists what there is to say about options, sorted by group ([DEFAULT] first) and name, each once. Ignored
// options are left out.
func Describe(options []Option) []Description {
	var list []Description
	seen := map[*definition]bool{}
	for _, o := range options {
		d := o.definition()
		if seen[d] || d.ignored != "" {
			continue
		}
		seen[d] = true
		list = append(list, d.describe())
	}
	slices.SortFunc(list, func(a, b Description) int { return compareNames(a.Group, a.Name, b.Group, b.Name) })
	return list
}

func (d *definition) describe() Description {
	out := Description{
		Group: d.group, Name: d.name, Help: strings.TrimSpace(d.help),
		Type: d.kind.name, Accepted: d.kind.accepts(d.limits), Choices: slices.Clone(d.limits.Choices),
		Removal: d.removal, Secret: d.secret, Required: d.required, Advanced: d.advanced,
		Multi: d.kind.multi, PerBackend: d.perBackend,
	}
	if !d.noDefault && !d.required {
		out.Default = d.kind.format(d.fallback)
		if d.sample != "" {
			out.Default = []string{d.sample}
		}
	}
	for _, old := range d.old {
		k := key{d.group, d.name}
		if old.group != "" {
			k.group = normalGroup(old.group)
		}
		if old.name != "" {
			k.name = old.name
		}
		out.Deprecated = append(out.Deprecated, k.String())
	}
	return out
}

// Known is every place that the options may be set in, as "[group] name", under present and old names; options that have no
// effect here included. Options of back ends stand under [backend_defaults], and in their own section.
func Known(options []Option) map[string]bool {
	l := &loader{declared: map[key]*definition{}}
	l.declare(options)
	known := map[string]bool{}
	for k := range l.knownKeys() {
		known[k.String()] = true
	}
	return known
}
