package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

func testSnapshot(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	v := volume(ty.ID, "v", nil)
	create(t, s, v)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	full := &block.Snapshot{
		ID: "full", VolumeID: "v", Timestamps: block.Timestamps{CreatedAt: at, UpdatedAt: at.Add(time.Minute)}, UserID: "u", ProjectID: mine,
		UseQuota: true, Name: new("n"), Description: new("d"), VolumeSizeGiB: 3, VolumeTypeID: ty.ID, Status: block.SnapshotCreating,
		Progress: "0%", ScheduledAt: at, EncryptionKeyID: "k", ProviderID: "i", ProviderLocation: "l", ProviderAuth: "a",
		Metadata: map[string]string{"a": "b"},
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateSnapshot(ctx, full) })
	wantEqual(t, "snapshot", full, must(s.Snapshot(ctx, "full", mine))(t))
	_, err := s.Snapshot(ctx, "full", theirs)
	wantFault(t, err, fault.NotFound, "SnapshotNotFound", "Snapshot full could not be found.")

	apply := func(when store.SnapshotWhen, set store.SnapshotSet) (done bool) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			done, err = tx.UpdateSnapshot(ctx, "full", when, set)
			return err
		})
		return done
	}
	if apply(store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotAvailable}}, store.SnapshotSet{Status: new(block.SnapshotDeleting)}) {
		t.Error("changed from a status it is not in")
	}
	if !apply(store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotCreating}, NoGroupSnapshot: true}, store.SnapshotSet{
		Status: new(block.SnapshotAvailable), Progress: new("100%"), Name: new((*string)(nil)), Description: new(new("e")),
		ProviderID: new(""), ProviderLocation: new("m"), ProviderAuth: new("b"), EncryptionKeyID: new("k2"),
	}) {
		t.Error("not changed")
	}
	want := *full
	want.Status, want.Progress, want.Name, want.Description = block.SnapshotAvailable, "100%", nil, new("e")
	want.ProviderID, want.ProviderLocation, want.ProviderAuth, want.EncryptionKeyID = "", "m", "b", "k2"
	got := must(s.Snapshot(ctx, "full", ""))(t)
	if diff := cmp.Diff(&want, got, cmpopts.IgnoreFields(block.Snapshot{}, "UpdatedAt")); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	if !got.UpdatedAt.After(full.UpdatedAt) {
		t.Error("updated_at was not written")
	}

	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.PutSnapshotMetadata(ctx, "full", map[string]string{"c": "d", "e": "f"}, true)
	})
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteSnapshotMetadata(ctx, "full", "e") })
	wantEqual(t, "metadata", map[string]string{"c": "d"}, must(s.Snapshot(ctx, "full", ""))(t).Metadata)
	err = s.Update(ctx, func(tx store.Tx) error { return tx.DeleteSnapshotMetadata(ctx, "full", "e") })
	wantFault(t, err, fault.NotFound, "SnapshotMetadataNotFound", "Snapshot full has no metadata with key e.")
	err = s.Update(ctx, func(tx store.Tx) error { return tx.PutSnapshotMetadata(ctx, "none", nil, true) })
	wantFault(t, err, fault.NotFound, "SnapshotNotFound", "")

	for range 2 {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroySnapshot(ctx, "full") })
	}
	_, err = s.Snapshot(ctx, "full", "")
	wantFault(t, err, fault.NotFound, "SnapshotNotFound", "")
	if attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateSnapshot(ctx, snapshot(&block.Volume{ID: "none"}, "x", nil))
	}) == nil {
		t.Error("a snapshot of a volume that is not there was made")
	}
}

func testAttachment(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	create(t, s, volume(ty.ID, "v", nil))
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	full := &block.Attachment{
		ID: "full", VolumeID: "v", Timestamps: block.Timestamps{CreatedAt: at, UpdatedAt: at.Add(time.Minute)}, ProjectID: mine,
		InstanceUUID: "i", AttachedHost: "h", Mountpoint: "/dev/vdb", AttachTime: at.Add(2 * time.Minute), AttachStatus: block.AttachAttaching, AttachMode: "rw",
		Connection: map[string]any{"driver_volume_type": "nbd", "data": map[string]any{"port": float64(10809), "secure": false, "more": nil}},
		Connector:  block.Connector{"host": "h", "multipath": true, "list": []any{"a", float64(1)}},
	}
	plain := &block.Attachment{ID: "plain", VolumeID: "v", ProjectID: mine, AttachStatus: block.AttachReserved}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateAttachment(ctx, full); err != nil {
			return err
		}
		return tx.CreateAttachment(ctx, plain)
	})
	wantEqual(t, "full", full, must(s.Attachment(ctx, "full", mine))(t))
	wantEqual(t, "plain", plain, must(s.Attachment(ctx, "plain", ""))(t))
	wantEqual(t, "of the volume, oldest first", []block.Attachment{*full, *plain}, must(s.Volume(ctx, "v", mine))(t).Attachments)
	_, err := s.Attachment(ctx, "full", theirs)
	wantFault(t, err, fault.NotFound, "VolumeAttachmentNotFound", "Volume attachment could not be found with filter: attachment_id = full.")

	apply := func(from []block.AttachStatus, set store.AttachmentSet) (done bool) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			done, err = tx.UpdateAttachment(ctx, "full", from, set)
			return err
		})
		return done
	}
	if apply([]block.AttachStatus{block.AttachReserved}, store.AttachmentSet{}) {
		t.Error("changed from a status it is not in")
	}
	if !apply([]block.AttachStatus{block.AttachAttaching}, store.AttachmentSet{
		AttachStatus: new(block.AttachAttached), AttachMode: new("ro"), AttachedHost: new("h2"), InstanceUUID: new("i2"), Mountpoint: new("/dev/vdc"),
		AttachTime: new(at), Connection: new(map[string]any{"a": "b"}), Connector: new(block.Connector{}),
	}) {
		t.Error("not changed")
	}
	want := *full
	want.AttachStatus, want.AttachMode, want.AttachedHost, want.InstanceUUID, want.Mountpoint = block.AttachAttached, "ro", "h2", "i2", "/dev/vdc"
	want.AttachTime, want.Connection, want.Connector = at, map[string]any{"a": "b"}, nil
	if diff := cmp.Diff(&want, must(s.Attachment(ctx, "full", ""))(t), cmpopts.IgnoreFields(block.Attachment{}, "UpdatedAt")); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	create(t, s, volume(ty.ID, "w", nil))
	if !apply(nil, store.AttachmentSet{VolumeID: new("w")}) || len(must(s.Volume(ctx, "w", mine))(t).Attachments) != 1 {
		t.Error("it was not given to another volume")
	}
	for range 2 {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyAttachment(ctx, "full") })
	}
	if apply(nil, store.AttachmentSet{}) {
		t.Error("a destroyed attachment was changed")
	}
	wantEqual(t, "left", []block.Attachment{*plain}, must(s.Volume(ctx, "v", mine))(t).Attachments)
}
