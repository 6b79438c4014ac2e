// Package config is oslo.config's semantics for Go: options are declared as data beside the code that uses them, and the
// same list parses, validates and documents them.
//
//	var maxLimit = config.Int("DEFAULT", "osapi_max_limit", 1000, "The most items in one answer.", config.Min(1))
//
//	func Options() []config.Option { return []config.Option{maxLimit} }
//
//	conf, err := config.Load(config.Sources{Files: []string{"/etc/cinder/cinder.conf"}}, api.Options()...)
//	limit := maxLimit.Get(conf)
//
// Load reads everything and checks everything before anything is started; what it returns is an immutable snapshot, so
// that a reload is a second Load and nobody sees half of it. Facts about the file format and about precedence are
// oslo.config's (oslo_config/cfg.py, types.py); where we differ, docs/divergences.md says so.
//
// What lives here: option declarations, types, substitution, the sample file and the reference page. What must not: any
// option of any service, and any state.
package config

import (
	"fmt"
	"maps"
	"slices"
)

// Group names with a meaning of their own.
const (
	DefaultGroup = "DEFAULT"
	// BackendDefaults is the section whose values every back end's section inherits (cinder/volume/configuration.py).
	BackendDefaults = "backend_defaults"
)

// Config is an immutable snapshot of what all options are. It is safe for concurrent use. Make one with Load.
type Config struct {
	values   map[key]setting
	known    map[key]bool // declared options, so that a handle that was never passed to Load is noticed
	ignored  map[key]string
	backends []string
	warnings []string
}

// key is an option in the group it is read from.
type key struct{ group, name string }

func (k key) String() string { return "[" + k.group + "] " + k.name }

// setting is a value with its origin.
type setting struct {
	value  any
	given  bool   // by somebody, not a declared default
	origin string // "cinder.conf:12"; empty for a declared default
	text   string // as it was written, or the default's text
	group  string // the section it is from; the option's own for a default
	def    *definition
}

// Warnings says what in the sources is allowed but should be known: options nobody knows, deprecated names, options that
// have no effect here. The order is that of the sources; each is one sentence without a line end. The caller logs them.
func (c *Config) Warnings() []string { return slices.Clone(c.warnings) }

// Backends gives the names of the back ends that are enabled, in the order they are named in; empty if the option that
// names them (see NamesBackends) was not declared or is empty.
func (c *Config) Backends() []string { return slices.Clone(c.backends) }

// IgnoredText is what the sources say, unparsed, of an option that was declared with Ignored, and whether they say anything.
// It is for those who judge a configuration, such as a check before an upgrade.
func (c *Config) IgnoredText(group, name string) (text string, set bool) {
	text, set = c.ignored[key{normalGroup(group), underscored(name)}]
	return text, set
}

// Setting is one option's value for people: a line in a log or in a diagnosis.
type Setting struct {
	Group, Name string
	Text        string // as it was written; "***" for a secret that is set
	Origin      string // "cinder.conf:12", "command line"; empty for a declared default
}

// Settings lists every option with its value, sorted by group ([DEFAULT] first) and name. Secrets are masked.
func (c *Config) Settings() []Setting {
	keys := slices.SortedFunc(maps.Keys(c.values), func(a, b key) int {
		return compareNames(a.group, a.name, b.group, b.name)
	})
	list := make([]Setting, 0, len(keys))
	for _, k := range keys {
		s := c.values[k]
		list = append(list, Setting{Group: k.group, Name: k.name, Text: s.def.masked(s.text), Origin: s.origin})
	}
	return list
}

// Differences names the options that are not what they are in other, as "[group] name", sorted like Settings. Secrets are
// compared, and not shown.
func (c *Config) Differences(other *Config) []string {
	var changed []key
	for k, s := range c.values {
		if o, there := other.values[k]; !there || o.text != s.text {
			changed = append(changed, k)
		}
	}
	for k := range other.values {
		if _, there := c.values[k]; !there {
			changed = append(changed, k)
		}
	}
	slices.SortFunc(changed, func(a, b key) int { return compareNames(a.group, a.name, b.group, b.name) })
	names := make([]string, len(changed))
	for i, k := range changed {
		names[i] = k.String()
	}
	return names
}

// find gives the setting of an option in a group. It panics when the option was not passed to Load: that is a slip in
// the program that its first test shows, and answering with the default would silently ignore the operator's value.
func (c *Config) find(d *definition, group string) (setting, bool) {
	if !c.known[key{d.group, d.name}] {
		panic(fmt.Sprintf("config: the option %s was not passed to Load", key{d.group, d.name}))
	}
	s, ok := c.values[key{group, d.name}]
	return s, ok
}

// lookup is find for a back end: its own section, then [backend_defaults], then the option's own group. An empty backend
// means the option's own group.
func (c *Config) lookup(d *definition, backend string) setting {
	if backend != "" && d.perBackend {
		for _, group := range []string{normalGroup(backend), BackendDefaults} {
			if s, ok := c.find(d, group); ok && s.given {
				return s
			}
		}
	}
	s, _ := c.find(d, d.group)
	return s
}
