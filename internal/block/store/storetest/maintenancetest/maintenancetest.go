// Package maintenancetest is the part of the store's suite about what operators' commands do: the purge, repairs, and names
// of clusters.
//
// What must not live here: anything that knows an implementation.
package maintenancetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, part := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"purge", testPurge},
		{"purge of many", testPurgeOfMany},
		{"purge of what is in use", testPurgeOfUsed},
		{"stored usage", testStoredUsage},
		{"hosts", testHosts},
		{"cluster names", testClusterNames},
		{"cluster members", testClusterMembers},
		{"marks", testMarks},
		{"replication", testReplication},
		{"indexes", testIndexes},
		{"workers", testWorkers},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, open(t))
		})
	}
}

func update(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func newVolume(t *testing.T, s store.Store, id string, change func(v *block.Volume)) *block.Volume {
	t.Helper()
	kind, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	v := &block.Volume{ID: id, ProjectID: "p", SizeGiB: 1, VolumeTypeID: kind.ID, Status: block.VolumeAvailable, AttachStatus: block.AttachDetached,
		Metadata: map[string]string{"k": "v"}}
	if change != nil {
		change(v)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, v) })
	return v
}

// purge removes what was deleted before a time and gives what it said of each table.
func purge(t *testing.T, s store.Store, before time.Time) map[string]store.PurgedTable {
	t.Helper()
	told := map[string]store.PurgedTable{}
	err := s.Purge(t.Context(), before, func(p store.PurgedTable) {
		name := p.Name
		p.Name = ""
		told[name] = p
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func later() time.Time { return time.Now().Add(time.Hour) }

func testPurge(t *testing.T, s store.Store) {
	volume := newVolume(t, s, "v", nil)
	newVolume(t, s, "stays", nil)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		n := &block.Snapshot{ID: "s", VolumeID: "v", ProjectID: "p", VolumeTypeID: volume.VolumeTypeID, Metadata: map[string]string{"k": "v"}}
		if err := tx.CreateSnapshot(ctx, n); err != nil {
			return err
		}
		return tx.CreateQoSSpecs(ctx, &block.QoSSpecs{ID: "q", Name: "q", Consumer: block.QoSBoth, Specs: map[string]*string{"a": new("1")}})
	})
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.DestroySnapshot(ctx, "s"); err != nil {
			return err
		}
		if err := tx.DestroyVolume(ctx, "v"); err != nil {
			return err
		}
		return tx.DestroyQoSSpecs(ctx, "q")
	})
	if told := purge(t, s, time.Now().Add(-time.Hour)); len(told) != 0 {
		t.Errorf("what was deleted just now was purged: %v", told)
	}
	want := map[string]store.PurgedTable{"volumes": {Removed: 1}, "volume_metadata": {Removed: 1}, "snapshots": {Removed: 1},
		"snapshot_metadata": {Removed: 1}, "quality_of_service_specs": {Removed: 3}}
	if diff := cmp.Diff(want, purge(t, s, later())); diff != "" {
		t.Errorf("purged (-want +got):\n%s", diff)
	}
	if told := purge(t, s, later()); len(told) != 0 {
		t.Errorf("a second time: %v", told)
	}
	if v, err := s.Volume(t.Context(), "stays", ""); err != nil || v.Metadata["k"] != "v" {
		t.Errorf("the volume that was not deleted: %v, %v", v, err)
	}
}

