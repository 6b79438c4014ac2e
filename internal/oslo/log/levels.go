package log

import (
	"context"
	"log/slog"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/telemetry"
)

// Levels is the level of the one logger that a process has, for those who ask by the prefixes of the names of Python's many.
type Levels struct {
	Level *Threshold   // nil: it cannot be changed, and nobody is told of it
	Log   *slog.Logger // says so when it was set
}

// logger is the name of the one logger there is; upstream's, which clients know, will do for it too.
const (
	logger         = "clinker"
	upstreamLogger = "cinder"
)

// named says whether a prefix is one of the logger's name. The empty one is.
func named(prefix string) bool {
	return strings.HasPrefix(logger, prefix) || strings.HasPrefix(upstreamLogger, prefix)
}

// ParseLevel reads a level in Python's words, in any case (cinder/utils.py). Invalid InvalidInput for others.
func ParseLevel(text string) (slog.Level, error) {
	switch strings.ToUpper(text) {
	case "DEBUG":
		return slog.LevelDebug, nil
	case "INFO":
		return slog.LevelInfo, nil
	case "WARNING":
		return slog.LevelWarn, nil
	case "ERROR":
		return slog.LevelError, nil
	}
	return 0, fault.New(fault.Invalid, "InvalidInput", "Invalid input received: %.100s is not a valid log level.", text)
}

// Set sets the level, if the logger's name begins with prefix. Invalid InvalidInput for a level that there is not.
func (l Levels) Set(ctx context.Context, prefix, level string) error {
	to, err := ParseLevel(level)
	if err != nil || l.Level == nil || !named(prefix) {
		return err
	}
	l.Level.Set(to)
	if prefix == "" { // then those of some loggers no longer count either
		l.Level.modules.Set(nil)
	}
	l.Log.LogAttrs(ctx, to, "the log level was set", slog.String("level", telemetry.LevelName(to)))
	return nil
}

// Get is the level by the logger's name, if that begins with prefix; else there is nothing in it. It is never nil.
func (l Levels) Get(prefix string) map[string]string {
	found := map[string]string{}
	if l.Level != nil && named(prefix) {
		found[logger] = telemetry.LevelName(l.Level.Level())
	}
	return found
}
