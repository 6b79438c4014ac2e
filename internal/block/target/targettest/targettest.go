// Package targettest is the suite that every target passes: what the contract promises, and the bytes themselves as
// foreign clients see them (qemu-io, qemu-img, nbdcopy).
//
// A tool that is not installed makes the tests that need it skip, naming the Debian package that has it.
package targettest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/target"
)

// Harness says how to test one target.
type Harness struct {
	// New makes a target that is not started and keeps what it must remember in stateDir, a directory that exists or
	// not. For the same directory it makes what the first one would be after a restart. Everything the target is to be
	// told beyond that (a port that is free) is up to New.
	New func(t testing.TB, stateDir string) target.Target
	// URIs are the ways to a connection as qemu takes them, one for each road (TCP, Unix socket). Nil for a target that
	// exports nothing: then only the contract is tested.
	URIs func(info block.ConnectionInfo) []string
}

// timeout bounds each test's dealings with the target and with foreign programs.
const timeout = 30 * time.Second

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	for _, test := range []struct {
		name  string
		run   func(*testing.T, *fixture)
		bytes bool // needs a target that really exports
	}{
		{"Protocol", testProtocol, false},
		{"ConnectRepeats", testConnectRepeats, false},
		{"DisconnectRepeats", testDisconnectRepeats, false},
		{"LifeCycleRepeats", testLifeCycleRepeats, false},
		{"NotRunning", testNotRunning, false},
		{"Concurrent", testConcurrent, false},
		{"NoDevice", testNoDevice, true},
		{"Patterns", testPatterns, true},
		{"ReadOnly", testReadOnly, true},
		{"BecomesReadOnly", testBecomesReadOnly, true},
		{"TwoConnections", testTwoConnections, true},
		{"Extents", testExtents, true},
		{"Convert", testConvert, true},
		{"NBDCopy", testNBDCopy, true},
		{"DisconnectSevers", testDisconnectSevers, true},
		{"CloseSevers", testCloseSevers, true},
		{"Restart", testRestart, true},
		{"Growth", testGrowth, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.bytes && h.URIs == nil {
				t.Skip("this target exports nothing")
			}
			test.run(t, newFixture(t, h))
		})
	}
}

// fixture is a started target and a place for devices.
type fixture struct {
	Harness
	target   target.Target
	dir      string
	stateDir string
}

func newFixture(t *testing.T, h Harness) *fixture {
	t.Helper()
	// Not t.TempDir: its path has the test's name in it, and the path of a Unix socket must be short.
	dir, err := os.MkdirTemp("", "target")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &fixture{Harness: h, dir: dir, stateDir: filepath.Join(dir, "state")}
	f.start(t)
	return f
}

// start makes the target of the state directory and starts it; the test's end closes it.
func (f *fixture) start(t *testing.T) {
	t.Helper()
	ctx := deadline(t)
	tgt := f.New(t, f.stateDir)
	if err := tgt.Start(ctx); err != nil {
		t.Fatalf("Start: %v", err)
	}
	f.target = tgt
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := tgt.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// device makes a sparse file and a connection to it.
func (f *fixture) device(t *testing.T, sizeBytes int64) target.Connection {
	t.Helper()
	id := uuid.NewString()
	path := filepath.Join(f.dir, "volume-"+id)
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, sizeBytes)); err != nil {
		t.Fatal(err)
	}
	return target.Connection{ID: uuid.NewString(), VolumeID: id, Device: path, SizeBytes: sizeBytes,
		Connector: block.Connector{"host": "compute-1", "ip": "192.0.2.1"}}
}

func (f *fixture) connect(t *testing.T, c target.Connection) block.ConnectionInfo {
	t.Helper()
	info, err := f.target.Connect(deadline(t), c)
	if err != nil {
		t.Fatalf("Connect: %v", err)
	}
	return info
}

// eachURI connects and runs a subtest for every road to the connection.
func (f *fixture) eachURI(t *testing.T, c target.Connection, run func(t *testing.T, uri string)) {
	t.Helper()
	uris := f.URIs(f.connect(t, c))
	if len(uris) == 0 {
		t.Fatal("there is no way to the connection")
	}
	for _, uri := range uris {
		scheme, _, _ := cutScheme(uri)
		t.Run(scheme, func(t *testing.T) { run(t, uri) })
	}
}

