package nbd_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/target"
	"github.com/clinker/clinker/internal/block/target/nbd"
	"github.com/clinker/clinker/internal/fault"
)

// shortDir is a temporary directory whose path leaves room for a socket's name.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nbd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func started(t *testing.T, c nbd.Config) *nbd.Target {
	t.Helper()
	tgt, err := nbd.New(c)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	if err := tgt.Start(t.Context()); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { closeTarget(t, tgt) })
	return tgt
}

func closeTarget(t *testing.T, tgt *nbd.Target) {
	t.Helper()
	if err := tgt.Close(deadline(t)); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func connect(t *testing.T, tgt *nbd.Target, id string) block.ConnectionInfo {
	t.Helper()
	device := filepath.Join(t.TempDir(), "device")
	if err := os.WriteFile(device, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := tgt.Connect(t.Context(), target.Connection{ID: id, VolumeID: "volume", Device: device, SizeBytes: 4096})
	if err != nil {
		t.Fatalf("Connect: %v", err)
	}
	return info
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	long := "/" + strings.Repeat("long", 30)
	for what, tt := range map[string]struct {
		config nbd.Config
		named  string // what the message must name
	}{
		"no state directory":  {nbd.Config{ListenAddress: "127.0.0.1"}, "state directory"},
		"a long path":         {nbd.Config{StateDir: long}, long},
		"a port too high":     {nbd.Config{StateDir: "/s", Port: 65536}, "65536"},
		"a negative port":     {nbd.Config{StateDir: "/s", Port: -1}, "-1"},
		"a name to listen on": {nbd.Config{StateDir: "/s", ListenAddress: "localhost"}, "localhost"},
		"nothing to say":      {nbd.Config{StateDir: "/s", ListenAddress: "0.0.0.0"}, "0.0.0.0"},
		"nothing to say, v6":  {nbd.Config{StateDir: "/s", ListenAddress: "::"}, "::"},
	} {
		_, err := nbd.New(tt.config)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), tt.named) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestStartSaysWhatItCannotHave(t *testing.T) {
	dir := shortDir(t)
	first := started(t, nbd.Config{ListenAddress: "127.0.0.1", StateDir: dir}) // on any free port
	port := connect(t, first, "id").Data["port"].(int)

	plain := filepath.Join(shortDir(t), "plain")
	damaged := shortDir(t)
	if err := errors.Join(os.WriteFile(plain, nil, 0o600), os.WriteFile(filepath.Join(damaged, "export-names.key"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		config nbd.Config
		named  string
	}{
		"a port in use":                {nbd.Config{ListenAddress: "127.0.0.1", Port: port, StateDir: shortDir(t)}, "127.0.0.1:" + strconv.Itoa(port)},
		"a socket in use":              {nbd.Config{StateDir: dir}, filepath.Join(dir, "nbd.sock")},
		"an address of somewhere else": {nbd.Config{ListenAddress: "192.0.2.1", Port: 1234, StateDir: shortDir(t)}, "192.0.2.1:1234"},
		"a file for a directory":       {nbd.Config{StateDir: plain}, plain},
		"a damaged key":                {nbd.Config{StateDir: damaged}, "export-names.key"},
	} {
		tgt, err := nbd.New(tt.config)
		if err != nil {
			t.Fatal(err)
		}
		err = tgt.Start(t.Context())
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.UserText(err), tt.named) {
			t.Errorf("%s: %v", what, err)
			closeTarget(t, tgt)
		}
	}
	connect(t, first, "id") // and the one that was there is unharmed
}

func TestSocketAndKeyAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(shortDir(t), "state")
	tgt := started(t, nbd.Config{StateDir: dir})
	modes := func() map[string]string {
		all := map[string]string{}
		for _, name := range []string{".", "nbd.sock", "export-names.key"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
				all[name] = info.Mode().String()
			}
		}
		return all
	}
	want := map[string]string{".": "drwx------", "nbd.sock": "Srw-------", "export-names.key": "-rw-------"}
	if diff := cmp.Diff(want, modes()); diff != "" {
		t.Error(diff)
	}
	closeTarget(t, tgt)
	delete(want, "nbd.sock")
	if diff := cmp.Diff(want, modes()); diff != "" {
		t.Errorf("after Close: %s", diff)
	}
	started(t, nbd.Config{StateDir: dir, SocketMode: 0o660})
	if got := modes()["nbd.sock"]; got != "Srw-rw----" {
		t.Errorf("a mode of 0660 was made %s", got)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*.key.*")); err != nil || len(names) > 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

// TestSocketOfTheDead: kill -9 leaves the socket in the file system.
func TestSocketOfTheDead(t *testing.T) {
	dir := shortDir(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "nbd.sock")})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	started(t, nbd.Config{StateDir: dir})
}

func TestWhatTheConsumerIsTold(t *testing.T) {
	dir := filepath.Join(shortDir(t), "a b&c")
	port := freePort(t)
	tgt := started(t, nbd.Config{ListenAddress: "127.0.0.1", AdvertisedHost: "2001:db8::1", Port: port, StateDir: dir})
	info := connect(t, tgt, "7b1c2a34-0000-4000-8000-000000000001")
	name := info.Data["export"].(string)
	socket := filepath.Join(dir, "nbd.sock")
	want := block.ConnectionInfo{DriverVolumeType: "nbd", Data: map[string]any{
		"uri": "nbd://[2001:db8::1]:" + strconv.Itoa(port) + "/" + name, "host": "2001:db8::1", "port": port, "export": name,
		"unix_uri":    "nbd+unix:///" + name + "?socket=" + strings.ReplaceAll(strings.ReplaceAll(socket, " ", "%20"), "&", "%26"),
		"unix_socket": socket, "volume_id": "volume", "access_mode": "rw", "size_bytes": int64(4096),
	}}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Error(diff)
	}
	parsed, err := url.Parse(info.Data["unix_uri"].(string))
	if err != nil || parsed.Query().Get("socket") != socket {
		t.Errorf("the URI does not lead back to the socket: %v, %v", parsed, err)
	}

	local := connect(t, started(t, nbd.Config{StateDir: shortDir(t)}), "id")
	if local.Data["uri"] != local.Data["unix_uri"] || local.Data["host"] != nil || local.Data["port"] != nil {
		t.Errorf("without TCP: %v", local.Data)
	}
}

