package block

import (
	"slices"
	"strings"
)

// DeriveStates says what status and attach status a volume has by its attachments alone (those that are not deleted).
// Attachments in an error state do not count: no consumer ever got at the volume through them. Of the others the
// alphabetically first attach status decides, which puts attached before attaching before detaching before reserved;
// upstream's rule (cinder/db/api.py, _get_statuses_from_attachments).
func DeriveStates(attachments []Attachment) (VolumeStatus, AttachStatus) {
	var first AttachStatus
	for _, a := range attachments {
		if strings.HasPrefix(string(a.AttachStatus), "error_") {
			continue
		}
		if first == "" || a.AttachStatus < first {
			first = a.AttachStatus
		}
	}
	switch first {
	case "":
		return VolumeAvailable, AttachDetached
	case AttachAttached:
		return VolumeInUse, first
	}
	return VolumeStatus(first), first
}

// ownStatus are the states that another operation will end; what becomes of the attachments meanwhile shows then.
var ownStatus = []VolumeStatus{VolumeCreating, VolumeDownloading, VolumeUploading, VolumeExtending, VolumeRetyping,
	VolumeReverting, VolumeBackingUp, VolumeRestoringBackup, VolumeAwaitingTransfer, VolumeMaintenance, VolumeDeleting,
	VolumeErrorDeleting, VolumeErrorManagingDeleting, VolumeManaging, VolumeUnmanaging}

// StatusFollowsAttachments says whether the volume's status is to be derived afresh when an attachment goes. It is not
// while another operation, or a migration, has the volume in hand, nor when something about the volume itself went wrong:
// a volume whose making failed has no storage, and letting go of it does not give it any. Upstream leaves it alone in the
// case of a migration and of uploading only, and so lets a detach end an extend, or hide an error.
func (v *Volume) StatusFollowsAttachments() bool {
	return !v.Migrating() && !slices.Contains(ownStatus, v.Status) && !strings.HasPrefix(string(v.Status), "error")
}
