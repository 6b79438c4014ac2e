package lifecycle

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
)

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cinder.conf")
	write := func(text string) {
		if err := os.WriteFile(path, []byte("[DEFAULT]\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	debug := config.Bool(config.DefaultGroup, "debug", false, "")
	secret := config.String("database", "connection", "", "", config.Secret())
	port := config.Port(config.DefaultGroup, "osapi_volume_listen_port", 8776, "")
	var log bytes.Buffer
	r := Reloader{Sources: config.Sources{Files: []string{path}}, Options: append(ConfigOptions(), debug, secret, port),
		Log: slog.New(slog.NewTextHandler(&log, nil))}
	write("[database]\nconnection = one\n")
	var err error
	if r.Started, err = config.Load(r.Sources, r.Options...); err != nil {
		t.Fatal(err)
	}
	var on []bool
	again := 0
	r.Apply = map[string]func(*config.Config) error{"[DEFAULT] debug": func(next *config.Config) error {
		if on = append(on, debug.Get(next)); port.Get(next) == 7 {
			return errors.New("cannot be taken over")
		}
		return nil
	}}
	r.Always = []func() error{func() error { again++; return nil }}
	reload := func(text, says string) {
		t.Helper()
		log.Reset()
		write(text)
		if err := r.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); says == "" && got != "" || !strings.Contains(got, says) {
			t.Errorf("said %q; want %q", got, says)
		}
	}
	reload("debug = true\n[database]\nconnection = one\n", "")
	reload("debug = false\nosapi_volume_listen_port = 1\n[database]\nconnection = two\n", "need a restart: [DEFAULT] osapi_volume_listen_port, [database] connection")
	reload("[database]\nconnection = one\n", "")
	if len(on) != 3 || !on[0] || on[1] || on[2] || again != 3 {
		t.Errorf("debug was set to %v; files were read again %d times", on, again)
	}
	write("osapi_volume_listen_port = no\n")
	if err := r.Reload(t.Context()); err == nil || len(on) != 3 {
		t.Errorf("a configuration that cannot be: %v; debug was set %d times", err, len(on))
	}
	write("osapi_volume_listen_port = 7\n")
	if err := r.Reload(t.Context()); err == nil || again != 4 {
		t.Errorf("an option that cannot be taken over: %v; files were read again %d times", err, again)
	}
	write("")
	r.Always = []func() error{func() error { return errors.New("gone") }}
	if err := r.Reload(t.Context()); err == nil {
		t.Error("a file that cannot be read again is no error")
	}
}

func TestDrain(t *testing.T) {
	for text, want := range map[string]time.Duration{"5": 5 * time.Second, "0": time.Hour, "": time.Minute} {
		conf, err := config.Load(config.Sources{Overrides: map[string]string{"graceful_shutdown_timeout": text}}, ConfigOptions()...)
		if err != nil {
			t.Fatal(err)
		}
		if got := Drain(conf); got != want {
			t.Errorf("%q is %v; want %v", text, got, want)
		}
	}
}
