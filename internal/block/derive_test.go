package block

import "testing"

func TestDeriveStates(t *testing.T) {
	for _, tc := range []struct {
		have   []AttachStatus
		status VolumeStatus
		attach AttachStatus
	}{
		{nil, VolumeAvailable, AttachDetached},
		{[]AttachStatus{AttachReserved}, VolumeReserved, AttachReserved},
		{[]AttachStatus{AttachAttaching}, VolumeAttaching, AttachAttaching},
		{[]AttachStatus{AttachAttached}, VolumeInUse, AttachAttached},
		{[]AttachStatus{AttachDetaching}, VolumeDetaching, AttachDetaching},
		{[]AttachStatus{AttachReserved, AttachAttached, AttachAttaching}, VolumeInUse, AttachAttached},
		{[]AttachStatus{AttachReserved, AttachDetaching, AttachAttaching}, VolumeAttaching, AttachAttaching},
		{[]AttachStatus{AttachReserved, AttachDetaching}, VolumeDetaching, AttachDetaching},
		{[]AttachStatus{AttachErrorAttaching}, VolumeAvailable, AttachDetached},
		{[]AttachStatus{AttachErrorDetaching, AttachReserved}, VolumeReserved, AttachReserved},
		{[]AttachStatus{AttachErrorAttaching, AttachErrorDetaching}, VolumeAvailable, AttachDetached},
	} {
		var as []Attachment
		for _, s := range tc.have {
			as = append(as, Attachment{AttachStatus: s})
		}
		status, attach := DeriveStates(as)
		if status != tc.status || attach != tc.attach {
			t.Errorf("%v: %s, %s; want %s, %s", tc.have, status, attach, tc.status, tc.attach)
		}
	}
}

func TestStatusFollowsAttachments(t *testing.T) {
	for _, tc := range []struct {
		v    Volume
		want bool
	}{
		{Volume{Status: VolumeInUse}, true},
		{Volume{Status: VolumeDetaching}, true},
		{Volume{Status: VolumeError}, false},
		{Volume{Status: VolumeErrorExtending}, false},
		{Volume{Status: VolumeInUse, MigrationStatus: "success"}, true},
		{Volume{Status: VolumeInUse, MigrationStatus: "migrating"}, false},
		{Volume{Status: VolumeUploading}, false},
		{Volume{Status: VolumeExtending}, false},
		{Volume{Status: VolumeDeleting}, false},
	} {
		if got := tc.v.StatusFollowsAttachments(); got != tc.want {
			t.Errorf("%s, migration %q: %v", tc.v.Status, tc.v.MigrationStatus, got)
		}
	}
}