func TestNamesCannotBeGuessedFromIDs(t *testing.T) {
	const id = "7b1c2a34-0000-4000-8000-000000000001"
	var names []string
	for _, tgt := range []*nbd.Target{started(t, nbd.Config{StateDir: shortDir(t)}), started(t, nbd.Config{StateDir: shortDir(t)})} {
		for _, id := range []string{id, "another connection"} {
			name := connect(t, tgt, id).Data["export"].(string)
			if len(name) != 32 || strings.Contains(name, id[:8]) {
				t.Errorf("name %q for id %q", name, id)
			}
			names = append(names, name)
		}
	}
	for i, name := range names {
		for _, other := range names[:i] {
			if name == other {
				t.Errorf("equal names in %q", names)
			}
		}
	}
}

// TestLogKeepsTheName has a client come, use its export and lose its way; no name may show.
func TestLogKeepsTheName(t *testing.T) {
	var log lockedBuffer
	tgt := started(t, nbd.Config{StateDir: shortDir(t), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	info := connect(t, tgt, "id")
	c, err := net.Dial("unix", info.Data["unix_socket"].(string))
	if err != nil {
		t.Fatal(err)
	}
	name := info.Data["export"].(string)
	greeting := make([]byte, 18)
	if _, err := c.Read(greeting); err != nil {
		t.Fatal(err)
	}
	// The client's flags, EXPORT_NAME with the name, and then no request.
	if _, err := c.Write([]byte("\x00\x00\x00\x03IHAVEOPT\x00\x00\x00\x01\x00\x00\x00\x20" + name + strings.Repeat("nonsense", 4))); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = c.Read(greeting)
	}
	c.Close()
	closeTarget(t, tgt)
	text := log.String()
	if !strings.Contains(text, "volume volume") || !strings.Contains(text, "no request") {
		t.Errorf("the log does not tell what happened:\n%s", text)
	}
	if strings.Contains(text, name) {
		t.Errorf("the log holds the export's name:\n%s", text)
	}
}

// lockedBuffer is a log's destination.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
