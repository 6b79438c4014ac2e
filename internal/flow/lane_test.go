package flow_test

import (
	"context"
	"slices"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// laned is a journal that notes in which lanes transactions were shared.
type laned struct {
	*memory
	lanes []string
}

func (l *laned) UpdateTogether(ctx context.Context, lane string, fn func(tx memoryTx) error) error {
	l.lanes = append(l.lanes, lane)
	return l.Update(ctx, fn)
}

// TestTogether: the transactions of a flow's steps are shared in the lane it names, what undoes them is not.
func TestTogether(t *testing.T) {
	for _, c := range []struct {
		name     string
		together func(*trail) string
		fails    error
		want     []string
	}{
		{"a lane", func(s *trail) string { return "after " + s.Steps[0] }, nil, []string{"after a", "after a"}},
		{"a lane, and undone", func(*trail) string { return "lane" }, errStep, []string{"lane", "lane"}},
		{"no lane today", func(*trail) string { return "" }, nil, nil},
		{"no lane", nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &laned{memory: newMemory()}
			f := &testFlow{Name: "test", Together: c.together, Steps: []step{do("a", nil), tx("b", nil), do("c", nil), tx("d", c.fails)}}
			s := &trail{}
			err := flow.Begin(t.Context(), flow.NewEngine[memoryTx](l, flow.Options{Log: discard}), f, rec, s)
			if (err == nil) != (c.fails == nil) || c.fails != nil && !fault.Is(err, fault.Busy) {
				t.Fatal(err)
			}
			if !slices.Equal(l.lanes, c.want) {
				t.Errorf("shared in %q, want %q", l.lanes, c.want)
			}
			if left := l.tx.rows["b"]; (left == "done") != (c.fails == nil) {
				t.Errorf("row b is %q", left)
			}
		})
	}
}
