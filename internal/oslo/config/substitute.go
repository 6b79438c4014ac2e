package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// References in values: $name, ${name}, $group.name and ${group.name} stand for another option's value; $$ and \$ for a
// dollar sign; a dollar sign that begins neither stays as it is. A plain name is looked for in the section of the value
// it stands in, then in [DEFAULT] (oslo_config/cfg.py, _substitute and StrSubWrapper).

const (
	// maxDepth bounds how long a chain of references may be; the longest in Cinder's own defaults is three.
	maxDepth = 64
	// maxExpanded bounds a value after substitution, so that values that double each other cannot eat the memory.
	maxExpanded = 1 << 20
)

// badReference is a reference that cannot be resolved.
type badReference struct{ text string }

func (b *badReference) Error() string { return b.text }

// errReported says that the option a value refers to is itself wrong, and that this was reported.
var errReported = errors.New("refers to an option that is wrong")

// expand replaces the references in a text that stands in a section.
func (l *loader) expand(text, group string) (string, error) {
	return expandReferences(text, func(name string) (string, error) { return l.reference(name, group) })
}

// expandReferences replaces every reference in text by what lookup says of its name.
func expandReferences(text string, lookup func(name string) (string, error)) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	text = strings.ReplaceAll(text, `\$`, "$$")
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if out.Len() > maxExpanded {
			return "", &badReference{fmt.Sprintf("grows beyond %d bytes when its references are resolved", maxExpanded)}
		}
		if !found {
			return out.String(), nil
		}
		name, length := referenceName(rest)
		switch {
		case strings.HasPrefix(rest, "$"):
			out.WriteByte('$')
			text = rest[1:]
		case name == "":
			out.WriteByte('$')
			text = rest
		default:
			value, err := lookup(name)
			if err != nil {
				return "", err
			}
			out.WriteString(value)
			text = rest[length:]
		}
	}
}

// referenceName reads a name, in braces or not, at the beginning of rest, and says how long it is with its braces. An
// empty name means that there is none.
func referenceName(rest string) (name string, length int) {
	inner, braces := strings.CutPrefix(rest, "{")
	end := 0
	for end < len(inner) && isNameByte(inner[end], end == 0) {
		end++
	}
	name = inner[:end]
	if !braces {
		return name, end
	}
	if end == len(inner) || inner[end] != '}' {
		return "", 0
	}
	return name, end + 2
}

func isNameByte(b byte, first bool) bool {
	letter := b == '_' || 'a' <= b|0x20 && b|0x20 <= 'z'
	return letter || !first && (b == '.' || '0' <= b && b <= '9')
}

// reference is the text of the option that a reference in some section means.
func (l *loader) reference(name, group string) (string, error) {
	if g, option, dotted := strings.Cut(name, "."); dotted {
		if text, ok, err := l.referenced(option, normalGroup(g)); ok || err != nil {
			return text, err
		}
		return "", &badReference{fmt.Sprintf("refers to $%s, but there is no option %s in [%s]; "+
			"use ${%s} if the name ends before the dot, and $$ for a plain dollar sign", name, option, g, g)}
	}
	for _, g := range []string{group, DefaultGroup} {
		if text, ok, err := l.referenced(name, g); ok || err != nil {
			return text, err
		}
	}
	return "", &badReference{fmt.Sprintf("refers to $%s, which is no option; use $$ for a plain dollar sign", name)}
}

// referenced is the text of an option in exactly this group; ok is false if there is none.
func (l *loader) referenced(name, group string) (text string, ok bool, err error) {
	if d, declared := l.declared[key{group, name}]; declared && d.ignored == "" {
		return l.textOf(d, group)
	}
	if d := l.perBackend(name); d != nil && l.isBackendGroup(group) {
		for _, g := range []string{group, BackendDefaults} {
			out := l.resolve(d, g)
			if out.failed {
				return "", true, errReported
			}
			if out.setting.given {
				return l.textOf(d, g)
			}
		}
		return l.textOf(d, d.group)
	}
	return l.foreignText(key{group, name})
}

func (l *loader) textOf(d *definition, group string) (string, bool, error) {
	out := l.resolve(d, group)
	if out.failed {
		return "", true, errReported
	}
	switch value := out.setting.value.(type) {
	case bool: // as Python writes them
		if value {
			return "True", true, nil
		}
		return "False", true, nil
	default:
		if d.noDefault && !out.setting.given {
			return "", true, nil
		}
		return strings.Join(d.kind.format(value), ","), true, nil
	}
}

func (l *loader) perBackend(name string) *definition {
	for _, d := range l.order {
		if d.perBackend && d.name == name {
			return d
		}
	}
	return nil
}

func (l *loader) isBackendGroup(group string) bool {
	return group == BackendDefaults ||
		slices.ContainsFunc(l.backends, func(name string) bool { return normalGroup(name) == group })
}

// foreignText is the text a file gives for an option nobody here declared: an operator's file may well define a name
// only for use in other values.
func (l *loader) foreignText(k key) (text string, ok bool, err error) {
	if done, seen := l.foreign[k]; seen {
		if done.failed {
			return "", true, errReported
		}
		return done.setting.text, true, nil
	}
	for _, file := range slices.Backward(l.files) {
		found := file.values[k]
		if len(found) == 0 {
			continue
		}
		last := found[len(found)-1]
		if cycle := l.enter(k); cycle != "" {
			l.problems = append(l.problems, problem{at: last.at, key: k, text: cycle})
			return "", true, errReported
		}
		defer l.leave()
		text, err := l.expand(last.text, k.group)
		var bad *badReference
		if errors.As(err, &bad) {
			l.problems = append(l.problems, problem{at: last.at, key: k, text: bad.text})
			err = errReported
		}
		l.foreign[k] = outcome{setting: setting{text: text}, failed: err != nil}
		return text, true, err
	}
	return "", false, nil
}

// enter notes that an option is being resolved. It returns what is wrong if that would never end; then there must be no
// leave.
func (l *loader) enter(k key) string {
	if i := slices.Index(l.stack, k); i >= 0 {
		var path strings.Builder
		for _, step := range l.stack[i:] {
			path.WriteString(step.String() + " -> ")
		}
		return "refers to itself: " + path.String() + k.String()
	}
	if len(l.stack) >= maxDepth {
		return fmt.Sprintf("is the end of a chain of more than %d references", maxDepth)
	}
	l.stack = append(l.stack, k)
	return ""
}

func (l *loader) leave() { l.stack = l.stack[:len(l.stack)-1] }
