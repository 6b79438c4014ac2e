package nbd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/wire"
)

func TestRemoveSeversAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device, other := newMemory(1<<20), newMemory(1<<20)
		gate := make(chan struct{})
		device.before = func(operation string, _ int64) error {
			if operation == "write" {
				<-gate
			}
			return nil
		}
		f := start(t, nbd.Options{}, export("disk", device), export("other", other))
		busy, idle, bystander := f.use("disk", true), f.use("disk", false), f.use("other", true)
		cookie := busy.ask(wire.CmdWrite, 0, 0, 3, []byte("abc"))

		removed := make(chan error, 1)
		go func() { removed <- f.Remove(t.Context(), "disk") }()
		synctest.Wait()
		select {
		case err := <-removed:
			t.Fatalf("Remove returned %v with a request in flight", err)
		default:
		}
		idle.wantHangup()
		f.connect().wantOption(wire.OptGo, infoData("disk"), wire.RepErrUnknown)

		close(gate)
		if a := busy.receive(0, 0); a.cookie != cookie || a.errno != 0 {
			t.Errorf("the request in flight was answered %v", a)
		}
		busy.wantHangup()
		if err := <-removed; err != nil {
			t.Errorf("Remove: %v", err)
		}
		if open, broken := device.promises(); open || broken != nil {
			t.Errorf("after Remove the device is open: %v; %v", open, broken)
		}
		bystander.read(0, 512)

		if err := f.Remove(t.Context(), "disk"); err != nil {
			t.Errorf("removing again: %v", err)
		}
		if err := f.Add(export("disk", device)); err != nil {
			t.Errorf("adding again: %v", err)
		}
		if got := string(f.use("disk", true).read(0, 3)); got != "abc" {
			t.Errorf("read %q", got)
		}
	})
}

func TestRemoveDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := newMemory(1 << 20)
		gate := make(chan struct{})
		device.before = func(operation string, _ int64) error {
			if operation == "flush" {
				<-gate
			}
			return nil
		}
		f := start(t, nbd.Options{}, export("disk", device))
		c := f.use("disk", true)
		c.ask(wire.CmdFlush, 0, 0, 0, nil)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Remove(ctx, "disk"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Remove: %v", err)
		}
		c.wantHangup()
		close(gate)
		synctest.Wait()
		if open, broken := device.promises(); open || broken != nil {
			t.Errorf("the device is open: %v; %v", open, broken)
		}
	})
}

func TestShutdownDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := newMemory(1 << 20)
		gate := make(chan struct{})
		device.before = func(operation string, _ int64) error {
			if operation == "write" {
				<-gate
			}
			return nil
		}
		f := start(t, nbd.Options{}, export("disk", device))
		haggling, busy := f.connect(), f.use("disk", true)
		busy.ask(wire.CmdWrite, 0, 0, 3, []byte("abc"))
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- f.Shutdown(t.Context()) }()
		haggling.wantHangup()
		close(gate)
		if a := busy.receive(0, 0); a.errno != 0 {
			t.Errorf("the request in flight was answered %v", a.errno)
		}
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if open, _ := device.promises(); open {
			t.Error("the device is open after Shutdown")
		}
		if err := f.Add(export("new", device)); !errors.Is(err, nbd.ErrServerClosed) {
			t.Errorf("Add after Shutdown: %v", err)
		}
		if err := f.Serve(newPipes()); !errors.Is(err, nbd.ErrServerClosed) {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

func TestClientsThatStopHalfWay(t *testing.T) {
	const patience = 30 * time.Second
	for what, stall := range map[string]func(c *client){
		"in the data of a write":      func(c *client) { c.ask(wire.CmdWrite, 0, 0, 1000, make([]byte, 10)) },
		"in the data of a long write": func(c *client) { c.ask(wire.CmdWrite, 0, 0, 3<<20, make([]byte, 2<<20)) },
		"in the data of a bad write":  func(c *client) { c.ask(wire.CmdWrite, 0, 1<<40, 1000, nil) },
		"before taking a reply":       func(c *client) { c.ask(wire.CmdRead, 0, 0, 1000, nil) },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				device := newMemory(8 << 20)
				f := start(t, nbd.Options{PeerTimeout: patience, HandshakeTimeout: time.Second}, export("disk", device))
				c := f.use("disk", true)
				time.Sleep(24 * time.Hour) // idling is no offence
				c.read(0, 512)
				stall(c)
				time.Sleep(patience - time.Second)
				synctest.Wait()
				if open, _ := device.promises(); !open {
					t.Fatal("hung up on early")
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if open, _ := device.promises(); open {
					t.Error("not hung up on")
				}
				c.wantHangup()
			})
		})
	}
}

func TestSlowReaderCannotHoldUpRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nbd.Options{DrainTimeout: 3 * time.Second}, export("disk", newMemory(1<<20)))
		c := f.use("disk", true)
		c.ask(wire.CmdRead, 0, 0, 1000, nil)
		synctest.Wait()
		begun := time.Now()
		if err := f.Remove(t.Context(), "disk"); err != nil {
			t.Errorf("Remove: %v", err)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("Remove took %v, want 3s", took)
		}
	})
}

func TestDeviceIsOpenOnlyWhileItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := newMemory(1 << 20)
		f := start(t, nbd.Options{}, export("disk", device))
		wantOpen := func(want bool) {
			t.Helper()
			synctest.Wait()
			if open, broken := device.promises(); open != want || broken != nil {
				t.Fatalf("open %v, want %v; %v", open, want, broken)
			}
		}
		wantOpen(false)
		c := f.connect()
		c.wantOption(wire.OptInfo, infoData("disk"), wire.RepInfo, wire.RepAck)
		wantOpen(false)
		a, b := f.use("disk", true), f.use("disk", false)
		wantOpen(true)
		a.Close()
		wantOpen(true)
		b.read(0, 1)
		b.Close()
		wantOpen(false)
		f.use("disk", true).read(0, 1)
		if device.opened != 3 {
			t.Errorf("opened %d times, want 3", device.opened)
		}
	})
}

func TestTooManyClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nbd.Options{MaxConnections: 2}, export("disk", newMemory(1)))
		first, second := f.use("disk", true), f.use("disk", true)
		ours, theirs := net.Pipe()
		f.pipes.conns <- theirs
		if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the third client got %v", err)
		}
		first.Close()
		synctest.Wait()
		f.use("disk", true).read(0, 1)
		second.read(0, 1)
	})
}

func TestServeReportsABrokenListener(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	l.Close()
	s := nbd.NewServer(nbd.Options{})
	if err := s.Serve(l); errors.Is(err, nbd.ErrServerClosed) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}

// passing is an error that goes away, as a want of descriptors does.
type passing struct{ error }

func (passing) Temporary() bool { return true }

type shortOfDescriptors struct {
	*pipes
	failures int
}

func (s *shortOfDescriptors) Accept() (net.Conn, error) {
	if s.failures > 0 {
		s.failures--
		return nil, passing{errors.New("too many open files")}
	}
	return s.pipes.Accept()
}

func TestServeOutlivesAWantOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nbd.Options{}, export("disk", newMemory(1)))
		short := &shortOfDescriptors{pipes: newPipes(), failures: 20}
		go f.Serve(short)
		f.pipes = short.pipes
		f.use("disk", true).read(0, 1)
	})
}
