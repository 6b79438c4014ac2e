package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/spelling"
)

// checkForeign looks at every assignment that no declared option read. In a file it is worth a warning, because files are
// shared with services that know more options; on the command line and in built-in defaults it is a mistake.
func (l *loader) checkForeign() {
	known := l.knownKeys()
	groups := map[string]bool{DefaultGroup: true}
	for k := range known {
		groups[k.group] = true
	}
	for _, source := range []*layer{l.defaults, l.overrides} {
		for _, k := range source.order {
			// A built-in default may be for a back end that the operator's file does not enable.
			if !known[k] && (source == l.overrides || l.perBackend(k.name) == nil) {
				l.problems = append(l.problems, problem{at: source.values[k][0].at, key: k,
					text: "there is no such option" + suggestion(k, known)})
			}
		}
	}
	for _, file := range l.files {
		for _, k := range file.order {
			if !known[k] && groups[k.group] {
				l.warnUnknown(file, k, known)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(file.groups)) {
			l.warnMisspelt(name, file.groups[name], groups)
		}
	}
}

func (l *loader) warnUnknown(file *layer, k key, known map[key]bool) {
	place := file.values[k][0].at
	if d := l.perBackend(k.name); d != nil {
		l.warn(place, "%s is an option of back ends and has no effect here; set it in [%s] or in the section of a back end",
			key{file.spelt[k], k.name}, BackendDefaults)
		return
	}
	l.warn(place, "%s is not an option that is known here%s", key{file.spelt[k], k.name}, suggestion(k, known))
}

// warnMisspelt finds sections that were surely meant to be others: [default], [ lvm ].
func (l *loader) warnMisspelt(name string, place at, groups map[string]bool) {
	trimmed := strings.TrimSpace(name)
	meant := normalGroup(trimmed)
	if strings.EqualFold(trimmed, DefaultGroup) {
		meant = DefaultGroup
	}
	if meant != normalGroup(name) && groups[meant] {
		l.warn(place, "the section [%s] is not [%s], and what it says has no effect", name, meant)
	}
}

// knownKeys is every place an option may be set, under present and old names.
func (l *loader) knownKeys() map[key]bool {
	known := map[key]bool{}
	for _, d := range l.order {
		for _, group := range l.groupsOf(d) {
			known[key{group, d.name}] = true
			for _, old := range d.old {
				k := key{group, d.name}
				if old.group != "" {
					k.group = normalGroup(old.group)
				}
				if old.name != "" {
					k.name = old.name
				}
				known[k] = true
			}
		}
	}
	return known
}

// noteIgnored mentions, once for each reason, the options that are set and have no effect here.
func (l *loader) noteIgnored() {
	set := map[string][]string{}
	l.ignored = map[key]string{}
	for _, d := range l.order {
		if d.ignored == "" {
			continue
		}
		for _, group := range l.groupsOf(d) {
			k := key{group, d.name}
			for _, source := range append(slices.Clone(l.files), l.overrides) {
				if found := source.values[k]; len(found) > 0 {
					l.ignored[k] = found[len(found)-1].text
				}
			}
			if _, is := l.ignored[k]; is {
				set[d.ignored] = append(set[d.ignored], k.String())
			}
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(set)) {
		l.warn(at{rank: l.rank + 1}, "set, but without effect here (%s): %s", reason, strings.Join(set[reason], ", "))
	}
}

// suggestion names the known option of the same group that an unknown one was probably meant to be; empty if none is near.
func suggestion(k key, known map[key]bool) string {
	best, bestDistance := "", 3
	wanted := underscored(strings.ToLower(k.name))
	for other := range known {
		if other.group != k.group {
			continue
		}
		d := spelling.Distance(wanted, other.name, bestDistance+1)
		if d < bestDistance || d == bestDistance && best != "" && other.name < best {
			best, bestDistance = other.name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; is %s meant?", best)
}
