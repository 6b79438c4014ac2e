package telemetry

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// LogOptions choose what a handler writes. The zero value is oslo.log's default.
type LogOptions struct {
	// Level is the least level that is written; nil is Info. It may change while the handler is in use.
	Level slog.Leveler
	// Modules are other least levels, of some loggers; nil is none.
	Modules *ModuleLevels
	// Location is the time zone of timestamps; nil is the machine's.
	Location *time.Location
	// Formats of the line handler; see LineFormats. Empty fields are oslo.log's defaults.
	Formats LineFormats
}

// handler is a slog.Handler over one of the formats. What it shares with the handlers made from it is in *output.
type handler struct {
	*output
	attrs  []slog.Attr // keys already prefixed with their groups
	prefix string      // of the open groups, with a dot at the end
}

type output struct {
	options LogOptions
	format  func(buffer []byte, r record) []byte
	sources sources
	mutex   sync.Mutex
	writer  io.Writer
}

// Enabled implements slog.Handler. Which logger it is only the record says.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.options.Modules.least(h.options.least())
}

// least is the level of loggers of which nothing else is said.
func (o LogOptions) least() slog.Level {
	if o.Level == nil {
		return slog.LevelInfo
	}
	return o.Level.Level()
}

// Handle implements slog.Handler: one write for each record, so that lines of several processes do not mix.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if h.options.Location != nil {
		r.Time = r.Time.In(h.options.Location)
	} else {
		r.Time = r.Time.Local()
	}
	built := build(ctx, r, h)
	if built.level < h.options.Modules.of(built.name, h.options.least()) {
		return nil
	}
	text := h.format(make([]byte, 0, 512), built)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	_, err := h.writer.Write(text)
	return err
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		if h.prefix != "" {
			a = slog.Attr{Key: h.prefix + a.Key, Value: a.Value}
			if a.Value.Kind() == slog.KindGroup && a.Key == h.prefix { // an inlined group
				a.Key = h.prefix[:len(h.prefix)-1]
			}
		}
		out.attrs = append(out.attrs, a)
	}
	return &out
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	out := *h
	out.prefix += name + "."
	return &out
}
