package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// LineFormats are oslo.log's format strings, Python's %(name)s with its flags; see lineFields for the names there are.
// Empty fields mean oslo.log's defaults, which are DefaultLineFormats.
type LineFormats struct {
	Context      string // logging_context_format_string, for records made on behalf of a request
	Default      string // logging_default_format_string, for all others
	UserIdentity string // logging_user_identity_format, what %(user_identity)s is
	DebugSuffix  string // logging_debug_format_suffix, after a space, for DEBUG
	Exception    string // logging_exception_prefix, before each line of a traceback
}

// DefaultLineFormats are the defaults of oslo.log (oslo_log/_options.py). Its debug suffix, the place in the source, is
// among them.
func DefaultLineFormats() LineFormats {
	return LineFormats{
		Context: "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s " +
			"[%(global_request_id)s %(request_id)s %(user_identity)s] %(instance)s%(message)s",
		Default:      "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [-] %(instance)s%(message)s",
		UserIdentity: "%(user)s %(project)s %(domain)s %(system_scope)s %(user_domain)s %(project_domain)s",
		DebugSuffix:  "%(funcName)s %(pathname)s:%(lineno)d",
		Exception:    "%(asctime)s.%(msecs)03d %(process)d ERROR %(name)s %(instance)s",
	}
}

// NewLineHandler writes one line for each record in oslo.log's format:
//
//	2026-11-21 00:38:00.123 4242 INFO cinder.volume.manager [None req-1f0c... user project - - - -] Created. volume=9a...
//
// Attributes follow the message as key=value; an error follows it after a colon. Whatever could forge a line (line ends,
// control characters) is escaped; secrets are masked. It fails if a format string has a field that is not known.
func NewLineHandler(w io.Writer, o LogOptions) (slog.Handler, error) {
	defaults := DefaultLineFormats()
	var f lineFormatter
	for _, part := range []struct {
		into            *template
		given, fallback string
	}{
		{&f.context, o.Formats.Context, defaults.Context},
		{&f.plain, o.Formats.Default, defaults.Default},
		{&f.identity, o.Formats.UserIdentity, defaults.UserIdentity},
		{&f.debug, o.Formats.DebugSuffix, defaults.DebugSuffix},
		{&f.exception, o.Formats.Exception, defaults.Exception},
	} {
		text := part.given
		if text == "" {
			text = part.fallback
		}
		compiled, err := compileTemplate(text)
		if err != nil {
			return nil, err
		}
		if part.into == &f.identity && strings.Contains(text, "%(user_identity)") {
			return nil, fmt.Errorf("the log format %q is what %%(user_identity)s means and cannot contain it", text)
		}
		*part.into = compiled
	}
	f.showsError = strings.Contains(o.Formats.Context+o.Formats.Default, "%(error_summary)")
	return &handler{output: &output{options: o, writer: w, format: f.format}}, nil
}

type lineFormatter struct {
	context, plain, identity, debug, exception template

	showsError bool // a format says itself where the error goes
}

func (f *lineFormatter) format(b []byte, r record) []byte {
	chosen := f.plain
	if r.request.RequestID != "" {
		chosen = f.context
	}
	line := lineValues{record: r, formatter: f}
	b = chosen.append(b, line)
	if r.err != "" && !f.showsError {
		b = append(append(b, ": "...), escape(r.err)...)
	}
	if r.level < slog.LevelInfo {
		b = f.debug.append(append(b, ' '), line)
	}
	b = append(b, '\n')
	if r.traceback == "" {
		return b
	}
	for text := range strings.SplitSeq(strings.TrimRight(r.traceback, "\n"), "\n") {
		b = f.exception.append(b, line)
		b = append(append(b, escape(strings.ReplaceAll(text, "\t", "    "))...), '\n')
	}
	return b
}

// lineValues gives the fields of one record.
type lineValues struct {
	record
	formatter *lineFormatter
}

