package nbd

import (
	"encoding/binary"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// simpleHead is the header of a simple reply, made in the slot's scratch space.
func (s *slot) simpleHead(errno wire.Errno) []byte {
	head := binary.BigEndian.AppendUint32(s.head[:0], wire.MagicSimpleReply)
	head = binary.BigEndian.AppendUint32(head, uint32(errno))
	return binary.BigEndian.AppendUint64(head, s.Cookie)
}

// sendResult answers a request that has no data to send: done, or failed. With structured replies an error comes with
// words for people, and a read, which may not be answered by a simple reply then, gets a chunk in any case.
func (c *conn) sendResult(s *slot, errno wire.Errno) error {
	switch {
	case c.structured && errno != 0:
		text := errno.Error()
		fields := binary.BigEndian.AppendUint32(s.fields(), uint32(errno))
		fields = binary.BigEndian.AppendUint16(fields, uint16(len(text)))
		return c.sendChunk(s, wire.ReplyError, true, fields, []byte(text))
	case c.structured && s.Command == wire.CmdRead:
		return c.sendChunk(s, wire.ReplyNone, true, nil, nil)
	}
	return c.send(s.simpleHead(errno), nil)
}

// sendErrorAt ends a structured reply to a read with an error at an offset; what was sent before it is valid.
func (c *conn) sendErrorAt(s *slot, errno wire.Errno, offset uint64) error {
	fields := binary.BigEndian.AppendUint32(s.fields(), uint32(errno))
	fields = binary.BigEndian.AppendUint16(fields, 0) // no text
	fields = binary.BigEndian.AppendUint64(fields, offset)
	return c.sendChunk(s, wire.ReplyErrorOffset, true, fields, nil)
}

func (c *conn) sendData(s *slot, offset uint64, data []byte, last bool) error {
	fields := binary.BigEndian.AppendUint64(s.fields(), offset)
	return c.sendChunk(s, wire.ReplyOffsetData, last, fields, data)
}

func (c *conn) sendHole(s *slot, offset uint64, length uint32, last bool) error {
	fields := binary.BigEndian.AppendUint64(s.fields(), offset)
	fields = binary.BigEndian.AppendUint32(fields, length)
	return c.sendChunk(s, wire.ReplyOffsetHole, last, fields, nil)
}

// fields is where the fixed part of a chunk's payload is put together: right behind the place of the header.
func (s *slot) fields() []byte { return s.head[wire.ChunkHeaderSize:wire.ChunkHeaderSize] }

// sendChunk sends one chunk of a structured reply. fields must have been appended to s.fields(), or be empty.
func (c *conn) sendChunk(s *slot, kind uint16, last bool, fields, data []byte) error {
	var flags uint16
	if last {
		flags = wire.ReplyFlagDone
	}
	head := binary.BigEndian.AppendUint32(s.head[:0], wire.MagicStructuredReply)
	head = binary.BigEndian.AppendUint16(head, flags)
	head = binary.BigEndian.AppendUint16(head, kind)
	head = binary.BigEndian.AppendUint64(head, s.Cookie)
	head = binary.BigEndian.AppendUint32(head, uint32(len(fields)+len(data)))
	return c.send(head[:len(head)+len(fields)], data)
}
