package telemetry

import (
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
)

// ModuleLevels are the least levels of some loggers, which may be above or below that of all others. They may change while they are
// in use; the zero value has none.
type ModuleLevels struct{ now atomic.Pointer[moduleLevels] }

type moduleLevels struct {
	list  []moduleLevel // the longest names first: they count before those that they begin with
	least slog.Level
}

type moduleLevel struct {
	name  string
	level slog.Level
}

// Set replaces what there was: the least level by the name of a logger, "clinker.block.scheduler", which is meant with all below it.
func (m *ModuleLevels) Set(levels map[string]slog.Level) {
	if len(levels) == 0 {
		m.now.Store(nil)
		return
	}
	next := &moduleLevels{least: LevelCritical}
	for name, level := range levels {
		next.list = append(next.list, moduleLevel{name, level})
		next.least = min(next.least, level)
	}
	slices.SortFunc(next.list, func(a, b moduleLevel) int { return len(b.name) - len(a.name) })
	m.now.Store(next)
}

// least is the least of the levels, or otherwise if there are none below it.
func (m *ModuleLevels) least(otherwise slog.Level) slog.Level {
	if m == nil {
		return otherwise
	}
	if now := m.now.Load(); now != nil {
		return min(otherwise, now.least)
	}
	return otherwise
}

// of is the least level of a logger, otherwise if nothing is said of it.
func (m *ModuleLevels) of(name string, otherwise slog.Level) slog.Level {
	if m == nil {
		return otherwise
	}
	now := m.now.Load()
	if now == nil {
		return otherwise
	}
	for _, l := range now.list {
		if rest, below := strings.CutPrefix(name, l.name); below && (rest == "" || rest[0] == '.') {
			return l.level
		}
	}
	return otherwise
}
