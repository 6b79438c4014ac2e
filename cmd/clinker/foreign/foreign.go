// Package foreign knows the options of Cinder that no part of Clinker declares: what is in an operator's cinder.conf beside
// ours, so that only what nobody knows is warned of, and what has no effect is said once.
//
// What must not live here: an option that has an effect; whoever heeds it declares it.
package foreign

import (
	_ "embed"
	"strings"

	"github.com/clinker/clinker/internal/oslo/config"
)

// recorded is every option of a release of Cinder, by the reason it has no effect where nobody declares it.
//
//go:embed cinder-26.txt
var recorded string

// Options are the recorded options that are not among declared, with the reason that each has no effect.
func Options(declared []config.Option) []config.Option {
	known := config.Known(declared)
	var list []config.Option
	each(func(group, name, reason string) {
		if !known["["+strings.ToLower(group)+"] "+name] && !known["["+group+"] "+name] {
			list = append(list, config.Ignored(group, reason, name)...)
		}
	})
	return list
}

// each calls fn for every recorded option.
func each(fn func(group, name, reason string)) {
	reason := ""
	for line := range strings.Lines(recorded) {
		line = strings.TrimSpace(line)
		if text, is := strings.CutPrefix(line, "= "); is {
			reason = text
			continue
		}
		if group, name, is := strings.Cut(line, " "); is && !strings.HasPrefix(line, "#") {
			fn(group, name, reason)
		}
	}
}
