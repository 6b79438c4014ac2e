package block

// The names of the locks that Cinder's services take (its coordination.synchronized), without the prefix that they all have.
// What they guard is said where they are taken.

// LockPrefix stands before every name.
const LockPrefix = "cinder-"

// LockDeletingVolume is held while a volume is deleted, and while another is made of it (cinder/volume/manager.py).
func LockDeletingVolume(id string) string { return id + "-delete_volume" }

// LockDeletingSnapshot is held while a snapshot is deleted, and while a volume is made of it (cinder/volume/manager.py).
func LockDeletingSnapshot(id string) string { return id + "-delete_snapshot" }

// LockAttaching is held while it is recorded that a volume is attached (cinder/volume/manager.py attach_volume).
func LockAttaching(volumeID string) string { return volumeID }

// LockDetaching is held while it is recorded that it no longer is (cinder/volume/manager.py detach_volume).
func LockDetaching(volumeID string) string { return volumeID + "-detach_volume" }

// LockConnecting is held by an API while an attachment gets its connector (cinder/volume/api.py attachment_update).
func LockConnecting(volumeID, host string) string {
	return "attachment_update-" + volumeID + "-" + host
}

// LockCachingImage is held while an image gets its entry in the image-volume cache (cinder/volume/flows/manager/create_volume.py).
func LockCachingImage(imageID string) string { return imageID }
