package block

import (
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Message tells a user why something that was accepted came to nothing: upstream's user messages. It says no more than
// its ids do, so that nothing of an operator's shows in it.
type Message struct {
	ID string
	Timestamps
	ProjectID    string
	RequestID    string
	ResourceType string // MessageVolume, ...
	ResourceID   string
	EventID      string // "VOLUME_VOLUME_001_003": of resource type, action and detail
	Action       string // an id: MessageScheduleVolume, ...; empty in rows of old releases
	Detail       string // an id: MessageUnknownError, ...
	Level        string // "ERROR"
	ExpiresAt    time.Time
}

// Failure is what a service says when something that was accepted came to nothing; a Message is made of it.
type Failure struct {
	ProjectID    string
	RequestID    string
	ResourceType string // MessageVolume, ...
	ResourceID   string
	Action       string // MessageScheduleVolume, ...
	Detail       string // MessageUnknownError, ...
	Text         string // the whole reason, safe for the user
}

// What a message can be about.
const (
	MessageVolume   = "VOLUME"
	MessageSnapshot = "VOLUME_SNAPSHOT"
	MessageBackup   = "VOLUME_BACKUP"
	MessageGroup    = "VOLUME_GROUP" // ours: upstream tells nobody of groups
)

// Actions of messages (cinder/message/message_field.py).
const (
	MessageScheduleVolume         = "001"
	MessageAttachVolume           = "002"
	MessageCopyVolumeToImage      = "003"
	MessageUpdateAttachment       = "004"
	MessageCopyImageToVolume      = "005"
	MessageUnmanageVolume         = "006"
	MessageExtendVolume           = "007"
	MessageCreateVolume           = "008"
	MessageCreateSnapshot         = "009"
	MessageDeleteSnapshot         = "010"
	MessageUpdateSnapshot         = "011"
	MessageUpdateSnapshotMetadata = "012"
	MessageCreateBackup           = "013"
	MessageDeleteBackup           = "014"
	MessageRestoreBackup          = "015"
	MessageReimageVolume          = "016"
)

// Those details of messages that we give; MessageText knows all of upstream's.
const (
	MessageUnknownError         = "001"
	MessageNoBackendAvailable   = "003"
	MessageUploadFailed         = "004"
	MessageAttachModeInvalid    = "005"
	MessageQuotaExceeded        = "006"
	MessageNoSpaceForImage      = "007"
	MessageUnmanageEncrypted    = "008"
	MessageComputeFailedExtend  = "009"
	MessageDriverFailedExtend   = "010"
	MessageSignatureFailed      = "011"
	MessageDriverFailedCreate   = "012"
	MessageSnapshotCreateFailed = "013"
	MessageSnapshotBusy         = "015"
	MessageSnapshotDeleteFailed = "016"
	MessageBackupInvalidState   = "017"
	MessageBackupServiceDown    = "018"
	MessageBackupDeviceFailed   = "019"
	MessageBackupCreateFailed   = "020"
	MessageAttachFailed         = "021"
	MessageDetachFailed         = "022"
	MessageBackupCleanupFailed  = "023"
	MessageBackupScheduleFailed = "024"
	MessageBackupDeleteFailed   = "025"
	MessageBackupRestoreFailed  = "026"
	MessageVolumeInvalidState   = "027"
	MessageReimageFailed        = "028"
	MessageImageUnacceptable    = "029"
)

// messageActions are the texts of the actions, "001" first.
var messageActions = [...]string{
	"schedule allocate volume", "attach volume", "copy volume to image", "update attachment", "copy image to volume",
	"unmanage volume", "extend volume", "create volume from backend storage", "create snapshot", "delete snapshot",
	"update snapshot", "update snapshot metadata", "create backup", "delete backup", "restore backup", "reimage volume",
}

// messageDetails are the texts of the details, "001" first.
var messageDetails = [...]string{
	"An unknown error occurred.", "Driver is not initialized at present.", "Could not find any available weighted backend.",
	"Failed to upload volume to image at backend.", "Volume's attach mode is invalid.", "Not enough quota resource for operation.",
	"Image used for creating volume exceeds available space.", "Unmanaging encrypted volumes is not supported.",
	"Compute service failed to extend volume.", "Volume Driver failed to extend volume.", "Image signature verification failed.",
	"Driver failed to create the volume.", "Snapshot failed to create.", "Volume snapshot update metadata failed.",
	"Snapshot is busy.", "Snapshot failed to delete.", "Backup status is invalid.", "Backup service is down.",
	"Failed to get backup device from the volume service.", "Backup driver failed to create backup.", "Failed to attach volume.",
	"Failed to detach volume.", "Cleanup of temporary volume/snapshot failed.",
	"Backup failed to schedule. Service not found for creating backup.", "Backup driver failed to delete backup.",
	"Backup driver failed to restore backup.", "Volume status is invalid.", "Compute service failed to reimage volume.",
	"The image disk format must be the same as the volume format for the volume type you are requesting.",
	"Incremental backup not possible, forcing full backup.",
}

// messageEvents are the texts of the events that rows of releases before Pike have instead of an action and a detail,
// "VOLUME_000001" first (cinder/message/defined_messages.py).
var messageEvents = [...]string{
	"An unknown error occurred.",
	"No storage could be allocated for this volume request. You may be able to try another size or volume type.",
	"A readonly volume must be attached as readonly.",
	"Failed to copy volume to image as image quota has been met. Please delete images or have your limit increased, then try again.",
	"Unmanaging encrypted volumes is not supported.",
}

// Text is what the user reads: "action:detail".
func (m *Message) Text() string {
	const ofOld = "VOLUME_000"
	if m.Action == "" && len(m.EventID) > len(ofOld) && m.EventID[:len(ofOld)] == ofOld {
		return numbered(messageEvents[:], m.EventID[len(ofOld):], messageEvents[0])
	}
	return numbered(messageActions[:], m.Action, "unknown action") + ":" + numbered(messageDetails[:], m.Detail, messageDetails[0])
}

// numbered gives the text with a three-digit number, from "001".
func numbered(texts []string, number, fallback string) string {
	if len(number) != 3 {
		return fallback
	}
	n := 0
	for _, c := range []byte(number) {
		if c < '0' || c > '9' {
			return fallback
		}
		n = 10*n + int(c-'0')
	}
	if n < 1 || n > len(texts) {
		return fallback
	}
	return texts[n-1]
}

// MessageDetail is the detail for a failure: the one upstream gives its exception, else the fallback.
func MessageDetail(cause error, fallback string) string {
	byName := []struct {
		detail string
		names  []string
	}{
		{"002", []string{"DriverNotInitialized"}},
		{MessageNoBackendAvailable, []string{"NoValidBackend"}},
		{MessageAttachModeInvalid, []string{"InvalidVolumeAttachMode"}},
		{MessageQuotaExceeded, []string{"ImageLimitExceeded", "BackupLimitExceeded", "SnapshotLimitExceeded"}},
		{MessageNoSpaceForImage, []string{"ImageTooBig"}},
		{MessageSignatureFailed, []string{"ImageSignatureVerificationException"}},
		{MessageImageUnacceptable, []string{"ImageConversionNotAllowed"}},
		{MessageSnapshotBusy, []string{"SnapshotIsBusy"}},
	}
	for _, d := range byName {
		if slices.Contains(d.names, fault.NameOf(cause)) {
			return d.detail
		}
	}
	return fallback
}

// SnapshotDeletionDetail is the detail for a snapshot that a back end would not delete or let go of.
func SnapshotDeletionDetail(cause error) string {
	if fault.Is(cause, fault.Busy) {
		return MessageSnapshotBusy
	}
	return MessageSnapshotDeleteFailed
}

// MessageNotFound: there is no such message, or none the caller may know of.
func MessageNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "MessageNotFound", "Message %s could not be found.", id)
}
