package nbd

import (
	"encoding/binary"
	"errors"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// minSparseRead is the length from which on a read asks for holes first. Below, asking costs more than it saves.
const minSparseRead = 64 << 10

// maxExtents bounds the answer to one block status request; the client asks on where the answer ends.
const maxExtents = 4096

// execute carries out one request, answers it, and returns its slot.
func (c *conn) execute(s *slot) {
	if s.Command == wire.CmdWrite { // it was checked before its data was read
		errno := c.write(&s.Request, s.payload.data, int64(s.Offset))
		if errno == 0 {
			errno = c.settle(&s.Request)
		}
		c.server.buffers.put(s.payload)
		c.finish(s, errno)
		return
	}
	if errno := c.check(&s.Request); errno != 0 {
		c.finish(s, errno)
		return
	}
	switch s.Command {
	case wire.CmdRead:
		c.read(s)
		c.release(s)
	case wire.CmdBlockStatus:
		c.blockStatus(s)
		c.release(s)
	default:
		c.finish(s, c.change(&s.Request))
	}
}

// finish answers a request whose reply has no data and returns its slot. That sending failed is of no interest here:
// the reader finds the connection closed.
func (c *conn) finish(s *slot, errno wire.Errno) {
	_ = c.sendResult(s, errno)
	c.release(s)
}

func (c *conn) release(s *slot) {
	s.payload = nil
	c.slots <- s
}

func (c *conn) write(r *wire.Request, data []byte, offset int64) wire.Errno {
	_, err := c.device.WriteAt(data, offset)
	return c.result("write", r, err)
}

// settle makes a change durable if the client asked for that.
func (c *conn) settle(r *wire.Request) wire.Errno {
	if r.Flags&wire.CmdFlagFUA == 0 {
		return 0
	}
	return c.result("flush", r, c.device.Flush())
}

// change carries out the commands that have neither data to send nor to receive.
func (c *conn) change(r *wire.Request) wire.Errno {
	offset, length := int64(r.Offset), int64(r.Length)
	var errno wire.Errno
	switch r.Command {
	case wire.CmdFlush:
		return c.result("flush", r, c.device.Flush())
	case wire.CmdTrim:
		errno = c.result("trim", r, c.device.Trim(offset, length))
	case wire.CmdWriteZeroes:
		how := Zeroing{NoHole: r.Flags&wire.CmdFlagNoHole != 0, Fast: r.Flags&wire.CmdFlagFastZero != 0}
		err := c.device.WriteZeroes(offset, length, how)
		if how.Fast && errors.Is(err, errors.ErrUnsupported) {
			return wire.ENOTSUP // an answer, not a failure
		}
		errno = c.result("write zeroes", r, err)
	}
	if errno != 0 {
		return errno
	}
	return c.settle(r)
}

// result turns a device's error into the client's, and logs it.
func (c *conn) result(operation string, r *wire.Request, err error) wire.Errno {
	if err != nil {
		c.reportDevice(operation, r, err)
	}
	return wire.ErrnoOf(err)
}

// read answers a read. Errors of sending are the reader's to find.
func (c *conn) read(s *slot) {
	switch {
	case s.Length == 0:
		_ = c.sendResult(s, 0)
	case !c.structured:
		_ = c.readSimple(s)
	case s.Length < minSparseRead || s.Flags&wire.CmdFlagDF != 0:
		_ = c.readPieces(s, s.Offset, s.Length, true)
	default:
		_ = c.readSparse(s)
	}
}

// readSimple answers with one message. A simple reply says that all went well before the first byte of data, so an
// error after that leaves nothing but hanging up.
func (c *conn) readSimple(s *slot) error {
	b := c.server.buffers.get(int(min(s.Length, maxPieceBytes)))
	defer c.server.buffers.put(b)
	if errno := c.readAt(s, b.data, s.Offset); errno != 0 {
		return c.sendResult(s, errno)
	}
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if err := c.sendLocked(s.simpleHead(0), b.data); err != nil {
		return err
	}
	for done := uint32(len(b.data)); done < s.Length; {
		data := b.data[:min(s.Length-done, maxPieceBytes)]
		if errno := c.readAt(s, data, s.Offset+uint64(done)); errno != 0 {
			c.sendErr = errno
			_ = c.netConn.Close() // the error that matters is in sendErr
			return errno
		}
		if err := c.sendLocked(data, nil); err != nil {
			return err
		}
		done += uint32(len(data))
	}
	return nil
}

// readSparse answers with a chunk per extent, holes without data.
func (c *conn) readSparse(s *slot) error {
	offset, left := s.Offset, s.Length
	for extent, err := range c.device.BlockStatus(int64(offset), int64(left)) {
		if err != nil || extent.Length <= 0 {
			break // not knowing is no failure: the rest is read
		}
		length := uint32(min(extent.Length, int64(left)))
		last := length == left
		if extent.Zero {
			err = c.sendHole(s, offset, length, last)
		} else {
			err = c.readPieces(s, offset, length, last)
		}
		if err != nil || last {
			return err
		}
		offset, left = offset+uint64(length), left-length
	}
	return c.readPieces(s, offset, left, true)
}

// readPieces answers with data chunks for a range of at least one byte; last says that it ends the reply. An error, of
// the device or of sending, means that the reply has ended.
func (c *conn) readPieces(s *slot, offset uint64, length uint32, last bool) error {
	b := c.server.buffers.get(int(min(length, maxPieceBytes)))
	defer c.server.buffers.put(b)
	for length > 0 {
		data := b.data[:min(length, maxPieceBytes)]
		if errno := c.readAt(s, data, offset); errno != 0 {
			if err := c.sendErrorAt(s, errno, offset); err != nil {
				return err
			}
			return errno
		}
		length -= uint32(len(data))
		if err := c.sendData(s, offset, data, last && length == 0); err != nil {
			return err
		}
		offset += uint64(len(data))
	}
	return nil
}

func (c *conn) readAt(s *slot, data []byte, offset uint64) wire.Errno {
	n, err := c.device.ReadAt(data, int64(offset))
	if n == len(data) {
		return 0 // io.ReaderAt may say EOF with the last byte
	}
	return c.result("read", &s.Request, err)
}

// blockStatus answers with the extents of a range, neighbours of one status put together.
func (c *conn) blockStatus(s *slot) {
	most := maxExtents
	if s.Flags&wire.CmdFlagReqOne != 0 {
		most = 1
	}
	b := c.server.buffers.get(4 + 8*maxExtents)
	defer c.server.buffers.put(b)
	list := binary.BigEndian.AppendUint32(b.data[:0], contextAllocationID)
	count, left := 0, int64(s.Length)
	for extent, err := range c.device.BlockStatus(int64(s.Offset), left) {
		if err != nil {
			if count == 0 {
				_ = c.sendResult(s, c.result("block status", &s.Request, err))
				return
			}
			break
		}
		length := min(extent.Length, left)
		if length <= 0 {
			break
		}
		if end := len(list); count > 0 && binary.BigEndian.Uint32(list[end-4:]) == extent.status() {
			before := binary.BigEndian.Uint32(list[end-8:])
			binary.BigEndian.PutUint32(list[end-8:], before+uint32(length)) // at most s.Length in all
		} else if count == most {
			break
		} else {
			list = binary.BigEndian.AppendUint32(list, uint32(length))
			list = binary.BigEndian.AppendUint32(list, extent.status())
			count++
		}
		left -= length
	}
	if count == 0 { // the device said nothing, and the reply must: "allocated" is always right
		list = binary.BigEndian.AppendUint32(list, s.Length)
		list = binary.BigEndian.AppendUint32(list, 0)
	}
	_ = c.sendChunk(s, wire.ReplyBlockStatus, true, nil, list)
}
