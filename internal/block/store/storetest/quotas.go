package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

func testQuotaLimits(t *testing.T, s store.Store) {
	ctx := t.Context()
	wantEqual(t, "default class", map[string]int64{
		block.QuotaVolumes: 10, block.QuotaSnapshots: 10, block.QuotaGigabytes: 1000, block.QuotaPerVolumeGigabytes: -1,
		block.QuotaGroups: 10, block.QuotaBackups: 10, block.QuotaBackupGigabytes: 1000,
	}, must(s.QuotaClassLimits(ctx, "default"))(t))
	wantEqual(t, "no class", map[string]int64{}, must(s.QuotaClassLimits(ctx, "none"))(t))
	put := func(limits map[string]int64) {
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutQuotaLimits(ctx, mine, limits) })
	}
	put(map[string]int64{"volumes": 5, "gigabytes": -1})
	put(map[string]int64{"volumes": 0, "volumes_gold": 7})
	wantEqual(t, "limits", map[string]int64{"volumes": 0, "gigabytes": -1, "volumes_gold": 7}, must(s.QuotaLimits(ctx, mine))(t))
	wantEqual(t, "their limits", map[string]int64{}, must(s.QuotaLimits(ctx, theirs))(t))
	sheet := must(s.QuotaSheet(ctx, mine, "default"))(t)
	wantEqual(t, "the sheet's own limits", must(s.QuotaLimits(ctx, mine))(t), sheet.Own)
	wantEqual(t, "the sheet's class", must(s.QuotaClassLimits(ctx, "default"))(t), sheet.Class)
	wantEqual(t, "nothing is reserved", map[string]int64(nil), sheet.Usage.Reserved)
	var ids []string
	update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
		now := time.Now().UTC()
		if _, err = tx.Reserve(ctx, mine, map[string]int64{"volumes": 4}, now.Add(-time.Hour)); err == nil { // expired
			_, err = tx.Reserve(ctx, mine, map[string]int64{"volumes": 1, "gigabytes": 2}, now.Add(time.Hour))
		}
		if err == nil {
			ids, err = tx.Reserve(ctx, mine, map[string]int64{"volumes": 1, "gigabytes": -5}, now.Add(time.Hour))
		}
		return err
	})
	wantEqual(t, "the sheet's reserved", map[string]int64{"volumes": 2, "gigabytes": 2}, must(s.QuotaSheet(ctx, mine, "default"))(t).Usage.Reserved)
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.ReleaseReservations(ctx, ids) })
	wantEqual(t, "reserved", map[string]int64{"volumes": 1, "gigabytes": 2}, must(s.QuotaUsage(ctx, mine))(t).Reserved)
	wantEqual(t, "their reserved", map[string]int64(nil), must(s.QuotaUsage(ctx, theirs))(t).Reserved)
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteQuotaLimits(ctx, mine) })
	wantEqual(t, "after the deletion", map[string]int64{}, must(s.QuotaLimits(ctx, mine))(t))
	put(map[string]int64{"volumes": 3})
	wantEqual(t, "set again", map[string]int64{"volumes": 3}, must(s.QuotaLimits(ctx, mine))(t))
}

