package log

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/oslo/config"
)

func open(t *testing.T, overrides map[string]string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, value := range overrides {
		overrides[name] = strings.ReplaceAll(value, "DIR", dir)
	}
	o := NewOptions()
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

// TestReopen: after logrotate has moved the file away, lines go to a new one.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	o := NewOptions()
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
