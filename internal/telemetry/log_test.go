package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/reqctx"
)

var moment = time.Date(2026, 11, 21, 0, 38, 0, 123_456_000, time.UTC)

// user is a context of a request; the token in it must never be seen.
func user() context.Context {
	return reqctx.With(context.Background(), reqctx.Request{RequestID: "req-1", UserID: "alice", ProjectID: "demo",
		UserDomainID: "default", Roles: []string{"member"}, AuthToken: "gAAAA"})
}

// lineOf writes one record at a fixed moment and gives the text, the process id replaced.
func lineOf(t *testing.T, o LogOptions, ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) string {
	t.Helper()
	var b bytes.Buffer
	o.Location = time.UTC
	h, err := NewLineHandler(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	r := slog.NewRecord(moment, level, message, 0)
	r.AddAttrs(append([]slog.Attr{slog.String(NameKey, "cinder.volume.manager")}, attrs...)...)
	if err := h.Handle(ctx, r); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), fmt.Sprintf(" %d ", os.Getpid()), " 4242 ")
}

func TestLinesAreOslos(t *testing.T) {
	background := context.Background()
	for _, tt := range []struct {
		name, got, want string
	}{
		{"of a request", lineOf(t, LogOptions{}, user(), slog.LevelInfo, "Created.", slog.String("volume", "9a")),
			"2026-11-21 00:38:00.123 4242 INFO cinder.volume.manager [None req-1 alice demo - - default -] Created. volume=9a\n"},
		{"of nobody", lineOf(t, LogOptions{}, background, slog.LevelWarn, "Slow.", slog.Duration("took", time.Second)),
			"2026-11-21 00:38:00.123 4242 WARNING cinder.volume.manager [-] Slow. took=1s\n"},
		{"with an error and groups", lineOf(t, LogOptions{}, background, slog.LevelError, "Failed.",
			slog.Any(ErrorKey, errors.New("no\nspace")), slog.Group("pool", slog.Int("free", 3), slog.String("name", "a b"))),
			"2026-11-21 00:38:00.123 4242 ERROR cinder.volume.manager [-] Failed. pool.free=3 pool.name=\"a b\": no\\nspace\n"},
		{"that would forge others", lineOf(t, LogOptions{}, background, LevelCritical, "a\r\nb", slog.String("k", "v\n2026 x")),
			"2026-11-21 00:38:00.123 4242 CRITICAL cinder.volume.manager [-] a\\r\\nb k=\"v\\n2026 x\"\n"},
		{"with a traceback", lineOf(t, LogOptions{}, background, slog.LevelError, "Panic.", slog.String(TracebackKey, "main.f()\n\tx.go:1\n")),
			"2026-11-21 00:38:00.123 4242 ERROR cinder.volume.manager [-] Panic.\n" +
				"2026-11-21 00:38:00.123 4242 ERROR cinder.volume.manager main.f()\n" +
				"2026-11-21 00:38:00.123 4242 ERROR cinder.volume.manager     x.go:1\n"},
		{"in an operator's format", lineOf(t, LogOptions{Formats: LineFormats{Context: "%(levelname)-8s|%(msecs)05d|%(user_identity)s|%(message)s 100%%",
			UserIdentity: "%(user)s@%(project_name)s"}}, user(), slog.LevelInfo, "x"),
			"INFO    |00123|alice@-|x 100%\n"},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("a line %s: %s", tt.name, diff)
		}
	}
}

