// Package storebench measures what an implementation of store.Store costs: QueryCounts in statements, Bench in time. It
// is to be used beside storetest, which says whether it is right.
//
// What must not live here: anything that knows an implementation.
package storebench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// QueryCounts checks that a volume costs one statement, and a page of 200 as many as a page of one. count gives the number of
// statements so far; s is empty.
func QueryCounts(t *testing.T, s store.Store, count func() int) {
	ctx := t.Context()
	fill(t, s, 200)
	reads := map[string]func(limit int) (int, error){
		"volumes": func(limit int) (int, error) {
			v, err := s.Volumes(ctx, store.VolumeQuery{ProjectID: mine, Page: store.Page{Limit: limit}})
			return len(v), err
		},
		"snapshots": func(limit int) (int, error) {
			v, err := s.Snapshots(ctx, store.SnapshotQuery{ProjectID: mine, Page: store.Page{Limit: limit}})
			return len(v), err
		},
		"attachments": func(limit int) (int, error) {
			v, err := s.Attachments(ctx, store.AttachmentQuery{ProjectID: mine, Page: store.Page{Limit: limit}})
			return len(v), err
		},
	}
	for name, read := range reads {
		var counts []int
		for _, limit := range []int{1, 200} {
			before := count()
			n, err := read(limit)
			if err != nil || n != limit {
				t.Fatalf("%s: %d rows, %v; want %d", name, n, err, limit)
			}
			counts = append(counts, count()-before)
		}
		if counts[0] != counts[1] || counts[0] > 4 {
			t.Errorf("%s: %d statements for one row, %d for 200; want the same, at most 4", name, counts[0], counts[1])
		}
	}
	before := count()
	if _, err := s.Volume(ctx, "00000000-0000-0000-0000-000000000007", mine); err != nil || count()-before != 1 {
		t.Errorf("a volume took %d statements, %v; want 1", count()-before, err)
	}
	before = count()
	if v, err := s.Volumes(ctx, store.VolumeQuery{ProjectID: "nobody"}); err != nil || len(v) != 0 || count()-before != 1 {
		t.Errorf("an empty page took %d statements, %v; want 1", count()-before, err)
	}
	before = count()
	if _, err := s.QuotaUsage(ctx, mine); err != nil || count()-before > 1 {
		t.Errorf("usage took %d statements, %v; want 1", count()-before, err)
	}
}

// fill makes volumes of one project, each with two pairs of metadata, an attachment and a snapshot.
func fill(t testing.TB, s store.Store, n int) {
	t.Helper()
	ty := defaultType(t, s)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for done := 0; done < n; {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			for range min(500, n-done) {
				id := fmt.Sprintf("00000000-0000-0000-0000-%012d", done)
				done++
				v := volume(ty, id, mine)
				v.CreatedAt, v.Name, v.Host = at.Add(time.Duration(done)*time.Second), new("volume "+id), "host@file#pool"
				v.LaunchedAt, v.ScheduledAt, v.Metadata = v.CreatedAt, v.CreatedAt, map[string]string{"one": "1", "two": "2"}
				if err := fillOne(t.Context(), tx, v); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func fillOne(ctx context.Context, tx store.Tx, v *block.Volume) error {
	if err := tx.CreateVolume(ctx, v); err != nil {
		return err
	}
	if err := tx.CreateAttachment(ctx, &block.Attachment{ID: uuid.NewString(), VolumeID: v.ID, AttachStatus: block.AttachAttached,
		Connector: block.Connector{"host": "h"}}); err != nil {
		return err
	}
	return tx.CreateSnapshot(ctx, &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: v.ProjectID, UserID: v.UserID, UseQuota: true,
		VolumeSizeGiB: v.SizeGiB, VolumeTypeID: v.VolumeTypeID, Status: block.SnapshotAvailable})
}

// Bench times what users wait for: one volume, a page of a thousand with everything in it at the head and at the end of
// a long list, the usage of a project, and the transactions that create a volume and change its state.
func Bench(b *testing.B, open func(b *testing.B) store.Store) {
	s := open(b)
	fill(b, s, 4000)
	ctx, cancel := context.WithCancel(context.Background()) // as in a request: one that can end
	defer cancel()
	run := func(name string, call func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	show := func() error {
		_, err := s.Volume(ctx, benched, mine)
		return err
	}
	run("show", show)
	b.Run("show in parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := show(); err != nil {
					b.Error(err)
				}
			}
		})
	})
	page := func(marker string) func() error {
		return func() error {
			v, err := s.Volumes(ctx, store.VolumeQuery{ProjectID: mine, Page: store.Page{Limit: 1000, Marker: marker}})
			if err == nil && len(v) != 1000 {
				err = fmt.Errorf("%d volumes; want 1000", len(v))
			}
			return err
		}
	}
	run("first page of 1000", page(""))
	run("last page of 1000", page("00000000-0000-0000-0000-000000001000"))
	run("usage of 4000", func() error {
		_, err := s.QuotaUsage(ctx, mine)
		return err
	})
	ty := defaultType(b, s)
	run("create", func() error { return createOne(ctx, s, ty) })
	run("change of state", func() error {
		return s.Update(ctx, func(tx store.Tx) error {
			_, err := tx.UpdateVolume(ctx, benched, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable}, NoSnapshots: true},
				store.VolumeSet{Status: new(block.VolumeAvailable)})
			return err
		})
	})
}

// createOne is a volume_create as the API does it, in a project of its own: a full one would cost what its usage costs.
func createOne(ctx context.Context, s store.Store, typeID string) error {
	project := uuid.NewString()
	return s.Update(ctx, func(tx store.Tx) error {
		if err := tx.LockQuota(ctx, project); err != nil {
			return err
		}
		if _, err := tx.QuotaUsage(ctx, project); err != nil {
			return err
		}
		if err := tx.CreateVolume(ctx, volume(typeID, uuid.NewString(), project)); err != nil {
			return err
		}
		return tx.PutQuotaUsage(ctx, project, map[string]int64{"volumes": 1, "gigabytes": 1})
	})
}

const (
	mine    = "11111111111111111111111111111111"
	benched = "00000000-0000-0000-0000-000000000777"
)

func defaultType(t testing.TB, s store.Store) string {
	t.Helper()
	ty, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	return ty.ID
}

func volume(typeID, id, project string) *block.Volume {
	return &block.Volume{
		ID: id, ProjectID: project, UserID: "user", UseQuota: true, SizeGiB: 1, VolumeTypeID: typeID, AvailabilityZone: "nova",
		Status: block.VolumeAvailable, AttachStatus: block.AttachDetached,
	}
}
