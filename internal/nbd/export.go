package nbd

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// Export is a device under a name.
type Export struct {
	// Name is what a client asks for, at most 4096 bytes of UTF-8 without NUL. It is a capability: make it unguessable.
	Name string
	// Label stands for the export in logs, where the name must not appear.
	Label string
	// Description is told to clients that ask for it; empty for none.
	Description string
	// ReadOnly refuses everything that would change bytes, whatever the device could do.
	ReadOnly bool
	// Public puts the name into the list that any client may ask for.
	Public bool
	// Open gives the device. It is called when a first client turns up, and again after the last one left and the
	// device was closed, so that an export nobody uses holds no descriptor. An error is logged, and the client is told
	// that the export cannot be used now.
	Open func() (Device, error)
}

func (e *Export) validate() error {
	switch {
	case len(e.Name) > wire.MaxStringBytes, !utf8.ValidString(e.Name), strings.ContainsRune(e.Name, 0):
		return fmt.Errorf("nbd: an export's name must be at most %d bytes of UTF-8 without NUL", wire.MaxStringBytes)
	case len(e.Description) > wire.MaxStringBytes:
		return fmt.Errorf("nbd: an export's description must be at most %d bytes", wire.MaxStringBytes)
	case e.Open == nil:
		return fmt.Errorf("nbd: export %q has no device", e.Label)
	}
	return nil
}

// flags is what the export can do for a client. One that cannot be told of unfragmented reads is not.
func (e *Export) flags(structured bool) uint16 {
	flags := wire.FlagHasFlags | wire.FlagSendFlush | wire.FlagSendFUA | wire.FlagCanMultiConn
	if e.ReadOnly {
		flags |= wire.FlagReadOnly
	} else {
		flags |= wire.FlagSendTrim | wire.FlagSendWriteZeroes | wire.FlagSendFastZero
	}
	if structured {
		flags |= wire.FlagSendDF
	}
	return flags
}

// served is an export while the server has it, with the connections that use it.
type served struct {
	Export

	mu      sync.Mutex
	device  Device // nil while there are no connections
	conns   map[*conn]struct{}
	removed bool
	empty   chan struct{} // closed once removed is set and the last connection has left
}

func newServed(e Export) *served {
	return &served{Export: e, conns: make(map[*conn]struct{}), empty: make(chan struct{})}
}

// join gives c the device until it leaves. It fails if the export was removed or its device cannot be opened.
func (s *served) join(c *conn) (Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed {
		return nil, wire.ESHUTDOWN
	}
	if s.device == nil {
		device, err := s.Open()
		if err != nil {
			return nil, err
		}
		s.device = device
	}
	s.conns[c] = struct{}{}
	return s.device, nil
}

// leave takes back what join gave; the last to leave closes the device.
func (s *served) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) > 0 {
		return
	}
	if err := s.device.Close(); err != nil {
		c.log.Warn("nbd: closing a device failed", "export", s.Label, "error", err)
	}
	s.device = nil
	if s.removed {
		close(s.empty)
	}
}

// remove lets nobody join any more, disconnects who has, and waits until they have left. If ctx ends first, their
// sockets are closed without waiting for replies to be taken, and the context's error is returned.
func (s *served) remove(ctx context.Context) error {
	s.mu.Lock()
	first := !s.removed
	s.removed = true
	if first && len(s.conns) == 0 {
		close(s.empty)
	}
	for c := range s.conns {
		c.stop()
	}
	s.mu.Unlock()

	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.abort()
	}
	return context.Cause(ctx)
}
