// Package audittest is the part of the store's suite about what there was in a period, deleted or not.
//
// What must not live here: anything that knows an implementation.
package audittest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("audit", func(t *testing.T) {
		t.Parallel()
		testAudit(t, open(t))
	})
}

// page reads all ids of one kind, in pages of one.
func page[R any](t *testing.T, read func(ctx context.Context, p store.Period, after string, limit int) ([]R, error), p store.Period, id func(R) string) (ids []string) {
	t.Helper()
	for after := ""; ; {
		rows, err := read(t.Context(), p, after, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			return ids
		}
		after = id(rows[0])
		ids = append(ids, after)
	}
}

func testAudit(t *testing.T, s store.Store) {
	ctx := t.Context()
	kind, err := s.TypeByName(ctx, block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Add(-time.Minute).Truncate(time.Second)
	made := func(id string, at time.Time) block.Timestamps { return block.Timestamps{CreatedAt: at} }
	old, late := begin.Add(-time.Hour), begin.Add(time.Hour)
	err = s.Update(ctx, func(tx store.Tx) error {
		for id, at := range map[string]time.Time{"v1": old, "v2": old, "v3": late} {
			v := &block.Volume{ID: id, Timestamps: made(id, at), ProjectID: "p", VolumeTypeID: kind.ID, AvailabilityZone: "zone of " + id, Metadata: map[string]string{"k": id}}
			if err := tx.CreateVolume(ctx, v); err != nil {
				return err
			}
			n := &block.Snapshot{ID: "s" + id, Timestamps: made(id, at), VolumeID: id, ProjectID: "p", VolumeTypeID: kind.ID}
			if err := tx.CreateSnapshot(ctx, n); err != nil {
				return err
			}
			if err := tx.CreateBackup(ctx, &block.Backup{ID: "b" + id, Timestamps: made(id, at), VolumeID: id, ProjectID: "p"}); err != nil {
				return err
			}
		}
		if err := tx.DestroyVolume(ctx, "v1"); err != nil { // with its snapshot
			return err
		}
		return tx.DestroyBackup(ctx, "bv1")
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from, until time.Time
		want        []string // volumes
	}{
		"before anything":  {old.Add(-time.Hour), old, nil},
		"while all lasted": {begin.Add(-time.Minute), begin, []string{"v1", "v2"}},
		"after the delete": {time.Now().Add(time.Minute), late, []string{"v2"}},
		"everything":       {old, late.Add(time.Second), []string{"v1", "v2", "v3"}},
	} {
		p := store.Period{From: c.from, Until: c.until}
		volumes := page(t, s.VolumesIn, p, func(v *block.Volume) string { return v.ID })
		snapshots := page(t, s.SnapshotsIn, p, func(n *block.Snapshot) string { return n.ID })
		backups := page(t, s.BackupsIn, p, func(b *block.Backup) string { return b.ID })
		var wantSnapshots, wantBackups []string
		for _, id := range c.want {
			wantSnapshots, wantBackups = append(wantSnapshots, "s"+id), append(wantBackups, "b"+id)
		}
		if !slices.Equal(volumes, c.want) || !slices.Equal(snapshots, wantSnapshots) || !slices.Equal(backups, wantBackups) {
			t.Errorf("%s: volumes %v, snapshots %v, backups %v; want volumes %v", name, volumes, snapshots, backups, c.want)
		}
	}
	all, err := s.VolumesIn(ctx, store.Period{From: old, Until: late.Add(time.Second)}, "", 10)
	if err != nil || len(all) != 3 || all[0].DeletedAt.IsZero() || len(all[0].Metadata) != 0 || all[1].Metadata["k"] != "v2" || !all[1].DeletedAt.IsZero() {
		t.Errorf("read: %+v, %v", all, err)
	}
	zones, err := s.VolumeZones(ctx, []string{"v1", "v2", "nowhere"})
	if d := cmp.Diff(map[string]string{"v1": "zone of v1", "v2": "zone of v2"}, zones); err != nil || d != "" {
		t.Errorf("zones, %v (-want +got):\n%s", err, d)
	}
}
