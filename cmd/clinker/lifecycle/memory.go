package lifecycle

import (
	"os"
	"runtime"
	"runtime/debug"
)

// What a process holds is mostly what its start has read: some 7 MB. With half of it as room for garbage, collections cost a
// few per cent of the processor at full load, and the process is a third smaller.
const garbagePercent = 50

// profileRate is runtime.MemProfileRate's default.
const profileRate = 512 << 10

// Lean keeps the process small: a tighter heap, unless GOGC says otherwise, and no account of who allocated what, which is
// 2 MB by itself. Call it first.
func Lean() {
	runtime.MemProfileRate = 0
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}

// ProfileMemory has the runtime keep account of allocations from now on.
func ProfileMemory() { runtime.MemProfileRate = profileRate }
