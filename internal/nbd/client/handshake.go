package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// Limits of the handshake.
const (
	maxReplyBytes = 16 << 10 // the data of one reply to an option
	maxReplies    = 64       // replies to one option
)

// shakeHands goes from the server's greeting to the transmission of the export.
func (c *Client) shakeHands(export string) error {
	if len(export) > wire.MaxStringBytes {
		return fmt.Errorf("an export name of %d bytes; %d are allowed", len(export), wire.MaxStringBytes)
	}
	greeting, err := c.take(18)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint64(greeting) != wire.MagicInit || binary.BigEndian.Uint64(greeting[8:]) != wire.MagicOption {
		return errors.New("this is no NBD server of the newstyle kind")
	}
	flags := uint32(binary.BigEndian.Uint16(greeting[16:])) & (wire.FlagFixedNewstyle | wire.FlagNoZeroes)
	if flags&wire.FlagFixedNewstyle == 0 {
		return errors.New("the server does not speak the fixed newstyle handshake")
	}
	if _, err := c.conn.Write(binary.BigEndian.AppendUint32(nil, flags)); err != nil {
		return err
	}
	switch err := c.option(wire.OptStructuredReply, nil, nil); {
	case err == nil:
		c.structured = true
	case !errors.As(err, new(refusal)):
		return err
	}
	return c.enter(export)
}

// enter chooses the export and learns its size and flags.
func (c *Client) enter(export string) error {
	request := binary.BigEndian.AppendUint32(nil, uint32(len(export)))
	request = append(request, export...)
	request = binary.BigEndian.AppendUint16(request, 0) // nothing more to be told
	known := false
	err := c.option(wire.OptGo, request, func(data []byte) error {
		if len(data) < 2 || binary.BigEndian.Uint16(data) != wire.InfoExport {
			return nil // what was not asked for may be told all the same
		}
		if len(data) != 12 {
			return fmt.Errorf("an export's description of %d bytes", len(data))
		}
		size := binary.BigEndian.Uint64(data[2:])
		if size > 1<<62 {
			return fmt.Errorf("an export of %d bytes", size)
		}
		c.sizeBytes, c.flags, known = int64(size), binary.BigEndian.Uint16(data[10:]), true
		return nil
	})
	if err == nil && !known {
		err = errors.New("the server did not say how large the export is")
	}
	return err
}

// refusal is a server's error reply to an option.
type refusal struct {
	option wire.Option
	kind   wire.OptionReply
	text   string
}

func (r refusal) Error() string {
	return fmt.Sprintf("the server refused option %d (%#x): %.200q", r.option, uint32(r.kind), r.text)
}

// option sends an option and takes the replies until the one that ends them; info gets the data of each RepInfo.
func (c *Client) option(option wire.Option, data []byte, info func(data []byte) error) error {
	head := binary.BigEndian.AppendUint64(nil, wire.MagicOption)
	head = binary.BigEndian.AppendUint32(head, uint32(option))
	head = binary.BigEndian.AppendUint32(head, uint32(len(data)))
	if _, err := c.conn.Write(append(head, data...)); err != nil {
		return err
	}
	for range maxReplies {
		kind, data, err := c.optionReply(option)
		switch {
		case err != nil:
			return err
		case kind == wire.RepAck:
			return nil
		case kind&(1<<31) != 0:
			return refusal{option, kind, string(data)}
		case kind == wire.RepInfo && info != nil:
			if err := info(data); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("more than %d replies to option %d", maxReplies, option)
}

func (c *Client) optionReply(option wire.Option) (wire.OptionReply, []byte, error) {
	head, err := c.take(wire.OptionReplyHeaderSize)
	if err != nil {
		return 0, nil, err
	}
	if magic := binary.BigEndian.Uint64(head); magic != wire.MagicOptionReply {
		return 0, nil, fmt.Errorf("a reply that begins with %#x", magic)
	}
	if o := wire.Option(binary.BigEndian.Uint32(head[8:])); o != option {
		return 0, nil, fmt.Errorf("a reply to option %d instead of %d", o, option)
	}
	length := binary.BigEndian.Uint32(head[16:])
	if length > maxReplyBytes {
		return 0, nil, fmt.Errorf("a reply of %d bytes", length)
	}
	data := make([]byte, length)
	_, err = io.ReadFull(c.in, data)
	return wire.OptionReply(binary.BigEndian.Uint32(head[12:])), data, err
}
