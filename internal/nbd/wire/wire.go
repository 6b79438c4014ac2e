// Package wire has the numbers and messages of the Network Block Device protocol, as doc/proto.md of the
// NetworkBlockDevice project defines them: what the server in internal/nbd and the clients in its tests both need to
// know. Names are that document's, without the NBD_ in front. All integers travel in network byte order.
//
// What lives here: constants, errors, and the parsing of what clients send, which is hostile until proven otherwise.
// What must not: connections, state, devices.
package wire

import "encoding/binary"

// The magic numbers that begin messages.
const (
	MagicInit            uint64 = 0x4e42444d41474943 // "NBDMAGIC"
	MagicOption          uint64 = 0x49484156454f5054 // "IHAVEOPT"
	MagicOptionReply     uint64 = 0x0003e889045565a9
	MagicRequest         uint32 = 0x25609513
	MagicSimpleReply     uint32 = 0x67446698
	MagicStructuredReply uint32 = 0x668e33ef
)

// Flags of the server's greeting; the client's answer has the same bits.
const (
	FlagFixedNewstyle = 1 << 0
	FlagNoZeroes      = 1 << 1
)

// Option is what a client asks for during the handshake.
type Option uint32

// The options. Those not named here are unknown to the server.
const (
	OptExportName      Option = 1
	OptAbort           Option = 2
	OptList            Option = 3
	OptInfo            Option = 6
	OptGo              Option = 7
	OptStructuredReply Option = 8
	OptListMetaContext Option = 9
	OptSetMetaContext  Option = 10
)

// OptionReply is the type of a reply to an option; bit 31 marks errors.
type OptionReply uint32

// The types of replies that the server sends.
const (
	RepAck         OptionReply = 1
	RepServer      OptionReply = 2
	RepInfo        OptionReply = 3
	RepMetaContext OptionReply = 4
	RepErrUnsup    OptionReply = 1<<31 + 1
	RepErrInvalid  OptionReply = 1<<31 + 3
	RepErrPlatform OptionReply = 1<<31 + 4
	RepErrUnknown  OptionReply = 1<<31 + 6
	RepErrTooBig   OptionReply = 1<<31 + 9
)

// What a RepInfo tells of an export.
const (
	InfoExport      uint16 = 0
	InfoName        uint16 = 1
	InfoDescription uint16 = 2
	InfoBlockSize   uint16 = 3
)

// Transmission flags: what an export can do.
const (
	FlagHasFlags        uint16 = 1 << 0
	FlagReadOnly        uint16 = 1 << 1
	FlagSendFlush       uint16 = 1 << 2
	FlagSendFUA         uint16 = 1 << 3
	FlagSendTrim        uint16 = 1 << 5
	FlagSendWriteZeroes uint16 = 1 << 6
	FlagSendDF          uint16 = 1 << 7
	FlagCanMultiConn    uint16 = 1 << 8
	FlagSendFastZero    uint16 = 1 << 11
)

// Command is what a request asks for.
type Command uint16

// The commands. Those not named here are unknown to the server.
const (
	CmdRead        Command = 0
	CmdWrite       Command = 1
	CmdDisc        Command = 2
	CmdFlush       Command = 3
	CmdTrim        Command = 4
	CmdWriteZeroes Command = 6
	CmdBlockStatus Command = 7
)

// Flags of a request.
const (
	CmdFlagFUA      uint16 = 1 << 0
	CmdFlagNoHole   uint16 = 1 << 1
	CmdFlagDF       uint16 = 1 << 2
	CmdFlagReqOne   uint16 = 1 << 3
	CmdFlagFastZero uint16 = 1 << 4
)

// ReplyFlagDone marks the last chunk of a structured reply.
const ReplyFlagDone uint16 = 1 << 0

// The types of a structured reply's chunks; bit 15 marks errors.
const (
	ReplyNone        uint16 = 0
	ReplyOffsetData  uint16 = 1
	ReplyOffsetHole  uint16 = 2
	ReplyBlockStatus uint16 = 5
	ReplyError       uint16 = 1<<15 + 1
	ReplyErrorOffset uint16 = 1<<15 + 2
)

// ContextAllocation is the one metadata context of the protocol itself.
const ContextAllocation = "base:allocation"

// Flags of an extent in ContextAllocation.
const (
	StateHole uint32 = 1 << 0
	StateZero uint32 = 1 << 1
)

// Sizes of messages, in bytes.
const (
	OptionHeaderSize      = 16
	OptionReplyHeaderSize = 20
	RequestHeaderSize     = 28
	SimpleReplySize       = 16
	ChunkHeaderSize       = 20
	ExportNameZeroes      = 124 // padding after the answer to EXPORT_NAME unless the client waived it
)

// Limits the protocol sets: on strings, and on the data of a read or write with a server that has advertised nothing
// else.
const (
	MaxStringBytes  = 4096
	MaxPayloadBytes = 32 << 20
)

// Request is one message of the transmission phase as a client sends it, without a write's data.
type Request struct {
	Flags   uint16
	Command Command
	Cookie  uint64 // the client's own, repeated in the reply
	Offset  uint64 // bytes
	Length  uint32 // bytes
}

// ParseRequest decodes a request from the first RequestHeaderSize bytes of b, which must be there. ok is false if the
// magic is wrong, after which nothing on the stream means anything any more.
func ParseRequest(b []byte) (r Request, ok bool) {
	_ = b[RequestHeaderSize-1]
	return Request{
		Flags:   binary.BigEndian.Uint16(b[4:]),
		Command: Command(binary.BigEndian.Uint16(b[6:])),
		Cookie:  binary.BigEndian.Uint64(b[8:]),
		Offset:  binary.BigEndian.Uint64(b[16:]),
		Length:  binary.BigEndian.Uint32(b[24:]),
	}, binary.BigEndian.Uint32(b) == MagicRequest
}

// Append encodes the request behind b; it is ParseRequest's inverse.
func (r Request) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, MagicRequest)
	b = binary.BigEndian.AppendUint16(b, r.Flags)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Command))
	b = binary.BigEndian.AppendUint64(b, r.Cookie)
	b = binary.BigEndian.AppendUint64(b, r.Offset)
	return binary.BigEndian.AppendUint32(b, r.Length)
}
