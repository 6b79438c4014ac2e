package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

type texts = map[string]string

func one(key string, values ...string) map[string][]string { return map[string][]string{key: values} }

func testVolumeFilters(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	created := func(v *block.Volume, days int) { v.CreatedAt = at.AddDate(0, 0, days) }
	create(t, s,
		volume(ty.ID, "a", func(v *block.Volume) {
			created(v, 1)
			v.Name, v.SizeGiB, v.Host, v.Bootable = new("alpha"), 1, "h@b#p", true
			v.Metadata = texts{"k": "1", "j": "2"}
		}),
		volume(ty.ID, "b", func(v *block.Volume) {
			created(v, 2)
			v.Name, v.SizeGiB, v.Host, v.Status = new("be%ta"), 2, "h@b#q", block.VolumeError
			v.Metadata, v.UseQuota = texts{"k": "1"}, false
		}),
		volume(ty.ID, "c", func(v *block.Volume) {
			created(v, 3)
			v.SizeGiB, v.Host, v.AdminMetadata, v.ImageMetadata = 3, "h@bb", texts{"readonly": "True"}, texts{"os": "x"}
		}),
		volume(ty.ID, "d", func(v *block.Volume) {
			created(v, 4)
			v.ProjectID, v.Host, v.MigrationStatus, v.SnapshotID = theirs, "hh@b#p", "starting", "snap"
		}),
		volume(ty.ID, "e", func(v *block.Volume) {
			created(v, 5)
			v.Name, v.SourceVolumeID, v.MigrationStatus = new("ALPHABET"), "a", "target:a"
		}),
	)
	for _, tt := range slices.Concat(equalFilters(ty.ID), otherFilters(at)) {
		got, err := s.Volumes(ctx, tt.q)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		wantSet(t, tt.name, tt.want, volumeIDs(got))
		n, size, err := s.VolumeTotals(ctx, tt.q)
		var wantSize int64
		for _, v := range got {
			wantSize += v.SizeGiB
		}
		if err != nil || n != int64(len(got)) || size != wantSize {
			t.Errorf("%s: totals %d, %d GiB, %v; want %d, %d", tt.name, n, size, err, len(got), wantSize)
		}
	}
	for _, f := range []store.TimeFilter{{Key: "created_at", Op: "like"}, {Key: "name", Op: "gt"}} {
		_, err := s.Volumes(ctx, store.VolumeQuery{Times: []store.TimeFilter{f}})
		wantFault(t, err, fault.Invalid, "InvalidInput", "")
	}
}

type volumeFilter struct {
	name string
	q    store.VolumeQuery
	want []string
}

// equalFilters are the cases of Equal and of what restricts rows like it.
func equalFilters(typeID string) []volumeFilter {
	return []volumeFilter{
		{"all", store.VolumeQuery{}, []string{"a", "b", "c", "d", "e"}},
		{"project", store.VolumeQuery{ProjectID: theirs}, []string{"d"}},
		{"no such project", store.VolumeQuery{ProjectID: "x"}, nil},
		{"ids", store.VolumeQuery{IDs: []string{"a", "d", "none"}}, []string{"a", "d"}},
		{"ids of a project", store.VolumeQuery{ProjectID: mine, IDs: []string{"a", "d"}}, []string{"a"}},
		{"name", store.VolumeQuery{Equal: one("name", "alpha")}, []string{"a"}},
		{"names", store.VolumeQuery{Equal: one("name", "alpha", "be%ta")}, []string{"a", "b"}},
		{"no name", store.VolumeQuery{Equal: one("name", "")}, []string{"c", "d"}},
		{"status", store.VolumeQuery{Equal: one("status", "error")}, []string{"b"}},
		{"size", store.VolumeQuery{Equal: one("size", "2", "3", "x")}, []string{"b", "c"}},
		{"bad size", store.VolumeQuery{Equal: one("size", "two")}, nil},
		{"bootable", store.VolumeQuery{Equal: one("bootable", "True")}, []string{"a"}},
		{"not bootable", store.VolumeQuery{Equal: one("bootable", "false")}, []string{"b", "c", "d", "e"}},
		{"bad bootable", store.VolumeQuery{Equal: one("bootable", "maybe")}, nil},
		{"consumes_quota", store.VolumeQuery{Equal: one("use_quota", "false")}, []string{"b"}},
		{"zone", store.VolumeQuery{Equal: one("availability_zone", "nova")}, []string{"a", "b", "c", "d", "e"}},
		{"type", store.VolumeQuery{Equal: one("volume_type_id", typeID)}, []string{"a", "b", "c", "d", "e"}},
		{"migration", store.VolumeQuery{Equal: one("migration_status", "starting")}, []string{"d"}},
		{"no migration targets", store.VolumeQuery{NoMigrationTargets: true}, []string{"a", "b", "c", "d"}},
		{"snapshot", store.VolumeQuery{Equal: one("snapshot_id", "snap")}, []string{"d"}},
		{"source", store.VolumeQuery{Equal: one("source_volid", "a")}, []string{"e"}},
		{"group", store.VolumeQuery{Equal: one("group_id", "g")}, nil},
		{"unknown", store.VolumeQuery{Equal: one("colour", "red")}, nil},
		{"injection", store.VolumeQuery{Equal: one("name = '' OR 1=1 --", "x")}, nil},
		{"two filters", store.VolumeQuery{Equal: map[string][]string{"status": {"available"}, "size": {"1"}}, ProjectID: mine}, []string{"a", "e"}},
		{"host of a node", store.VolumeQuery{Equal: one("host", "h")}, []string{"a", "b", "c"}},
		{"host of a back end", store.VolumeQuery{Equal: one("host", "h@b")}, []string{"a", "b"}},
		{"host of a pool", store.VolumeQuery{Equal: one("host", "h@b#p")}, []string{"a"}},
		{"host in other case", store.VolumeQuery{Equal: one("host", "H@b#p")}, nil},
		{"backend", store.VolumeQuery{Backend: "h@b"}, []string{"a", "b"}},
		{"backend without pools", store.VolumeQuery{Backend: "h@bb"}, []string{"c"}},
	}
}

