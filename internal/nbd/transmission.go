package nbd

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// errDisconnect is the client's orderly goodbye.
var errDisconnect = fmt.Errorf("the client disconnected: %w", io.EOF)

// transmit reads requests and has each carried out in a goroutine of its own, up to MaxInFlight at a time, so that
// replies come in the order in which requests are done. It returns when the stream has ended and no request is in
// flight any more.
func (c *conn) transmit() error {
	n := c.server.options.MaxInFlight
	c.slots = make(chan *slot, n)
	for range n {
		c.slots <- new(slot)
	}
	var err error
	for err == nil {
		err = c.readRequest(<-c.slots)
	}
	for range n - 1 { // one slot is the failed reader's
		<-c.slots
	}
	return err
}

// readRequest reads one request and sees to it that it is answered and the slot returned. On an error it keeps the slot.
func (c *conn) readRequest(s *slot) error {
	if _, err := io.ReadFull(c.in, s.head[:wire.RequestHeaderSize]); err != nil {
		return err
	}
	r, ok := wire.ParseRequest(s.head[:wire.RequestHeaderSize])
	if !ok {
		return errors.New("the client sent something that is no request")
	}
	s.Request = r
	switch {
	case r.Command == wire.CmdDisc:
		return errDisconnect
	case r.Command != wire.CmdWrite:
		go c.execute(s)
		return nil
	case r.Length > wire.MaxPayloadBytes:
		return fmt.Errorf("the client sent a write of %d bytes where at most %d are allowed", r.Length, wire.MaxPayloadBytes)
	}
	return c.readWrite(s)
}

// readWrite reads a write's data. What fits into one buffer is written in the background; more is written piece by
// piece while it comes in.
func (c *conn) readWrite(s *slot) error {
	if errno := c.check(&s.Request); errno != 0 {
		if err := c.readData(int(s.Length), nil); err != nil {
			return err
		}
		c.finish(s, errno)
		return nil
	}
	if s.Length > maxPieceBytes {
		return c.readLongWrite(s)
	}
	s.payload = c.server.buffers.get(int(s.Length))
	if err := c.readData(len(s.payload.data), s.payload.data); err != nil {
		c.server.buffers.put(s.payload)
		return err
	}
	go c.execute(s)
	return nil
}

func (c *conn) readLongWrite(s *slot) error {
	piece := c.server.buffers.get(maxPieceBytes)
	defer c.server.buffers.put(piece)
	var errno wire.Errno
	for done := uint32(0); done < s.Length; {
		data := piece.data[:min(s.Length-done, maxPieceBytes)]
		if err := c.readData(len(data), data); err != nil {
			return err
		}
		if errno == 0 { // after an error the rest is read and dropped
			errno = c.write(&s.Request, data, int64(s.Offset)+int64(done))
		}
		done += uint32(len(data))
	}
	if errno == 0 {
		errno = c.settle(&s.Request)
	}
	c.finish(s, errno)
	return nil
}

// readData reads n bytes into data, or drops them if data is nil. The client has announced them, so it has PeerTimeout
// to send each piece.
func (c *conn) readData(n int, data []byte) error {
	if n > c.in.Buffered() {
		c.setReadDeadline(time.Now().Add(c.server.options.PeerTimeout))
		defer c.setReadDeadline(time.Time{})
	}
	var err error
	if data == nil {
		_, err = c.in.Discard(n)
	} else {
		_, err = io.ReadFull(c.in, data)
	}
	if err != nil {
		return fmt.Errorf("reading the data of a write: %w", err)
	}
	return nil
}

// allowedFlags are the flags a command may carry. FUA is allowed with every command, and means something to some.
func (c *conn) allowedFlags(cmd wire.Command) uint16 {
	switch cmd {
	case wire.CmdRead:
		if c.structured {
			return wire.CmdFlagFUA | wire.CmdFlagDF
		}
	case wire.CmdWriteZeroes:
		return wire.CmdFlagFUA | wire.CmdFlagNoHole | wire.CmdFlagFastZero
	case wire.CmdBlockStatus:
		return wire.CmdFlagFUA | wire.CmdFlagReqOne
	}
	return wire.CmdFlagFUA
}

// check says what is wrong with a request before anything is done about it; 0 for nothing.
func (c *conn) check(r *wire.Request) wire.Errno {
	writing, outside := false, wire.EINVAL
	switch r.Command {
	case wire.CmdFlush:
		if r.Flags&^c.allowedFlags(r.Command) != 0 {
			return wire.EINVAL
		}
		return 0 // offset and length are reserved
	case wire.CmdRead:
	case wire.CmdWrite, wire.CmdWriteZeroes:
		writing, outside = true, wire.ENOSPC
	case wire.CmdTrim:
		writing = true
	case wire.CmdBlockStatus:
		if !c.contexts || r.Length == 0 {
			return wire.EINVAL
		}
	default:
		return wire.EINVAL
	}
	switch {
	case r.Flags&^c.allowedFlags(r.Command) != 0:
		return wire.EINVAL
	case writing && c.export.ReadOnly:
		return wire.EPERM
	case !c.fits(r.Offset, r.Length):
		return outside
	case r.Command == wire.CmdRead:
		return c.checkReadLength(r)
	}
	return 0
}

// checkReadLength refuses reads that are longer than advertised, and unfragmented ones that are longer than a buffer
// (the protocol demands only 64 KiB of these). A simple reply cannot carry EOVERFLOW.
func (c *conn) checkReadLength(r *wire.Request) wire.Errno {
	switch {
	case r.Length > wire.MaxPayloadBytes && !c.structured:
		return wire.EINVAL
	case r.Length > wire.MaxPayloadBytes, r.Flags&wire.CmdFlagDF != 0 && r.Length > maxPieceBytes:
		return wire.EOVERFLOW
	}
	return 0
}
