package lifecycle

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// What a process holds is mostly what its start has read: some 5 MB. With half of it as room for garbage the process is a third
// smaller; but a service at full load would then collect thirty times a second, which takes up to half of its time. So it is given
// more room for as long as it collects often, but none that would matter beside a large heap, and when it has come to rest the
// room is given back.
const (
	leanPercent = 50
	busyPercent = 200
	busyRoom    = 16 << 20
	often       = 150 * time.Millisecond // collections closer together than this are those of a process at full load
	seldom      = time.Second            // without one for so long it is so no more
)

// profileRate is runtime.MemProfileRate's default.
const profileRate = 512 << 10

// Lean keeps the process small: a tighter heap, unless GOGC says otherwise, and no account of who allocated what, which is
// 2 MB by itself. Call it first.
func Lean() {
	runtime.MemProfileRate = 0
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(leanPercent)
	}
}

// Roomy gives the process more room for garbage while it is at full load, unless GOGC says otherwise. It is for a service: it is
// asked much and holds little. Call it once, after Lean.
func Roomy() {
	if os.Getenv("GOGC") != "" {
		return
	}
	watchCollections(&pacer{live: liveHeap, set: func(percent int, rest bool) {
		debug.SetGCPercent(percent)
		if rest {
			debug.FreeOSMemory()
		}
	}})
}

// liveHeap is how many bytes the last collection left.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// pacer decides how much room there is for garbage.
type pacer struct {
	live func() uint64                // bytes
	set  func(percent int, rest bool) // rest: the process has come to rest

	mu   sync.Mutex
	last time.Time // when the last collection was
	busy int       // the room it has as a busy process, 0 if it is none
}

// collected is told of every collection.
func (p *pacer) collected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	gap := time.Since(p.last)
	p.last = time.Now()
	if p.busy == 0 && gap >= often {
		return
	}
	room := min(max(int(busyRoom*100/max(p.live(), 1)), leanPercent), busyPercent)
	if p.busy == 0 {
		time.AfterFunc(seldom, p.look)
	}
	if p.busy != room {
		p.busy = room
		p.set(room, false)
	}
}

// look looks whether the process is still busy, and again later if it is.
func (p *pacer) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.last) < seldom {
		time.AfterFunc(seldom, p.look)
		return
	}
	p.busy = 0
	p.set(leanPercent, true)
}

// watchCollections tells p of collections: an object that nobody holds is finalized after each, if it is made to again.
func watchCollections(p *pacer) {
	type watch struct{ p *pacer }
	var again func(w *watch)
	again = func(w *watch) {
		w.p.collected()
		runtime.SetFinalizer(w, again)
	}
	runtime.SetFinalizer(&watch{p}, again)
}

// ProfileMemory has the runtime keep account of allocations from now on.
func ProfileMemory() { runtime.MemProfileRate = profileRate }
