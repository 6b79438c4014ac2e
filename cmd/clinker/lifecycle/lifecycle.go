// Package lifecycle is what signals do to a process that is configured: SIGHUP takes over what of a changed configuration can
// be taken over, SIGTERM waits as long as graceful_shutdown_timeout allows.
//
// What must not live here: the handling of signals, which is package run's, and any part of the process.
package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
)

var gracefulShutdown = config.Seconds(config.DefaultGroup, "graceful_shutdown_timeout", time.Minute,
	"Seconds that requests and work under way are given to finish when the process is told to stop; what does not finish is taken up by the journal. 0 waits for an hour.",
	config.Min(0))

// longest is how long a process drains that is told to take any time.
const longest = time.Hour

// ConfigOptions are the options of the life cycle.
func ConfigOptions() []config.Option { return []config.Option{gracefulShutdown} }

// Drain is how long stopping may take.
func Drain(c *config.Config) time.Duration {
	if d := gracefulShutdown.Get(c); d > 0 {
		return d
	}
	return longest
}

// Reloader takes over a changed configuration. One Reload at a time.
type Reloader struct {
	// Sources and Options are what the process was configured by, and Started is what came of it.
	Sources config.Sources
	Options []config.Option
	Started *config.Config
	// Apply takes over an option that can be, by its name as "[group] name".
	Apply map[string]func(next *config.Config) error
	// Always is what is read again whether or not the configuration changed: files that it names.
	Always []func() error
	Log    *slog.Logger
}

// Reload reads the configuration again. One that cannot be used changes nothing, and is the error. What changed and needs a
// restart is said each time until there is one; policy files need neither, they are read as they change.
func (r Reloader) Reload(ctx context.Context) error {
	next, err := config.Load(r.Sources, r.Options...)
	if err != nil {
		return err
	}
	var pending []string
	for _, name := range r.Started.Differences(next) {
		if r.Apply[name] == nil {
			pending = append(pending, name)
		}
	}
	var problems []error
	for _, apply := range r.Apply {
		problems = append(problems, apply(next)) // also if it did not change since the start: it may have since the last time
	}
	for _, again := range r.Always {
		problems = append(problems, again())
	}
	if len(pending) > 0 {
		r.Log.WarnContext(ctx, "Options have changed that need a restart: "+strings.Join(pending, ", "))
	}
	return errors.Join(problems...)
}
