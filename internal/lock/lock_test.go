package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/fault"
)

func (l *Local) heldNames() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queues)
}

func mustLock(t *testing.T, l Locker, name string) func() {
	t.Helper()
	_, unlock, err := l.Lock(t.Context(), name)
	if err != nil {
		t.Fatalf("Lock(%q): %v", name, err)
	}
	return unlock
}

func TestLocalIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Local
		var mu sync.Mutex
		var order []int
		first := mustLock(t, &l, "a")
		for i := range 20 {
			go func() {
				_, unlock, err := l.Lock(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				defer unlock()
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
			}()
			synctest.Wait() // so that i is in the queue before i+1
		}
		first()
		synctest.Wait()
		if !slices.IsSorted(order) || len(order) != 20 {
			t.Errorf("the lock was given out in the order %v", order)
		}
		if n := l.heldNames(); n != 0 {
			t.Errorf("%d names are kept after all was unlocked", n)
		}
	})
}

func TestLocalDifferentNamesDoNotWait(t *testing.T) {
	var l Local
	a, b := mustLock(t, &l, "a"), mustLock(t, &l, "b")
	if n := l.heldNames(); n != 2 {
		t.Errorf("%d names held, want 2", n)
	}
	a()
	b()
}

func TestLocalUnlockTwiceFreesOnce(t *testing.T) {
	var l Local
	unlock := mustLock(t, &l, "a")
	unlock()
	again := mustLock(t, &l, "a")
	unlock() // must not free what somebody else holds now
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, _, err := l.Lock(ctx, "a"); !fault.Is(err, fault.Timeout) {
		t.Errorf("a second unlock freed another holder's lock: err = %v", err)
	}
	again()
}

func TestLocalGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Local
		unlock := mustLock(t, &l, "a")

		late, cancelLate := context.WithTimeout(t.Context(), time.Minute)
		defer cancelLate()
		if _, _, err := l.Lock(late, "a"); !fault.Is(err, fault.Timeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, _, err := l.Lock(gone, "a"); !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("after cancellation: %v", err)
		}
		unlock()
		if _, _, err := l.Lock(gone, "a"); err == nil {
			t.Error("a cancelled context got a free lock")
		}
		if n := l.heldNames(); n != 0 {
			t.Errorf("%d names are kept", n)
		}
	})
}

// A waiter that gives up in the instant the lock is handed to it must pass it on.
func TestLocalHandOverToALeaver(t *testing.T) {
	var l Local
	unlock := mustLock(t, &l, "a")
	turn := l.join("a")
	unlock()
	<-turn
	l.leave("a", turn)
	if n := l.heldNames(); n != 0 {
		t.Errorf("the lock stayed with who left")
	}
}

func TestLocalExcludes(t *testing.T) {
	var l Local
	counters := make([]int, 4) // the race detector watches these
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 200 {
				k := (i + j) % len(counters)
				ctx, cancel := context.WithCancel(t.Context())
				if j%5 == 0 {
					go cancel()
				}
				_, unlock, err := l.Lock(ctx, fmt.Sprint(k))
				if err == nil {
					counters[k]++
					unlock()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if n := l.heldNames(); n != 0 {
		t.Errorf("%d names are kept", n)
	}
}

// All never deadlocks, whatever the order of names, and holds nothing afterwards.
func TestAllInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sets := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 5), 1, 6).Draw(rt, "sets")
		var l Local
		var wg sync.WaitGroup
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for _, names := range sets {
			wg.Go(func() {
				_, unlock, err := All(ctx, &l, names...)
				if err != nil {
					t.Errorf("All(%v): %v", names, err)
					return
				}
				unlock()
			})
		}
		wg.Wait()
		if n := l.heldNames(); n != 0 {
			rt.Fatalf("%d names are kept", n)
		}
	})
}

func TestAllHoldsNoneOnError(t *testing.T) {
	var l Local
	held := mustLock(t, &l, "b")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, _, err := All(ctx, &l, "c", "b", "a"); !fault.Is(err, fault.Timeout) {
		t.Fatalf("err = %v", err)
	}
	held()
	if n := l.heldNames(); n != 0 {
		t.Errorf("%d names are kept", n)
	}
}

// TestWithin: the limit is one of waiting alone.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Local
		held, unlock, err := Within(t.Context(), &l, time.Second, "a", "b")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if held.Err() != nil {
			t.Errorf("after the limit: %v", context.Cause(held))
		}
		began := time.Now()
		if _, _, err := Within(t.Context(), &l, time.Second, "b"); !fault.Is(err, fault.Timeout) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		unlock()
		if n := l.heldNames(); n != 0 {
			t.Errorf("%d names are kept", n)
		}
	})
}

func BenchmarkLocal(b *testing.B) {
	var l Local
	b.ReportAllocs()
	for b.Loop() {
		_, unlock, err := l.Lock(b.Context(), "volume")
		if err != nil {
			b.Fatal(err)
		}
		unlock()
	}
}
