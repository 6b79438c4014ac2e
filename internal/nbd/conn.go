package nbd

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// readAheadBytes is the size of a connection's read buffer: several small writes with their headers, so that one system
// call fetches them. The data of larger ones bypasses it.
const readAheadBytes = 16 << 10

// maxLoggedErrors is how many device errors one connection may put into the log.
const maxLoggedErrors = 10

// past is a deadline that makes a blocked read or write return at once.
func past() time.Time { return time.Unix(1, 0) }

// conn is one client's connection, from the greeting to the end.
type conn struct {
	server  *Server
	netConn net.Conn
	log     *slog.Logger
	in      *bufio.Reader

	// What the handshake decided. Set before the first request is read and not changed afterwards.
	export     *served
	device     Device
	structured bool // replies are structured
	contexts   bool // base:allocation was chosen

	size     atomic.Int64 // the device's size as last seen
	stopping atomic.Bool
	errors   atomic.Int32 // device errors so far
	slots    chan *slot   // the free ones; MaxInFlight of them exist

	sendMu  sync.Mutex
	sendErr error // the first failure to send; nothing may follow on the stream
	parts   [2][]byte
	vector  net.Buffers
}

// slot is what a request in flight occupies: its place among MaxInFlight, and scratch space for reply headers.
type slot struct {
	wire.Request
	payload *buffer // of a write
	head    [48]byte
}

func newConn(s *Server, netConn net.Conn) *conn {
	return &conn{
		server:  s,
		netConn: netConn,
		log:     s.options.Logger.With("client", netConn.RemoteAddr().String()),
		in:      bufio.NewReaderSize(netConn, readAheadBytes),
	}
}

// run serves the client until it goes or is stopped; it returns when no request of it is in flight any more.
func (c *conn) run() {
	defer c.netConn.Close()
	c.setReadDeadline(time.Now().Add(c.server.options.HandshakeTimeout))
	err := c.negotiate()
	if err != nil {
		c.logEnd("nbd: the handshake with a client failed", err)
		return
	}
	c.setReadDeadline(time.Time{})
	c.log.Debug("nbd: a client uses an export", "export", c.export.Label, "read_only", c.export.ReadOnly)
	err = c.transmit()
	c.export.leave(c)
	c.logEnd("nbd: a client was lost", err)
}

// logEnd tells why a connection ended, unless that is how connections end.
func (c *conn) logEnd(what string, err error) {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || c.stopping.Load() {
		return
	}
	c.log.Info(what, "error", err)
}

// stop ends the connection gently: no further request is read, and the replies to those in flight have DrainTimeout to
// reach the client.
func (c *conn) stop() {
	c.stopping.Store(true)
	_ = c.netConn.SetReadDeadline(past()) // fails only on a closed connection, which is what we want
	_ = c.netConn.SetWriteDeadline(time.Now().Add(c.server.options.DrainTimeout))
}

// abort ends the connection at once. A device operation that has begun still runs to its end.
func (c *conn) abort() {
	c.stopping.Store(true)
	_ = c.netConn.Close() // the second close, by run, is harmless
}

// setReadDeadline is netConn's, except that a connection that is being stopped stays so. (stop sets its flag first and
// the deadline second; here the order is reversed, so that whichever comes last leaves the deadline in the past.)
func (c *conn) setReadDeadline(t time.Time) {
	_ = c.netConn.SetReadDeadline(t)
	if c.stopping.Load() {
		_ = c.netConn.SetReadDeadline(past())
	}
}

// setWriteDeadline gives the next message PeerTimeout, or DrainTimeout when the connection is being stopped.
func (c *conn) setWriteDeadline() {
	o := &c.server.options
	_ = c.netConn.SetWriteDeadline(time.Now().Add(o.PeerTimeout))
	if c.stopping.Load() {
		_ = c.netConn.SetWriteDeadline(time.Now().Add(o.DrainTimeout))
	}
}

// send puts one whole message on the stream, from one or two parts and in one system call where the socket can. After
// a failure the stream is unusable, so the connection is closed, which also ends its reader.
func (c *conn) send(head, data []byte) error {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	return c.sendLocked(head, data)
}

func (c *conn) sendLocked(head, data []byte) error {
	if c.sendErr != nil {
		return c.sendErr
	}
	c.setWriteDeadline()
	if len(data) == 0 {
		_, c.sendErr = c.netConn.Write(head)
	} else {
		c.parts = [2][]byte{head, data}
		c.vector = c.parts[:]
		_, c.sendErr = c.vector.WriteTo(c.netConn)
		c.parts = [2][]byte{}
	}
	if c.sendErr != nil {
		if errors.Is(c.sendErr, os.ErrDeadlineExceeded) {
			c.log.Warn("nbd: a client does not take its replies and was hung up on")
		}
		_ = c.netConn.Close()
	}
	return c.sendErr
}

// fits says whether the range lies within the device. A device may have grown since the client asked for its size: then
// its new bytes can be used at once.
func (c *conn) fits(offset uint64, length uint32) bool {
	end := offset + uint64(length)
	if end < offset || end > 1<<63-1 {
		return false
	}
	if int64(end) <= c.size.Load() {
		return true
	}
	size, err := c.device.Size()
	if err != nil {
		return false
	}
	c.size.Store(size)
	return int64(end) <= size
}

// reportDevice logs a device's error, for the client sees only a number.
func (c *conn) reportDevice(what string, r *wire.Request, err error) {
	if n := c.errors.Add(1); n <= maxLoggedErrors {
		c.log.Warn("nbd: a device operation failed", "operation", what, "export", c.export.Label, "offset", r.Offset,
			"length", r.Length, "error", err, "last_reported", n == maxLoggedErrors)
	}
}