// otherFilters are the cases of Like, metadata and times.
func otherFilters(at time.Time) []volumeFilter {
	return []volumeFilter{
		{"like", store.VolumeQuery{Like: texts{"name": "eta"}}, nil},
		{"like percent", store.VolumeQuery{Like: texts{"name": "e%t"}}, []string{"b"}},
		{"like a wildcard", store.VolumeQuery{Like: texts{"name": "_"}}, nil},
		{"like unknown", store.VolumeQuery{Like: texts{"colour": "r"}}, nil},
		{"metadata", store.VolumeQuery{Metadata: texts{"k": "1"}}, []string{"a", "b"}},
		{"metadata, two", store.VolumeQuery{Metadata: texts{"k": "1", "j": "2"}}, []string{"a"}},
		{"metadata, other value", store.VolumeQuery{Metadata: texts{"k": "2"}}, nil},
		{"metadata of the administrator", store.VolumeQuery{Metadata: texts{"readonly": "True"}}, []string{"c"}},
		{"image metadata", store.VolumeQuery{ImageMetadata: texts{"os": "x"}}, []string{"c"}},
		{"after", store.VolumeQuery{Times: []store.TimeFilter{{Key: "created_at", Op: "gt", At: at.AddDate(0, 0, 3)}}}, []string{"d", "e"}},
		{"from", store.VolumeQuery{Times: []store.TimeFilter{{Key: "created_at", Op: "gte", At: at.AddDate(0, 0, 3)}}}, []string{"c", "d", "e"}},
		{"at", store.VolumeQuery{Times: []store.TimeFilter{{Key: "created_at", Op: "eq", At: at.AddDate(0, 0, 3)}}}, []string{"c"}},
		{"not at", store.VolumeQuery{Times: []store.TimeFilter{{Key: "created_at", Op: "neq", At: at.AddDate(0, 0, 3)}}}, []string{"a", "b", "d", "e"}},
		{"before or after", store.VolumeQuery{Times: []store.TimeFilter{{Key: "created_at", Op: "lt", At: at.AddDate(0, 0, 2)}, {Key: "created_at", Op: "gt", At: at.AddDate(0, 0, 4)}}}, []string{"a", "e"}},
		{"until", store.VolumeQuery{Times: []store.TimeFilter{{Key: "created_at", Op: "lte", At: at.AddDate(0, 0, 2)}}}, []string{"a", "b"}},
		{"never updated", store.VolumeQuery{Times: []store.TimeFilter{{Key: "updated_at", Op: "gt", At: at}}}, nil},
	}
}