func testProtocol(t *testing.T, f *fixture) {
	if f.target.Protocol() == "" {
		t.Error("the protocol has no name")
	}
}

func testConnectRepeats(t *testing.T, f *fixture) {
	c, other := f.device(t, 1<<20), f.device(t, 1<<20)
	first := f.connect(t, c)
	if first.DriverVolumeType == "" || len(first.Data) == 0 {
		t.Errorf("the answer %+v does not say how to connect", first)
	}
	if diff := cmp.Diff(first, f.connect(t, other)); diff == "" {
		t.Error("two volumes got the same answer")
	}
	if diff := cmp.Diff(first, f.connect(t, c)); diff != "" {
		t.Errorf("the second answer differs from the first: %s", diff)
	}
	if err := f.target.Close(deadline(t)); err != nil {
		t.Fatalf("Close: %v", err)
	}
	f.start(t)
	c.Connector = nil // nobody knows it any more
	if diff := cmp.Diff(first, f.connect(t, c)); diff != "" {
		t.Errorf("the answer after a restart differs: %s", diff)
	}
}

func testDisconnectRepeats(t *testing.T, f *fixture) {
	ctx := deadline(t)
	c := f.device(t, 1<<20)
	before := f.connect(t, c)
	for range 2 {
		if err := f.target.Disconnect(ctx, c.ID); err != nil {
			t.Errorf("Disconnect: %v", err)
		}
	}
	if err := f.target.Disconnect(ctx, uuid.NewString()); err != nil {
		t.Errorf("disconnecting what never was: %v", err)
	}
	if diff := cmp.Diff(before, f.connect(t, c)); diff != "" {
		t.Errorf("connecting after a disconnect: %s", diff)
	}
}

func testLifeCycleRepeats(t *testing.T, f *fixture) {
	ctx := deadline(t)
	c := f.device(t, 1<<20)
	before := f.connect(t, c)
	if err := f.target.Start(ctx); err != nil {
		t.Errorf("starting again: %v", err)
	}
	for range 2 {
		if err := f.target.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := f.target.Start(ctx); err != nil {
		t.Fatalf("starting after a close: %v", err)
	}
	if diff := cmp.Diff(before, f.connect(t, c)); diff != "" {
		t.Errorf("connecting after a close and a start: %s", diff)
	}
}

func testNotRunning(t *testing.T, f *fixture) {
	ctx := deadline(t)
	c := f.device(t, 1<<20)
	idle := f.New(t, filepath.Join(f.dir, "idle"))
	if _, err := idle.Connect(ctx, c); err == nil {
		t.Error("a target that was not started accepts connections")
	}
	if err := errors.Join(idle.Disconnect(ctx, c.ID), idle.Resize(ctx, c.VolumeID, 1), idle.Close(ctx)); err != nil {
		t.Errorf("a target that was not started: %v", err)
	}
}

// testConcurrent has many callers use the same few connections; the race detector and the end state judge.
func testConcurrent(t *testing.T, f *fixture) {
	ctx := deadline(t)
	connections := []target.Connection{f.device(t, 1<<20), f.device(t, 1<<20), f.device(t, 1<<20)}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			c := connections[i%len(connections)]
			for range 20 {
				_, err := f.target.Connect(ctx, c)
				err = errors.Join(err, f.target.Resize(ctx, c.VolumeID, c.SizeBytes), f.target.Disconnect(ctx, c.ID))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, c := range connections {
		f.connect(t, c)
	}
}

func testNoDevice(t *testing.T, f *fixture) {
	c := f.device(t, 1<<20)
	for _, path := range []string{c.Device + "-gone", f.dir} {
		wrong := c
		wrong.Device = path
		if _, err := f.target.Connect(deadline(t), wrong); err == nil {
			t.Errorf("%s was exported", path)
		}
	}
	f.connect(t, c)
}