func testPurgeOfMany(t *testing.T, s store.Store) {
	const many = 1203 // more than two batches
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for i := range many {
			id := fmt.Sprintf("message %04d", i)
			if err := tx.CreateMessage(ctx, &block.Message{ID: id, ProjectID: "p", EventID: "e", Level: "ERROR"}); err != nil {
				return err
			}
			if i%100 == 50 {
				continue // stays
			}
			if err := tx.DestroyMessage(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if diff := cmp.Diff(map[string]store.PurgedTable{"messages": {Removed: many - 12}}, purge(t, s, later())); diff != "" {
		t.Errorf("purged (-want +got):\n%s", diff)
	}
	if left, err := s.Messages(t.Context(), store.MessageQuery{}); err != nil || len(left) != 12 {
		t.Errorf("%d messages are left, %v; want 12", len(left), err)
	}
}

// testPurgeOfUsed: a service that was removed, but that a volume still names, stays, and nothing else does.
func testPurgeOfUsed(t *testing.T, s store.Store) {
	var used, unused *block.Service
	update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		if used, err = tx.RegisterService(ctx, &block.Service{Host: "h@b", Binary: block.BinaryVolume}); err != nil {
			return err
		}
		unused, err = tx.RegisterService(ctx, &block.Service{Host: "other@b", Binary: block.BinaryVolume})
		return err
	})
	newVolume(t, s, "v", func(v *block.Volume) { v.ServiceUUID, v.Host = used.UUID, "h@b#p" })
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.DeleteService(ctx, used.ID); err != nil {
			return err
		}
		return tx.DeleteService(ctx, unused.ID)
	})
	want := map[string]store.PurgedTable{"services": {Removed: 1, Left: 1, Because: []string{"volumes"}}}
	if diff := cmp.Diff(want, purge(t, s, later())); diff != "" {
		t.Errorf("purged (-want +got):\n%s", diff)
	}
	var heir *block.Service
	update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		if heir, err = tx.RegisterService(ctx, &block.Service{Host: "h@b", Binary: block.BinaryVolume}); err != nil {
			return err
		}
		n, err := tx.AdoptVolumes(ctx)
		if n != 1 {
			t.Errorf("%d volumes were adopted; want 1", n)
		}
		return err
	})
	if v, err := s.Volume(t.Context(), "v", ""); err != nil || v.ServiceUUID != heir.UUID {
		t.Errorf("the volume names %q, %v; want %q", v.ServiceUUID, err, heir.UUID)
	}
	if diff := cmp.Diff(map[string]store.PurgedTable{"services": {Removed: 1}}, purge(t, s, later())); diff != "" {
		t.Errorf("purged then (-want +got):\n%s", diff)
	}
}

func testStoredUsage(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutQuotaUsage(ctx, "p", map[string]int64{"gigabytes": 7, "volumes": 2}); err != nil {
			return err
		}
		return tx.PutQuotaUsage(ctx, "a", map[string]int64{"volumes": 1})
	})
	projects, err := s.UsageProjects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "p"}, projects); diff != "" {
		t.Error(diff)
	}
	stored := func() []store.StoredUsage {
		list, err := s.StoredUsage(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	list := stored()
	if len(list) != 2 || list[0].Resource != "gigabytes" || list[0].InUse != 7 || list[1].Resource != "volumes" {
		t.Fatalf("stored: %+v", list)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutStoredUsage(ctx, list[0].ID, 3, 1); err != nil {
			return err
		}
		_, err := tx.MergeStoredUsage(ctx, list[1].ID, list[0].ID)
		return err
	})
	if got := stored(); len(got) != 1 || got[0].InUse != 3 || got[0].Reserved != 1 || got[0].Reservations != 0 {
		t.Errorf("stored then: %+v", got)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.PutQuotaUsage(ctx, "p", map[string]int64{"volumes": 5})
	})
	if got := stored(); len(got) != 2 || got[1].InUse != 5 {
		t.Errorf("a row of the same resource beside the deleted one: %+v", got)
	}
}

func testHosts(t *testing.T, s store.Store) {
	for id, host := range map[string]block.Host{"pool": "h@b#p", "bare": "h@b", "longer": "h@bb#p", "elsewhere": "h@c#p"} {
		newVolume(t, s, id, func(v *block.Volume) { v.Host = host })
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateBackup(ctx, &block.Backup{ID: "b", ProjectID: "p", VolumeID: "pool", Host: "h"}); err != nil {
			return err
		}
		volumes, err := tx.MoveVolumes(ctx, "h@b", "new@b#q")
		if err != nil {
			return err
		}
		backups, err := tx.MoveBackups(ctx, "h", "new")
		if err != nil {
			return err
		}
		groups, err := tx.MoveConsistencyGroups(ctx, "h", "new")
		if volumes != 2 || backups != 1 || groups != 0 {
			t.Errorf("moved %d volumes, %d backups, %d groups; want 2, 1, 0", volumes, backups, groups)
		}
		return err
	})
	for id, want := range map[string]block.Host{"pool": "new@b#q", "bare": "new@b#q", "longer": "h@bb#p", "elsewhere": "h@c#p"} {
		if v, err := s.Volume(t.Context(), id, ""); err != nil || v.Host != want {
			t.Errorf("%s is on %q, %v; want %q", id, v.Host, err, want)
		}
	}
	if b, err := s.Backup(t.Context(), "b", ""); err != nil || b.Host != "new" {
		t.Errorf("the backup is on %q, %v", b.Host, err)
	}
}

