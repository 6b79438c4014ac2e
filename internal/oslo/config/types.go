package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/oslo/optiontype"
)

// kind is a type of option: how it reads, what it accepts and how it is written.
type kind struct {
	name  string // as oslo.config's generator calls it: "integer value"
	multi bool   // each assignment adds a value instead of replacing the one before
	// parse reads the texts given, exactly one unless multi. Its error says why not, without the value; errEmpty says that
	// the empty text counts as no value at all.
	parse   func(texts []string, l optiontype.Limits) (any, error)
	accepts func(l optiontype.Limits) string
	format  func(v any) []string // what parse would read back
	clone   func(v any) any
	// expand replaces references in a default's strings; nil for types whose defaults cannot hold any.
	expand func(v any, expand func(string) (string, error)) (any, error)
}

// String declares an option whose value is text as it stands. Modifiers: Choices, IgnoreCase, Pattern, MaxLength.
func String(group, name, fallback, help string, m ...Modifier) Handle[string] {
	return declare(stringKind("string value", optiontype.ParseString, optiontype.AcceptsString), group, name, fallback, help, m)
}

// Int declares a whole number. Modifiers: Min, Max. An empty text counts as not given.
func Int(group, name string, fallback int, help string, m ...Modifier) Handle[int] {
	k := plainKind("integer value", optiontype.ParseInt, optiontype.AcceptsInt, strconv.Itoa)
	return declare(k, group, name, fallback, help, m)
}

// Port declares a TCP or UDP port, 0 to 65535.
func Port(group, name string, fallback int, help string, m ...Modifier) Handle[int] {
	k := plainKind("port", optiontype.ParseInt, optiontype.AcceptsInt, strconv.Itoa)
	return declare(k, group, name, fallback, help, append([]Modifier{Min(0), Max(65535)}, m...))
}

// Float declares a number. Modifiers: Min, Max. An empty text counts as not given.
func Float(group, name string, fallback float64, help string, m ...Modifier) Handle[float64] {
	return declare(plainKind("floating point value", optiontype.ParseFloat, optiontype.AcceptsFloat, optiontype.FormatFloat), group, name, fallback, help, m)
}

// Bool declares a truth value: true, 1, on, yes or false, 0, off, no, in any case.
func Bool(group, name string, fallback bool, help string, m ...Modifier) Handle[bool] {
	return declare(plainKind("boolean value", optiontype.ParseBool, optiontype.AcceptsBool, strconv.FormatBool), group, name, fallback, help, m)
}

// Seconds declares a span of time that is written as a number of seconds, with or without a fraction. Modifiers: Min and
// Max, in seconds.
func Seconds(group, name string, fallback time.Duration, help string, m ...Modifier) Handle[time.Duration] {
	format := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }
	return declare(plainKind("seconds", optiontype.ParseSeconds, optiontype.AcceptsSeconds, format), group, name, fallback, help, m)
}

// Bytes declares a size: a whole number of bytes, or one followed by K, M, G or T, which count 1024 each, as upstream's
// volume_dd_blocksize does. Modifiers: Min and Max, in bytes.
func Bytes(group, name string, fallback int64, help string, m ...Modifier) Handle[int64] {
	return declare(plainKind("size", optiontype.ParseBytes, optiontype.AcceptsBytes, optiontype.FormatBytes), group, name, fallback, help, m)
}

// List declares a list of strings, separated by commas. Modifiers: QuotedItems, NamesBackends, Choices for the items.
func List(group, name string, fallback []string, help string, m ...Modifier) Handle[[]string] {
	k := stringsKind("list value", func(v []string) []string { return []string{strings.Join(v, ",")} })
	k.parse = func(texts []string, l optiontype.Limits) (any, error) { return optiontype.ParseList(texts[0], l) }
	k.accepts = optiontype.AcceptsList
	return declare(k, group, name, fallback, help, m)
}

