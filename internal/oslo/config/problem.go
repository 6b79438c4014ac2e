package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// at is a place in the sources. rank orders the sources as they were read, line the places in one file.
type at struct {
	rank, line int
	where      string // "cinder.conf:12", "command line"; empty for a declared default
}

// problem is one reason not to start.
type problem struct {
	at       at
	key      key     // zero if the problem is not about one option
	value    *string // as it may be shown; nil if there is none
	text     string  // what is wrong
	accepted string  // what would be right; may be empty
}

// maxShown bounds how much of a wrong value a message repeats.
const maxShown = 120

// String is the problem on one line: cinder.conf:12: [DEFAULT] osapi_max_limit = "many": not an integer; accepted: ...
func (p problem) String() string {
	var b strings.Builder
	if p.at.where != "" {
		b.WriteString(p.at.where + ": ")
	}
	if p.key != (key{}) {
		b.WriteString(p.key.String())
		if p.value != nil {
			shown := *p.value
			if len(shown) > maxShown {
				shown = strings.ToValidUTF8(shown[:maxShown], "") + "..."
			}
			b.WriteString(" = " + strconv.Quote(shown))
		}
		b.WriteString(": ")
	}
	b.WriteString(p.text)
	if p.accepted != "" {
		b.WriteString("; accepted: " + p.accepted)
	}
	return b.String()
}

// problemsError is nil for no problems, else one fault with a line for each, in the order of the sources.
func problemsError(problems []problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.at.rank, b.at.rank), cmp.Compare(a.at.line, b.at.line),
			compareNames(a.key.group, a.key.name, b.key.group, b.key.name))
	})
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return fault.New(fault.Invalid, "ConfigFileValueError", "%s", strings.Join(lines, "\n"))
}

// warning is a sentence with its place, so that warnings can be put into the order of the sources.
type warning struct {
	at   at
	text string
}

func (l *loader) warn(where at, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if where.where != "" {
		text = where.where + ": " + text
	}
	l.warnings = append(l.warnings, warning{where, text})
}

func sortedWarnings(list []warning) []string {
	slices.SortStableFunc(list, func(a, b warning) int {
		return cmp.Or(cmp.Compare(a.at.rank, b.at.rank), cmp.Compare(a.at.line, b.at.line))
	})
	texts := make([]string, 0, len(list))
	for _, w := range list {
		if !slices.Contains(texts, w.text) {
			texts = append(texts, w.text)
		}
	}
	return texts
}
