package telemetry

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/reqctx"
)

// Keys of attributes that the handlers treat specially.
const (
	// NameKey is the logger's name, upstream's dotted module. Without it, the name is made from the Go package that logs.
	NameKey = "logger"
	// ErrorKey is an error; its text follows the message.
	ErrorKey = "error"
	// TracebackKey is a stack as text; it goes on lines of its own.
	TracebackKey = "traceback"
)

// LevelCritical is oslo's CRITICAL, for what ends the process.
const LevelCritical = slog.LevelError + 4

// LevelName is what Python's logging calls a level.
func LevelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	case l < LevelCritical:
		return "ERROR"
	}
	return "CRITICAL"
}

// levelNumber is Python's number for a level.
func levelNumber(l slog.Level) int {
	return map[string]int{"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}[LevelName(l)]
}

// field is one attribute, its groups joined to its key with dots, secrets masked.
type field struct {
	key   string
	value any // a string, bool, int64, uint64, float64 or nil
}

// record is what a formatter is given.
type record struct {
	time      time.Time
	level     slog.Level
	name      string
	message   string
	err       string // text of the ErrorKey attribute
	traceback string
	fields    []field
	request   reqctx.Request
	source    source
}

// source is where a record was made.
type source struct {
	function, file string
	line           int
}

// sources finds where a program counter lies; it remembers, because finding is slow and callers are few.
type sources struct{ known sync.Map } // uintptr -> *located

type located struct {
	source
	name string
}

func (s *sources) find(pc uintptr) *located {
	if known, ok := s.known.Load(pc); ok {
		return known.(*located)
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	l := &located{source{frame.Function, frame.File, frame.Line}, loggerName(frame.Function)}
	if pc == 0 {
		l.name = "clinker"
	}
	s.known.Store(pc, l)
	return l
}

// loggerName makes "clinker.block.manager" of "github.com/clinker/clinker/internal/block/manager.(*Manager).run".
func loggerName(function string) string {
	dir, last := "", function
	if i := strings.LastIndexByte(function, '/'); i >= 0 {
		dir, last = function[:i+1], function[i+1:]
	}
	last, _, _ = strings.Cut(last, ".")
	path := dir + last
	for _, prefix := range []string{"github.com/clinker/clinker/internal/", "github.com/clinker/clinker/"} {
		if rest, ours := strings.CutPrefix(path, prefix); ours {
			path = "clinker/" + rest
			break
		}
	}
	return strings.ReplaceAll(path, "/", ".")
}

// build makes a record of what slog delivers and of the attributes a logger was given before.
func build(ctx context.Context, r slog.Record, h *handler) record {
	place := h.sources.find(r.PC)
	out := record{
		time: r.Time, level: r.Level, name: place.name, message: MaskSecrets(r.Message),
		request: reqctx.From(ctx), source: place.source,
	}
	for _, a := range h.attrs {
		out.add("", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		out.add(h.prefix, a)
		return true
	})
	return out
}

// add takes an attribute in, groups flattened. Special keys count only outside groups.
func (r *record) add(prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range value.Group() {
			r.add(prefix, inner)
		}
		return
	}
	if a.Key == "" && value.Any() == nil {
		return
	}
	switch key := prefix + a.Key; {
	case key == NameKey:
		r.name = value.String()
	case key == ErrorKey && value.Any() != nil:
		r.err = MaskSecrets(fmt.Sprint(value.Any()))
	case key == TracebackKey:
		r.traceback = MaskSecrets(value.String())
	case isSecretName(a.Key):
		r.fields = append(r.fields, field{key, Masked})
	default:
		r.fields = append(r.fields, field{key, plain(value)})
	}
}

// plain is a value as something that both formats can write.
func plain(v slog.Value) any {
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		return v.Any()
	case slog.KindDuration:
		return v.Duration().String()
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	case slog.KindString:
		return MaskSecrets(v.String())
	}
	switch x := v.Any().(type) {
	case nil:
		return nil
	case error:
		return MaskSecrets(x.Error())
	case fmt.Stringer:
		return MaskSecrets(x.String())
	case encoding.TextMarshaler:
		if text, err := x.MarshalText(); err == nil {
			return MaskSecrets(string(text))
		}
	}
	return MaskSecrets(fmt.Sprintf("%+v", v.Any()))
}
