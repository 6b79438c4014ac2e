package nbd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// maxAcceptPause is how long the server rests when it cannot accept, usually for want of descriptors.
const maxAcceptPause = time.Second

// Server serves exports to clients. Make one with NewServer; all methods are safe for concurrent use.
type Server struct {
	options Options
	buffers bufferPool

	mu        sync.Mutex
	exports   map[string]*served
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	closed    bool
	closing   chan struct{}  // closed by Shutdown
	running   sync.WaitGroup // accept loops and connections
}

// NewServer makes a server without exports that listens nowhere yet.
func NewServer(o Options) *Server {
	return &Server{
		options:   o.withDefaults(),
		exports:   make(map[string]*served),
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[*conn]struct{}),
		closing:   make(chan struct{}),
	}
}

// Add offers an export. It fails with ErrExportExists if the name is taken, with ErrServerClosed after Shutdown, or if
// the export is not valid; it does not open the device.
func (s *Server) Add(e Export) error {
	if err := e.validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrServerClosed
	}
	if _, taken := s.exports[e.Name]; taken {
		return ErrExportExists
	}
	s.exports[e.Name] = newServed(e)
	return nil
}

// Remove withdraws an export: no client finds it any more, those that use it are disconnected, and when Remove returns
// without an error the device has been closed after the last request in flight. A name that is not there is no error.
// When ctx ends first, Remove returns its error, and the rest goes on without being waited for.
func (s *Server) Remove(ctx context.Context, name string) error {
	s.mu.Lock()
	e := s.exports[name]
	delete(s.exports, name)
	s.mu.Unlock()
	if e == nil {
		return nil
	}
	return e.remove(ctx)
}

// Serve accepts clients until Shutdown is called, then returns ErrServerClosed; or until the listener fails, then
// returns its error. It closes the listener either way. It may be called for several listeners at once.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		s.running.Done()
	}()

	var pause time.Duration
	for {
		netConn, err := l.Accept()
		if err == nil {
			pause = 0
			s.welcome(netConn)
			continue
		}
		if errors.Is(err, net.ErrClosed) || !isPassing(err) {
			select {
			case <-s.closing:
				return ErrServerClosed
			default:
				return fmt.Errorf("nbd: accepting on %s: %w", l.Addr(), err)
			}
		}
		pause = min(max(2*pause, 5*time.Millisecond), maxAcceptPause)
		s.options.Logger.Warn("nbd: cannot accept a client now", "error", err, "retry_in", pause)
		select {
		case <-s.closing:
			return ErrServerClosed
		case <-time.After(pause):
		}
	}
}

// isPassing says whether accepting may work again later. There is no better way to ask: the system's errors for "out of
// descriptors" and "the client has gone already" say Temporary, a closed or broken listener does not.
func isPassing(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// welcome starts serving a client, or hangs up if there are too many.
func (s *Server) welcome(netConn net.Conn) {
	c := newConn(s, netConn)
	s.mu.Lock()
	full := len(s.conns) >= s.options.MaxConnections
	if full || s.closed {
		s.mu.Unlock()
		_ = netConn.Close() // nothing was sent
		if full {
			c.log.Warn("nbd: too many clients, one was turned away", "max_connections", s.options.MaxConnections)
		}
		return
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()

	go func() {
		defer s.running.Done()
		c.run()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
}

// Shutdown stops listening, disconnects all clients, and returns when the last request in flight is done and all devices
// are closed. When ctx ends first, sockets are closed without waiting for replies to be taken, and Shutdown returns the
// context's error without waiting any longer. Calling it again waits again.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	for l := range s.listeners {
		_ = l.Close() // Serve reports what matters
	}
	for c := range s.conns {
		c.stop()
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
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

// find gives the export of that name, nil if there is none.
func (s *Server) find(name string) *served {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exports[name]
}

// public lists the names that any client may know, in order.
func (s *Server) public() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range maps.Keys(s.exports) {
		if s.exports[name].Public {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
