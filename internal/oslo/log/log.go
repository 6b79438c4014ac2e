// Package log is oslo.log's options and the logger they describe: where lines go, in which format, from which level on.
// The formats themselves are package telemetry's. Rotation and syslog are left to the machine (logrotate, journald).
package log

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/telemetry"
)

// Options are oslo.log's options, declared; see New.
type Options struct {
	debug, json                                  config.Handle[bool]
	file, dir                                    config.Handle[string]
	contextFormat, defaultFormat, identityFormat config.Handle[string]
	debugSuffix, exceptionPrefix                 config.Handle[string]
	levels                                       config.Handle[[]string]
	modules                                      map[string][]string
}

// NewOptions declares them (oslo_log/_options.py). modules says which of our loggers do what those of a program's Python names did,
// beside those of the libraries of OpenStack.
func NewOptions(modules map[string][]string) *Options {
	f, none := telemetry.DefaultLineFormats(), config.NoDefault()
	text := func(name, fallback, help string) config.Handle[string] {
		return config.String(config.DefaultGroup, name, fallback, help, config.Advanced())
	}
	return &Options{
		modules: withLibraries(modules),
		levels: config.List(config.DefaultGroup, "default_log_levels", defaultLevels(), "The least levels of some loggers, name=LEVEL. A name is ours, as log lines have "+
			"it (clinker.block.scheduler), or the one that Python's services have for it (cinder.scheduler, oslo_messaging); it is meant with all below it. "+
			"Names of what is not here have no effect.", config.Advanced()),
		debug: config.Bool(config.DefaultGroup, "debug", false, "Whether to log what only developers want to know."),
		json:  config.Bool(config.DefaultGroup, "use_json", false, "Whether to log JSON instead of lines."),
		file: config.String(config.DefaultGroup, "log_file", "", "The file that log lines are appended to; standard error if it is not set.", none,
			config.Deprecated("", "logfile")),
		dir: config.String(config.DefaultGroup, "log_dir", "", "The directory of log_file, or of <program>.log if that is not set.", none,
			config.Deprecated("", "logdir")),
		contextFormat:   text("logging_context_format_string", f.Context, "The format of lines that belong to a request."),
		defaultFormat:   text("logging_default_format_string", f.Default, "The format of other lines."),
		identityFormat:  text("logging_user_identity_format", f.UserIdentity, "What %(user_identity)s stands for."),
		debugSuffix:     text("logging_debug_format_suffix", f.DebugSuffix, "What is added to lines of level DEBUG."),
		exceptionPrefix: text("logging_exception_prefix", f.Exception, "What stands before each line of a traceback."),
	}
}

// All lists the options for config.Load. Those of oslo.log that have no effect here are among them.
func (o *Options) All() []config.Option {
	list := []config.Option{o.debug, o.json, o.file, o.dir, o.contextFormat, o.defaultFormat, o.identityFormat, o.debugSuffix, o.exceptionPrefix, o.levels}
	list = append(list, config.Ignored(config.DefaultGroup, "logs are lines on standard error or in a file; rotate them with the machine's tools",
		"use_syslog", "syslog_log_facility", "use_journal", "use_stderr", "watch_log_file", "log_rotate_interval", "log_rotate_interval_type",
		"max_logfile_count", "max_logfile_size_mb", "log_rotation_type", "log_date_format", "log_color", "log_config_append")...)
	return append(list, config.Ignored(config.DefaultGroup, "no line is left out", "rate_limit_interval", "rate_limit_burst",
		"rate_limit_except_level", "publish_errors", "instance_format", "instance_uuid_format", "fatal_deprecations")...)
}

// Open makes the logger of a program, with a threshold that can be changed while it is in use; the program names its file if only a directory is
// set. The closer closes what was opened. A file that cannot be opened, a level that there is not, or a format with a field that is not known,
// is a fault.Invalid.
func (o *Options) Open(c *config.Config, program string) (_ *slog.Logger, level *Threshold, _ io.Closer, err error) {
	level = new(Threshold)
	if err := o.Apply(c, level); err != nil {
		return nil, nil, nil, err
	}
	out, closer, err := o.output(c, program)
	if err != nil {
		return nil, nil, nil, err
	}
	lo := telemetry.LogOptions{Level: level, Modules: &level.modules, Formats: telemetry.LineFormats{Context: o.contextFormat.Get(c), Default: o.defaultFormat.Get(c),
		UserIdentity: o.identityFormat.Get(c), DebugSuffix: o.debugSuffix.Get(c), Exception: o.exceptionPrefix.Get(c)}}
	if o.json.Get(c) {
		return slog.New(telemetry.NewJSONHandler(out, lo)), level, closer, nil
	}
	h, err := telemetry.NewLineHandler(out, lo)
	if err != nil {
		return nil, nil, nil, err
	}
	return slog.New(h), level, closer, nil
}

// Reopen opens the file again that Open opened, given its closer, so that one which has been moved away by logrotate is left
// for a new one. It does nothing where lines go elsewhere.
func Reopen(closer io.Closer) error {
	if f, is := closer.(*file); is {
		return f.reopen()
	}
	return nil
}

// file is a log file that can be opened again while lines are written to it.
type file struct {
	path string
	lock sync.Mutex
	now  *os.File
}

func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
}

// Write implements io.Writer.
func (f *file) Write(line []byte) (int, error) {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.now.Write(line)
}

// Close implements io.Closer.
func (f *file) Close() error {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.now.Close()
}

func (f *file) reopen() error {
	next, err := openFile(f.path)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "", "The log file %s cannot be opened again.", f.path)
	}
	f.lock.Lock()
	old := f.now
	f.now = next
	f.lock.Unlock()
	return old.Close()
}

// output opens the file that file and dir name.
func (o *Options) output(c *config.Config, program string) (io.Writer, io.Closer, error) {
	path, handle := o.file.Get(c), o.file
	if dir := o.dir.Get(c); dir != "" {
		if path == "" {
			path, handle = program+".log", o.dir
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
	}
	if path == "" {
		return os.Stderr, io.NopCloser(nil), nil
	}
	f, err := openFile(path)
	if err != nil {
		return nil, nil, handle.Refuse(c, "", fmt.Sprintf("the log file cannot be opened: %v", err), "a place this user may write to")
	}
	out := &file{path: path, now: f}
	return out, out, nil
}
