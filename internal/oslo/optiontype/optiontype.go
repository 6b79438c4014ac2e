// Package optiontype reads and writes the values of configuration options as oslo.config's types do (oslo_config/types.py).
//
// What lives here: a pair of functions for each type: Parse reads a value or says why it cannot, without repeating it,
// because it may be a secret; Accepts says in words what it would have read. What must not: names, files, substitution;
// those are oslo/config's.
package optiontype

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits narrow a type; which of them a type looks at is its own affair. The zero value narrows nothing.
type Limits struct {
	Min, Max    *float64       // of numbers; nil for none
	Choices     []string       // the only values of a string or of a list's items; nil for any
	IgnoreCase  bool           // Choices match in any case
	Pattern     *regexp.Regexp // must match somewhere in a string; nil for any
	MaxLength   int            // of a string, in characters; 0 for any
	Schemes     []string       // of a URI; nil for any
	QuotedItems bool           // the items of a list may stand in quotes, and then contain commas
}

// ErrEmpty says that the empty text given for a number counts as no value, as upstream.
var ErrEmpty = errors.New("empty")

// ParseString reads text as it stands. With Choices, the value is spelled as the choice is.
func ParseString(text string, l Limits) (string, error) {
	if l.MaxLength > 0 && utf8.RuneCountInString(text) > l.MaxLength {
		return "", errors.New("too long")
	}
	if l.Pattern != nil && !l.Pattern.MatchString(text) {
		return "", errors.New("not of the required form")
	}
	if l.Choices == nil {
		return text, nil
	}
	for _, choice := range l.Choices {
		if text == choice || l.IgnoreCase && strings.EqualFold(text, choice) {
			return choice, nil
		}
	}
	return "", errors.New("not one of the choices")
}

// AcceptsString says what ParseString reads.
func AcceptsString(l Limits) string {
	var parts []string
	if l.Choices != nil {
		parts = append(parts, "one of "+quotedList(l.Choices))
	}
	if l.Pattern != nil {
		parts = append(parts, "text that matches "+l.Pattern.String())
	}
	if l.MaxLength > 0 {
		parts = append(parts, fmt.Sprintf("at most %d characters", l.MaxLength))
	}
	if parts == nil {
		return "any text"
	}
	return strings.Join(parts, ", ")
}

func quotedList(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = strconv.Quote(item)
	}
	return strings.Join(quoted, ", ")
}

