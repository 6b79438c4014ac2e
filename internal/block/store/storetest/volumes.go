package storetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

func testVolume(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	full := &block.Volume{
		ID: "full", NameID: "other", Timestamps: block.Timestamps{CreatedAt: at, UpdatedAt: at.Add(time.Second)},
		UserID: "u", ProjectID: mine, UseQuota: true, Name: new("näme"), Description: new(""), SizeGiB: block.MaxSizeGiB,
		AvailabilityZone: "az", VolumeTypeID: ty.ID, VolumeTypeName: ty.Name,
		Status: block.VolumeCreating, AttachStatus: block.AttachDetached, MigrationStatus: "none", PreviousStatus: block.VolumeError,
		ReplicationStatus: "enabled", ReplicationExtendedStatus: "x", ReplicationDriverData: "{}",
		Host: "h@b#p", ClusterName: "c@b", SnapshotID: "s", SourceVolumeID: "sv", EncryptionKeyID: "k",
		Bootable: true, Multiattach: true, SharedTargets: new(false),
		ProviderID: "i", ProviderLocation: "l", ProviderAuth: "a", ProviderGeometry: "g",
		ScheduledAt: at.Add(time.Minute), LaunchedAt: at.Add(2 * time.Minute), TerminatedAt: at.Add(3 * time.Minute),
		Metadata: map[string]string{"k": "v", "": "", "ключ": "値"}, AdminMetadata: map[string]string{"readonly": "True"},
		ImageMetadata: map[string]string{"image_id": "1"}, Attachments: []block.Attachment{},
	}
	plain := volume(ty.ID, "plain", nil)
	before := time.Now().Add(-time.Second)
	create(t, s, full, plain)
	wantEqual(t, "full volume", full, must(s.Volume(ctx, "full", mine))(t))

	got := must(s.Volume(ctx, "plain", ""))(t)
	if got.CreatedAt.Before(before) || time.Since(got.CreatedAt) < 0 || got.CreatedAt.Location() != time.UTC {
		t.Errorf("created_at %v; want now, in UTC", got.CreatedAt)
	}
	want := *plain
	want.VolumeTypeName, want.Attachments = ty.Name, []block.Attachment{}
	want.Metadata, want.AdminMetadata, want.ImageMetadata = map[string]string{}, map[string]string{}, map[string]string{}
	wantEqual(t, "plain volume", &want, got)

	list := must(s.Volumes(ctx, store.VolumeQuery{ProjectID: mine, Page: store.Page{Sort: []store.Sort{{Key: "id"}}}}))(t)
	wantEqual(t, "list", []*block.Volume{full, &want}, list)

	_, err := s.Volume(ctx, "full", theirs)
	wantFault(t, err, fault.NotFound, "VolumeNotFound", "Volume full could not be found.")
	_, err = s.Volume(ctx, "none", mine)
	wantFault(t, err, fault.NotFound, "VolumeNotFound", "Volume none could not be found.")
}

// change applies one UpdateVolume and says whether it was applied.
func change(t testing.TB, s store.Store, id string, when store.VolumeWhen, set store.VolumeSet) (done bool) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		done, err = tx.UpdateVolume(ctx, id, when, set)
		return err
	})
	return done
}

func testVolumeUpdate(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	v := volume(ty.ID, "v", func(v *block.Volume) { v.Name, v.SharedTargets = new("old"), new(true) })
	create(t, s, v)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	all := store.VolumeSet{
		Status: new(block.VolumeInUse), StatusToPrevious: true, AttachStatus: new(block.AttachAttached), MigrationStatus: new("migrating"),
		ReplicationStatus: new("enabled"), Name: new(new("new")), Description: new(new("d")), SizeGiB: new(int64(7)),
		Host: new(block.Host("h@b#p")), ClusterName: new("c"), AvailabilityZone: new("z"), Bootable: new(true), Multiattach: new(true),
		SharedTargets: new((*bool)(nil)), ProviderID: new("i"), ProviderLocation: new("l"), ProviderAuth: new("a"), EncryptionKeyID: new("k2"),
		ScheduledAt: new(at), LaunchedAt: new(at.Add(time.Second)), TerminatedAt: new(at.Add(time.Minute)),
	}
	if !change(t, s, "v", store.VolumeWhen{}, all) {
		t.Fatal("not applied")
	}
	want := *v
	want.Status, want.PreviousStatus, want.AttachStatus, want.MigrationStatus = block.VolumeInUse, block.VolumeAvailable, block.AttachAttached, "migrating"
	want.ReplicationStatus, want.Name, want.Description, want.SizeGiB = "enabled", new("new"), new("d"), 7
	want.Host, want.ClusterName, want.AvailabilityZone, want.Bootable, want.Multiattach = "h@b#p", "c", "z", true, true
	want.SharedTargets, want.ProviderID, want.ProviderLocation, want.ProviderAuth, want.EncryptionKeyID = nil, "i", "l", "a", "k2"
	want.ScheduledAt, want.LaunchedAt, want.TerminatedAt = at, at.Add(time.Second), at.Add(time.Minute)
	ignore := cmpopts.IgnoreFields(block.Volume{}, "UpdatedAt", "VolumeTypeName", "Metadata", "AdminMetadata", "ImageMetadata", "Attachments")
	got := must(s.Volume(ctx, "v", mine))(t)
	if diff := cmp.Diff(&want, got, ignore); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	if got.UpdatedAt.Before(v.CreatedAt.Truncate(time.Second)) {
		t.Errorf("updated_at %v is before created_at %v", got.UpdatedAt, v.CreatedAt)
	}
	// A pointer to the zero value is NULL.
	change(t, s, "v", store.VolumeWhen{}, store.VolumeSet{
		PreviousStatus: new(block.VolumeStatus("")), Name: new((*string)(nil)), Host: new(block.Host("")),
		MigrationStatus: new(""), TerminatedAt: new(time.Time{}),
	})
	want.PreviousStatus, want.Name, want.Host, want.MigrationStatus, want.TerminatedAt = "", nil, "", "", time.Time{}
	if diff := cmp.Diff(&want, must(s.Volume(ctx, "v", mine))(t), ignore); diff != "" {
		t.Errorf("after setting to NULL (-want +got):\n%s", diff)
	}
	if change(t, s, "none", store.VolumeWhen{}, store.VolumeSet{}) {
		t.Error("a volume that is not there was changed")
	}
}