func testClusterNames(t *testing.T, s store.Store) {
	for id, cluster := range map[string]string{"pool": "c@b#p", "backend": "c@b", "other": "cc@b"} {
		newVolume(t, s, id, func(v *block.Volume) { v.ClusterName = cluster })
	}
	rename := func(from, to string, whole bool, want int64, names map[string]string) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			volumes, groups, err := tx.RenameCluster(ctx, from, to, whole)
			if volumes != want || groups != 0 {
				t.Errorf("%s to %q: %d volumes and %d groups; want %d and 0", from, to, volumes, groups, want)
			}
			return err
		})
		for id, name := range names {
			if v, err := s.Volume(t.Context(), id, ""); err != nil || v.ClusterName != name {
				t.Errorf("%s to %q: %s is in %q, %v; want %q", from, to, id, v.ClusterName, err, name)
			}
		}
	}
	rename("c", "new", false, 2, map[string]string{"pool": "new@b#p", "backend": "new@b", "other": "cc@b"})
	rename("new@b", "x@y", true, 2, map[string]string{"pool": "x@y", "backend": "x@y"})
	rename("x@y", "", false, 2, map[string]string{"pool": "", "backend": ""})
	rename("nobody", "new", false, 0, nil)
	if list, err := s.Clusters(t.Context(), time.Now()); err != nil || len(list) != 0 {
		t.Errorf("clusters: %v, %v", list, err)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if done, err := tx.DestroyCluster(ctx, 1); done || err != nil {
			t.Errorf("a cluster that is not there was destroyed: %v, %v", done, err)
		}
		return nil
	})
}

// testClusterMembers: what a host that joins a cluster brings along, and the cluster's row.
func testClusterMembers(t *testing.T, s store.Store) {
	on := func(id string, host block.Host, cluster string) {
		newVolume(t, s, id, func(v *block.Volume) { v.Host, v.ClusterName = host, cluster })
	}
	on("pool", "n@b#p", "")
	on("backend", "n@b", "")
	on("elsewhere", "m@b#p", "")
	on("another's", "n@b#p", "d@b#p")
	join := func() (row *block.Cluster, volumes int64) {
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			if row, err = tx.EnsureCluster(ctx, &block.Cluster{Name: "c@b", Binary: block.BinaryVolume, ReplicationStatus: "disabled"}); err != nil {
				return err
			}
			if err := tx.CreateImageCacheEntry(ctx, &block.ImageCacheEntry{Host: "n@b#p", ImageID: "i", VolumeID: "v", SizeGiB: 1, LastUsed: time.Now()}); err != nil {
				return err
			}
			volumes, err = tx.IncludeInCluster(ctx, "n@b", "c@b")
			return err
		})
		return row, volumes
	}
	first, volumes := join()
	again, none := join()
	if volumes != 2 || none != 0 || first.ID == 0 || again.ID != first.ID || again.ReplicationStatus != "disabled" {
		t.Errorf("joined with %d volumes, then %d; the cluster %+v, then %+v", volumes, none, first, again)
	}
	for id, want := range map[string]string{"pool": "c@b#p", "backend": "c@b", "elsewhere": "", "another's": "d@b#p"} {
		if v, err := s.Volume(t.Context(), id, ""); err != nil || v.ClusterName != want {
			t.Errorf("%s is in %q, %v; want %q", id, v.ClusterName, err, want)
		}
	}
	if found, err := s.ImageCacheEntries(t.Context(), store.ImageCacheQuery{Cluster: "c@b#p", ImageID: "i"}); err != nil || len(found) != 2 {
		t.Errorf("the cluster's cached images: %v, %v", found, err)
	}
	totals, err := s.ClusterVolumes(t.Context(), "c@b")
	if diff := cmp.Diff(map[block.Host]store.PoolTotals{"n@b#p": {Volumes: 1, SizeGiB: 1}, "n@b": {Volumes: 1, SizeGiB: 1}}, totals); err != nil || diff != "" {
		t.Errorf("its volumes: %v %s", err, diff)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateCluster(ctx, first.ID, store.ServiceSet{Disabled: new(true), DisabledReason: new("mended"), Frozen: new(true)})
	})
	list, err := s.Clusters(t.Context(), time.Now())
	if err != nil || len(list) != 1 || !list[0].Disabled || !list[0].Frozen || list[0].DisabledReason != "mended" || list[0].Name != "c@b" {
		t.Errorf("clusters: %+v, %v", list, err)
	}
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.UpdateCluster(t.Context(), first.ID+1, store.ServiceSet{}) }); !fault.Is(err, fault.NotFound) {
		t.Errorf("a cluster that is not there: %v", err)
	}
}

