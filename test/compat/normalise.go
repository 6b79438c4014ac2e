package compat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/test/compat/tour"
)

// Answer is an answer in which everything that differs from cloud to cloud has a name instead: ids the tour saved are
// ${variables}, other ids, times and request ids say only what they are.
type Answer struct {
	Status  int
	Headers []string // "Name: value", those that matter, sorted
	Body    string   // JSON indented and with sorted members, any other text as it came
}

// Text is the answer as it stands in a file of recordings.
func (a Answer) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.Status)
	headers := a.Headers
	if slices.Equal(headers, usualHeaders()) {
		headers = []string{"(the usual headers)"}
	}
	for _, h := range headers {
		b.WriteString(h + "\n")
	}
	for line := range strings.Lines(a.Body) {
		b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// usualHeaders are those of almost every answer.
func usualHeaders() []string {
	return []string{"Content-Type: application/json", "OpenStack-API-Version: volume ${version}", "Vary: OpenStack-API-Version",
		"X-Compute-Request-ID: " + isThere, "X-OpenStack-Request-ID: " + isThere}
}

const isThere = "(is there)"

// variables are the names of values, the first name of a value first.
type variables struct {
	names, values []string
}

func (v *variables) set(name, value string) {
	if i := slices.Index(v.names, name); i >= 0 {
		v.values[i] = value
		return
	}
	v.names, v.values = append(v.names, name), append(v.values, value)
}

func (v *variables) get(name string) (string, bool) {
	if i := slices.Index(v.names, name); i >= 0 {
		return v.values[i], true
	}
	return "", false
}

// minDistinctive is the length from which on a value is taken for its variable's wherever it stands in a text; a shorter
// one must be the whole text.
const minDistinctive = 16

// replacer puts names in the place of values.
func (p *play) replacer(version string) func(string) string {
	type pair struct{ value, name string }
	var parts []pair
	whole := map[string]string{}
	for i, value := range p.vars.values {
		name := "${" + p.vars.names[i] + "}"
		if len(value) >= minDistinctive || strings.Contains(value, "@") {
			parts = append(parts, pair{value, name})
		} else if _, taken := whole[value]; !taken && value != "" {
			whole[value] = name
		}
	}
	parts = append(parts, pair{p.cloud.Root, "${root}"})
	slices.SortStableFunc(parts, func(a, b pair) int { return cmp.Compare(len(b.value), len(a.value)) })
	return func(text string) string {
		if name, ok := whole[text]; ok {
			return name
		}
		for _, part := range parts {
			text = strings.ReplaceAll(text, part.value, part.name)
		}
		return anonymous(text)
	}
}

var (
	requestIDForm = regexp.MustCompile(`req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	uuidForm      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	hexForm       = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	timeForm      = regexp.MustCompile(`20[2-9]\d-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?`)
)

// versionsUpdated is a time that is the same in every cloud.
const versionsUpdated = "2023-08-31T00:00:00Z"

// anonymous names what has no name of its own. Of a time it keeps the form: "<time T.6>" has six digits behind the point.
func anonymous(text string) string {
	text = requestIDForm.ReplaceAllString(text, "<request id>")
	text = uuidForm.ReplaceAllString(text, "<uuid>")
	text = hexForm.ReplaceAllString(text, "<hex>")
	return timeForm.ReplaceAllStringFunc(text, func(t string) string {
		if t == versionsUpdated {
			return t
		}
		m := timeForm.FindStringSubmatch(t)
		digits := ""
		if m[2] != "" {
			digits = "." + strconv.Itoa(len(m[2])-1)
		}
		return "<time " + m[1] + digits + m[3] + ">"
	})
}

// headers that matter, and whether their value does or only that they are there.
func headersThatMatter() map[string]bool {
	return map[string]bool{
		"Content-Type": true, "OpenStack-API-Version": true, "Vary": true, "ETag": true, "Retry-After": true, "Location": true,
		"Allow": true, "WWW-Authenticate": true, "X-OpenStack-Request-ID": false, "X-Compute-Request-ID": false,
	}
}

func (p *play) normalise(s tour.Step, version string, a answer, body []byte) Answer {
	replace := p.replacer(version)
	n := Answer{Status: a.status}
	for _, name := range slices.Sorted(maps.Keys(headersThatMatter())) {
		value := a.header.Get(name)
		switch {
		case value == "":
			continue
		case name == "OpenStack-API-Version":
			value = strings.Replace(value, "volume "+version, "volume ${version}", 1)
		case !headersThatMatter()[name]:
			value = isThere
		}
		n.Headers = append(n.Headers, name+": "+replace(value))
	}
	value := decode(body)
	if value == nil {
		n.Body = replace(string(body))
		return n
	}
	value = walk(value, replace)
	for _, path := range s.Mask {
		value = mask(value, strings.Split(path, "."))
	}
	if s.Unordered {
		sortLists(value)
	}
	n.Body = indent(value)
	return n
}

// walk changes every text in a JSON value; the names of members too, because some are ids.
func walk(value any, change func(string) string) any {
	switch v := value.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			v[i] = walk(v[i], change)
		}
	case map[string]any:
		changed := make(map[string]any, len(v))
		for key, member := range v {
			changed[change(key)] = walk(member, change)
		}
		return changed
	}
	return value
}

const masked = "(of the back end)"

// mask replaces what stands at a path. null stays null: whether there is anything is the API's business.
func mask(value any, path []string) any {
	if value == nil {
		return nil
	}
	if len(path) == 0 {
		return masked
	}
	switch v := value.(type) {
	case []any:
		for i := range v {
			if path[0] == "*" || path[0] == strconv.Itoa(i) {
				v[i] = mask(v[i], path[1:])
			}
		}
	case map[string]any:
		if member, ok := v[path[0]]; ok {
			v[path[0]] = mask(member, path[1:])
		}
	}
	return value
}

// sortLists sorts every list of an answer by the text of its elements.
func sortLists(value any) {
	switch v := value.(type) {
	case []any:
		for i := range v {
			sortLists(v[i])
		}
		slices.SortStableFunc(v, func(a, b any) int { return cmp.Compare(oneLine(a), oneLine(b)) })
	case map[string]any:
		for _, member := range v {
			sortLists(member)
		}
	}
}

// lineWidth is how long a line of written JSON may become before a list or object is spread over several.
const lineWidth = 120

// indent writes JSON for people and for comparing: members sorted, nothing escaped that need not be, and on one line
// what fits there.
func indent(value any) string { return spread(value, "") + "\n" }

func spread(value any, margin string) string {
	line := oneLine(value)
	if len(margin)+len(line) <= lineWidth {
		return line
	}
	var b strings.Builder
	inner := margin + "  "
	switch v := value.(type) {
	case []any:
		for i, element := range v {
			b.WriteString(separator(i) + inner + spread(element, inner))
		}
		return "[" + b.String() + "\n" + margin + "]"
	case map[string]any:
		for i, key := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(separator(i) + inner + oneLine(key) + ": " + spread(v[key], inner))
		}
		return "{" + b.String() + "\n" + margin + "}"
	}
	return line
}

func separator(i int) string {
	if i == 0 {
		return "\n"
	}
	return ",\n"
}

func oneLine(value any) string {
	switch v := value.(type) {
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			parts[i] = oneLine(element)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, oneLine(key)+": "+oneLine(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return fmt.Sprint(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// lookUp gives what stands at a path such as "volumes.0.id", or nil.
func lookUp(value any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		case map[string]any:
			value = v[key]
		default:
			return nil
		}
	}
	return value
}
