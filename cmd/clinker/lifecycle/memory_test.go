package lifecycle

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var set []int
		live := uint64(5 << 20)
		p := &pacer{live: func() uint64 { return live }, set: func(percent int, rest bool) {
			set = append(set, percent)
			if rest != (percent == leanPercent) {
				t.Errorf("%d %%, at rest: %v", percent, rest)
			}
		}}
		collect := func(n int, every time.Duration) {
			for range n {
				time.Sleep(every)
				p.collected()
			}
			synctest.Wait()
		}
		want := func(what string, percents ...int) {
			t.Helper()
			p.mu.Lock()
			defer p.mu.Unlock()
			if !slices.Equal(set, percents) {
				t.Errorf("%s: %v, want %v", what, set, percents)
			}
			set = nil
		}
		collect(10, 2*time.Second)
		want("quiet")
		collect(1, time.Hour)
		collect(1, often-time.Millisecond)
		want("two collections soon after each other", busyPercent)
		collect(30, seldom-time.Millisecond)
		want("busy for half a minute")
		time.Sleep(2 * seldom)
		synctest.Wait()
		want("quiet again", leanPercent)
		collect(2, often-time.Millisecond)
		want("busy again", busyPercent)
		live = 16 << 20
		collect(2, often)
		want("with more that is live", 100)
		time.Sleep(2 * seldom)
	})
}

func TestCollectionsAreSeen(t *testing.T) {
	seen := make(chan int, 100)
	watchCollections(&pacer{live: liveHeap, set: func(percent int, _ bool) { seen <- percent }})
	for deadline := time.Now().Add(10 * time.Second); ; {
		runtime.GC()
		select {
		case <-seen:
			return
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody was told that there are collections")
		}
	}
}
