package flow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/flow"
)

var errDead = errors.New("the process is dead")

// bubble hides the deadline of a test, which must not be asked for under synctest.
type bubble struct{ rapid.TB }

// stage is a world in which every step and every commit may fail or be the process's last.
type stage struct {
	*memory
	t     *rapid.T
	calm  bool            // nothing goes wrong any more
	dead  bool            // the process was killed: nothing has any effect until it is started again
	built map[string]bool // what Do steps made
}

// around draws what goes wrong around an effect.
func (w *stage) around(effect func()) error {
	if w.dead {
		return errDead
	}
	what := 0
	if !w.calm {
		what = rapid.IntRange(0, 11).Draw(w.t, "trouble")
	}
	switch what {
	case 1:
		return errStep
	case 2:
		w.dead = true
		return errDead
	case 3:
		effect()
		w.dead = true
		return errDead
	case 4:
		effect()
		return errStep
	}
	effect()
	return nil
}

func (w *stage) Update(ctx context.Context, fn func(memoryTx) error) error {
	if w.dead {
		return errDead
	}
	return w.memory.Update(ctx, func(tx memoryTx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return w.around(func() {})
	})
}

func (w *stage) doStep(name string) step {
	return step{Name: name,
		Do: func(context.Context, *trail) error { return w.around(func() { w.built[name] = true }) },
		Undo: func(context.Context, *trail, error) error {
			return w.around(func() { delete(w.built, name) })
		}}
}

func (w *stage) txStep(name string) step {
	return step{Name: name,
		Tx: func(_ context.Context, tx memoryTx, _ *trail) error { tx.rows[name] = "done"; return nil },
		UndoTx: func(_ context.Context, tx memoryTx, _ *trail, _ error) error {
			delete(tx.rows, name)
			return nil
		}}
}

// TestEndsDoneOrUndone: whatever fails and however often the process dies, an operation ends fully done or fully undone
// after enough resumes, with nothing left in the journal.
func TestEndsDoneOrUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(bubble{t}, func(t *rapid.T) {
			w := &stage{memory: newMemory(), t: t, built: map[string]bool{}}
			f := &testFlow{Name: "test"}
			for i, isTx := range rapid.SliceOfN(rapid.Bool(), 0, 5).Draw(t, "middle") {
				if name := fmt.Sprint("m", i); isTx {
					f.Steps = append(f.Steps, w.txStep(name))
				} else {
					f.Steps = append(f.Steps, w.doStep(name))
				}
			}
			f.Steps = slices.Concat([]step{w.txStep("first")}, f.Steps, []step{w.txStep("last")})
			begun := rapid.Bool().Draw(t, "begun")
			var err error
			if begun {
				err = flow.Begin(t.Context(), flow.NewEngine[memoryTx](w, flow.Options{Log: discard}), f, rec, &trail{})
			} else {
				r := rec
				r.State = []byte(`{}`)
				w.tx.flows[r.ID] = r
				err = flow.Continue(t.Context(), flow.NewEngine[memoryTx](w, flow.Options{Log: discard}), f, r, &trail{})
			}
			for n := 0; ; n++ {
				r, ok := w.record(rec.ID)
				if !ok {
					break
				}
				if err == nil {
					t.Fatalf("the run said it ended well, but the journal has %+v", r)
				}
				if n > 100 {
					t.Fatalf("still in the journal: %+v", r)
				}
				w.dead, w.calm = false, n > 20
				err = flow.Resume(t.Context(), flow.NewEngine[memoryTx](w, flow.Options{Log: discard}), f, r)
			}
			made := len(w.built) + len(w.tx.rows)
			if made != 0 && made != len(f.Steps) {
				t.Fatalf("half done: %v, %v of %d steps", w.built, w.tx.rows, len(f.Steps))
			}
			if (err == nil) != (made != 0) {
				t.Fatalf("error %v, but %d of %d effects are there", err, made, len(f.Steps))
			}
		})
	})
}
