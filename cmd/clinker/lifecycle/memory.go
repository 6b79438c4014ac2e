package lifecycle

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// What a process holds is mostly what its start has read: some 5 MB. With half of it as room for garbage the process is a third
// smaller; but an API at full load would then collect thirty times a second, which takes a fifth of its time. So it is given
// more room for as long as it collects often, and when it has come to rest the room is given back.
const (
	leanPercent = 50
	busyPercent = 200
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
		watchCollections(&pacer{set: func(percent int) {
			debug.SetGCPercent(percent)
			if percent == leanPercent {
				debug.FreeOSMemory()
			}
		}})
	}
}

// pacer decides how much room there is for garbage.
type pacer struct {
	set func(percent int)

	mu   sync.Mutex
	last time.Time // when the last collection was
	busy bool
}

// collected is told of every collection.
func (p *pacer) collected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	gap := time.Since(p.last)
	p.last = time.Now()
	if !p.busy && gap < often {
		p.busy = true
		p.set(busyPercent)
		time.AfterFunc(seldom, p.look)
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
	p.busy = false
	p.set(leanPercent)
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