// testQuotaUsage does random operations and compares the usage with what a model in memory holds after each.
func testQuotaUsage(t *testing.T, s store.Store) {
	ctx := t.Context()
	ids := []string{defaultType(t, s).ID, "gold"}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateVolumeType(ctx, &block.VolumeType{ID: "gold", Name: "gold"})
	})
	serial := 0
	volumes, snapshots := map[string]*block.Volume{}, map[string]*block.Snapshot{} // those that are there
	rapid.Check(t, func(rt *rapid.T) {
		operations := []func(){
			func() { // create a volume
				serial++
				v := volume(rapid.SampledFrom(ids).Draw(rt, "type"), fmt.Sprint("v", serial), func(v *block.Volume) {
					v.ProjectID = rapid.SampledFrom([]string{mine, theirs}).Draw(rt, "project")
					v.SizeGiB = int64(rapid.IntRange(0, 9).Draw(rt, "size"))
					v.UseQuota = rapid.Bool().Draw(rt, "use quota")
				})
				create(t, s, v)
				volumes[v.ID] = v
			},
			func() { // extend one
				v := pick(rt, volumes)
				if v == nil {
					return
				}
				v.SizeGiB++
				change(t, s, v.ID, store.VolumeWhen{}, store.VolumeSet{SizeGiB: &v.SizeGiB})
			},
			func() { // create a snapshot
				serial++
				v := pick(rt, volumes)
				if v == nil {
					return
				}
				n := snapshot(v, fmt.Sprint("s", serial), func(n *block.Snapshot) { n.UseQuota = rapid.Bool().Draw(rt, "use quota") })
				update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateSnapshot(ctx, n) })
				snapshots[n.ID] = n
			},
			func() { // destroy a snapshot
				n := pick(rt, snapshots)
				if n == nil {
					return
				}
				update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroySnapshot(ctx, n.ID) })
				delete(snapshots, n.ID)
			},
			func() { // destroy a volume
				v := pick(rt, volumes)
				if v == nil {
					return
				}
				update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyVolume(ctx, v.ID) })
				delete(volumes, v.ID)
				for id, n := range snapshots {
					if n.VolumeID == v.ID {
						delete(snapshots, id)
					}
				}
			},
		}
		for _, o := range rapid.SliceOfN(rapid.IntRange(0, len(operations)-1), 1, 6).Draw(rt, "operations") {
			operations[o]()
		}
		checkUsage(rt, s, volumes, snapshots)
	})
	wantEqual(t, "usage of nobody", &block.QuotaUsage{ByType: map[string]block.TypeUsage{}}, must(s.QuotaUsage(ctx, "nobody"))(t))
}

// pick chooses one of the values, nil if there is none.
func pick[V any](rt *rapid.T, from map[string]*V) *V {
	if len(from) == 0 {
		return nil
	}
	return from[rapid.SampledFrom(slices.Sorted(maps.Keys(from))).Draw(rt, "which")]
}

func checkUsage(rt *rapid.T, s store.Store, volumes map[string]*block.Volume, snapshots map[string]*block.Snapshot) {
	for _, project := range []string{mine, theirs} {
		want := &block.QuotaUsage{ByType: map[string]block.TypeUsage{}}
		for _, v := range volumes {
			if v.ProjectID == project && v.UseQuota {
				want.Volumes, want.VolumeGigabytes = want.Volumes+1, want.VolumeGigabytes+v.SizeGiB
				u := want.ByType[v.VolumeTypeID]
				u.Volumes, u.VolumeGigabytes = u.Volumes+1, u.VolumeGigabytes+v.SizeGiB
				want.ByType[v.VolumeTypeID] = u
			}
		}
		for _, n := range snapshots {
			if n.ProjectID == project && n.UseQuota {
				want.Snapshots, want.SnapshotGigabytes = want.Snapshots+1, want.SnapshotGigabytes+n.VolumeSizeGiB
				u := want.ByType[n.VolumeTypeID]
				u.Snapshots, u.SnapshotGigabytes = u.Snapshots+1, u.SnapshotGigabytes+n.VolumeSizeGiB
				want.ByType[n.VolumeTypeID] = u
			}
		}
		got, err := s.QuotaUsage(context.Background(), project)
		if err != nil {
			rt.Fatal(err)
		}
		wantEqual(rt, "usage", want, got)
	}
}

// Whoever counts after LockQuota in the transaction that creates can not be overtaken.
func testQuotaAtOnce(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	const limit, tries = 10, 64
	full := errors.New("full")
	var wg sync.WaitGroup
	for i := range tries {
		wg.Go(func() {
			err := s.Update(ctx, func(tx store.Tx) error {
				if err := tx.LockQuota(ctx, mine); err != nil {
					return err
				}
				u, err := tx.QuotaUsage(ctx, mine)
				if err != nil {
					return err
				}
				if u.Volumes >= limit {
					return full
				}
				if err := tx.PutQuotaUsage(ctx, mine, map[string]int64{"volumes": u.Volumes + 1, "gigabytes": u.VolumeGigabytes + 1}); err != nil {
					return err
				}
				return tx.CreateVolume(ctx, volume(ty.ID, fmt.Sprint("v", i), nil))
			})
			if err != nil && !errors.Is(err, full) {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	if u := must(s.QuotaUsage(ctx, mine))(t); u.Volumes != limit {
		t.Errorf("%d volumes; the limit is %d", u.Volumes, limit)
	}
}