// MultiString declares an option that may be given many times, in several files too; the value is all of them in order.
func MultiString(group, name string, fallback []string, help string, m ...Modifier) Handle[[]string] {
	k := stringsKind("multi valued", func(v []string) []string { return slices.Clone(v) })
	k.multi = true
	k.parse = func(texts []string, l optiontype.Limits) (any, error) {
		values := make([]string, len(texts))
		for i, text := range texts {
			var err error
			if values[i], err = optiontype.ParseString(text, l); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
	k.accepts = optiontype.AcceptsString
	return declare(k, group, name, fallback, help, m)
}

// Dict declares a mapping, written key:value,key:value. Values may contain colons but no commas.
func Dict(group, name string, fallback map[string]string, help string, m ...Modifier) Handle[map[string]string] {
	k := kind{
		name:    "dict value",
		parse:   func(texts []string, _ optiontype.Limits) (any, error) { return optiontype.ParseDict(texts[0]) },
		accepts: func(optiontype.Limits) string { return optiontype.AcceptsDict },
		format:  func(v any) []string { return []string{optiontype.FormatDict(v.(map[string]string))} },
		clone:   func(v any) any { return maps.Clone(v.(map[string]string)) },
		expand: func(v any, expand func(string) (string, error)) (any, error) {
			return expandDict(v.(map[string]string), expand)
		},
	}
	return declare(k, group, name, fallback, help, m)
}

// MultiDict declares a mapping that may be given many times, like replication_device; the value is all of them in order.
func MultiDict(group, name, help string, m ...Modifier) Handle[[]map[string]string] {
	k := kind{
		name:  "dict value",
		multi: true,
		parse: func(texts []string, _ optiontype.Limits) (any, error) {
			all := make([]map[string]string, len(texts))
			for i, text := range texts {
				var err error
				if all[i], err = optiontype.ParseDict(text); err != nil {
					return nil, err
				}
			}
			return all, nil
		},
		accepts: func(optiontype.Limits) string { return optiontype.AcceptsDict },
		format: func(v any) []string {
			var lines []string
			for _, d := range v.([]map[string]string) {
				lines = append(lines, optiontype.FormatDict(d))
			}
			return lines
		},
		clone: func(v any) any {
			all := slices.Clone(v.([]map[string]string))
			for i := range all {
				all[i] = maps.Clone(all[i])
			}
			return all
		},
	}
	return declare(k, group, name, []map[string]string(nil), help, m)
}

// HostAddress declares an IPv4 or IPv6 address or a host name.
func HostAddress(group, name, fallback, help string, m ...Modifier) Handle[string] {
	return declare(stringKind("host address value", optiontype.ParseHostAddress, optiontype.AcceptsHostAddress), group, name, fallback, help, m)
}

// Hostname declares a host name.
func Hostname(group, name, fallback, help string, m ...Modifier) Handle[string] {
	return declare(stringKind("hostname value", optiontype.ParseHostname, optiontype.AcceptsHostname), group, name, fallback, help, m)
}

// IPAddress declares an IPv4 or IPv6 address.
func IPAddress(group, name, fallback, help string, m ...Modifier) Handle[string] {
	return declare(stringKind("ip address value", optiontype.ParseIPAddress, optiontype.AcceptsIPAddress), group, name, fallback, help, m)
}

// URI declares an absolute URI with a scheme and a host. Modifiers: Schemes, MaxLength.
func URI(group, name, fallback, help string, m ...Modifier) Handle[string] {
	return declare(stringKind("uri value", optiontype.ParseURI, optiontype.AcceptsURI), group, name, fallback, help, m)
}

// plainKind is the kind of one value that is no text.
func plainKind[T any](name string, parse func(string, optiontype.Limits) (T, error), accepts func(optiontype.Limits) string,
	format func(T) string) kind {
	return kind{
		name:    name,
		parse:   func(texts []string, l optiontype.Limits) (any, error) { return parse(texts[0], l) },
		accepts: accepts,
		format:  func(v any) []string { return []string{format(v.(T))} },
		clone:   func(v any) any { return v },
	}
}

// stringKind is the kind of one value that is text.
func stringKind(name string, parse func(string, optiontype.Limits) (string, error), accepts func(optiontype.Limits) string) kind {
	k := plainKind(name, parse, accepts, func(s string) string { return s })
	k.expand = func(v any, expand func(string) (string, error)) (any, error) { return expand(v.(string)) }
	return k
}

// stringsKind is the kind of several texts; parse and accepts are the caller's to set.
func stringsKind(name string, format func([]string) []string) kind {
	return kind{
		name:   name,
		format: func(v any) []string { return format(v.([]string)) },
		clone:  func(v any) any { return slices.Clone(v.([]string)) },
		expand: func(v any, expand func(string) (string, error)) (any, error) {
			items := slices.Clone(v.([]string))
			for i := range items {
				var err error
				if items[i], err = expand(items[i]); err != nil {
					return nil, err
				}
			}
			return items, nil
		},
	}
}

func expandDict(v map[string]string, expand func(string) (string, error)) (map[string]string, error) {
	out := make(map[string]string, len(v))
	for key, value := range v {
		expanded, err := expand(value)
		if err != nil {
			return nil, err
		}
		out[key] = expanded
	}
	return out, nil
}
