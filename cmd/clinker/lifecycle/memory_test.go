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
		p := &pacer{set: func(percent int) { set = append(set, percent) }}
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
		time.Sleep(2 * seldom)
	})
}

func TestCollectionsAreSeen(t *testing.T) {
	seen := make(chan int, 100)
	watchCollections(&pacer{set: func(percent int) { seen <- percent }})
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
