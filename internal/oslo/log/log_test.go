package log

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

func open(t *testing.T, overrides map[string]string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, value := range overrides {
		overrides[name] = strings.ReplaceAll(value, "DIR", dir)
	}
	o := NewOptions(map[string][]string{"cinder.volume": {"clinker.oslo.log"}})
	c, err := config.Load(config.Sources{Overrides: overrides}, o.All()...)
	if err != nil {
		t.Fatal(err)
	}
	l, level, closer, err := o.Open(c, "cinder-volume")
	if err != nil {
		return "", err
	}
	l.Debug("whispered")
	l.Info("said")
	level.Set(slog.LevelError)
	l.Info("said too late")
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(files) != 1 {
		t.Fatalf("log files: %v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Base(files[0]) + ": " + string(b), nil
}

func TestOpen(t *testing.T) {
	tests := []struct {
		name      string
		overrides map[string]string
		want      []string
		not       string
	}{
		{"a directory alone names the file after the program", map[string]string{"log_dir": "DIR"}, []string{"cinder-volume.log", " INFO ", "said"}, "whispered"},
		{"a file in a directory", map[string]string{"log_dir": "DIR", "log_file": "x.log"}, []string{"x.log", "said"}, "whispered"},
		{"debug", map[string]string{"log_file": "DIR/x.log", "debug": "true"}, []string{" DEBUG ", "whispered", "said"}, "{"},
		{"JSON", map[string]string{"log_file": "DIR/x.log", "use_json": "true"}, []string{`"message":"said"`}, "whispered"},
		{"a level of this module", map[string]string{"log_file": "DIR/x.log", "default_log_levels": "oslo_messaging=WARN,clinker.oslo=DEBUG"}, []string{" DEBUG ", "whispered"}, "x x"},
		{"that Python's name means", map[string]string{"log_file": "DIR/x.log", "debug": "true", "default_log_levels": "cinder.volume=20"}, []string{"said"}, "whispered"},
		{"the longest name counts", map[string]string{"log_file": "DIR/x.log", "default_log_levels": "cinder.volume=DEBUG,clinker=CRITICAL"}, []string{"whispered", "said"}, "x x"},
		{"a name of nothing here", map[string]string{"log_file": "DIR/x.log", "default_log_levels": "boto=DEBUG, clinker.osl=DEBUG"}, []string{"said"}, "whispered"},
		{"an operator's format", map[string]string{"log_file": "DIR/x.log", "logging_default_format_string": "<%(message)s>"}, []string{"<said>"}, "INFO"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := open(t, tt.overrides)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("%q is missing in %q", w, got)
				}
			}
			if strings.Contains(got, tt.not) {
				t.Errorf("%q is in %q", tt.not, got)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	_, err := open(t, map[string]string{"log_file": "DIR/missing/x.log"})
	if err == nil || !strings.Contains(err.Error(), "log_file") {
		t.Errorf("a file in a directory that is not there: %v", err)
	}
	_, err = open(t, map[string]string{"log_file": "DIR/x.log", "logging_default_format_string": "%(nonsense)s"})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a format with an unknown field: %v", err)
	}
}

// TestApply: what is reloaded changes a logger that is in use; a level that there is not changes nothing.
func TestApply(t *testing.T) {
	o := NewOptions(map[string][]string{"cinder.volume": {"clinker.oslo.log"}})
	path := filepath.Join(t.TempDir(), "x.log")
	load := func(levels string) *config.Config {
		t.Helper()
		c, err := config.Load(config.Sources{Overrides: map[string]string{"log_file": path, "default_log_levels": levels}}, o.All()...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	l, level, closer, err := o.Open(load("cinder.volume=ERROR"), "x")
	if err != nil {
		t.Fatal(err)
	}
	l.Warn("one")
	if err := o.Apply(load("cinder.volume=WARN"), level); err != nil {
		t.Fatal(err)
	}
	l.Warn("two")
	for _, wrong := range []string{"cinder.volume=LOUD", "cinder.volume", "boto="} {
		if err := o.Apply(load(wrong), level); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "default_log_levels") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	l.Info("three")
	if err := (Levels{Level: level, Log: l}).Set(t.Context(), "", "DEBUG"); err != nil { // all of them
		t.Fatal(err)
	}
	l.Debug("four")
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]bool{"one": false, "two": true, "three": false, "four": true} {
		if strings.Contains(string(text), "] "+word) != want {
			t.Errorf("%s is there: %v:\n%s", word, !want, text)
		}
	}
}

// TestReopen: after logrotate has moved the file away, lines go to a new one.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	o := NewOptions(map[string][]string{"cinder.volume": {"clinker.oslo.log"}})
	c, err := config.Load(config.Sources{Overrides: map[string]string{"log_file": path}}, o.All()...)
	if err != nil {
		t.Fatal(err)
	}
	l, _, closer, err := o.Open(c, "x")
	if err != nil {
		t.Fatal(err)
	}
	l.Info("before")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := Reopen(closer); err != nil {
		t.Fatal(err)
	}
	l.Info("after")
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{path + ".1": "before", path: "after"} {
		if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), want) || strings.Count(string(text), "\n") != 1 {
			t.Errorf("%s: %q, %v; want %s alone", name, text, err, want)
		}
	}
	if err := Reopen(os.Stderr); err != nil {
		t.Errorf("what is no file of ours: %v", err)
	}
}

// TestLibrariesAreThere: what a name of a library stands for are packages of this module.
func TestLibrariesAreThere(t *testing.T) {
	for theirs, ours := range withLibraries(nil) {
		for _, name := range ours {
			path := filepath.Join("../..", strings.ReplaceAll(strings.TrimPrefix(name, "clinker."), ".", "/"))
			if info, err := os.Stat(path); err != nil || !info.IsDir() {
				t.Errorf("%s stands for %s, which is no package: %v", theirs, name, err)
			}
		}
	}
}
