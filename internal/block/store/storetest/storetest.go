// Package storetest is the suite that every implementation of store.Store passes. What one costs is measured by
// storebench.
//
// What must not live here: anything that knows an implementation.
package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Run runs the suite. open gives an empty store, as new as the implementation makes it, and closes it when the test
// ends; it is called once for each part, and the parts run side by side.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	parts := []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"transactions", testTransactions},
		{"read and write", testReadAndWrite},
		{"children at once", testChildrenAtOnce},
		{"volume", testVolume},
		{"volume belongings", testVolumeBelongings},
		{"volume update", testVolumeUpdate},
		{"volume conditions", testVolumeConditions},
		{"volume update at once", testVolumeUpdateAtOnce},
		{"volume metadata", testVolumeMetadata},
		{"volume destroy", testVolumeDestroy},
		{"volume filters", testVolumeFilters},
		{"volume paging", testVolumePaging},
		{"paging mistakes", testPagingMistakes},
		{"snapshot", testSnapshot},
		{"snapshot filters", testSnapshotFilters},
		{"attachment", testAttachment},
		{"attachment filters", testAttachmentFilters},
		{"type", testType},
		{"type access", testTypeAccess},
		{"type filters", testTypeFilters},
		{"service", testService},
		{"own services", testOwnServices},
		{"backend volumes", testBackendVolumes},
		{"quota limits", testQuotaLimits},
		{"quota usage", testQuotaUsage},
		{"quota at once", testQuotaAtOnce},
		{"flow", testFlow},
		{"flow with rows", testFlowWithRows},
		{"flow claim", testFlowClaim},
		{"flow touch", testFlowTouch},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.test(t, open(t))
		})
	}
}

// The projects that the suite's rows belong to.
const (
	mine   = "11111111111111111111111111111111"
	theirs = "22222222222222222222222222222222"
)

// update runs one transaction that must succeed.
func update(t testing.TB, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := attempt(t, s, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// attempt runs one transaction and gives its error.
func attempt(t testing.TB, s store.Store, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) })
}

// must gives the value of a call that must succeed.
func must[V any](v V, err error) func(t testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantFault checks kind, exception name and text of an error.
func wantFault(t testing.TB, err error, kind fault.Kind, name, text string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.NameOf(err) != name || text != "" && fault.UserText(err) != text {
		t.Errorf("got %v %s %q; want %v %s %q", fault.KindOf(err), fault.NameOf(err), fault.UserText(err), kind, name, text)
	}
}

func defaultType(t testing.TB, s store.Store) *block.VolumeType {
	t.Helper()
	return must(s.TypeByName(t.Context(), block.DefaultTypeName, ""))(t)
}

// volume is a volume that can be created; change may alter it first.
func volume(typeID, id string, change func(v *block.Volume)) *block.Volume {
	v := &block.Volume{
		ID: id, ProjectID: mine, UserID: "user", UseQuota: true, SizeGiB: 1, VolumeTypeID: typeID, AvailabilityZone: "nova",
		Status: block.VolumeAvailable, AttachStatus: block.AttachDetached,
	}
	if change != nil {
		change(v)
	}
	return v
}

// create makes volumes in one transaction.
func create(t testing.TB, s store.Store, volumes ...*block.Volume) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, v := range volumes {
			if err := tx.CreateVolume(ctx, v); err != nil {
				return err
			}
		}
		return nil
	})
}

func snapshot(v *block.Volume, id string, change func(n *block.Snapshot)) *block.Snapshot {
	n := &block.Snapshot{
		ID: id, VolumeID: v.ID, ProjectID: v.ProjectID, UserID: v.UserID, UseQuota: true, VolumeSizeGiB: v.SizeGiB,
		VolumeTypeID: v.VolumeTypeID, Status: block.SnapshotAvailable,
	}
	if change != nil {
		change(n)
	}
	return n
}

func volumeIDs(volumes []*block.Volume) []string {
	ids := []string{}
	for _, v := range volumes {
		ids = append(ids, v.ID)
	}
	return ids
}

// tester is what a testing.TB and a rapid.T share.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
}

func wantEqual(t tester, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// wantSet compares ids whatever their order.
func wantSet(t testing.TB, what string, want, got []string) {
	t.Helper()
	if !slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))) {
		t.Errorf("%s: got %v; want %v", what, got, want)
	}
}

func testTransactions(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	if err := s.Ping(ctx); err != nil {
		t.Errorf("Ping: %v", err)
	}
	refusal := errors.New("refused")
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.CreateVolume(ctx, volume(ty.ID, "v", nil)); err != nil {
			return err
		}
		if _, err := tx.Volume(ctx, "v", mine); err != nil {
			t.Errorf("a transaction does not see its own row: %v", err)
		}
		if _, err := s.Volume(ctx, "v", mine); !fault.Is(err, fault.NotFound) {
			t.Errorf("a row that is not committed is seen from outside: %v", err)
		}
		return refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("Update = %v; want the function's own error", err)
	}
	_, err = s.Volume(ctx, "v", mine)
	wantFault(t, err, fault.NotFound, "VolumeNotFound", "Volume v could not be found.")
	create(t, s, volume(ty.ID, "v", nil))
	if err := s.Update(ctx, func(tx store.Tx) error { return tx.CreateVolume(ctx, volume(ty.ID, "v", nil)) }); err == nil {
		t.Error("the same id was taken twice")
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Volume(ended, "v", mine); !errors.Is(err, context.Canceled) {
		t.Errorf("a read whose context has ended: %v", err)
	}
	create(t, s, volume(ty.ID, "w", nil)) // nothing above holds the only writer
}
