package filters

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

// requirement is one extra spec that speaks of a capability.
type requirement struct {
	key   string // as the type has it
	path  []string
	match matcher
	value string
}

// capabilities wants the pool to report what the extra specs of the type ask for. A spec speaks of a capability if its
// key has no scope or the scope "capabilities"; further parts of the key lead into nested objects. Specs of other scopes
// are the driver's business. A capability that is a list matches if one of its elements does.
//
// It also refuses to extend an attached volume on a back end that reports online_extend_support false.
func capabilities(r *snapshot.Request) (Check, error) {
	attachedExtend := r.Operation == snapshot.ExtendVolume &&
		r.AttachStatus != "" && r.AttachStatus != block.AttachDetached
	requirements := requirementsOf(r.ExtraSpecs)
	if !attachedExtend && len(requirements) == 0 {
		return nil, nil
	}
	return func(p *snapshot.Pool) string {
		if attachedExtend && !p.OnlineExtend {
			return "it cannot extend a volume that is attached"
		}
		for i := range requirements {
			if reason := requirements[i].refuse(p.Capabilities); reason != "" {
				return reason
			}
		}
		return ""
	}, nil
}

// requirementsOf reads extra specs, sorted by key, so that the same one is always named first.
func requirementsOf(specs map[string]string) []requirement {
	var list []requirement
	for _, key := range slices.Sorted(maps.Keys(specs)) {
		path := strings.Split(key, ":")
		if path[0] == "capabilities" {
			path = path[1:]
		} else if len(path) > 1 {
			continue
		}
		list = append(list, requirement{key: key, path: path, match: newMatcher(specs[key]), value: specs[key]})
	}
	return list
}

func (q *requirement) refuse(reported map[string]any) string {
	var value any = reported
	if len(q.path) == 0 { // the key "capabilities" alone
		return "the extra spec " + q.String() + " names no capability"
	}
	for _, part := range q.path {
		object, ok := value.(map[string]any)
		if ok {
			value, ok = object[part]
		}
		if !ok {
			return "the extra spec " + q.String() + " asks for a capability it does not report"
		}
	}
	switch list := value.(type) {
	case []any:
		if slices.ContainsFunc(list, q.match) {
			return ""
		}
	case []string:
		if slices.ContainsFunc(list, func(s string) bool { return q.match(s) }) {
			return ""
		}
	default:
		if q.match(value) {
			return ""
		}
	}
	return "the extra spec " + q.String() + " does not match what it reports, " + show(value)
}

func (q *requirement) String() string { return cut(q.key + "=" + q.value) }

// show writes a reported value for a reason.
func show(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "an object"
	case string:
		return cut(`"` + v + `"`)
	case bool, float64, int, int64:
		return fmt.Sprint(v)
	}
	return cut(fmt.Sprint(value))
}

// cut bounds what a reason repeats.
func cut(s string) string {
	const length = 80
	if len(s) <= length {
		return s
	}
	return strings.ToValidUTF8(s[:length], "") + "..."
}
