package database

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
)

func load(t *testing.T, o *Options, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cinder.conf")
	if err := os.WriteFile(file, []byte("[database]\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{Files: []string{file}}, o.All()...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSettings(t *testing.T) {
	const my = "connection = mysql+pymysql://u:p@h/d?charset=utf8\n"
	pools := sqlkit.Options{Readers: 28, Writers: 27, Idle: 3, MaxAge: time.Hour, Wait: 30 * time.Second, WriteAttempts: 21}
	plain := connect.Options{URL: "mysql+pymysql://u:p@h/d?charset=utf8", Mode: "TRADITIONAL", Attempts: 11, Interval: 10 * time.Second, Options: pools}
	for name, tt := range map[string]struct {
		text string
		want func(o *connect.Options)
	}{
		"defaults": {my, func(*connect.Options) {}},
		"all": {my + "max_pool_size = 1\nmax_overflow = 0\nmax_retries = -1\nretry_interval = 2\nconnection_recycle_time = -1\npool_timeout = 5\ndb_max_retries = 0\n" +
			"mysql_sql_mode =\nmysql_wsrep_sync_wait = 7\nconnection_parameters = read_timeout=3\nslave_connection = x\n", func(o *connect.Options) {
			*o = connect.Options{URL: plain.URL + "&read_timeout=3", Attempts: -1, Interval: 2 * time.Second, SyncWait: 7, SetSyncWait: true,
				Options: sqlkit.Options{Readers: 1, Writers: 1, Idle: 1, Wait: 5 * time.Second, WriteAttempts: 1}}
		}},
		"no limits": {my + "max_overflow = -1\ndb_max_retries = -1\n", func(o *connect.Options) {
			o.Readers, o.Writers, o.WriteAttempts = 64, 64, 1000
		}},
		"SQLite": {"connection = sqlite:////x/y.sqlite\nmax_pool_size = 9\n", func(o *connect.Options) {
			*o = connect.Options{URL: "sqlite:////x/y.sqlite", Synchronous: "FULL"}
		}},
	} {
		o := NewOptions()
		want := plain
		tt.want(&want)
		got, err := o.Settings(load(t, o, tt.text))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestSettingsRefused(t *testing.T) {
	for text, words := range map[string][]string{
		"":                                     {"connection"},
		"connection = oracle://u:secret@h/d\n": {"connection", "oracle", "postgresql"},
		"connection = mysql://u:secret@h\n":    {"connection", "names none"},
		"connection = sqlite://\n":             {"connection", "memory"},
		"connection = mysql://u:secret@h/d\nmysql_wsrep_sync_wait = 16\n": {"mysql_wsrep_sync_wait", "16"},
		"connection = mysql://u:secret@h/d?colour=red\n":                  {"connection", "colour"},
	} {
		o := NewOptions()
		_, err := o.Settings(load(t, o, text))
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: no %q, or the password, in %v", text, w, err)
			}
		}
	}
}
