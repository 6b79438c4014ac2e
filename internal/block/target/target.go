// Package target is how a volume that a driver keeps on this machine is handed to a consumer elsewhere: NBD, iSCSI,
// NVMe-oF. It holds the contract; targettest holds the suite every target passes; one package per target implements it.
//
// A target sees a path on this machine and nothing of volumes, rows or drivers. A driver whose storage has a protocol of
// its own (Ceph) needs no target.
package target

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// Connection is one consumer's use of one device.
type Connection struct {
	// ID names the connection for good: the attachment's id, or what stands for one where there is no attachment. It
	// is a UUID that only the consumer and we know.
	ID       string
	VolumeID string
	// Device is the path of the raw bytes: a regular file or a block device.
	Device    string
	SizeBytes int64
	ReadOnly  bool
	Connector block.Connector // what the consumer said of itself; nil when re-exporting after a restart
}

// Target exports devices. All methods are safe for concurrent use and idempotent on repeat.
type Target interface {
	// Protocol is the storage_protocol it stands for in capabilities: "nbd", "iSCSI", "NVMe-oF".
	Protocol() string
	// Start makes it ready to serve; a port or socket that cannot be had is a fault.Unavailable that names it.
	Start(ctx context.Context) error
	// Connect exports the device and says how to reach it. Called again with the same ID it gives the same answer, also
	// after a restart of the service: the consumer keeps what it was told.
	Connect(ctx context.Context, c Connection) (block.ConnectionInfo, error)
	// Disconnect ends the export and severs the consumer; an unknown ID is no error.
	Disconnect(ctx context.Context, id string) error
	// Resize tells the consumer side of every connection of the volume that the device has grown, as far as the
	// protocol can.
	Resize(ctx context.Context, volumeID string, sizeBytes int64) error
	// Close severs everything and frees what Start took.
	Close(ctx context.Context) error
}
