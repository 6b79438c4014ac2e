package block_test

import (
	"errors"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
)

func TestMessageText(t *testing.T) {
	for want, m := range map[string]block.Message{
		"schedule allocate volume:Could not find any available weighted backend.":      {Action: "001", Detail: "003"},
		"reimage volume:Incremental backup not possible, forcing full backup.":         {Action: "016", Detail: "030"},
		"unknown action:An unknown error occurred.":                                    {Action: "017", Detail: "031"},
		"unknown action:Driver is not initialized at present.":                         {Action: "x", Detail: "002"},
		"attach volume:An unknown error occurred.":                                     {Action: "002", Detail: "+01"},
		"A readonly volume must be attached as readonly.":                              {EventID: "VOLUME_000003"},
		"An unknown error occurred.":                                                   {EventID: "VOLUME_000999"},
		"delete snapshot:Snapshot is busy.":                                            {Action: block.MessageDeleteSnapshot, Detail: block.MessageSnapshotBusy, EventID: "VOLUME_000001"},
		"update attachment:Failed to attach volume.":                                   {Action: block.MessageUpdateAttachment, Detail: block.MessageAttachFailed},
		"copy image to volume:Image used for creating volume exceeds available space.": {Action: block.MessageCopyImageToVolume, Detail: block.MessageNoSpaceForImage},
		"copy volume to image:Failed to upload volume to image at backend.":            {Action: block.MessageCopyVolumeToImage, Detail: block.MessageUploadFailed},
		"reimage volume:Compute service failed to reimage volume.":                     {Action: block.MessageReimageVolume, Detail: block.MessageReimageFailed},
		"restore backup:Not enough quota resource for operation.":                      {Action: block.MessageRestoreBackup, Detail: block.MessageQuotaExceeded},
		"create volume from backend storage:Driver failed to create the volume.":       {Action: block.MessageCreateVolume, Detail: block.MessageDriverFailedCreate},
		"create snapshot:Snapshot failed to create.":                                   {Action: block.MessageCreateSnapshot, Detail: block.MessageSnapshotCreateFailed},
	} {
		if got := m.Text(); got != want {
			t.Errorf("%+v reads %q, want %q", m, got, want)
		}
	}
}

func TestMessageDetail(t *testing.T) {
	for name, want := range map[string]string{"NoValidBackend": "003", "SnapshotLimitExceeded": "006", "SnapshotIsBusy": "015", "": "013", "Other": "013"} {
		if got := block.MessageDetail(fault.New(fault.Invalid, name, "text"), block.MessageSnapshotCreateFailed); got != want {
			t.Errorf("%q gives %s, want %s", name, got, want)
		}
	}
	if got := block.MessageDetail(errors.New("plain"), block.MessageUnknownError); got != "001" {
		t.Errorf("an error that is no fault gives %s", got)
	}
}