// lineFields are the names that format strings may use: the standard ones of Python's logging as far as they mean
// anything here, and those of oslo.context.
var lineFields = map[string]func(l lineValues) string{
	"asctime":             func(l lineValues) string { return l.time.Format(time.DateTime) },
	"isotime":             func(l lineValues) string { return l.time.Format("2006-01-02T15:04:05.000000-07:00") },
	"msecs":               func(l lineValues) string { return strconv.Itoa(l.time.Nanosecond() / 1e6) },
	"created":             func(l lineValues) string { return fmt.Sprintf("%.6f", float64(l.time.UnixMicro())/1e6) },
	"process":             func(lineValues) string { return strconv.Itoa(os.Getpid()) },
	"processName":         func(lineValues) string { return "MainProcess" },
	"thread":              func(lineValues) string { return "0" },
	"threadName":          func(lineValues) string { return "MainThread" },
	"levelname":           func(l lineValues) string { return LevelName(l.level) },
	"levelno":             func(l lineValues) string { return strconv.Itoa(levelNumber(l.level)) },
	"name":                func(l lineValues) string { return escape(l.name) },
	"message":             func(l lineValues) string { return l.text() },
	"instance":            func(lineValues) string { return "" },
	"resource":            func(lineValues) string { return "" },
	"color":               func(lineValues) string { return "" },
	"error_summary":       func(l lineValues) string { return dash(l.err) },
	"funcName":            func(l lineValues) string { return functionName(l.source.function) },
	"pathname":            func(l lineValues) string { return l.source.file },
	"filename":            func(l lineValues) string { return filepath.Base(l.source.file) },
	"module":              func(l lineValues) string { return strings.TrimSuffix(filepath.Base(l.source.file), ".go") },
	"lineno":              func(l lineValues) string { return strconv.Itoa(l.source.line) },
	"request_id":          func(l lineValues) string { return none(l.request.RequestID) },
	"global_request_id":   func(l lineValues) string { return none(l.request.GlobalRequestID) },
	"user":                func(l lineValues) string { return dash(l.request.UserID) },
	"user_id":             func(l lineValues) string { return dash(l.request.UserID) },
	"user_name":           func(l lineValues) string { return dash(l.request.UserName) },
	"project":             func(l lineValues) string { return dash(l.request.ProjectID) },
	"project_id":          func(l lineValues) string { return dash(l.request.ProjectID) },
	"project_name":        func(l lineValues) string { return dash(l.request.ProjectName) },
	"tenant":              func(l lineValues) string { return dash(l.request.ProjectID) },
	"domain":              func(l lineValues) string { return dash(l.request.DomainID) },
	"user_domain":         func(l lineValues) string { return dash(l.request.UserDomainID) },
	"project_domain":      func(l lineValues) string { return dash(l.request.ProjectDomainID) },
	"system_scope":        func(l lineValues) string { return dash(l.request.SystemScope) },
	"remote_address":      func(l lineValues) string { return dash(l.request.RemoteAddress) },
	"user_domain_name":    func(lineValues) string { return "-" },
	"project_domain_name": func(lineValues) string { return "-" },
}

// text is the message with its attributes.
func (l lineValues) text() string {
	var b strings.Builder
	b.WriteString(escape(l.message))
	for _, f := range l.fields {
		value := fmt.Sprint(f.value)
		if value == "" || strings.ContainsFunc(value, needsQuotes) {
			value = strconv.Quote(value)
		}
		b.WriteString(" " + escape(f.key) + "=" + value)
	}
	return b.String()
}

func needsQuotes(r rune) bool {
	return r == ' ' || r == '"' || r == '=' || r == utf8.RuneError || !unicode.IsPrint(r)
}

// dash stands for what is not known, as in oslo.log.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return escape(s)
}

// none is how Python prints an id that is not there.
func none(s string) string {
	if s == "" {
		return "None"
	}
	return escape(s)
}

// escape keeps text on its line: what does not print is written as in a Go string.
func escape(s string) string {
	bad := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if !strings.ContainsFunc(s, bad) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if bad(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// functionName is the name without its package.
func functionName(function string) string {
	function = function[strings.LastIndexByte(function, '/')+1:]
	_, name, found := strings.Cut(function, ".")
	if !found {
		return function
	}
	return name
}
