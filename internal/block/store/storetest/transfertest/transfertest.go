// Package transfertest is the part of the store's suite about whose volumes are: transfers, what a change of owner writes,
// and what projects have on a host.
//
// What must not live here: anything that knows an implementation.
package transfertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

const donor, taker = "donor", "taker"

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(t *testing.T, s store.Store){
		"transfer": testTransfer, "transfer lists": testLists, "change of owner": testOwner, "image metadata": testImageMetadata,
		"projects on a host": testProjectsOn,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func update(t *testing.T, s store.Store, fn func(tx store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// volume makes a volume of a project.
func volume(t *testing.T, s store.Store, project string) *block.Volume {
	t.Helper()
	kind, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	v := &block.Volume{ID: uuid.NewString(), ProjectID: project, UserID: "user", UseQuota: true, SizeGiB: 1, VolumeTypeID: kind.ID,
		Status: block.VolumeAvailable, ImageMetadata: map[string]string{"os": "linux"}}
	update(t, s, func(tx store.Tx) error { return tx.CreateVolume(t.Context(), v) })
	return v
}

// offer makes a transfer of a volume.
func offer(t *testing.T, s store.Store, v *block.Volume, change func(*block.Transfer)) *block.Transfer {
	t.Helper()
	f := &block.Transfer{ID: uuid.NewString(), VolumeID: v.ID, Salt: "salt", CryptHash: "hash", SourceProjectID: v.ProjectID}
	if change != nil {
		change(f)
	}
	update(t, s, func(tx store.Tx) error { return tx.CreateTransfer(t.Context(), f) })
	return f
}

func notFound(t *testing.T, err error, id string) {
	t.Helper()
	if !fault.Is(err, fault.NotFound) || fault.NameOf(err) != "TransferNotFound" || fault.UserText(err) != "Transfer "+id+" could not be found." {
		t.Errorf("%v", err)
	}
}

func testTransfer(t *testing.T, s store.Store) {
	v := volume(t, s, donor)
	f := offer(t, s, v, func(f *block.Transfer) { f.Name, f.NoSnapshots = new("n"), true })
	if f.CreatedAt.IsZero() {
		t.Error("created_at was not set")
	}
	for _, project := range []string{"", donor} {
		got, err := s.Transfer(t.Context(), f.ID, project)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(f, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	_, err := s.Transfer(t.Context(), f.ID, taker)
	notFound(t, err, f.ID)

	destroy := func(acceptedBy string) (done bool) {
		update(t, s, func(tx store.Tx) (err error) {
			done, err = tx.DestroyTransfer(t.Context(), f.ID, acceptedBy)
			return err
		})
		return done
	}
	if !destroy(taker) || destroy("") {
		t.Error("a transfer ends once")
	}
	_, err = s.Transfer(t.Context(), f.ID, "")
	notFound(t, err, f.ID)
	// A volume takes its transfers along.
	f = offer(t, s, v, nil)
	update(t, s, func(tx store.Tx) error { return tx.DestroyVolume(t.Context(), v.ID) })
	_, err = s.Transfer(t.Context(), f.ID, "")
	notFound(t, err, f.ID)
}

func testLists(t *testing.T, s store.Store) {
	var ids []string
	for i := range 5 {
		f := offer(t, s, volume(t, s, donor), func(f *block.Transfer) {
			f.CreatedAt = time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC) // a database may keep no fractions
			f.Name = new(fmt.Sprint(i % 2))
		})
		ids = append(ids, f.ID)
	}
	other := offer(t, s, volume(t, s, taker), nil)
	rising := []store.Sort{{Key: "created_at"}, {Key: "id"}}
	list := func(q store.TransferQuery) []string {
		t.Helper()
		found, err := s.Transfers(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		out := []string{}
		for _, f := range found {
			out = append(out, f.ID)
		}
		return out
	}
	for name, tc := range map[string]struct {
		q    store.TransferQuery
		want []string
	}{
		"of a project": {store.TransferQuery{ProjectID: donor, Page: store.Page{Sort: rising}}, ids},
		"of all":       {store.TransferQuery{Page: store.Page{Sort: rising}}, append(ids[:5:5], other.ID)},
		"a page":       {store.TransferQuery{ProjectID: donor, Page: store.Page{Sort: rising, Limit: 2, Marker: ids[1]}}, ids[2:4]},
		"by name": {store.TransferQuery{ProjectID: donor, Equal: map[string][]string{"display_name": {"1"}}, Page: store.Page{Sort: rising}},
			[]string{ids[1], ids[3]}},
		"by no column": {store.TransferQuery{Equal: map[string][]string{"x": {"1"}}}, []string{}},
	} {
		if d := cmp.Diff(tc.want, list(tc.q)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	_, err := s.Transfers(t.Context(), store.TransferQuery{ProjectID: donor, Page: store.Page{Marker: other.ID}})
	notFound(t, err, other.ID)
}

func testOwner(t *testing.T, s store.Store) {
	v := volume(t, s, donor)
	n := &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: donor, UserID: "user", UseQuota: true, VolumeSizeGiB: 1,
		VolumeTypeID: v.VolumeTypeID, Status: block.SnapshotAvailable}
	update(t, s, func(tx store.Tx) error { return tx.CreateSnapshot(t.Context(), n) })
	update(t, s, func(tx store.Tx) error {
		if _, err := tx.UpdateVolume(t.Context(), v.ID, store.VolumeWhen{}, store.VolumeSet{UserID: new("u2"), ProjectID: new(taker)}); err != nil {
			return err
		}
		_, err := tx.UpdateSnapshot(t.Context(), n.ID, store.SnapshotWhen{},
			store.SnapshotSet{UserID: new("u2"), ProjectID: new(taker), VolumeSizeGiB: new(int64(3))})
		return err
	})
	gotVolume, err := s.Volume(t.Context(), v.ID, taker)
	if err != nil || gotVolume.UserID != "u2" {
		t.Errorf("%+v, %v", gotVolume, err)
	}
	gotSnapshot, err := s.Snapshot(t.Context(), n.ID, taker)
	if err != nil || gotSnapshot.UserID != "u2" || gotSnapshot.VolumeSizeGiB != 3 {
		t.Errorf("%+v, %v", gotSnapshot, err)
	}
	for project, want := range map[string]int64{donor: 0, taker: 1} {
		u, err := s.QuotaUsage(t.Context(), project)
		if err != nil || u.Volumes != want || u.Snapshots != want {
			t.Errorf("%s uses %+v, %v", project, u, err)
		}
	}
}

func testImageMetadata(t *testing.T, s store.Store) {
	v := volume(t, s, donor)
	remove := func(key string) error {
		return s.Update(t.Context(), func(tx store.Tx) error { return tx.DeleteVolumeImageMetadata(t.Context(), v.ID, key) })
	}
	if err := remove("os"); err != nil {
		t.Fatal(err)
	}
	if err := remove("os"); fault.NameOf(err) != "GlanceMetadataNotFound" || !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	if got, err := s.Volume(t.Context(), v.ID, ""); err != nil || len(got.ImageMetadata) != 0 {
		t.Errorf("%v, %v", got.ImageMetadata, err)
	}
}

func testProjectsOn(t *testing.T, s store.Store) {
	for _, v := range []struct {
		project string
		host    block.Host
		sizeGiB int64
		shots   int
	}{{donor, "node@a#x", 2, 2}, {donor, "node@a#y", 3, 0}, {donor, "node@b#x", 5, 1}, {taker, "node@a#x", 7, 0}, {taker, "nodes@a#x", 9, 0}} {
		made := volume(t, s, v.project)
		update(t, s, func(tx store.Tx) error {
			_, err := tx.UpdateVolume(t.Context(), made.ID, store.VolumeWhen{}, store.VolumeSet{Host: &v.host, SizeGiB: &v.sizeGiB})
			for range v.shots {
				n := &block.Snapshot{ID: uuid.NewString(), VolumeID: made.ID, ProjectID: v.project, VolumeSizeGiB: v.sizeGiB, VolumeTypeID: made.VolumeTypeID,
					Status: block.SnapshotAvailable}
				err = errors.Join(err, tx.CreateSnapshot(t.Context(), n))
			}
			return err
		})
	}
	for host, want := range map[string][]store.ProjectTotals{
		"node@a": {{ProjectID: donor, Volumes: 2, SizeGiB: 5, Snapshots: 2, SnapshotsSizeGiB: 4}, {ProjectID: taker, Volumes: 1, SizeGiB: 7}},
		"node":   {{ProjectID: donor, Volumes: 3, SizeGiB: 10, Snapshots: 3, SnapshotsSizeGiB: 9}, {ProjectID: taker, Volumes: 1, SizeGiB: 7}},
		"nod":    {},
	} {
		got, err := s.ProjectsOn(t.Context(), host)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", host, d)
		}
	}
}
