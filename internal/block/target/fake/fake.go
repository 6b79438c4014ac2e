// Package fake is a target for tests of what uses targets. It exports nothing: it keeps the contract, remembers who is
// connected, and fails when it is told to.
package fake

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/target"
	"github.com/clinker/clinker/internal/fault"
)

// Target implements target.Target. Make one with New.
type Target struct {
	mu          sync.Mutex
	started     bool
	connections map[string]target.Connection
	fail        func(verb, id string) error
}

var _ target.Target = (*Target)(nil)

// New makes a target; like any other it wants to be started.
func New() *Target {
	return &Target{connections: make(map[string]target.Connection), fail: func(_, _ string) error { return nil }}
}

// FailWith has every verb ask fail first, and return its error without doing anything if there is one. verb is the
// method's name in lower case; id is the connection's or, for resize, the volume's, and empty for start and close. A nil
// fail ends it.
func (t *Target) FailWith(fail func(verb, id string) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fail == nil {
		fail = func(_, _ string) error { return nil }
	}
	t.fail = fail
}

// Connections are those that stand, by id in order.
func (t *Target) Connections() []target.Connection {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.connections), func(a, b target.Connection) int { return strings.Compare(a.ID, b.ID) })
}

// begin locks the target, unless the verb is to fail; then nothing is locked.
func (t *Target) begin(verb, id string) error {
	t.mu.Lock()
	fail := t.fail
	t.mu.Unlock()
	if err := fail(verb, id); err != nil { // unlocked, so that it may wait for something or look around
		return err
	}
	t.mu.Lock()
	return nil
}

// Protocol is "fake".
func (t *Target) Protocol() string { return "fake" }

// Start implements target.Target.
func (t *Target) Start(context.Context) error {
	if err := t.begin("start", ""); err != nil {
		return err
	}
	defer t.mu.Unlock()
	t.started = true
	return nil
}

// Connect implements target.Target. The device need not exist.
func (t *Target) Connect(_ context.Context, c target.Connection) (block.ConnectionInfo, error) {
	if err := t.begin("connect", c.ID); err != nil {
		return block.ConnectionInfo{}, err
	}
	defer t.mu.Unlock()
	if !t.started {
		return block.ConnectionInfo{}, fault.New(fault.Unavailable, "", "The fake target is not running.")
	}
	t.connections[c.ID] = c
	mode := "rw"
	if c.ReadOnly {
		mode = "ro"
	}
	return block.ConnectionInfo{DriverVolumeType: "fake", Data: map[string]any{
		"export": "fake-" + c.ID, "volume_id": c.VolumeID, "access_mode": mode, "size_bytes": c.SizeBytes,
	}}, nil
}

// Disconnect implements target.Target.
func (t *Target) Disconnect(_ context.Context, id string) error {
	if err := t.begin("disconnect", id); err != nil {
		return err
	}
	defer t.mu.Unlock()
	delete(t.connections, id)
	return nil
}

// Resize implements target.Target.
func (t *Target) Resize(_ context.Context, volumeID string, sizeBytes int64) error {
	if err := t.begin("resize", volumeID); err != nil {
		return err
	}
	defer t.mu.Unlock()
	for id, c := range t.connections {
		if c.VolumeID == volumeID {
			c.SizeBytes = sizeBytes
			t.connections[id] = c
		}
	}
	return nil
}

// Close implements target.Target.
func (t *Target) Close(context.Context) error {
	if err := t.begin("close", ""); err != nil {
		return err
	}
	defer t.mu.Unlock()
	t.started = false
	clear(t.connections)
	return nil
}
