package block

import "github.com/clinker/clinker/internal/fault"

// The faults the use cases raise most, with upstream's exception names and texts (cinder/exception.py), so that clients
// which match on them keep working and Python services can rebuild them.

// InvalidInput: the request asks for something that cannot be.
func InvalidInput(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidInput", "Invalid input received: "+format, args...)
}

// InvalidVolume: the volume's state does not allow it.
func InvalidVolume(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidVolume", "Invalid volume: "+format, args...)
}

// InvalidSnapshot: the snapshot's state does not allow it.
func InvalidSnapshot(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidSnapshot", "Invalid snapshot: "+format, args...)
}

// VolumeNotFound: there is no such volume, or none the caller may know of.
func VolumeNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "VolumeNotFound", "Volume %s could not be found.", id)
}

// SnapshotNotFound: there is no such snapshot, or none the caller may know of.
func SnapshotNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "SnapshotNotFound", "Snapshot %s could not be found.", id)
}

// AttachmentNotFound: there is no such attachment, or none the caller may know of.
func AttachmentNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "VolumeAttachmentNotFound", "Volume attachment could not be found with filter: attachment_id = %s.", id)
}

// VolumeTypeNotFound: there is no volume type with this id, or none the caller may know of.
func VolumeTypeNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "VolumeTypeNotFound", "Volume type %s could not be found.", id)
}
