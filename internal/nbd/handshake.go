package nbd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// Limits of the handshake.
const (
	// maxOptionBytes holds a name of full length and more queries than there are contexts in this world.
	maxOptionBytes = 16 << 10
	// maxDiscardBytes is how long an option may be to be skipped politely; one that is longer ends the connection.
	maxDiscardBytes = 1 << 20
	// maxOptions is how many options a client may send; real ones need about six.
	maxOptions = 64
)

// preferredBlockSize is the length below which a write costs reading the rest of a page first.
const preferredBlockSize = 4096

// contextAllocationID is the id by which base:allocation goes on every connection.
const contextAllocationID uint32 = 1

// errAborted is a client's orderly goodbye during the handshake.
var errAborted = fmt.Errorf("the client aborted: %w", io.EOF)

// handshake is the state of the option haggling with one client.
type handshake struct {
	*conn
	noZeroes bool
	// contextExport is the export for which base:allocation was chosen, nil if it was not. Only the last choice counts,
	// and only if that export is the one that is used in the end.
	contextExport *served
}

// negotiate greets the client and answers its options until one of them starts the transmission phase, which needs
// c.export and all that goes with it. An error means that the connection is to be closed. Its deadline is the caller's.
func (c *conn) negotiate() error {
	h := handshake{conn: c}
	if err := h.greet(); err != nil {
		return err
	}
	scratch := c.server.buffers.get(maxOptionBytes)
	defer c.server.buffers.put(scratch)
	for range maxOptions {
		opt, data, err := h.readOption(scratch.data)
		if errors.Is(err, errOptionTooLong) {
			if err := h.reply(opt, wire.RepErrTooBig, []byte("the option's data is too long")); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if done, err := h.answer(opt, data); done || err != nil {
			return err
		}
	}
	return fmt.Errorf("the client sent %d options and chose no export", maxOptions)
}

func (h *handshake) greet() error {
	greeting := binary.BigEndian.AppendUint64(nil, wire.MagicInit)
	greeting = binary.BigEndian.AppendUint64(greeting, wire.MagicOption)
	greeting = binary.BigEndian.AppendUint16(greeting, wire.FlagFixedNewstyle|wire.FlagNoZeroes)
	if err := h.send(greeting, nil); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(h.in, answer[:]); err != nil {
		return err
	}
	flags := binary.BigEndian.Uint32(answer[:])
	if flags&^(wire.FlagFixedNewstyle|wire.FlagNoZeroes) != 0 {
		return fmt.Errorf("the client set unknown flags %#x", flags)
	}
	h.noZeroes = flags&wire.FlagNoZeroes != 0
	return nil
}

// errOptionTooLong says that an option's data was skipped for being longer than any honest option.
var errOptionTooLong = errors.New("the option's data is too long")

// readOption reads one option into scratch, which data points into.
func (h *handshake) readOption(scratch []byte) (opt wire.Option, data []byte, err error) {
	var head [wire.OptionHeaderSize]byte
	if _, err := io.ReadFull(h.in, head[:]); err != nil {
		return 0, nil, err
	}
	if magic := binary.BigEndian.Uint64(head[:]); magic != wire.MagicOption {
		return 0, nil, fmt.Errorf("the client sent %#x where an option begins with %#x", magic, wire.MagicOption)
	}
	opt = wire.Option(binary.BigEndian.Uint32(head[8:]))
	length := binary.BigEndian.Uint32(head[12:])
	switch {
	case length <= uint32(len(scratch)):
		data = scratch[:length]
		_, err = io.ReadFull(h.in, data)
		return opt, data, err
	case length > maxDiscardBytes || opt == wire.OptExportName: // the latter has no way to be answered with an error
		return opt, nil, fmt.Errorf("the client sent an option of %d bytes", length)
	}
	if _, err := h.in.Discard(int(length)); err != nil {
		return opt, nil, err
	}
	return opt, nil, errOptionTooLong
}

// answer deals with one option; done means that transmission begins.
func (h *handshake) answer(opt wire.Option, data []byte) (done bool, err error) {
	switch opt {
	case wire.OptExportName:
		return true, h.exportName(string(data))
	case wire.OptAbort:
		return false, errors.Join(h.reply(opt, wire.RepAck, nil), errAborted)
	case wire.OptList:
		return false, h.list(data)
	case wire.OptInfo, wire.OptGo:
		return h.info(opt, data)
	case wire.OptStructuredReply:
		if len(data) > 0 {
			return false, h.reply(opt, wire.RepErrInvalid, []byte("structured replies take no data"))
		}
		h.structured = true
		return false, h.reply(opt, wire.RepAck, nil)
	case wire.OptListMetaContext, wire.OptSetMetaContext:
		return false, h.metaContext(opt, data)
	}
	return false, h.reply(opt, wire.RepErrUnsup, []byte("this server does not know the option"))
}

// reply sends one reply to an option; with an error type, data is a text for people.
func (h *handshake) reply(opt wire.Option, kind wire.OptionReply, data []byte) error {
	head := binary.BigEndian.AppendUint64(make([]byte, 0, wire.OptionReplyHeaderSize), wire.MagicOptionReply)
	head = binary.BigEndian.AppendUint32(head, uint32(opt))
	head = binary.BigEndian.AppendUint32(head, uint32(kind))
	head = binary.BigEndian.AppendUint32(head, uint32(len(data)))
	return h.send(head, data)
}

// list names the public exports. The others stay secret.
func (h *handshake) list(data []byte) error {
	if len(data) > 0 {
		return h.reply(wire.OptList, wire.RepErrInvalid, []byte("a list takes no data"))
	}
	for _, name := range h.server.public() {
		entry := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
		if err := h.reply(wire.OptList, wire.RepServer, append(entry, name...)); err != nil {
			return err
		}
	}
	return h.reply(wire.OptList, wire.RepAck, nil)
}

// exportName starts transmission the old way, whose only answer to a name that is not there is hanging up.
func (h *handshake) exportName(name string) error {
	size, err := h.enter(h.server.find(name))
	if err != nil {
		return err
	}
	answer := binary.BigEndian.AppendUint64(nil, uint64(size))
	answer = binary.BigEndian.AppendUint16(answer, h.export.flags(h.structured))
	if !h.noZeroes {
		answer = append(answer, make([]byte, wire.ExportNameZeroes)...)
	}
	if err := h.send(answer, nil); err != nil {
		h.export.leave(h.conn)
		return err
	}
	return nil
}

// errUnknownExport is a client's wrong name, which is not repeated here: it may be the right one of another server.
var errUnknownExport = errors.New("the client asked for an export that is not there")

// enter joins the export and makes it the connection's own. A nil export is one that was not found.
func (h *handshake) enter(e *served) (size int64, err error) {
	if e == nil {
		return 0, errUnknownExport
	}
	device, err := e.join(h.conn)
	if err != nil {
		return 0, fmt.Errorf("opening export %s: %w", e.Label, err)
	}
	if size, err = device.Size(); err != nil {
		e.leave(h.conn)
		return 0, fmt.Errorf("size of export %s: %w", e.Label, err)
	}
	h.export, h.device = e, device
	h.size.Store(size)
	h.contexts = h.structured && h.contextExport == e
	return size, nil
}

// info answers INFO and GO, which differ in that GO, if it succeeds, starts transmission.
func (h *handshake) info(opt wire.Option, data []byte) (done bool, err error) {
	wanted, ok := wire.ParseInfoRequest(data)
	if !ok {
		return false, h.reply(opt, wire.RepErrInvalid, []byte("the option's data is malformed"))
	}
	size, err := h.enter(h.server.find(wanted.Name))
	if errors.Is(err, errUnknownExport) {
		return false, h.reply(opt, wire.RepErrUnknown, []byte("there is no such export"))
	}
	if err != nil {
		h.log.Warn("nbd: an export cannot be used", "error", err)
		return false, h.reply(opt, wire.RepErrPlatform, []byte("the export cannot be used now"))
	}
	done = opt == wire.OptGo
	if err = h.sendInfo(opt, wanted, size); err != nil || !done {
		h.export.leave(h.conn)
	}
	return done, err
}

// sendInfo tells of the export just entered, ending with the acknowledgement.
func (h *handshake) sendInfo(opt wire.Option, wanted wire.InfoRequest, size int64) error {
	item := func(kind uint16) []byte { return binary.BigEndian.AppendUint16(nil, kind) }

	export := binary.BigEndian.AppendUint64(item(wire.InfoExport), uint64(size))
	items := [][]byte{binary.BigEndian.AppendUint16(export, h.export.flags(h.structured))}
	if wanted.WantName {
		items = append(items, append(item(wire.InfoName), h.export.Name...))
	}
	if wanted.WantDescription && h.export.Description != "" {
		items = append(items, append(item(wire.InfoDescription), h.export.Description...))
	}
	if wanted.WantBlockSize {
		limits := binary.BigEndian.AppendUint32(item(wire.InfoBlockSize), 1)
		limits = binary.BigEndian.AppendUint32(limits, preferredBlockSize)
		items = append(items, binary.BigEndian.AppendUint32(limits, wire.MaxPayloadBytes))
	}
	for _, data := range items {
		if err := h.reply(opt, wire.RepInfo, data); err != nil {
			return err
		}
	}
	return h.reply(opt, wire.RepAck, nil)
}

// metaContext lists or chooses contexts. There is one, base:allocation; queries for others are not an error and find
// nothing.
func (h *handshake) metaContext(opt wire.Option, data []byte) error {
	choosing := opt == wire.OptSetMetaContext
	if choosing {
		h.contextExport = nil // also if this option fails
	}
	wanted, ok := wire.ParseContextRequest(data)
	if !ok {
		return h.reply(opt, wire.RepErrInvalid, []byte("the option's data is malformed"))
	}
	if !h.structured {
		return h.reply(opt, wire.RepErrInvalid, []byte("metadata contexts need structured replies"))
	}
	export := h.server.find(wanted.Name)
	if export == nil {
		return h.reply(opt, wire.RepErrUnknown, []byte("there is no such export"))
	}
	id := uint32(0) // when listing, the id means nothing
	found := wanted.Allocation || wanted.Wildcard || wanted.Queries == 0
	if choosing {
		id, found = contextAllocationID, wanted.Allocation
	}
	if found {
		context := append(binary.BigEndian.AppendUint32(nil, id), wire.ContextAllocation...)
		if err := h.reply(opt, wire.RepMetaContext, context); err != nil {
			return err
		}
		if choosing {
			h.contextExport = export
		}
	}
	return h.reply(opt, wire.RepAck, nil)
}
