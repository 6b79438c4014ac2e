package sqlstore

import (
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/flow"
)

// late is what a transaction writes of the journal when it ends: nothing else in it reads that, and all who share it write some. It is
// then one statement for all of them.
type late struct {
	flows map[string]*flow.Record // by id; nil for one that is to be deleted
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
	if err := t.QuotaWriter.Finish(ctx); err != nil {
		return err
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