func TestFormatsAreChecked(t *testing.T) {
	for format, want := range map[string]string{
		"%(nope)s":   `the log format "%(nope)s" has a field "nope" that is not known`,
		"50% %(name": "has a % that begins no field",
	} {
		if _, err := NewLineHandler(io.Discard, LogOptions{Formats: LineFormats{Default: format}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", format, err)
		}
	}
	if _, err := NewLineHandler(io.Discard, LogOptions{Formats: LineFormats{UserIdentity: "%(user_identity)s"}}); err == nil {
		t.Error("a user identity that contains itself was accepted")
	}
}

func TestNamesAndPlacesComeFromTheCaller(t *testing.T) {
	var b bytes.Buffer
	h, err := NewLineHandler(&b, LogOptions{Level: slog.LevelDebug})
	if err != nil {
		t.Fatal(err)
	}
	slog.New(h).Debug("here")
	line := b.String()
	if !strings.Contains(line, " DEBUG clinker.telemetry [-] here TestNamesAndPlacesComeFromTheCaller /") ||
		!strings.Contains(line, "log_test.go:") {
		t.Errorf("got %s", line)
	}
	for function, want := range map[string]string{
		"github.com/clinker/clinker/internal/block/manager.(*Manager).run": "clinker.block.manager",
		"github.com/clinker/clinker/cmd/clinker.main":                      "clinker.cmd.clinker",
		"main.main":              "main",
		"gopkg.in/yaml.v3.parse": "gopkg.in.yaml",
	} {
		if got := loggerName(function); got != want {
			t.Errorf("%s gives %s, want %s", function, got, want)
		}
	}
}

func TestJSONHasOslosKeys(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(NewJSONHandler(&b, LogOptions{}))
	log.With("volume", "9a").WithGroup("g").ErrorContext(user(), "Failed.", ErrorKey, "x", "n", 1, "password", "hush",
		slog.Any("endless", func() {}))
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"message", "asctime", "name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module",
		"lineno", "funcname", "created", "msecs", "relative_created", "thread", "thread_name", "process_name", "process",
		"traceback", "hostname", "error_summary", "context", "extra"} {
		if _, ok := got[key]; !ok {
			t.Errorf("no key %q", key)
		}
	}
	extra := got["extra"].(map[string]any)
	delete(extra, "g.endless")
	want := map[string]any{"volume": "9a", "g.n": 1.0, "g.password": Masked, "g.error": "x"}
	if diff := cmp.Diff(want, extra); diff != "" {
		t.Error(diff)
	}
	about := got["context"].(map[string]any)
	if about["request_id"] != "req-1" || about["auth_token"] != Masked || about["user_identity"] != "alice demo - default -" {
		t.Errorf("context: %v", about)
	}
	if got["name"] != "clinker.telemetry" || got["funcname"] != "TestJSONHasOslosKeys" || got["levelno"] != 40.0 {
		t.Errorf("name %v, funcname %v, levelno %v", got["name"], got["funcname"], got["levelno"])
	}
	if strings.Contains(b.String(), "gAAAA") || strings.Contains(b.String(), "hush") {
		t.Errorf("a secret is shown: %s", b.String())
	}
}

// The standard library's own suite for handlers, against the JSON format turned back into nested maps.
func TestHandlerContract(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return NewJSONHandler(&b, LogOptions{})
	}, func(t *testing.T) map[string]any {
		var raw map[string]any
		if err := json.Unmarshal(b.Bytes(), &raw); err != nil {
			t.Fatal(err)
		}
		out := map[string]any{slog.LevelKey: raw["levelname"], slog.MessageKey: raw["message"]}
		if !strings.HasSuffix(t.Name(), "zero-time") { // oslo's format has no record without a time
			out[slog.TimeKey] = raw["asctime"]
		}
		for key, value := range raw["extra"].(map[string]any) {
			at := out
			parts := strings.Split(key, ".")
			for _, part := range parts[:len(parts)-1] {
				if at[part] == nil {
					at[part] = map[string]any{}
				}
				at = at[part].(map[string]any)
			}
			at[parts[len(parts)-1]] = value
		}
		return out
	})
}

func TestLevelsCanChange(t *testing.T) {
	var b bytes.Buffer
	level := new(slog.LevelVar)
	log := slog.New(NewJSONHandler(&b, LogOptions{Level: level}))
	log.Debug("unseen")
	level.Set(slog.LevelDebug)
	log.Debug("seen")
	if strings.Contains(b.String(), "unseen") || !strings.Contains(b.String(), "seen") {
		t.Errorf("got %s", b.String())
	}
}

