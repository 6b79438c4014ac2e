// Package lanetest is the part of the store's suite about transactions that are shared, what they count once, and what a
// transaction writes when it ends. And about reads that are answered together.
//
// What must not live here: anything that knows an implementation.
package lanetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(t *testing.T, s store.Store){
		"shared": testShared, "shared and failing": testFailing, "a sheet is never old": testSheet,
		"what is written late": testLate, "shown at once": testShown,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

const project = "11111111111111111111111111111111"

func volume(t *testing.T, s store.Store, id string) *block.Volume {
	t.Helper()
	ty, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	return &block.Volume{ID: id, ProjectID: project, UserID: "user", UseQuota: true, SizeGiB: 2, VolumeTypeID: ty.ID,
		Status: block.VolumeAvailable, AttachStatus: block.AttachDetached}
}

// behind has transactions of one lane, which start starts, wait for one that is under way, so that they share the next.
func behind(t *testing.T, s store.Store, start func(all *sync.WaitGroup)) {
	begun, free := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		var once sync.Once
		err := s.UpdateTogether(t.Context(), "lane", func(store.Tx) error {
			once.Do(func() { close(begun) })
			<-free
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	start(&all)
	time.Sleep(50 * time.Millisecond) // enough for most to come; whether they do changes nothing but what is tried
	close(free)
	all.Wait()
}

// testShared: those who share a transaction each see what the one before has entered, and count right.
func testShared(t *testing.T, s store.Store) {
	const n = 9
	counts, shared := make([]int64, n), make(map[store.Tx]int)
	behind(t, s, func(all *sync.WaitGroup) {
		for i := range n {
			v := volume(t, s, fmt.Sprint("v", i))
			all.Go(func() {
				err := s.UpdateTogether(t.Context(), "lane", func(tx store.Tx) error {
					shared[tx]++
					if err := tx.CreateVolume(t.Context(), v); err != nil {
						return err
					}
					if err := tx.LockQuota(t.Context(), project); err != nil {
						return err
					}
					sheet, err := tx.QuotaSheet(t.Context(), project, "default")
					if err != nil {
						return err
					}
					counts[i] = sheet.Usage.Volumes
					if sheet.Usage.VolumeGigabytes != 2*counts[i] || sheet.Usage.ByType[v.VolumeTypeID].Volumes != counts[i] {
						t.Errorf("the sheet is %+v", sheet.Usage)
					}
					if err := tx.PutQuotaUsage(t.Context(), project, map[string]int64{block.QuotaVolumes: counts[i]}); err != nil {
						return err
					}
					return tx.PutFlow(t.Context(), flow.Record{ID: "of " + v.ID, Name: "f", Owner: "o", ResourceType: "volume", ResourceID: v.ID})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	})
	slices.Sort(counts)
	if fmt.Sprint(counts) != "[1 2 3 4 5 6 7 8 9]" {
		t.Errorf("counted %v", counts)
	}
	if len(shared) == n {
		t.Error("nobody shared a transaction")
	}
	usage, err := s.QuotaUsage(t.Context(), project)
	records, flowsErr := s.Flows(t.Context(), "o", 0, 100)
	if err != nil || flowsErr != nil || usage.Volumes != n || len(records) != n {
		t.Errorf("in the end %+v and %d records, %v, %v", usage, len(records), err, flowsErr)
	}
}

// testFailing: who fails, or has gone, harms nobody.
func testFailing(t *testing.T, s store.Store) {
	refusal := errors.New("refused")
	gone, cancel := context.WithCancel(t.Context())
	behind(t, s, func(all *sync.WaitGroup) {
		for i := range 6 {
			v, ctx, want := volume(t, s, fmt.Sprint("v", i)), t.Context(), error(nil)
			switch i {
			case 2:
				want = refusal
			case 4:
				ctx, want = gone, context.Canceled
			}
			all.Go(func() {
				err := s.UpdateTogether(ctx, "lane", func(tx store.Tx) error {
					if err := tx.CreateVolume(ctx, v); err != nil {
						return err
					}
					if i == 2 {
						return refusal
					}
					return nil
				})
				if !errors.Is(err, want) {
					t.Errorf("%d: %v, want %v", i, err, want)
				}
			})
		}
		cancel()
	})
	volumes, err := s.Volumes(t.Context(), store.VolumeQuery{Page: store.Page{Sort: []store.Sort{{Key: "id"}}}})
	var ids []string
	for _, v := range volumes {
		ids = append(ids, v.ID)
	}
	if err != nil || fmt.Sprint(ids) != "[v0 v1 v3 v5]" {
		t.Errorf("there are %v, %v", ids, err)
	}
}

// testSheet: a sheet that is read again counts whatever the transaction has done meanwhile.
func testSheet(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, b := volume(t, s, "a"), volume(t, s, "b")
	free := volume(t, s, "free")
	free.UseQuota = false
	other := volume(t, s, "other")
	other.ProjectID = "somebody else's"
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.LockQuota(ctx, project); err != nil {
			return err
		}
		for i, step := range []struct {
			do                 func() error
			volumes, snapshots int64
		}{
			{func() error { return nil }, 0, 0},
			{func() error { return tx.CreateVolume(ctx, a) }, 1, 0},
			{func() error { return tx.CreateVolume(ctx, free) }, 1, 0},
			{func() error { return tx.CreateVolume(ctx, other) }, 1, 0},
			{func() error {
				return tx.CreateSnapshot(ctx, &block.Snapshot{ID: "n", VolumeID: "a", ProjectID: project, UseQuota: true, VolumeSizeGiB: 2,
					VolumeTypeID: a.VolumeTypeID, Status: block.SnapshotAvailable})
			}, 1, 1},
			{func() error { return tx.CreateVolume(ctx, b) }, 2, 1},
			{func() error { return tx.DestroyVolume(ctx, "a") }, 1, 0},
		} {
			if err := step.do(); err != nil {
				return err
			}
			sheet, err := tx.QuotaSheet(ctx, project, "default")
			if err != nil {
				return err
			}
			if sheet.Usage.Volumes != step.volumes || sheet.Usage.Snapshots != step.snapshots {
				t.Errorf("after step %d: %+v, want %d volumes and %d snapshots", i, sheet.Usage, step.volumes, step.snapshots)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testLate: a transaction sees the records it has written, and the last word on one counts.
func testLate(t *testing.T, s store.Store) {
	ctx := t.Context()
	record := func(i int) flow.Record {
		return flow.Record{ID: fmt.Sprintf("r%02d", i), Name: "f", Owner: "o", ResourceType: "volume", ResourceID: "v", State: []byte(`{}`)}
	}
	const n = 21
	err := s.Update(ctx, func(tx store.Tx) error {
		for i := range n {
			if err := tx.PutFlow(ctx, record(i)); err != nil {
				return err
			}
		}
		if found, err := tx.Flows(ctx, "o", 0, 100); err != nil || len(found) != n {
			t.Errorf("a transaction sees %d of its %d records, %v", len(found), n, err)
		}
		for i := range 4 {
			if err := tx.DeleteFlow(ctx, record(i).ID); err != nil {
				return err
			}
		}
		again := record(0)
		again.Owner = "p"
		return errors.Join(tx.PutFlow(ctx, again), tx.PutFlow(ctx, record(99)), tx.DeleteFlow(ctx, record(99).ID))
	})
	if err != nil {
		t.Fatal(err)
	}
	left, err := s.Flows(ctx, "o", 0, 100)
	passed, passedErr := s.Flows(ctx, "p", 0, 100)
	if err != nil || passedErr != nil || len(left) != n-4 || len(passed) != 1 {
		t.Errorf("%d are left, %v; %d have passed on, %v", len(left), err, len(passed), passedErr)
	}
}

// testShown: whoever asks at the same time for whatever volumes gets his own.
func testShown(t *testing.T, s store.Store) {
	const n = 40
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for i := range n {
			v := volume(t, s, fmt.Sprint("v", i))
			if i%3 == 0 { // more than a row for each
				v.Metadata = map[string]string{}
				for k := range i {
					v.Metadata[fmt.Sprint("key", k)] = fmt.Sprint("value of ", i)
				}
			}
			if err := tx.CreateVolume(t.Context(), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for worker := range 24 {
		all.Go(func() {
			for round := range 20 {
				i := (worker*7 + round) % (n + 2)
				v, err := s.Volume(t.Context(), fmt.Sprint("v", i), project)
				switch {
				case i >= n:
					if !fault.Is(err, fault.NotFound) {
						t.Errorf("v%d: %v, %v", i, v, err)
					}
				case err != nil:
					t.Errorf("v%d: %v", i, err)
				case v.ID != fmt.Sprint("v", i) || i%3 == 0 && len(v.Metadata) != i || i%3 != 0 && len(v.Metadata) != 0:
					t.Errorf("v%d: %s with %d metadata", i, v.ID, len(v.Metadata))
				default:
					v.Metadata["mine"], v.Status = "alone", block.VolumeError // what one does with it is no concern of others
				}
				if _, err := s.Volume(t.Context(), fmt.Sprint("v", i), "another project"); !fault.Is(err, fault.NotFound) {
					t.Errorf("v%d is shown to another project: %v", i, err)
				}
			}
		})
	}
	all.Wait()
}