func testMarks(t *testing.T, s store.Store) {
	lacks := func() bool {
		lacking, err := s.LacksServiceUUID(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return lacking
	}
	if lacks() {
		t.Error("an empty database lacks a UUID")
	}
	for _, id := range []string{"1", "2", "3"} {
		newVolume(t, s, id, func(v *block.Volume) { v.AdminMetadata = map[string]string{"temporary": "True", "other": "1"} })
	}
	if !lacks() {
		t.Error("volumes without a service's UUID are not noticed")
	}
	if old, err := s.HasAttachmentSpecs(t.Context()); old || err != nil {
		t.Errorf("there are attachment specs: %v, %v", old, err)
	}
	for _, want := range []int64{2, 1, 0} {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			n, err := tx.RemoveTemporaryMarks(ctx, 2)
			if n != want {
				t.Errorf("%d marks removed; want %d", n, want)
			}
			return err
		})
	}
	if n, err := s.TemporaryMarks(t.Context()); n != 0 || err != nil {
		t.Errorf("%d marks are left, %v", n, err)
	}
	if v, err := s.Volume(t.Context(), "1", ""); err != nil || v.AdminMetadata["other"] != "1" {
		t.Errorf("other admin metadata: %v, %v", v.AdminMetadata, err)
	}
}

func testReplication(t *testing.T, s store.Store) {
	var row *block.Service
	update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		row, err = tx.RegisterService(ctx, &block.Service{Host: "h@b", Binary: block.BinaryVolume, Topic: "cinder-volume", Disabled: true,
			DisabledReason: "failed-over", ReplicationStatus: "failed-over", ActiveBackendID: "secondary"})
		if err != nil {
			return err
		}
		return tx.PutServiceVersions(ctx, row.ID, "3.9", "1.9")
	})
	read := func() *block.Service {
		list, err := s.Services(t.Context(), store.ServiceQuery{Host: "h@b"})
		if err != nil || len(list) != 1 {
			t.Fatalf("services: %v, %v", list, err)
		}
		return list[0]
	}
	if got := read(); got.RPCCurrentVersion != "3.9" || got.ObjectCurrentVersion != "1.9" {
		t.Errorf("versions %s, %s", got.RPCCurrentVersion, got.ObjectCurrentVersion)
	}
	reset := func() {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.ResetReplication(ctx, row, "enabled", "") })
	}
	reset()
	if got := read(); !got.Disabled || got.ActiveBackendID != "secondary" {
		t.Errorf("a service that is not frozen was changed: %+v", got)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateService(ctx, row.ID, store.ServiceSet{Frozen: new(true)})
	})
	reset()
	if got := read(); got.Disabled || got.DisabledReason != "" || got.ActiveBackendID != "" || got.ReplicationStatus != "enabled" {
		t.Errorf("after the reset: %+v", got)
	}
}

func testIndexes(t *testing.T, s store.Store) {
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if revision, err := s.Revision(t.Context()); err != nil || revision == "" {
		t.Errorf("revision %q, %v", revision, err)
	}
	missing := func() int {
		list, err := s.MissingIndexes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := missing()
	var dropped, added int
	if err := s.DropIndexes(t.Context(), func(string) { dropped++ }); err != nil {
		t.Fatal(err)
	}
	all := missing()
	if all == 0 || all != before+dropped {
		t.Errorf("%d were missing, %d were dropped, then %d are missing", before, dropped, all)
	}
	if err := s.AddIndexes(t.Context(), func(string) { added++ }); err != nil {
		t.Fatal(err)
	}
	if added != all || missing() != 0 {
		t.Errorf("%d of %d were added, %d are missing", added, all, missing())
	}
	newVolume(t, s, "v", nil)
	if list, err := s.Volumes(t.Context(), store.VolumeQuery{}); err != nil || len(list) != 1 {
		t.Errorf("volumes: %d, %v", len(list), err)
	}
}
