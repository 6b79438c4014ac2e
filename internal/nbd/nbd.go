// Package nbd is a server for the Network Block Device protocol: it hands ranges of bytes (a Device; package file has one over files) to
// clients such as qemu, nbdcopy and the Linux kernel, over any stream listener.
//
// The protocol is the one described by doc/proto.md of the NetworkBlockDevice project: the fixed-newstyle handshake,
// simple and structured replies, the base:allocation metadata context, and the commands read, write, flush, trim, write
// zeroes and block status. Not spoken: TLS, the experimental extended headers and resize, and the cache hint; a client
// that asks for one of them is told so and goes on without.
//
// A request takes this way: server.go accepts a connection; handshake.go haggles over options until the client has
// chosen an export; transmission.go reads requests; execute.go carries them out, several at a time; reply.go answers.
// Package wire has the numbers of the protocol.
//
// An export's name is a capability: whoever knows it may use the export. The server never lists names (unless an export
// is Public) and never logs them; the Label is what logs show.
//
// What must not live here: volumes, attachments, or anything else of OpenStack.
package nbd

import (
	"cmp"
	"errors"
	"log/slog"
	"time"
)

// ErrServerClosed is what Serve and Add return once Shutdown has been called.
var ErrServerClosed = errors.New("nbd: the server has been shut down")

// ErrExportExists is what Add returns for a name that is taken.
var ErrExportExists = errors.New("nbd: an export of this name exists")

// Options bound what clients may take of the server. The zero value of each field means its default.
type Options struct {
	// Logger is told of connections and of device errors. Nil means silence.
	Logger *slog.Logger
	// MaxConnections is how many clients are served at a time; one more is hung up on at once. Default 1024.
	MaxConnections int
	// MaxInFlight is how many requests of one connection are carried out at a time; further ones wait in the socket.
	// A connection holds at most MaxInFlight MiB of memory. Default 16.
	MaxInFlight int
	// HandshakeTimeout is how long a client may take from connecting to choosing an export. Default 10 s.
	HandshakeTimeout time.Duration
	// PeerTimeout is how long a client may leave the server stuck half-way through a message: sending the rest of a
	// write's data, or taking a reply off the wire. An idle client is never timed out. Default 2 min.
	PeerTimeout time.Duration
	// DrainTimeout is how long a client that is being disconnected has to take the replies to what it had asked
	// before. Default 2 s.
	DrainTimeout time.Duration
}

func (o Options) withDefaults() Options {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.MaxConnections = cmp.Or(o.MaxConnections, 1024)
	o.MaxInFlight = cmp.Or(o.MaxInFlight, 16)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, 10*time.Second)
	o.PeerTimeout = cmp.Or(o.PeerTimeout, 2*time.Minute)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 2*time.Second)
	return o
}