func testVolumeConditions(t *testing.T, s store.Store) {
	ty := defaultType(t, s)
	plain := volume(ty.ID, "plain", nil)
	busy := volume(ty.ID, "busy", func(v *block.Volume) {
		v.Host, v.Multiattach, v.Status, v.AttachStatus, v.MigrationStatus = "Host@b#p", true, block.VolumeInUse, block.AttachAttached, "migrating"
	})
	create(t, s, plain, busy)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateSnapshot(ctx, snapshot(busy, "s", nil)); err != nil {
			return err
		}
		return tx.CreateAttachment(ctx, &block.Attachment{ID: "a", VolumeID: "busy", AttachStatus: block.AttachAttached})
	})
	for _, tt := range []struct {
		name        string
		when        store.VolumeWhen
		plain, busy bool
	}{
		{"nothing", store.VolumeWhen{}, true, true},
		{"status", store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable, block.VolumeError}}, true, false},
		{"attach status", store.VolumeWhen{AttachStatus: []block.AttachStatus{block.AttachAttached}}, false, true},
		{"not attach status", store.VolumeWhen{NotAttachStatus: []block.AttachStatus{block.AttachAttached}}, true, false},
		{"not migrating", store.VolumeWhen{NotMigrating: true}, true, false},
		{"no group", store.VolumeWhen{NoGroup: true}, true, true},
		{"no snapshots", store.VolumeWhen{NoSnapshots: true}, true, false},
		{"no attachments", store.VolumeWhen{NoAttachments: true}, true, false},
		{"unscheduled", store.VolumeWhen{Unscheduled: true}, true, false},
		{"host", store.VolumeWhen{Host: "Host@b#p"}, false, true},
		{"host in other case", store.VolumeWhen{Host: "host@b#p"}, false, false},
		{"multiattach", store.VolumeWhen{Multiattach: true}, false, true},
		{"all", store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable}, NotMigrating: true, NoSnapshots: true, NoAttachments: true,
			Unscheduled: true, NotAttachStatus: []block.AttachStatus{block.AttachAttached}, NoGroup: true}, true, false},
	} {
		for id, want := range map[string]bool{"plain": tt.plain, "busy": tt.busy} {
			if got := change(t, s, id, tt.when, store.VolumeSet{}); got != want {
				t.Errorf("%s, %s: applied %v; want %v", tt.name, id, got, want)
			}
		}
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.DestroySnapshot(ctx, "s"); err != nil {
			return err
		}
		return tx.DestroyAttachment(ctx, "a")
	})
	if !change(t, s, "busy", store.VolumeWhen{NoSnapshots: true, NoAttachments: true}, store.VolumeSet{}) {
		t.Error("deleted snapshots and attachments still count")
	}
	for migration, want := range map[string]bool{"": true, "none": true, "success": true, "error": true, "deleting": true, "starting": false, "target:x": false} {
		change(t, s, "plain", store.VolumeWhen{}, store.VolumeSet{MigrationStatus: &migration})
		if got := change(t, s, "plain", store.VolumeWhen{NotMigrating: true}, store.VolumeSet{}); got != want {
			t.Errorf("migration_status %q: applied %v; want %v", migration, got, want)
		}
	}
}

// Of many that take a volume from one state to the next exactly one does.
func testVolumeUpdateAtOnce(t *testing.T, s store.Store) {
	create(t, s, volume(defaultType(t, s).ID, "v", nil))
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			done := false
			err := s.Update(t.Context(), func(tx store.Tx) (err error) {
				done, err = tx.UpdateVolume(t.Context(), "v", store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable}},
					store.VolumeSet{Status: new(block.VolumeDeleting)})
				return err
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
			if done { // what was done in a transaction that ran again does not count
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won; want 1", won.Load())
	}
}

