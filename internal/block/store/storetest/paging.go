package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// testVolumePaging draws orders and page sizes and checks that the pages, put together, are every row once, in the order
// that a sort in memory gives: NULL first when ascending, then created_at and id in the direction of the first key.
func testVolumePaging(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var all []*block.Volume
	for i := range 11 {
		all = append(all, volume(ty.ID, fmt.Sprintf("v%02d", i*7%11), func(v *block.Volume) {
			v.CreatedAt = at.Add(time.Duration(i/4) * time.Second) // some at the same instant
			v.SizeGiB = int64(i % 3)
			if i%3 > 0 {
				v.Name = new(fmt.Sprint("name", i%2))
			}
			if i%5 > 2 {
				v.Host = "h@b#p"
			}
			if i%4 == 0 {
				v.LaunchedAt = at.Add(time.Duration(i) * time.Hour)
			}
		}))
	}
	create(t, s, all...)
	keys := []string{"name", "size", "host", "launched_at", "created_at", "id", "bootable"}
	rapid.Check(t, func(rt *rapid.T) {
		var sorts []store.Sort
		for _, k := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 2, rapid.ID).Draw(rt, "keys") {
			sorts = append(sorts, store.Sort{Key: k, Desc: rapid.Bool().Draw(rt, "desc")})
		}
		project := rapid.SampledFrom([]string{"", mine}).Draw(rt, "project")
		limit := rapid.IntRange(4, 8).Draw(rt, "limit")
		want := sorted(all, sorts)
		var got []string
		marker := ""
		for range len(all)/limit + 2 {
			page, err := s.Volumes(ctx, store.VolumeQuery{ProjectID: project, Page: store.Page{Limit: limit, Marker: marker, Sort: sorts}})
			if err != nil {
				rt.Fatal(err)
			}
			got = append(got, volumeIDs(page)...)
			if len(page) < limit {
				break
			}
			marker = page[len(page)-1].ID
		}
		if !slices.Equal(volumeIDs(want), got) {
			rt.Fatalf("got %v\nwant %v", got, volumeIDs(want))
		}
		if !rapid.Bool().Draw(rt, "and by offset") {
			return
		}
		offset := rapid.IntRange(0, 13).Draw(rt, "offset")
		rest, err := s.Volumes(ctx, store.VolumeQuery{ProjectID: project, Page: store.Page{Offset: offset, Sort: sorts}})
		if err != nil || !slices.Equal(volumeIDs(rest), volumeIDs(want[min(offset, len(want)):])) {
			rt.Fatalf("offset %d: got %v, %v", offset, volumeIDs(rest), err)
		}
	})
}

// sorted is all in the order that a store has to give.
func sorted(all []*block.Volume, sorts []store.Sort) []*block.Volume {
	compare := map[string]func(a, b *block.Volume) int{
		"name":        func(a, b *block.Volume) int { return cmp.Compare(name(a), name(b)) },
		"size":        func(a, b *block.Volume) int { return cmp.Compare(a.SizeGiB, b.SizeGiB) },
		"host":        func(a, b *block.Volume) int { return cmp.Compare(a.Host, b.Host) },
		"launched_at": func(a, b *block.Volume) int { return a.LaunchedAt.Compare(b.LaunchedAt) },
		"created_at":  func(a, b *block.Volume) int { return a.CreatedAt.Compare(b.CreatedAt) },
		"id":          func(a, b *block.Volume) int { return cmp.Compare(a.ID, b.ID) },
		"bootable":    func(a, b *block.Volume) int { return 0 },
	}
	desc := len(sorts) == 0 || sorts[0].Desc
	order := slices.Concat(sorts, []store.Sort{{Key: "created_at", Desc: desc}, {Key: "id", Desc: desc}})
	want := slices.Clone(all)
	slices.SortFunc(want, func(a, b *block.Volume) int {
		for _, k := range order {
			c := compare[k.Key](a, b)
			if k.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return want
}

// name is empty for NULL: no volume here has the empty name.
func name(v *block.Volume) string {
	if v.Name == nil {
		return ""
	}
	return *v.Name
}

func testPagingMistakes(t *testing.T, s store.Store) {
	ctx, ty := t.Context(), defaultType(t, s)
	create(t, s, volume(ty.ID, "v", nil), volume(ty.ID, "gone", nil), volume(ty.ID, "t", func(v *block.Volume) { v.ProjectID = theirs }))
	if err := s.Update(ctx, func(tx store.Tx) error { return tx.DestroyVolume(ctx, "gone") }); err != nil {
		t.Fatal(err)
	}
	for _, marker := range []string{"none", "gone", "t"} {
		_, err := s.Volumes(ctx, store.VolumeQuery{ProjectID: mine, Page: store.Page{Marker: marker}})
		wantFault(t, err, fault.NotFound, "VolumeNotFound", "Volume "+marker+" could not be found.")
	}
	for _, p := range []store.Page{
		{Sort: []store.Sort{{Key: "colour"}}}, {Sort: []store.Sort{{Key: "id; DROP TABLE volumes"}}}, {Limit: -1}, {Offset: -1},
	} {
		_, err := s.Volumes(ctx, store.VolumeQuery{Page: p})
		wantFault(t, err, fault.Invalid, "InvalidInput", "")
		_, err = s.Snapshots(ctx, store.SnapshotQuery{Page: p})
		wantFault(t, err, fault.Invalid, "InvalidInput", "")
		_, err = s.VolumeTypes(ctx, store.TypeQuery{Page: p})
		wantFault(t, err, fault.Invalid, "InvalidInput", "")
	}
	_, err := s.Snapshots(ctx, store.SnapshotQuery{Page: store.Page{Marker: "none"}})
	wantFault(t, err, fault.NotFound, "SnapshotNotFound", "Snapshot none could not be found.")
	_, err = s.VolumeTypes(ctx, store.TypeQuery{Page: store.Page{Marker: "none"}})
	wantFault(t, err, fault.NotFound, "VolumeTypeNotFound", "Volume type none could not be found.")
}
