package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// testReadAndWrite: what a transaction has read of a volume is still so when it writes it, however many do it at once.
func testReadAndWrite(t *testing.T, s store.Store) {
	ty := defaultType(t, s)
	create(t, s, volume(ty.ID, "v", func(v *block.Volume) { v.SizeGiB = 1 }))
	const times = 24
	var wg sync.WaitGroup
	for range times {
		wg.Go(func() {
			update(t, s, func(ctx context.Context, tx store.Tx) error {
				v, err := tx.Volume(ctx, "v", "")
				if err != nil {
					return err
				}
				_, err = tx.UpdateVolume(ctx, "v", store.VolumeWhen{}, store.VolumeSet{SizeGiB: new(v.SizeGiB + 1)})
				return err
			})
		})
	}
	wg.Wait()
	if v := must(s.Volume(t.Context(), "v", ""))(t); v.SizeGiB != 1+times {
		t.Errorf("after %d extensions by one the volume has %d GiB", times, v.SizeGiB)
	}
}

// testChildrenAtOnce: a volume that is marked because it has no snapshots, or no attachments, has none; one that gets one at
// the same time is not marked.
func testChildrenAtOnce(t *testing.T, s store.Store) {
	ty := defaultType(t, s)
	add := map[string]func(ctx context.Context, tx store.Tx, v *block.Volume) error{
		"snapshot": func(ctx context.Context, tx store.Tx, v *block.Volume) error {
			return tx.CreateSnapshot(ctx, snapshot(v, "of "+v.ID, nil))
		},
		"attachment": func(ctx context.Context, tx store.Tx, v *block.Volume) error {
			return tx.CreateAttachment(ctx, &block.Attachment{ID: "of " + v.ID, VolumeID: v.ID, AttachStatus: block.AttachReserved})
		},
	}
	for what, child := range add {
		for i := range 6 {
			id := fmt.Sprint(what, i)
			create(t, s, volume(ty.ID, id, nil))
			var wg sync.WaitGroup
			start := make(chan struct{})
			added, marked := false, false
			wg.Go(func() {
				<-start
				update(t, s, func(ctx context.Context, tx store.Tx) error {
					added = false
					v, err := tx.Volume(ctx, id, "")
					if err != nil || v.Status != block.VolumeAvailable {
						return err
					}
					added = true
					return child(ctx, tx, v)
				})
			})
			wg.Go(func() {
				<-start
				update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
					marked, err = tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable}, NoSnapshots: true, NoAttachments: true},
						store.VolumeSet{Status: new(block.VolumeDeleting)})
					return err
				})
			})
			close(start)
			wg.Wait()
			if added == marked {
				t.Errorf("%s: the child was added: %v, the volume marked: %v", id, added, marked)
			}
		}
	}
}
