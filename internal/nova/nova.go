// Package nova is the contract of a compute service as block storage needs it: to be told what became of volumes that servers
// use, to move the bytes of such a volume, and to say whether a server still uses one.
//
// What must not live here: HTTP (client), or what a volume's operations make of the answers.
package nova

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
)

// Service is a compute service. Who asks is the request in the context (reqctx); where a method says so, it is this service itself
// if it has an account with the compute service.
//
// Faults of all methods: Unavailable ErrAbsent where there is no compute service; Unavailable NovaConnectionFailed where it does
// not answer, or not soundly; Forbidden where it refuses the caller.
type Service interface {
	// AttachmentOf is the id of the attachment by which a server uses a volume; empty where the compute service does not say.
	// It is asked as the caller, microversion 2.89. NotFound: there is no such server, or it does not use the volume.
	AttachmentOf(ctx context.Context, serverID, volumeID string) (attachmentID string, err error)
	// Tell tells of events, as this service: POST /os-server-external-events at the newest microversion that an event needs.
	// That the compute service knows none of the servers is NotFound; that it takes some events and not others is no error.
	Tell(ctx context.Context, events ...Event) error
	// UpdateServerVolume has a server use the volume newID instead of volumeID, whose bytes it copies, as this service:
	// PUT /servers/{id}/os-volume_attachments/{volume}. It returns when the compute service has begun; in the end that one calls
	// os-migrate_volume_completion. Conflict: the server is not in a state to do so. NotFound as for AttachmentOf.
	UpdateServerVolume(ctx context.Context, serverID, volumeID, newID string) error
}

// Event is what a server's host is told of a volume.
type Event struct {
	Name     string // EventVolumeExtended or EventVolumeReimaged
	ServerID string
	Tag      string // the volume's id
}

// Names of events, by the microversion that brought them.
const (
	EventVolumeExtended = "volume-extended" // 2.51
	EventVolumeReimaged = "volume-reimaged" // 2.93
)

// ErrAbsent is that there is no compute service: the caller's catalog has none, and this service has no account with one.
var ErrAbsent = fault.New(fault.Unavailable, "EndpointNotFound", "There is no compute service.")

// ConnectionFailed is the fault of a compute service that does not answer, or not soundly.
func ConnectionFailed(cause error, format string, args ...any) *fault.Error {
	reason := fault.New(fault.Unavailable, "", format, args...).Text
	return fault.Wrap(cause, fault.Unavailable, "NovaConnectionFailed", "Connection to nova failed: %s", reason)
}

// NotFound is the fault of a server that is not there, or does not use the volume.
func NotFound(cause error, serverID, volumeID string) *fault.Error {
	return fault.Wrap(cause, fault.NotFound, "ServerNotFound", "Instance %s could not be found, or does not use volume %s.", serverID, volumeID)
}
