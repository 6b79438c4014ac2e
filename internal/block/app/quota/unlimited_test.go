package quota_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// TestWithoutLimits: whether a project's limits come and go, or rows of quota_usages do, what is taken is within them, and
// quota_usages says what there is.
func TestWithoutLimits(t *testing.T) {
	s, vt := open(t)
	q := quota.New(quota.Options{Volumes: -1, Gigabytes: -1, PerVolumeGigabytes: 4, Snapshots: -1})
	rapid.Check(t, func(r *rapid.T) {
		project, limit := uuid.NewString(), int64(-1)
		var volumes, gib int64
		within := func(err error) {
			if err != nil {
				r.Fatal(err)
			}
		}
		take := func() {
			size := rapid.Int64Range(1, 5).Draw(r, "size")
			fits := size <= 4 && (limit < 0 || volumes < limit)
			err := create(t.Context(), s, q, project, vt, size, rapid.Bool().Draw(r, "entered"))
			if fits != (err == nil) || err != nil && !fault.Is(err, fault.OverLimit) {
				r.Fatalf("%d GiB beside %d volumes, limited to %d: %v", size, volumes, limit, err)
			}
			if err == nil {
				volumes, gib = volumes+1, gib+size
			}
			stored, err := s.StoredUsage(t.Context(), project)
			within(err)
			for _, row := range stored {
				want, known := map[string]int64{block.QuotaVolumes: volumes, block.QuotaGigabytes: gib,
					block.QuotaVolumes + "_" + vt.Name: volumes, block.QuotaGigabytes + "_" + vt.Name: gib}[row.Resource]
				if known && row.InUse != want {
					r.Fatalf("%s in use: %d, want %d", row.Resource, row.InUse, want)
				}
			}
		}
		change := func() {
			limit = rapid.Int64Range(-1, 8).Draw(r, "limit")
			within(s.Update(t.Context(), func(tx store.Tx) error {
				return tx.PutQuotaLimits(t.Context(), project, map[string]int64{block.QuotaVolumes: limit})
			}))
		}
		lose := func() {
			stored, err := s.StoredUsage(t.Context(), project)
			within(err)
			if len(stored) < 2 {
				return
			}
			within(s.Update(t.Context(), func(tx store.Tx) error {
				_, err := tx.MergeStoredUsage(t.Context(), stored[0].ID, stored[1].ID)
				return err
			}))
		}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			rapid.SampledFrom([]func(){take, take, take, change, lose}).Draw(r, "step")()
		}
		usage, err := s.QuotaUsage(t.Context(), project)
		if err != nil || usage.Volumes != volumes || usage.VolumeGigabytes != gib {
			r.Fatalf("the rows are %+v, %v", usage, err)
		}
	})
}
