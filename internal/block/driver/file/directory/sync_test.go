package directory

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Everyone's flush begins after their call, and those who wait share one.
func TestGroupSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g groupSync
		var flushes atomic.Int64
		flush := func() error {
			time.Sleep(time.Second)
			flushes.Add(1)
			return nil
		}
		var wg sync.WaitGroup
		start := func(n int) {
			for range n {
				wg.Go(func() {
					called := time.Now()
					if err := g.do(flush); err != nil {
						t.Error(err)
					}
					if took := time.Since(called); took < time.Second || took > 2*time.Second {
						t.Errorf("the flush ended %v after it was asked for", took)
					}
				})
			}
			synctest.Wait()
		}
		start(1)
		time.Sleep(500 * time.Millisecond)
		start(100)
		wg.Wait()
		if n := flushes.Load(); n != 2 {
			t.Errorf("%d flushes, want 2", n)
		}
		failure := errors.New("disk on fire")
		if err := g.do(func() error { return failure }); !errors.Is(err, failure) {
			t.Errorf("a flush that fails: %v", err)
		}
		if err := g.do(flush); err != nil {
			t.Errorf("the flush after it: %v", err)
		}
	})
}