func testSnapshotFilters(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	v := volume(ty.ID, "v", func(v *block.Volume) { v.Host = "h@b#p" })
	w := volume(ty.ID, "w", func(v *block.Volume) { v.Host, v.ProjectID, v.AvailabilityZone = "h@c#p", theirs, "z" })
	create(t, s, v, w)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, n := range []*block.Snapshot{
			snapshot(v, "a", func(n *block.Snapshot) { n.Name, n.Metadata = new("alpha"), texts{"k": "1"} }),
			snapshot(v, "b", func(n *block.Snapshot) { n.Status, n.UseQuota = block.SnapshotError, false }),
			snapshot(w, "c", func(n *block.Snapshot) { n.Name = new("gamma") }),
		} {
			if err := tx.CreateSnapshot(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tt := range []struct {
		name string
		q    store.SnapshotQuery
		want []string
	}{
		{"all", store.SnapshotQuery{}, []string{"a", "b", "c"}},
		{"project", store.SnapshotQuery{ProjectID: mine}, []string{"a", "b"}},
		{"ids", store.SnapshotQuery{IDs: []string{"a", "c"}}, []string{"a", "c"}},
		{"volume", store.SnapshotQuery{VolumeID: "w"}, []string{"c"}},
		{"volume filter", store.SnapshotQuery{Equal: one("volume_id", "v")}, []string{"a", "b"}},
		{"name", store.SnapshotQuery{Equal: one("name", "alpha")}, []string{"a"}},
		{"status", store.SnapshotQuery{Equal: one("status", "error")}, []string{"b"}},
		{"quota", store.SnapshotQuery{Equal: one("use_quota", "true")}, []string{"a", "c"}},
		{"zone of the volume", store.SnapshotQuery{Equal: one("availability_zone", "z")}, []string{"c"}},
		{"host of the volume", store.SnapshotQuery{Equal: one("host", "h@b")}, []string{"a", "b"}},
		{"backend", store.SnapshotQuery{Backend: "h@c"}, []string{"c"}},
		{"like", store.SnapshotQuery{Like: texts{"name": "mm"}}, []string{"c"}},
		{"metadata", store.SnapshotQuery{Metadata: texts{"k": "1"}}, []string{"a"}},
		{"unknown", store.SnapshotQuery{Equal: one("colour", "red")}, nil},
		{"times", store.SnapshotQuery{Times: []store.TimeFilter{{Key: "created_at", Op: "gt", At: time.Now().Add(time.Hour)}}}, nil},
	} {
		got := must(s.Snapshots(ctx, tt.q))(t)
		var ids []string
		for _, n := range got {
			ids = append(ids, n.ID)
		}
		wantSet(t, tt.name, tt.want, ids)
		if n := must(s.SnapshotCount(ctx, tt.q))(t); n != int64(len(tt.want)) {
			t.Errorf("%s: count %d; want %d", tt.name, n, len(tt.want))
		}
	}
}

func testAttachmentFilters(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	create(t, s, volume(ty.ID, "v", nil), volume(ty.ID, "w", func(v *block.Volume) { v.ProjectID = theirs }))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, a := range []block.Attachment{
			{ID: "a", VolumeID: "v", AttachStatus: block.AttachAttached, InstanceUUID: "i1", AttachedHost: "host"},
			{ID: "b", VolumeID: "v", AttachStatus: block.AttachReserved, InstanceUUID: "i2"},
			{ID: "c", VolumeID: "w", AttachStatus: block.AttachReserved},
		} {
			if err := tx.CreateAttachment(ctx, &a); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tt := range []struct {
		name string
		q    store.AttachmentQuery
		want []string
	}{
		{"all", store.AttachmentQuery{}, []string{"c", "b", "a"}},
		{"project", store.AttachmentQuery{ProjectID: mine}, []string{"b", "a"}},
		{"volume", store.AttachmentQuery{Equal: one("volume_id", "w")}, []string{"c"}},
		{"status", store.AttachmentQuery{Equal: one("status", "reserved")}, []string{"c", "b"}},
		{"attach status", store.AttachmentQuery{Equal: one("attach_status", "attached")}, []string{"a"}},
		{"instance", store.AttachmentQuery{Equal: one("instance_id", "i2")}, []string{"b"}},
		{"like", store.AttachmentQuery{Like: texts{"instance_id": "i"}}, []string{"b", "a"}},
		{"unknown", store.AttachmentQuery{Equal: one("colour", "red")}, nil},
		{"page", store.AttachmentQuery{Page: store.Page{Limit: 1, Marker: "c"}}, []string{"b"}},
		{"sorted", store.AttachmentQuery{Page: store.Page{Sort: []store.Sort{{Key: "attach_status"}, {Key: "volume_id", Desc: true}}}}, []string{"a", "c", "b"}},
	} {
		var ids []string
		for _, a := range must(s.Attachments(ctx, tt.q))(t) {
			ids = append(ids, a.ID)
			if want := map[string]string{"v": mine, "w": theirs}[a.VolumeID]; a.ProjectID != want {
				t.Errorf("%s: project %q of %s; want %q", tt.name, a.ProjectID, a.ID, want)
			}
		}
		wantEqual(t, tt.name, tt.want, ids)
	}
	_, err := s.Attachments(ctx, store.AttachmentQuery{ProjectID: mine, Page: store.Page{Marker: "c"}})
	wantFault(t, err, fault.NotFound, "VolumeAttachmentNotFound", "")
}
