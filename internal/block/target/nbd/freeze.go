package nbd

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"

	nbdserver "github.com/clinker/clinker/internal/nbd"
)

// gates hold back the writes to volumes that are being copied. There is one per volume that is exported or frozen now,
// shared by all its connections. The zero value is ready.
type gates struct {
	mu   sync.Mutex
	open map[string]*gate // by volume id
}

// gate has wholeGate places: each write takes one, a freeze takes all of them. It is a semaphore and not an RWMutex
// because a freeze may be given up while it waits. Whoever comes after a waiting freeze waits behind it.
type gate struct {
	*semaphore.Weighted
	users int // guarded by gates.mu
}

const wholeGate = 1 << 30

// pass waits for a place; the caller releases it.
func (g *gate) pass() { _ = g.Acquire(context.Background(), 1) } // fails only if its context ends

func (g *gates) enter(volumeID string) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.open[volumeID]
	if one == nil {
		if g.open == nil {
			g.open = make(map[string]*gate)
		}
		one = &gate{Weighted: semaphore.NewWeighted(wholeGate)}
		g.open[volumeID] = one
	}
	one.users++
	return one
}

func (g *gates) leave(volumeID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.open[volumeID]
	if one.users--; one.users == 0 {
		delete(g.open, volumeID)
	}
}

// Freeze holds back the writes of every consumer of the volume until resume is called, so that a driver can copy it as it
// is at one instant. It waits for the writes that are under way, until ctx ends: then nothing is frozen and the error is
// ctx's. Reads go on. A volume nobody uses is frozen too: whoever connects meanwhile waits with its writes. resume must
// be called exactly once.
func (t *Target) Freeze(ctx context.Context, volumeID string) (resume func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g := t.gates.enter(volumeID)
	if err := g.Acquire(ctx, wholeGate); err != nil {
		t.gates.leave(volumeID)
		return nil, err
	}
	return func() {
		g.Release(wholeGate)
		t.gates.leave(volumeID)
	}, nil
}

// guarded is a device whose changes wait while its volume is frozen.
type guarded struct {
	nbdserver.Device
	gate  *gate
	leave func()
}

// guard puts the volume's gate before a device.
func (t *Target) guard(volumeID string, d nbdserver.Device) nbdserver.Device {
	return &guarded{Device: d, gate: t.gates.enter(volumeID), leave: func() { t.gates.leave(volumeID) }}
}

// WriteAt implements nbd.Device.
func (d *guarded) WriteAt(p []byte, offset int64) (int, error) {
	d.gate.pass()
	defer d.gate.Release(1)
	return d.Device.WriteAt(p, offset)
}

// Trim implements nbd.Device.
func (d *guarded) Trim(offset, length int64) error {
	d.gate.pass()
	defer d.gate.Release(1)
	return d.Device.Trim(offset, length)
}

// WriteZeroes implements nbd.Device.
func (d *guarded) WriteZeroes(offset, length int64, how nbdserver.Zeroing) error {
	d.gate.pass()
	defer d.gate.Release(1)
	return d.Device.WriteZeroes(offset, length, how)
}

// Close implements nbd.Device.
func (d *guarded) Close() error {
	defer d.leave()
	return d.Device.Close()
}
