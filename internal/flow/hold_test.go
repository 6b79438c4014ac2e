package flow_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/clinker/clinker/internal/flow"
)

// holding is a flow whose hold can be refused or lost, and says how often it was held and given back.
type holding struct {
	refused     error
	lose        context.CancelFunc
	took, freed int
}

func (h *holding) hold(ctx context.Context, _ *trail) (context.Context, func(), error) {
	if h.refused != nil {
		return nil, nil, h.refused
	}
	h.took++
	ctx, h.lose = context.WithCancel(ctx)
	return ctx, func() { h.freed++; h.lose() }, nil
}

// TestHold: what cannot be held or is lost leaves the operation to the journal, and neither runs nor undoes a step.
func TestHold(t *testing.T) {
	for name, c := range map[string]struct {
		refused   error
		loseIn    string // the step that loses it
		fails     string // the step that fails
		want      []string
		interrupt bool
	}{
		"held":               {want: []string{"a", "b"}},
		"refused":            {refused: errStep, interrupt: true},
		"lost":               {loseIn: "a", want: []string{"a"}, interrupt: true},
		"a step fails":       {fails: "b", want: []string{"a", "b", "undo b", "undo a"}},
		"lost while undoing": {fails: "b", loseIn: "undo b", want: []string{"a", "b", "undo b"}, interrupt: true},
	} {
		t.Run(name, func(t *testing.T) {
			m, h, s := newMemory(), &holding{refused: c.refused}, &trail{}
			lost := func(ctx context.Context, at string) error {
				if at == c.loseIn {
					h.lose()
				}
				return ctx.Err()
			}
			acts := func(name string) step {
				return step{Name: name, Do: func(ctx context.Context, s *trail) error {
					s.add(name)
					if name == c.fails {
						return errStep
					}
					return lost(ctx, name)
				}, Undo: func(ctx context.Context, s *trail, _ error) error {
					s.add("undo " + name)
					return lost(ctx, "undo "+name)
				}}
			}
			f := &testFlow{Name: "test", Steps: []step{acts("a"), acts("b")}, Hold: h.hold}
			err := flow.Adopt(t.Context(), newEngine(m), f, rec, s)
			if errors.Is(err, flow.ErrInterrupted) != c.interrupt || err == nil && (c.interrupt || c.fails != "") {
				t.Errorf("err = %v", err)
			}
			if !slices.Equal(s.Steps, c.want) {
				t.Errorf("ran %v, want %v", s.Steps, c.want)
			}
			r, there := m.record(rec.ID)
			if there != c.interrupt {
				t.Errorf("the record is there: %v", there)
			}
			if h.took != h.freed {
				t.Errorf("held %d times, given back %d times", h.took, h.freed)
			}
			if !there {
				return
			}
			h.refused, c.loseIn, s.Steps = nil, "", nil
			err = flow.Resume(t.Context(), newEngine(m), f, r)
			if _, there := m.record(rec.ID); there || errors.Is(err, flow.ErrInterrupted) {
				t.Errorf("when it can be held again: %v, %v", there, err)
			}
		})
	}
}
