package services

import (
	"context"
	"log/slog"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// LogLevels is the level at which a service logs, by the name of the logger. There is one logger.
type LogLevels struct {
	Host, Binary string
	Levels       map[string]string
}

// logger is the name of the one logger there is; upstream's, which clients know, will do for it too.
const (
	logger         = "clinker"
	upstreamLogger = "cinder"
)

// ParseLogLevel reads a level in Python's words, in any case. Invalid InvalidInput for others.
func ParseLogLevel(text string) (slog.Level, error) {
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
	return 0, block.InvalidInput("%s is not a valid log level.", text)
}

func levelText(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	}
	return "ERROR"
}

// LogRequest chooses services and loggers; empty fields do not restrict. Server is a host, or "host@backend".
type LogRequest struct{ Binary, Server, Prefix string }

// loggers says whether the request is about the one logger there is.
func (r LogRequest) loggers() bool {
	return strings.HasPrefix(logger, r.Prefix) || strings.HasPrefix(upstreamLogger, r.Prefix)
}

// SetLogLevels sets the level of this process, if it runs a service that the request chooses. Services in other processes
// keep theirs.
func (u *Services) SetLogLevels(ctx context.Context, r LogRequest, level string) error {
	here, err := u.loggingHere(ctx, r)
	if err != nil {
		return err
	}
	l, err := ParseLogLevel(level)
	if err != nil || len(here) == 0 || u.LogLevel == nil || !r.loggers() {
		return err
	}
	u.LogLevel.Set(l)
	u.Log.LogAttrs(ctx, l, "the log level was set", slog.String("level", levelText(l)))
	return nil
}

// GetLogLevels is the level of the services of this process that the request chooses.
func (u *Services) GetLogLevels(ctx context.Context, r LogRequest) ([]LogLevels, error) {
	here, err := u.loggingHere(ctx, r)
	if err != nil {
		return nil, err
	}
	for i := range here {
		here[i].Levels = map[string]string{}
		if u.LogLevel != nil && r.loggers() {
			here[i].Levels[logger] = levelText(u.LogLevel.Level())
		}
	}
	return here, nil
}

// loggingHere are the services in this process that the request chooses: the API itself, and those that are up under the
// same name.
func (u *Services) loggingHere(ctx context.Context, r LogRequest) ([]LogLevels, error) {
	if err := u.Authorize(ctx, "volume_extension:services:update"); err != nil {
		return nil, err
	}
	all := r.Binary == "" || r.Binary == "*"
	var list []LogLevels
	if (all || r.Binary == block.BinaryAPI) && (r.Server == "" || r.Server == u.Host) {
		list = append(list, LogLevels{Host: u.Host, Binary: block.BinaryAPI})
	}
	if r.Binary == block.BinaryAPI {
		return list, nil
	}
	q := store.ServiceQuery{Host: r.Server}
	if !all {
		q.Binary = r.Binary
	}
	found, err := u.Store.Services(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		if block.Host(s.Host).Node() == u.Host && s.Up(u.Now(), u.Options.ServiceDownTime) {
			list = append(list, LogLevels{Host: s.Host, Binary: s.Binary})
		}
	}
	return list, nil
}