// TestModuleLevels: the level of the longest name that a logger's begins with counts, above or below that of all others.
func TestModuleLevels(t *testing.T) {
	var b bytes.Buffer
	var modules ModuleLevels
	log := slog.New(NewJSONHandler(&b, LogOptions{Modules: &modules}))
	said := func(name string) (got string) {
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, LevelCritical} {
			b.Reset()
			if log.Log(t.Context(), level, "x", NameKey, name); b.Len() > 0 {
				got += LevelName(level) + " "
			}
		}
		return strings.TrimSpace(got)
	}
	const all, info, warnings, none = "DEBUG INFO WARNING CRITICAL", "INFO WARNING CRITICAL", "WARNING CRITICAL", "CRITICAL"
	if got := said("a.b"); got != info {
		t.Errorf("without any: %s", got)
	}
	modules.Set(map[string]slog.Level{"a": slog.LevelWarn, "a.b": slog.LevelDebug, "a.b.c": LevelCritical})
	for name, want := range map[string]string{"a": warnings, "a.x": warnings, "ab": info, "a.b": all, "a.b.x": all, "a.b.c": none, "a.b.c.d": none, "z": info} {
		if got := said(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	b.Reset()
	modules.Set(map[string]slog.Level{"clinker.telemetry": slog.LevelWarn}) // the package that logs, where nothing else is said
	log.Info("unseen")
	log.Warn("seen")
	if strings.Contains(b.String(), "unseen") || !strings.Contains(b.String(), "seen") {
		t.Errorf("got %s", &b)
	}
	modules.Set(nil)
	if got := said("a.b.c"); got != info {
		t.Errorf("after they were taken away: %s", got)
	}
}

func TestLinesOfManyGoroutinesDoNotMix(t *testing.T) {
	var b bytes.Buffer
	h, err := NewLineHandler(&b, LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(h)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				log.Info("message", "k", "v")
			}
		})
	}
	wg.Wait()
	for line := range strings.Lines(b.String()) {
		if !strings.HasSuffix(line, "[-] message k=v\n") {
			t.Fatalf("a torn line: %q", line)
		}
	}
	if n := strings.Count(b.String(), "\n"); n != 400 {
		t.Errorf("%d lines, want 400", n)
	}
}

func TestMaskSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"password=hush x":                         "password=*** x",
		`{"adminPass": "hu\"sh", "name": "v"}`:    `{"adminPass": "***", "name": "v"}`,
		`{'auth_token': u'hush'}`:                 `{'auth_token': ***}`,
		"X-Auth-Token: hush":                      "X-Auth-Token: ***",
		"Authorization: Bearer hush, more":        "Authorization: Bearer ***, more",
		"mysql+pymysql://cinder:hush@db/cinder":   "mysql+pymysql://cinder:***@db/cinder",
		"rabbit://a:hush@h1:5672,b:hush@h2:5672/": "rabbit://a:***@h1:5672,b:***@h2:5672/",
		"run: lio --auth-key hush --lun 1":        "run: lio --auth-key *** --lun 1",
		"CHAPPASSWORD=hush":                       "CHAPPASSWORD=***",
		"the token is old; a secret matters":      "the token is old; a secret matters",
		"https://host/path?x=1":                   "https://host/path?x=1",
		"plain text":                              "plain text",
	} {
		got := MaskSecrets(text)
		if got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	got := lineOf(t, LogOptions{}, context.Background(), slog.LevelInfo, "x", slog.String("auth_key", "hush"),
		slog.Any("conf", struct{ Name, SanPassword string }{"n", "hush"}), slog.Any("err", errors.New("token=hush")))
	if strings.Contains(got, "hush") {
		t.Errorf("a secret is shown: %s", got)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("message", "key", "password=x\n")
	f.Fuzz(func(t *testing.T, message, key, value string) {
		if key == TracebackKey || key == NameKey {
			t.Skip("these do something else")
		}
		line := lineOf(t, LogOptions{}, user(), slog.LevelInfo, message, slog.String(key, value))
		if strings.Count(line, "\n") != 1 || strings.ContainsAny(line, "\r\x00\x1b") {
			t.Fatalf("%q", line)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	h, err := NewLineHandler(io.Discard, LogOptions{})
	if err != nil {
		b.Fatal(err)
	}
	log, ctx := slog.New(h), user()
	b.ReportAllocs()
	for b.Loop() {
		log.InfoContext(ctx, "Created volume successfully.", "volume", "9a3c", "size", 10)
	}
}
