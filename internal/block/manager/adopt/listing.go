package adopt

import (
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/fault"
)

// Volumes serves get_manageable_volumes: what the storage holds, with whether it may be managed.
func (s *Service) Volumes(ctx context.Context, q *rpcapi.GetManageable) (*rpcapi.Manageable, error) {
	list, err := s.Storage.ManageableVolumes(ctx)
	if err != nil {
		return nil, err
	}
	return page(list, q, func(e driver.Existing) (rpcapi.ManageableEntry, error) {
		if e.ID == "" {
			return entry(e, false), nil
		}
		_, err := s.Store.Volume(ctx, e.ID, "")
		return entry(e, err == nil), unlessNotFound(err)
	})
}

// Snapshots serves get_manageable_snapshots. Where the storage does not know what a snapshot was taken of, its row does.
func (s *Service) Snapshots(ctx context.Context, q *rpcapi.GetManageable) (*rpcapi.Manageable, error) {
	list, err := s.Storage.ManageableSnapshots(ctx)
	if err != nil {
		return nil, err
	}
	return page(list, q, func(e driver.Existing) (rpcapi.ManageableEntry, error) {
		var n *block.Snapshot
		var err error
		if e.ID != "" {
			n, err = s.Store.Snapshot(ctx, e.ID, "")
		}
		out := entry(e, n != nil)
		out.Source = e.Source
		if n != nil && out.Source == nil {
			out.Source = map[string]any{"source-name": s.Names.Volumes.Name(n.VolumeID)}
		}
		return out, unlessNotFound(err)
	})
}

func unlessNotFound(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// entry is what the API shows of something in storage (facts: cinder/volume/drivers/lvm.py).
func entry(e driver.Existing, managed bool) rpcapi.ManageableEntry {
	out := rpcapi.ManageableEntry{Reference: e.Reference, SizeGiB: e.SizeGiB, ReasonNotSafe: e.Unfit}
	if managed {
		out.ReasonNotSafe, out.CinderID = "already managed", e.ID
	}
	out.SafeToManage = out.ReasonNotSafe == ""
	return out
}

// page sorts the list, cuts the page out and completes its entries, so that only they cost a look at rows.
func page(list []driver.Existing, q *rpcapi.GetManageable, complete func(driver.Existing) (rpcapi.ManageableEntry, error)) (*rpcapi.Manageable, error) {
	slices.SortFunc(list, func(a, b driver.Existing) int { return compare(a, b, q.Sort) })
	start, err := after(list, q.Marker)
	if err != nil {
		return nil, err
	}
	start = min(len(list), start+q.Offset)
	list = list[start:min(len(list), start+q.Limit)]
	out := &rpcapi.Manageable{Entries: make([]rpcapi.ManageableEntry, 0, len(list))}
	for _, e := range list {
		entry, err := complete(e)
		if err != nil {
			return nil, err
		}
		out.Entries = append(out.Entries, entry)
	}
	return out, nil
}

// compare orders by the keys reference and size; what is alike in all of them goes by name, so that the order is always
// the same.
func compare(a, b driver.Existing, keys []rpcapi.SortKey) int {
	for _, k := range keys {
		c := cmp.Compare(a.Reference.SourceName(), b.Reference.SourceName())
		if k.Key == "size" {
			c = cmp.Compare(a.SizeGiB, b.SizeGiB)
		}
		if k.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Reference.SourceName(), b.Reference.SourceName())
}

// after is the index after the entry whose reference is the marker, a JSON object.
func after(list []driver.Existing, marker string) (int, error) {
	if marker == "" {
		return 0, nil
	}
	var reference driver.Reference
	if json.Unmarshal([]byte(marker), &reference) != nil {
		return 0, block.InvalidInput("marker %s can not be analysed, please use json like format", marker)
	}
	i := slices.IndexFunc(list, func(e driver.Existing) bool { return reflect.DeepEqual(e.Reference, reference) })
	if i < 0 {
		return 0, block.InvalidInput("marker not found: %s", marker)
	}
	return i + 1, nil
}
