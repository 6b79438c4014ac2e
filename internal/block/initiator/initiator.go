// Package initiator makes a service of ours the consumer of a volume: given what a back end says of a connection, it opens
// the bytes behind it. It is what os-brick is to Python services.
//
// What must not live here: who asks for the connection, and what the bytes are for.
package initiator

import (
	"context"
	"io"
	"net"
	"strconv"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/nbd/client"
)

// Device is the bytes of a connected volume.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// WriteZeroes makes a range read as zero.
	WriteZeroes(offset, length int64) error
	// Flush returns when all that was written would survive a power cut.
	Flush() error
	// Size is the length in bytes when it was opened.
	Size() int64
	Close() error
}

// Open opens the bytes behind a connection; they can be used until ctx ends or they are closed. A protocol that is not
// spoken here is a fault.NotImplemented, a connection info that lacks what its protocol needs a fault.Invalid, and a back
// end that does not answer a fault.Unavailable.
func Open(ctx context.Context, info block.ConnectionInfo) (Device, error) {
	if info.DriverVolumeType != "nbd" {
		return nil, fault.New(fault.NotImplemented, "", "This service cannot connect to volumes over %.40q.", info.DriverVolumeType)
	}
	network, address, ok := nbdAddress(info.Data)
	export, _ := info.Data["export"].(string)
	if !ok || export == "" {
		return nil, fault.New(fault.Invalid, "", "The back end does not say how its volume is to be reached.")
	}
	c, err := client.Dial(ctx, network, address, export, client.Options{})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "The volume cannot be reached at %s.", address)
	}
	return c, nil
}

// nbdAddress is where the server of a volume listens: over TCP where it does, else on this machine.
func nbdAddress(data map[string]any) (network, address string, ok bool) {
	if host, _ := data["host"].(string); host != "" {
		port := 0
		switch n := data["port"].(type) {
		case int:
			port = n
		case float64: // after a trip through JSON
			port = int(n)
		}
		return "tcp", net.JoinHostPort(host, strconv.Itoa(port)), port > 0 && port < 1<<16
	}
	socket, _ := data["unix_socket"].(string)
	return "unix", socket, socket != ""
}
