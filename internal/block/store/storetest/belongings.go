package storetest

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// testVolumeBelongings: whatever there is of metadata and attachments, and however much, a volume by itself has all of it
// once, in a list it has the same, and nothing that was deleted or is another's.
func testVolumeBelongings(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	var wants []*block.Volume
	for _, n := range [][4]int{{}, {1, 1, 1, 1}, {2, 2, 1, 2}, {0, 0, 9, 0}, {3, 2, 9, 3}, {0, 0, 0, 4}, {1, 0, 0, 9}} {
		v := volume(ty.ID, fmt.Sprintf("v%v", n), func(v *block.Volume) {
			v.VolumeTypeName = ty.Name
			v.Metadata, v.AdminMetadata, v.ImageMetadata = awkwardPairs("m", n[0]), awkwardPairs("a", n[1]), awkwardPairs("i", n[2])
			v.Attachments = []block.Attachment{}
		})
		create(t, s, v)
		for i := range n[3] {
			a := awkwardAttachment(v, i)
			update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateAttachment(ctx, &a) })
			a.ProjectID = v.ProjectID
			v.Attachments = append(v.Attachments, a)
		}
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			gone := map[string]string{"gone": "x"}
			if err := tx.PutVolumeMetadata(ctx, v.ID, gone, false); err != nil {
				return err
			}
			if err := tx.CreateAttachment(ctx, &block.Attachment{ID: "gone from " + v.ID, VolumeID: v.ID}); err != nil {
				return err
			}
			if err := tx.DestroyAttachment(ctx, "gone from "+v.ID); err != nil {
				return err
			}
			return tx.DeleteVolumeMetadata(ctx, v.ID, "gone")
		})
		wants = append(wants, v)
	}
	for _, want := range wants {
		got := must(s.Volume(ctx, want.ID, mine))(t)
		want.CreatedAt = got.CreatedAt
		wantEqual(t, "show of "+want.ID, want, got)
	}
	list := must(s.Volumes(ctx, store.VolumeQuery{Page: store.Page{Sort: []store.Sort{{Key: "created_at"}, {Key: "id"}}}}))(t)
	byID := map[string]*block.Volume{}
	for _, v := range list {
		byID[v.ID] = v
	}
	for _, want := range wants {
		wantEqual(t, want.ID+" in a list", want, byID[want.ID])
	}
}

// awkwardPairs are n pairs whose texts mean something to JSON and to SQL.
func awkwardPairs(name string, n int) map[string]string {
	pairs := map[string]string{}
	for i := range n {
		pairs[name+strconv.Itoa(i)+`"ключ\':{`] = `"},{\n` + "\n\t\x01" + `\u0041'; --` + "値"
	}
	return pairs
}

// awkwardAttachment is the i-th of a volume: the first has everything, the second little, and so on.
func awkwardAttachment(v *block.Volume, i int) block.Attachment {
	at := time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC)
	a := block.Attachment{ID: fmt.Sprintf("%d of %s", i, v.ID), VolumeID: v.ID, Timestamps: block.Timestamps{CreatedAt: at}}
	if i%2 == 0 {
		a.UpdatedAt, a.AttachTime, a.DetachTime = at.Add(time.Hour), at.Add(2*time.Hour), at.Add(3*time.Hour)
		a.InstanceUUID, a.AttachedHost, a.Mountpoint = "instance", `h"öst`, `/dev/\vdb`
		a.AttachStatus, a.AttachMode = block.AttachAttached, "rw"
		a.Connection, a.Connector = map[string]any{"driver": `"x\`, "ключ": []any{"a", true, nil}}, block.Connector{"host": "h"}
	}
	return a
}
