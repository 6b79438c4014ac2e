package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// maxErrorBytes is how long the payload of an error chunk may be: a number, a text and an offset.
const maxErrorBytes = 4 + 2 + wire.MaxStringBytes + 8

// chunks takes the chunks of a structured reply; the magic of the first is read already. They have to cover into, each
// byte once.
func (c *Client) chunks(into []byte, offset int64) (refused wire.Errno, err error) {
	missing := int64(len(into))
	// A chunk has at least a byte of data, or is the last, or tells of an error; anything longer than that is no reply.
	for range len(into) + 2 {
		head, err := c.take(wire.ChunkHeaderSize - 4)
		if err != nil {
			return 0, err
		}
		flags, kind := binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[2:])
		if cookie := binary.BigEndian.Uint64(head[4:]); cookie != c.cookie {
			return 0, fmt.Errorf("a chunk of a reply to request %d instead of %d", cookie, c.cookie)
		}
		covered, errno, err := c.chunk(kind, binary.BigEndian.Uint32(head[12:]), into, offset)
		if err != nil {
			return 0, err
		}
		missing -= covered
		if refused == 0 {
			refused = errno
		}
		if flags&wire.ReplyFlagDone != 0 {
			if refused == 0 && missing != 0 {
				return 0, fmt.Errorf("a reply that lacks %d bytes", missing)
			}
			return refused, nil
		}
		if head, err = c.take(4); err != nil {
			return 0, err
		}
		if magic := binary.BigEndian.Uint32(head); magic != wire.MagicStructuredReply {
			return 0, fmt.Errorf("a chunk that begins with %#x", magic)
		}
	}
	return 0, errors.New("a reply without end")
}

// chunk takes the payload of one chunk and says how many bytes of into it gave.
func (c *Client) chunk(kind uint16, length uint32, into []byte, offset int64) (covered int64, refused wire.Errno, err error) {
	switch kind {
	case wire.ReplyNone:
		if length != 0 {
			return 0, 0, fmt.Errorf("an empty chunk of %d bytes", length)
		}
		return 0, 0, nil
	case wire.ReplyOffsetData:
		if length < 9 || int64(length)-8 > int64(len(into)) {
			return 0, 0, fmt.Errorf("a chunk of %d bytes for a read of %d", length, len(into))
		}
		part, err := c.part(into, offset, int64(length)-8)
		if err == nil {
			_, err = io.ReadFull(c.in, part)
		}
		return int64(len(part)), 0, err
	case wire.ReplyOffsetHole:
		if length != 12 {
			return 0, 0, fmt.Errorf("a hole of %d bytes of payload", length)
		}
		part, err := c.part(into, offset, -1)
		clear(part)
		return int64(len(part)), 0, err
	case wire.ReplyError, wire.ReplyErrorOffset:
		if length < 6 || length > maxErrorBytes {
			return 0, 0, fmt.Errorf("an error of %d bytes", length)
		}
		payload, err := c.take(int(length))
		if err != nil {
			return 0, 0, err
		}
		if refused = wire.Errno(binary.BigEndian.Uint32(payload)); refused == 0 {
			refused = wire.EIO // it said that it is an error
		}
		return 0, refused, nil
	}
	return 0, 0, fmt.Errorf("a chunk of unknown kind %#x", kind)
}

// part reads the offset that begins a chunk, and with a length below zero the length behind it, and gives the part of into
// that it speaks of.
func (c *Client) part(into []byte, offset, length int64) ([]byte, error) {
	head, err := c.take(8)
	if err != nil {
		return nil, err
	}
	at := binary.BigEndian.Uint64(head)
	if length < 0 {
		if head, err = c.take(4); err != nil {
			return nil, err
		}
		length = int64(binary.BigEndian.Uint32(head))
	}
	from := int64(at) - offset
	if at > 1<<62 || from < 0 || length < 1 || from+length > int64(len(into)) {
		return nil, fmt.Errorf("a chunk of %d bytes at %d for a read of %d at %d", length, at, len(into), offset)
	}
	return into[from : from+length], nil
}
