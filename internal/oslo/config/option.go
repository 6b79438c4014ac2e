package config

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/optiontype"
)

// Option is one declared option, whatever its type. Only this package's constructors make one.
type Option interface{ definition() *definition }

// Handle is a declared option with the type of its values. It is immutable and safe for concurrent use.
type Handle[T any] struct{ def *definition }

func (h Handle[T]) definition() *definition { return h.def }

// Get is the option's value in its own group: given, or the default. The caller owns what it gets.
func (h Handle[T]) Get(c *Config) T { return h.In(c, "") }

// In is the option's value for one back end: from the section of that name, else from [backend_defaults], else as Get.
// Only options declared PerBackend differ from back end to back end. A section that is not among the enabled back ends
// counts as empty.
func (h Handle[T]) In(c *Config, backend string) T {
	value, _ := c.lookup(h.def, backend).value.(T)
	return h.def.kind.clone(value).(T)
}

// IsSet reports whether a value was given in the option's own group, by whatever source. It is how an option without a
// default (upstream's None) is told from its zero value.
func (h Handle[T]) IsSet(c *Config) bool { return h.IsSetIn(c, "") }

// IsSetIn is IsSet for a back end, with the fallbacks of In.
func (h Handle[T]) IsSetIn(c *Config, backend string) bool { return c.lookup(h.def, backend).given }

// Name is the option's name, with underscores.
func (h Handle[T]) Name() string { return h.def.name }

// Group is the group the option was declared in.
func (h Handle[T]) Group() string { return h.def.group }

// Refuse makes the error for a value that parses but that its consumer cannot use (an unknown driver, a directory that is
// not there), in the form of Load's own errors: where, which option, what it was, why not, and what would be accepted.
// backend may be empty. The kind is fault.Invalid.
func (h Handle[T]) Refuse(c *Config, backend, why, accepted string) error {
	s := c.lookup(h.def, backend)
	p := problem{at: at{where: s.origin}, key: key{s.group, h.def.name}, value: new(h.def.masked(s.text)), text: why,
		accepted: accepted}
	return fault.New(fault.Invalid, "ConfigFileValueError", "%s", p)
}

// definition is an option as data.
type definition struct {
	group, name string
	help        string
	kind        kind
	fallback    any    // the default, of the handle's type
	sample      string // what documents show in place of the default; empty: the default
	noDefault   bool
	secret      bool
	required    bool
	perBackend  bool
	namesBack   bool
	advanced    bool
	ignored     string // why the option has no effect here; empty: it has one
	removal     string // why it is deprecated for removal
	old         []oldName
	limits      optiontype.Limits
}

// oldName is a name an option was known by. Empty fields mean the present ones.
type oldName struct{ group, name string }

const mask = "***"

// masked is text as it may be shown.
func (d *definition) masked(text string) string {
	if d.secret && text != "" {
		return mask
	}
	return text
}

// Modifier changes a declaration.
type Modifier func(*definition)

// Min is the least value a number may have.
func Min(n float64) Modifier { return func(d *definition) { d.limits.Min = &n } }

// Max is the greatest value a number may have.
func Max(n float64) Modifier { return func(d *definition) { d.limits.Max = &n } }

// Choices are the only values a string may have.
func Choices(values ...string) Modifier {
	return func(d *definition) { d.limits.Choices = slices.Clone(values) }
}

// IgnoreCase lets Choices match in any case; the value is then spelled as the choice is.
func IgnoreCase() Modifier { return func(d *definition) { d.limits.IgnoreCase = true } }

// Pattern is a regular expression that must match somewhere in a string; anchor it if it should match the whole.
func Pattern(re *regexp.Regexp) Modifier { return func(d *definition) { d.limits.Pattern = re } }

// MaxLength is the most characters a string may have.
func MaxLength(n int) Modifier { return func(d *definition) { d.limits.MaxLength = n } }

// Schemes are the only schemes a URI may have.
func Schemes(schemes ...string) Modifier {
	return func(d *definition) { d.limits.Schemes = slices.Clone(schemes) }
}

// QuotedItems lets the items of a list stand in quotes, so that they can contain commas.
func QuotedItems() Modifier { return func(d *definition) { d.limits.QuotedItems = true } }

// Secret keeps the value out of every message, log and listing.
func Secret() Modifier { return func(d *definition) { d.secret = true } }

// Required refuses to load without a value.
func Required() Modifier { return func(d *definition) { d.required = true } }

// NoDefault says that the declared default means "none" (upstream's None) and not a value; see IsSet.
func NoDefault() Modifier { return func(d *definition) { d.noDefault = true } }

// SampleDefault is what documents show in place of a default that differs from machine to machine.
func SampleDefault(text string) Modifier { return func(d *definition) { d.sample = text } }

// PerBackend says that every back end's section may set the option; read it with In.
func PerBackend() Modifier { return func(d *definition) { d.perBackend = true } }

// NamesBackends says that the option's values, a list of strings, are the names of the sections of back ends
// ("enabled_backends"). At most one option of a program says so.
func NamesBackends() Modifier { return func(d *definition) { d.namesBack = true } }

// Advanced marks an option that few will ever set; the documents say so.
func Advanced() Modifier { return func(d *definition) { d.advanced = true } }

// Deprecated adds a name the option was once known by. It still works and is warned of. An empty group or name means the
// option's present one.
func Deprecated(group, name string) Modifier {
	return func(d *definition) { d.old = append(d.old, oldName{group, underscored(name)}) }
}

// DeprecatedForRemoval warns when the option is set at all; reason is a sentence saying what to do instead.
func DeprecatedForRemoval(reason string) Modifier { return func(d *definition) { d.removal = reason } }

// Ignored declares options that OpenStack knows and that have no effect here. Setting one is mentioned once, with the
// reason, and is not an error; its value is not looked at. One of BackendDefaults may stand in the section of any back end.
func Ignored(group, reason string, names ...string) []Option {
	list := make([]Option, 0, len(names))
	for _, name := range names {
		h := String(group, name, "", "", NoDefault())
		h.def.ignored, h.def.perBackend = reason, h.def.group == BackendDefaults
		list = append(list, h)
	}
	return list
}

// declare makes a handle. A name with dashes means the same with underscores, as upstream.
func declare[T any](k kind, group, name string, fallback T, help string, modifiers []Modifier) Handle[T] {
	d := &definition{group: normalGroup(group), name: underscored(name), help: help, kind: k, fallback: fallback}
	for _, m := range modifiers {
		m(d)
	}
	return Handle[T]{d}
}

func underscored(name string) string { return strings.ReplaceAll(name, "-", "_") }

// normalGroup is how groups compare: without regard to case, but for [DEFAULT], which is itself only in capitals.
func normalGroup(group string) string {
	if group == DefaultGroup {
		return group
	}
	return strings.ToLower(group)
}

// compareNames orders options for people: [DEFAULT] first, then by group and name.
func compareNames(groupA, nameA, groupB, nameB string) int {
	rank := func(group string) int {
		if group == DefaultGroup {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(groupA), rank(groupB)), cmp.Compare(groupA, groupB), cmp.Compare(nameA, nameB))
}
