package quota_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
)

func open(t *testing.T) (*sqlstore.Store, *block.VolumeType) {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	vt, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, vt
}

// create takes quota for a volume and enters it, or the other way round, as use cases do.
func create(ctx context.Context, s store.Store, q *quota.Quota, project string, vt *block.VolumeType, sizeGiB int64, entered bool) error {
	return s.Update(ctx, func(tx store.Tx) error {
		steps := []func() error{
			func() error {
				return q.Take(ctx, tx, project, quota.Delta{Volumes: 1, VolumeGiB: sizeGiB, TypeID: vt.ID, TypeName: vt.Name, Entered: entered}, sizeGiB)
			},
			func() error {
				return tx.CreateVolume(ctx, &block.Volume{ID: uuid.NewString(), ProjectID: project, SizeGiB: sizeGiB, VolumeTypeID: vt.ID, UseQuota: true,
					Status: block.VolumeCreating, AttachStatus: block.AttachDetached})
			},
		}
		if entered {
			slices.Reverse(steps)
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestTakeAtOnce: 64 who take at the same time never get more than there is, and never less.
func TestTakeAtOnce(t *testing.T) {
	s, vt := open(t)
	for _, limits := range []quota.Options{{Volumes: 10, Gigabytes: 1000, PerVolumeGigabytes: -1}, {Volumes: 1000, Gigabytes: 33, PerVolumeGigabytes: -1}} {
		project := uuid.NewString()
		q := quota.New(limits)
		var taken, refused atomic.Int64
		var all sync.WaitGroup
		begin := make(chan struct{})
		for range 64 {
			all.Go(func() {
				<-begin
				switch err := create(t.Context(), s, q, project, vt, 3, limits.Volumes > 10); {
				case err == nil:
					taken.Add(1)
				case fault.Is(err, fault.OverLimit):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		close(begin)
		all.Wait()
		want := min(limits.Volumes, limits.Gigabytes/3)
		if taken.Load() != want || refused.Load() != 64-want {
			t.Errorf("%+v: %d taken, %d refused, want %d", limits, taken.Load(), refused.Load(), want)
		}
		usage, err := s.QuotaUsage(t.Context(), project)
		if err != nil || usage.Volumes != want || usage.VolumeGigabytes != 3*want {
			t.Errorf("the rows are %+v, %v", usage, err)
		}
	}
}

// TestTake: whatever is taken, in whatever order and within whatever limits, is taken if and only if all limits hold it.
func TestTake(t *testing.T) {
	s, vt := open(t)
	rapid.Check(t, func(r *rapid.T) {
		limit := func(name string) int64 { return rapid.Int64Range(-1, 12).Draw(r, name) }
		o := quota.Options{Volumes: limit("volumes"), Gigabytes: limit("gigabytes"), PerVolumeGigabytes: limit("per volume"), Snapshots: -1}
		ofType := limit("gigabytes of the type")
		project := uuid.NewString()
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return tx.PutQuotaLimits(t.Context(), project, map[string]int64{"gigabytes_" + vt.Name: ofType})
		})
		if err != nil {
			r.Fatal(err)
		}
		q := quota.New(o)
		var volumes, gib int64
		within := func(limit, n int64) bool { return limit < 0 || n <= limit }
		for range rapid.IntRange(1, 6).Draw(r, "takes") {
			size := rapid.Int64Range(1, 6).Draw(r, "size")
			fits := within(o.PerVolumeGigabytes, size) && within(o.Volumes, volumes+1) && within(o.Gigabytes, gib+size) && within(ofType, gib+size)
			err := create(t.Context(), s, q, project, vt, size, rapid.Bool().Draw(r, "entered"))
			if fits != (err == nil) || err != nil && !fault.Is(err, fault.OverLimit) {
				r.Fatalf("%d GiB beside %d volumes with %d GiB within %+v and %d of the type: %v", size, volumes, gib, o, ofType, err)
			}
			if err == nil {
				volumes, gib = volumes+1, gib+size
			}
		}
		usage, err := s.QuotaUsage(t.Context(), project)
		if err != nil || usage.Volumes != volumes || usage.VolumeGigabytes != gib {
			r.Fatalf("the rows are %+v, %v", usage, err)
		}
	})
}

// TestLimits: a project's own limit comes before the default class's, and that before the configured one.
func TestLimits(t *testing.T) {
	s, vt := open(t)
	q := quota.New(quota.Options{Volumes: 7, Gigabytes: 70, PerVolumeGigabytes: -1, Groups: 5, UseDefaultQuotaClass: true})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return tx.PutQuotaLimits(t.Context(), "p", map[string]int64{"gigabytes": 3, "volumes_" + vt.Name: 2, "unheard of": 1})
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Limits(t.Context(), s, "p", []string{vt.Name})
	if err != nil {
		t.Fatal(err)
	}
	// Cinder's first migration sets the default class: 10 volumes, 10 snapshots, 1000 gigabytes, ...
	for name, want := range map[string]int64{"gigabytes": 3, "volumes": 10, "volumes_" + vt.Name: 2, "gigabytes_" + vt.Name: -1, "groups": 10} {
		if got[name] != want {
			t.Errorf("%s: %d, want %d", name, got[name], want)
		}
	}
	if _, known := got["unheard of"]; known {
		t.Error("a limit of no resource is listed")
	}
	configured, err := quota.New(quota.Options{Volumes: 7}).Limits(t.Context(), s, "q", nil)
	if err != nil || configured["volumes"] != 7 {
		t.Errorf("without the class: %v, %v", configured["volumes"], err)
	}
	if err := q.CheckVolumeSize(t.Context(), s, "p", 1<<20); err != nil {
		t.Errorf("without a limit for one volume: %v", err)
	}
	small := quota.New(quota.Options{PerVolumeGigabytes: 5})
	for size, ok := range map[int64]bool{5: true, 6: false} {
		if err := small.CheckVolumeSize(t.Context(), s, "p", size); (err == nil) != ok {
			t.Errorf("%d GiB of at most 5: %v", size, err)
		}
	}
}

// TestSnapshotGigabytes: snapshots count towards gigabytes unless no_snapshot_gb_quota says otherwise.
func TestSnapshotGigabytes(t *testing.T) {
	s, vt := open(t)
	for free, ok := range map[bool]bool{false: false, true: true} {
		t.Run(fmt.Sprintf("free %v", free), func(t *testing.T) {
			q := quota.New(quota.Options{Gigabytes: 4, Snapshots: 10, Volumes: 10, PerVolumeGigabytes: -1, NoSnapshotGigabytes: free})
			err := s.Update(t.Context(), func(tx store.Tx) error {
				return q.Take(t.Context(), tx, uuid.NewString(), quota.Delta{Snapshots: 1, SnapshotGiB: 5, TypeID: vt.ID, TypeName: vt.Name}, 0)
			})
			if (err == nil) != ok || !ok && fault.NameOf(err) != "VolumeSizeExceedsAvailableQuota" {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestTakeGroups: groups are counted like the rest, and have no type.
func TestTakeGroups(t *testing.T) {
	s, _ := open(t)
	q := quota.New(quota.Options{Groups: 2})
	project := uuid.NewString()
	for i := range 4 {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			if err := q.Take(t.Context(), tx, project, quota.Delta{Groups: 1}, 0); err != nil {
				return err
			}
			return tx.CreateGroup(t.Context(), &block.Group{ID: uuid.NewString(), ProjectID: project})
		})
		if i < 2 && err != nil || i >= 2 && (fault.NameOf(err) != "GroupLimitExceeded" || fault.UserText(err) != "Maximum number of groups allowed (2) exceeded") {
			t.Errorf("group %d: %v", i, err)
		}
	}
}

// TestReserved: what Python services have reserved and not yet taken counts against a limit, until it is given up or expires.
func TestReserved(t *testing.T) {
	s, vt := open(t)
	q := quota.New(quota.Options{Volumes: 3, Gigabytes: 10, PerVolumeGigabytes: -1, Backups: 1, BackupGigabytes: 5})
	reserve := func(deltas map[string]int64, expire time.Duration) (ids []string) {
		t.Helper()
		err := s.Update(t.Context(), func(tx store.Tx) (err error) {
			ids, err = tx.Reserve(t.Context(), "p", deltas, time.Now().UTC().Add(expire))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	takes := func(what string, sizeGiB int64, fits bool) {
		t.Helper()
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return q.Take(t.Context(), tx, "p", quota.Delta{Volumes: 1, VolumeGiB: sizeGiB, TypeID: vt.ID, TypeName: vt.Name}, sizeGiB)
		})
		if (err == nil) != fits || err != nil && !fault.Is(err, fault.OverLimit) {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && !strings.Contains(err.Error(), "quota is 10G and 8G has been consumed") {
			t.Errorf("%s: %v does not say what is consumed", what, err)
		}
	}
	reserve(map[string]int64{"volumes": 2, "gigabytes": 8}, -time.Minute) // expired
	reserve(map[string]int64{"volumes": -1, "gigabytes": -9}, time.Hour)  // to be given up: that has not happened yet
	takes("nothing reserved", 10, true)
	ids := reserve(map[string]int64{"volumes": 1, "gigabytes": 8}, time.Hour)
	takes("what is left", 2, true)
	takes("what is reserved", 3, false)
	if sheet, err := s.QuotaSheet(t.Context(), "p", "default"); err != nil || sheet.Usage.Reserved["gigabytes"] != 8 || sheet.Usage.Reserved["volumes"] != 1 || len(sheet.Usage.Reserved) != 2 {
		t.Errorf("%+v, %v", sheet.Usage, err)
	}
	err := s.Update(t.Context(), func(tx store.Tx) error { return tx.ReleaseReservations(t.Context(), ids) })
	if err != nil {
		t.Fatal(err)
	}
	takes("what was given up", 10, true)

	reserve(map[string]int64{"backups": 1, "backup_gigabytes": 1}, time.Hour)
	err = s.Update(t.Context(), func(tx store.Tx) error { return q.TakeBackup(t.Context(), tx, "p", 1) })
	if fault.NameOf(err) != "BackupLimitExceeded" {
		t.Errorf("a backup beside one that is reserved: %v", err)
	}
	reserve(map[string]int64{"volumes_" + vt.Name: 1}, time.Hour)
	limited := s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.PutQuotaLimits(t.Context(), "p", map[string]int64{"volumes_" + vt.Name: 1}); err != nil {
			return err
		}
		return q.CheckType(t.Context(), tx, &block.Volume{ID: uuid.NewString(), ProjectID: "p", UseQuota: true, SizeGiB: 1}, vt)
	})
	if fault.NameOf(limited) != "VolumeLimitExceeded" {
		t.Errorf("a retype to a type that another is on its way to: %v", limited)
	}
}