func testVolumeMetadata(t *testing.T, s store.Store) {
	ctx := t.Context()
	create(t, s, volume(defaultType(t, s).ID, "v", func(v *block.Volume) { v.Metadata = map[string]string{"a": "1", "b": "2"} }))
	step := func(what string, want map[string]string, fn func(tx store.Tx) error) {
		t.Helper()
		update(t, s, func(_ context.Context, tx store.Tx) error { return fn(tx) })
		wantEqual(t, what, want, must(s.Volume(ctx, "v", mine))(t).Metadata)
	}
	step("merge", map[string]string{"a": "1", "b": "3", "c": "4"}, func(tx store.Tx) error {
		return tx.PutVolumeMetadata(ctx, "v", map[string]string{"b": "3", "c": "4"}, false)
	})
	step("delete", map[string]string{"a": "1", "c": "4"}, func(tx store.Tx) error { return tx.DeleteVolumeMetadata(ctx, "v", "b") })
	step("put back", map[string]string{"a": "1", "b": "5", "c": "4"}, func(tx store.Tx) error {
		return tx.PutVolumeMetadata(ctx, "v", map[string]string{"b": "5"}, false)
	})
	step("replace", map[string]string{"c": "4", "d": "6"}, func(tx store.Tx) error {
		return tx.PutVolumeMetadata(ctx, "v", map[string]string{"c": "4", "d": "6"}, true)
	})
	step("keys in other case are other keys", map[string]string{"c": "4", "C": "7", "d": "6"}, func(tx store.Tx) error {
		return tx.PutVolumeMetadata(ctx, "v", map[string]string{"C": "7"}, false)
	})
	step("replace by nothing", map[string]string{}, func(tx store.Tx) error { return tx.PutVolumeMetadata(ctx, "v", nil, true) })
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutVolumeAdminMetadata(ctx, "v", map[string]string{"readonly": "True", "x": "y"}); err != nil {
			return err
		}
		if err := tx.DeleteVolumeAdminMetadata(ctx, "v", "x"); err != nil {
			return err
		}
		if err := tx.DeleteVolumeAdminMetadata(ctx, "v", "never"); err != nil {
			return err
		}
		return tx.PutVolumeImageMetadata(ctx, "v", map[string]string{"image_id": "i"}, false)
	})
	v := must(s.Volume(ctx, "v", mine))(t)
	wantEqual(t, "admin metadata", map[string]string{"readonly": "True"}, v.AdminMetadata)
	wantEqual(t, "image metadata", map[string]string{"image_id": "i"}, v.ImageMetadata)
	err := s.Update(ctx, func(tx store.Tx) error { return tx.PutVolumeMetadata(ctx, "none", map[string]string{"a": "b"}, false) })
	wantFault(t, err, fault.NotFound, "VolumeNotFound", "")
	err = s.Update(ctx, func(tx store.Tx) error { return tx.DeleteVolumeMetadata(ctx, "v", "never") })
	wantFault(t, err, fault.NotFound, "VolumeMetadataNotFound", "Volume v has no metadata with key never.")
}

func testVolumeDestroy(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	gone := volume(ty.ID, "gone", func(v *block.Volume) { v.Metadata = map[string]string{"a": "1"} })
	create(t, s, gone, volume(ty.ID, "stays", nil))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateAttachment(ctx, &block.Attachment{ID: "a", VolumeID: "gone"}); err != nil {
			return err
		}
		return tx.CreateSnapshot(ctx, snapshot(gone, "s", nil))
	})
	for range 2 { // the second time there is nothing left
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyVolume(ctx, "gone") })
	}
	_, err := s.Volume(ctx, "gone", "")
	wantFault(t, err, fault.NotFound, "VolumeNotFound", "")
	_, err = s.Attachment(ctx, "a", "")
	wantFault(t, err, fault.NotFound, "VolumeAttachmentNotFound", "")
	_, err = s.Snapshot(ctx, "s", "")
	wantFault(t, err, fault.NotFound, "SnapshotNotFound", "")
	wantSet(t, "volumes left", []string{"stays"}, volumeIDs(must(s.Volumes(ctx, store.VolumeQuery{}))(t)))
	if change(t, s, "gone", store.VolumeWhen{}, store.VolumeSet{}) {
		t.Error("a destroyed volume was changed")
	}
	err = s.Update(ctx, func(tx store.Tx) error { return tx.PutVolumeMetadata(ctx, "gone", map[string]string{"a": "b"}, false) })
	wantFault(t, err, fault.NotFound, "VolumeNotFound", "")
	if u := must(s.QuotaUsage(ctx, mine))(t); u.Volumes != 1 || u.Snapshots != 0 {
		t.Errorf("usage %+v counts destroyed rows", u)
	}
}
