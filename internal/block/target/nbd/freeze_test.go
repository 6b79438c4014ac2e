package nbd

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	nbdserver "github.com/clinker/clinker/internal/nbd"
)

// recorder is a device that says when it was written to.
type recorder struct {
	nbdserver.Device
	at func()
}

func (r recorder) WriteAt(p []byte, _ int64) (int, error)            { r.at(); return len(p), nil }
func (r recorder) Trim(int64, int64) error                           { r.at(); return nil }
func (r recorder) WriteZeroes(int64, int64, nbdserver.Zeroing) error { r.at(); return nil }
func (r recorder) Close() error                                      { return nil }

// TestFreeze: every kind of change waits while its volume is frozen, and no other volume's does.
func TestFreeze(t *testing.T) {
	changes := map[string]func(nbdserver.Device) error{
		"write": func(d nbdserver.Device) error { _, err := d.WriteAt([]byte{1}, 0); return err },
		"trim":  func(d nbdserver.Device) error { return d.Trim(0, 1) },
		"zero":  func(d nbdserver.Device) error { return d.WriteZeroes(0, 1, nbdserver.Zeroing{}) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var target Target
				began := time.Now()
				var frozenAt, otherAt time.Duration
				frozen := target.guard("a", recorder{at: func() { frozenAt = time.Since(began) }})
				other := target.guard("b", recorder{at: func() { otherAt = time.Since(began) }})
				resume, err := target.Freeze(t.Context(), "a")
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 2)
				for _, d := range []nbdserver.Device{frozen, other} {
					go func() { done <- change(d) }()
				}
				time.Sleep(time.Second)
				resume()
				if err := errors.Join(<-done, <-done); err != nil {
					t.Fatal(err)
				}
				if frozenAt != time.Second || otherAt != 0 {
					t.Errorf("the frozen volume was changed after %v, the other one after %v; want 1s and 0s", frozenAt, otherAt)
				}
				if err := errors.Join(frozen.Close(), other.Close()); err != nil {
					t.Fatal(err)
				}
				if n := len(target.gates.open); n != 0 {
					t.Errorf("%d gates are left", n)
				}
			})
		})
	}
}

func TestFreezeOfAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := new(Target).Freeze(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestFreezeIsGivenUp: a write that does not end keeps a freeze waiting, but not beyond its context, and the writes
// behind it go on.
func TestFreezeIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var target Target
		stuck := make(chan struct{})
		slow := target.guard("a", recorder{at: func() { <-stuck }})
		quick := target.guard("a", recorder{at: func() {}})
		done := make(chan error, 2)
		go func() { done <- slow.Trim(0, 1) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := target.Freeze(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Freeze: %v", err)
		}
		if err := quick.Trim(0, 1); err != nil {
			t.Error(err)
		}
		close(stuck)
		if err := errors.Join(<-done, slow.Close(), quick.Close()); err != nil {
			t.Error(err)
		}
		if n := len(target.gates.open); n != 0 {
			t.Errorf("%d gates are left", n)
		}
	})
}
