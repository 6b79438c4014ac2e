package coordination

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/lock/etcdlock"
	"github.com/clinker/clinker/internal/oslo/config"
)

// load reads a configuration in which the option is set, unless it is empty.
func load(t *testing.T, o *Options, address string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cinder.conf")
	text := "[DEFAULT]\nstate_path = " + filepath.Dir(file) + "\n"
	if address != "" {
		text += "[coordination]\nbackend_url = " + address + "\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	state := config.String(config.DefaultGroup, "state_path", "", "")
	c, err := config.Load(config.Sources{Files: []string{file}}, append(o.All(), state)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOpen(t *testing.T) {
	for address, want := range map[string]string{ // what is refused, "none" without locks, or nothing
		"": "", "file://" + t.TempDir(): "", "file://" + t.TempDir() + "?timeout=5": "",
		"etcd3+http://h": "", "etcd3+https://[::1]:23790?api_version=v3beta&timeout=10": "", "etcd3+http://h?lock_timeout=x": "no number",
		"etcd3+https://h?ca_cert=/nonexistent": "cannot be read", "mysql://u:secret@h/d": "", "mysql://u:secret@h/d?x=1": "not supported",
		"postgresql://u:secret@h:1?dbname=d": "", "postgresql://u:secret@h": "names none",
		"redis://:secret@h": "none", "zookeeper://h": "none", "sqlite:///x": "names nothing", "secret": "names nothing", "file://": "names nothing",
	} {
		o := NewOptions()
		locks, err := o.Open(load(t, o, address), false, slog.New(slog.DiscardHandler))
		switch {
		case want == "" && (err != nil || locks.Locker == nil), want == "none" && (err != nil || locks.Locker != nil):
			t.Errorf("%s: %v, %v", address, locks, err)
		case want != "" && want != "none" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ":secret@")):
			t.Errorf("%s: %v, want %q", address, err, want)
		}
		if err := locks.Close(); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestAlone: all services in one process need no locks between processes, unless somebody says so.
func TestAlone(t *testing.T) {
	for address, want := range map[string]bool{"": false, "file://" + t.TempDir(): true} {
		o := NewOptions()
		locks, err := o.Open(load(t, o, address), true, slog.New(slog.DiscardHandler))
		if err != nil || (locks.Locker != nil) != want {
			t.Errorf("%q: %v, %v", address, locks, err)
		}
		if err := locks.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFiles: the names and the place of the files are Cinder's.
func TestFiles(t *testing.T) {
	o := NewOptions()
	c := load(t, o, "")
	locks, err := o.Open(c, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer locks.Close()
	_, unlock, err := locks.Lock(t.Context(), "1-delete_volume")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	dir, is := o.Directory(c)
	if _, err := os.Stat(filepath.Join(dir, "cinder-1-delete_volume")); err != nil || !is {
		t.Error(err)
	}
}

func TestEtcd(t *testing.T) {
	for address, want := range map[string]etcdlock.Options{
		"etcd3+http://":                               {Endpoint: "http://localhost:2379", TTL: 30 * time.Second},
		"etcd3+https://h:1?timeout=9":                 {Endpoint: "https://h:1", TTL: 9 * time.Second},
		"etcd3+http://[::1]?timeout=9&lock_timeout=8": {Endpoint: "http://[::1]:2379", TTL: 8 * time.Second},
		"etcd3+https://h?api_version=v3beta&ca_cert=/a&cert_cert=/c&cert_key=/k": {Endpoint: "https://h:2379", Version: "v3beta",
			TTL: 30 * time.Second, Authority: "/a", Certificate: "/c", Key: "/k"},
	} {
		got, err := etcd(address)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", address, err, diff)
		}
	}
}

func TestNamed(t *testing.T) {
	for address, want := range map[string]string{
		"postgresql://u:p@h:1?dbname=d": "postgresql://u:p@h:1/d", "postgresql://h/?dbname=a%2Fb&sslmode=require": "postgresql://h/a%2Fb?sslmode=require",
		"postgresql://h/d": "postgresql://h/d",
	} {
		if got := named(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// TestCluster: what would lose or lock out volumes is refused.
func TestCluster(t *testing.T) {
	good := Backend{Name: "b", Driver: "fake", ActiveActive: true, Helper: "fake"}
	for _, c := range []struct {
		cluster, url string
		change       func(b *Backend)
		want         string // the cluster, or a part of the refusal
	}{
		{"", "", nil, ""},
		{" c ", "", nil, "c@b"},
		{"c", "etcd3+http://h", nil, "c@b"},
		{"c", "", func(b *Backend) { b.Helper = "" }, "c@b"},
		{"c@b", "", nil, "part it"},
		{"c", "", func(b *Backend) { b.ActiveActive = false }, "several services"},
		{"c", "", func(b *Backend) { b.Helper = "nbd" }, "from one host"},
		{"c", "redis://h", nil, "locks that they share"},
		{"c", "x://h", nil, "names nothing"},
	} {
		o := NewOptions()
		file := filepath.Join(t.TempDir(), "cinder.conf")
		text := "[DEFAULT]\nstate_path = /nonexistent\ncluster = " + c.cluster + "\n"
		if c.url != "" {
			text += "[coordination]\nbackend_url = " + c.url + "\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		conf, err := config.Load(config.Sources{Files: []string{file}}, append(o.All(), config.String(config.DefaultGroup, "state_path", "", ""))...)
		if err != nil {
			t.Fatal(err)
		}
		b := good
		if c.change != nil {
			c.change(&b)
		}
		got, err := o.Cluster(conf, b)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%+v: %q", c, got)
		}
	}
	if Flows(flow.Options{}, "").Keep != 0 || Flows(flow.Options{}, "c@b").Keep == 0 {
		t.Error("only a cluster's flows keep their records")
	}
}