// digits is what Python's int() reads: a sign, and digits with single underscores between them.
var digits = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*$`)

// ParseInt reads a whole number in decimal, as Python's int() does: a sign and single underscores are allowed.
func ParseInt(text string, l Limits) (int, error) {
	n, err := parseWhole(text)
	if err != nil {
		return 0, err
	}
	if l.Min != nil && float64(n) < *l.Min {
		return 0, errors.New("too small")
	}
	if l.Max != nil && float64(n) > *l.Max {
		return 0, errors.New("too large")
	}
	return int(n), nil
}

func parseWhole(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, ErrEmpty
	}
	if !digits.MatchString(text) {
		return 0, errors.New("not an integer")
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
	if err != nil {
		return 0, errors.New("beyond the range of 64 bits")
	}
	return n, nil
}

// ParseFloat reads a decimal number, with an exponent or not, or an infinity; not "nan".
func ParseFloat(text string, l Limits) (float64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, ErrEmpty
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || strings.ContainsAny(text, "xX") {
		return 0, errors.New("not a number")
	}
	if l.Min != nil && f < *l.Min {
		return 0, errors.New("too small")
	}
	if l.Max != nil && f > *l.Max {
		return 0, errors.New("too large")
	}
	return f, nil
}

// FormatFloat keeps a point in whole numbers, so that readers see that fractions are allowed.
func FormatFloat(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsAny(s, ".In") {
		s += ".0"
	}
	return s
}

// ParseSeconds reads a number of seconds; Limits are in seconds.
func ParseSeconds(text string, l Limits) (time.Duration, error) {
	f, err := ParseFloat(text, l)
	if err != nil {
		return 0, err
	}
	if math.Abs(f) > math.MaxInt64/float64(time.Second)/2 {
		return 0, errors.New("too large")
	}
	return time.Duration(f * float64(time.Second)), nil
}

// AcceptsInt says what ParseInt reads.
func AcceptsInt(l Limits) string { return "a whole number" + rangeText(l) }

// AcceptsFloat says what ParseFloat reads.
func AcceptsFloat(l Limits) string { return "a number" + rangeText(l) }

// AcceptsSeconds says what ParseSeconds reads.
func AcceptsSeconds(l Limits) string { return "a number of seconds" + rangeText(l) }

// AcceptsBytes says what ParseBytes reads.
func AcceptsBytes(l Limits) string {
	return "a number of bytes" + rangeText(l) + ", with K, M, G or T after it for powers of 1024"
}

func rangeText(l Limits) string {
	number := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case l.Min != nil && l.Max != nil:
		return " from " + number(l.Min) + " to " + number(l.Max)
	case l.Min != nil:
		return " of at least " + number(l.Min)
	case l.Max != nil:
		return " of at most " + number(l.Max)
	}
	return ""
}

const byteUnits = "KMGT"

// ParseBytes reads a size in bytes, with K, M, G or T (in either case) after it for powers of 1024; Limits are in bytes.
func ParseBytes(text string, l Limits) (int64, error) {
	text = strings.TrimSpace(text)
	shift := 0
	if text != "" {
		// Clearing the bit of lower case makes no other character a unit.
		if i := strings.IndexByte(byteUnits, text[len(text)-1]&^0x20); i >= 0 {
			shift, text = 10*(i+1), text[:len(text)-1]
			if text == "" {
				return 0, errors.New("not a size")
			}
		}
	}
	n, err := parseWhole(text)
	if err != nil && !errors.Is(err, ErrEmpty) {
		return 0, errors.New("not a size")
	}
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt64>>shift || n < math.MinInt64>>shift {
		return 0, errors.New("beyond the range of 64 bits")
	}
	n <<= shift
	if l.Min != nil && float64(n) < *l.Min {
		return 0, errors.New("too small")
	}
	if l.Max != nil && float64(n) > *l.Max {
		return 0, errors.New("too large")
	}
	return n, nil
}

// FormatBytes writes what ParseBytes reads, with the largest unit that loses nothing.
func FormatBytes(n int64) string {
	for i := len(byteUnits) - 1; i >= 0; i-- {
		if unit := int64(1) << (10 * (i + 1)); n != 0 && n%unit == 0 {
			return strconv.FormatInt(n/unit, 10) + byteUnits[i:i+1]
		}
	}
	return strconv.FormatInt(n, 10)
}

// ParseBool reads oslo.config's words, in any case.
func ParseBool(text string, _ Limits) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "1", "on", "yes":
		return true, nil
	case "false", "0", "off", "no":
		return false, nil
	}
	return false, errors.New("not a truth value")
}

// AcceptsBool says what ParseBool reads.
func AcceptsBool(Limits) string { return "true, 1, on, yes, false, 0, off or no" }

// ParseList cuts at commas. Trailing commas count for nothing, empty items elsewhere are kept, as upstream.
func ParseList(text string, l Limits) ([]string, error) {
	text = strings.TrimRight(strings.TrimSpace(text), ",")
	items := []string{}
	if text == "" {
		return items, nil
	}
	pieces := strings.Split(text, ",")
	for len(pieces) > 0 {
		item := pieces[0]
		pieces = pieces[1:]
		for l.QuotedItems && openQuote(item) {
			if len(pieces) == 0 {
				return nil, errors.New("a quote is not closed")
			}
			item += "," + pieces[0]
			pieces = pieces[1:]
		}
		item = strings.TrimSpace(item)
		if l.QuotedItems && item != "" && (item[0] == '"' || item[0] == '\'') {
			item = item[1 : len(item)-1]
		}
		item, err := ParseString(item, l)
		if err != nil {
			return nil, fmt.Errorf("an item is %w", err)
		}
		items = append(items, item)
	}
	return items, nil
}

// openQuote reports whether the item begins with a quote that it does not end with.
func openQuote(item string) bool {
	item = strings.TrimSpace(item)
	return item != "" && (item[0] == '"' || item[0] == '\'') && (len(item) == 1 || item[len(item)-1] != item[0])
}

// AcceptsList says what ParseList reads.
func AcceptsList(l Limits) string {
	if l.Choices != nil {
		return "a list, separated by commas, of " + quotedList(l.Choices)
	}
	return "a list, separated by commas"
}

// AcceptsDict says what ParseDict reads.
const AcceptsDict = "key:value pairs, separated by commas"

// ParseDict reads key:value pairs. A piece without a colon is completed with the pieces after it, commas included, as
// upstream; so a comma may stand in a key but not in a value.
func ParseDict(text string) (map[string]string, error) {
	dict := map[string]string{}
	text = strings.TrimSpace(text)
	if text == "" {
		return dict, nil
	}
	pieces := strings.Split(text, ",")
	for len(pieces) > 0 {
		pair := pieces[0]
		pieces = pieces[1:]
		for !strings.Contains(pair, ":") {
			if len(pieces) == 0 {
				return nil, errors.New("a pair without a colon")
			}
			pair += "," + pieces[0]
			pieces = pieces[1:]
		}
		name, value, _ := strings.Cut(pair, ":")
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, errors.New("a pair without a key")
		}
		if _, twice := dict[name]; twice {
			return nil, errors.New("a key that appears twice")
		}
		dict[name] = strings.TrimSpace(value)
	}
	return dict, nil
}

// FormatDict writes what ParseDict reads, sorted by key.
func FormatDict(dict map[string]string) string {
	pairs := make([]string, 0, len(dict))
	for _, name := range slices.Sorted(maps.Keys(dict)) {
		pairs = append(pairs, name+":"+dict[name])
	}
	return strings.Join(pairs, ",")
}

// ParseIPAddress reads an address without a zone; the value is the text as it stands.
func ParseIPAddress(text string, _ Limits) (string, error) {
	if a, err := netip.ParseAddr(text); err != nil || a.Zone() != "" {
		return "", errors.New("not an IP address")
	}
	return text, nil
}

// AcceptsIPAddress says what ParseIPAddress reads.
func AcceptsIPAddress(Limits) string { return "an IPv4 or IPv6 address" }

var hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// ParseHostname checks as RFC 1123 has it; the last label must not be a number, so that a mistyped address is no name.
// A dot at the end is taken off.
func ParseHostname(text string, _ Limits) (string, error) {
	if len(text) == 0 || len(text) > 253 {
		return "", errors.New("not a host name")
	}
	text = strings.TrimSuffix(text, ".")
	labels := strings.Split(text, ".")
	if !strings.ContainsFunc(labels[len(labels)-1], func(r rune) bool { return r < '0' || r > '9' }) {
		return "", errors.New("not a host name")
	}
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return "", errors.New("not a host name")
		}
	}
	return text, nil
}

// AcceptsHostname says what ParseHostname reads.
func AcceptsHostname(Limits) string { return "a host name" }

// ParseHostAddress reads an IP address or a host name.
func ParseHostAddress(text string, l Limits) (string, error) {
	if address, err := ParseIPAddress(text, l); err == nil {
		return address, nil
	}
	name, err := ParseHostname(text, l)
	if err != nil {
		return "", errors.New("not a host address")
	}
	return name, nil
}

// AcceptsHostAddress says what ParseHostAddress reads.
func AcceptsHostAddress(Limits) string { return "an IPv4 or IPv6 address or a host name" }

// ParseURI reads an absolute URI; the value is the text as it stands.
func ParseURI(text string, l Limits) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "" || u.Hostname() == "":
		return "", errors.New("not a URI with a scheme and a host")
	case l.Schemes != nil && !slices.Contains(l.Schemes, u.Scheme):
		return "", errors.New("not of an allowed scheme")
	case l.MaxLength > 0 && utf8.RuneCountInString(text) > l.MaxLength:
		return "", errors.New("too long")
	}
	return text, nil
}

// AcceptsURI says what ParseURI reads.
func AcceptsURI(l Limits) string {
	text := "scheme://host"
	if l.Schemes != nil {
		text += ", the scheme one of " + quotedList(l.Schemes)
	}
	if l.MaxLength > 0 {
		text += fmt.Sprintf(", at most %d characters", l.MaxLength)
	}
	return text
}
