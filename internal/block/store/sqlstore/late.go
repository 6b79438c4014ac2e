package sqlstore

import (
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/flow"
)

// late is what a transaction writes when it ends: what nothing else in it reads, and many of those who share it write. It is then one
// statement for all of them, and the rows of quota_usages are locked for as short as can be.
type late struct {
	usage map[string]*lateUsage   // by project
	flows map[string]*flow.Record // by id; nil for one that is to be deleted
}

// lateUsage is what becomes of the rows of quota_usages of a project, by resource.
type lateUsage struct {
	put, add map[string]int64
	sums     []func(*block.QuotaUsage) map[string]int64 // see AddQuotaUsage
}

func (t *tx) laterUsage(projectID string) *lateUsage {
	if t.late.usage == nil {
		t.late.usage = make(map[string]*lateUsage)
	}
	u := t.late.usage[projectID]
	if u == nil {
		u = &lateUsage{put: make(map[string]int64), add: make(map[string]int64)}
		t.late.usage[projectID] = u
	}
	return u
}

// PutQuotaUsage implements store.QuotaWriter.
func (t *tx) PutQuotaUsage(_ context.Context, projectID string, inUse map[string]int64) error {
	u := t.laterUsage(projectID)
	maps.Copy(u.put, inUse)
	for resource := range inUse { // what was added before has been counted
		delete(u.add, resource)
	}
	return nil
}

// AddQuotaUsage implements store.QuotaWriter.
func (t *tx) AddQuotaUsage(_ context.Context, projectID string, more map[string]int64, sums func(*block.QuotaUsage) map[string]int64) error {
	u := t.laterUsage(projectID)
	u.sums = append(u.sums, sums)
	for resource, n := range more {
		if _, known := u.put[resource]; known {
			u.put[resource] += n
		} else {
			u.add[resource] += n
		}
	}
	return nil
}

// finishUsage writes the rows of a project.
func (t *tx) finishUsage(ctx context.Context, projectID string, u *lateUsage) error {
	if added, err := t.changeUsage(ctx, projectID, u.add, "in_use + ?"); err != nil {
		return err
	} else if !added {
		usage, err := t.VolumeUsage(ctx, projectID)
		if err != nil {
			return err
		}
		for _, sums := range u.sums {
			for resource, n := range sums(usage) {
				if _, wanted := u.add[resource]; wanted {
					u.put[resource] = n
				}
			}
		}
	}
	return t.putUsage(ctx, projectID, u.put)
}

// PutFlow implements store.FlowWriter. It writes updated_at by its own clock; created_at stays what it was first.
func (t *tx) PutFlow(_ context.Context, f flow.Record) error {
	t.laterFlow(f.ID, &f)
	return nil
}

// DeleteFlow implements store.FlowWriter.
func (t *tx) DeleteFlow(_ context.Context, id string) error {
	t.laterFlow(id, nil)
	return nil
}

func (t *tx) laterFlow(id string, f *flow.Record) {
	if t.late.flows == nil {
		t.late.flows = make(map[string]*flow.Record)
	}
	t.late.flows[id] = f
}

// finish writes what was left for the end.
func (t *tx) finish(ctx context.Context) error {
	for _, projectID := range slices.Sorted(maps.Keys(t.late.usage)) {
		if err := t.finishUsage(ctx, projectID, t.late.usage[projectID]); err != nil {
			return err
		}
	}
	return t.finishFlows(ctx)
}

// finishFlows writes the journal's records, in the order of their ids so that transactions do not wait for each other in a circle.
func (t *tx) finishFlows(ctx context.Context) error {
	var put []*flow.Record
	var gone []string
	for _, id := range slices.Sorted(maps.Keys(t.late.flows)) {
		if f := t.late.flows[id]; f != nil {
			put = append(put, f)
		} else {
			gone = append(gone, id)
		}
	}
	t.late.flows = nil
	if err := t.putFlows(ctx, put); err != nil {
		return err
	}
	return t.deleteFlows(ctx, gone)
}
