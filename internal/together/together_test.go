package together_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/together"
)

// slow is a fetch that takes a second and notes what it was for.
type slow struct{ fetches [][]int }

func (s *slow) fetch(ctx context.Context, keys []int) map[int]together.Answer[string] {
	s.fetches = append(s.fetches, slices.Sorted(slices.Values(keys)))
	answers := make(map[int]together.Answer[string])
	for _, k := range keys {
		answers[k] = together.Answer[string]{Value: fmt.Sprint(k), Err: ctx.Err()}
	}
	select {
	case <-time.After(time.Second):
		return answers
	case <-ctx.Done():
		return map[int]together.Answer[string]{keys[0]: {Err: ctx.Err()}}
	}
}

// TestGroup: a fetch is for all who came during the one before, each key once and so many at most; a lone caller waits for nobody.
func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slow
		g := together.NewGroup(3, s.fetch)
		var all sync.WaitGroup
		ask := func(key int, ctx context.Context, took time.Duration, want error) {
			all.Go(func() {
				begun := time.Now()
				got, err := g.Get(ctx, key)
				if !errors.Is(err, want) || err == nil && got != fmt.Sprint(key) || time.Since(begun) != took {
					t.Errorf("%d: %q, %v after %v; want %v after %v", key, got, err, time.Since(begun), want, took)
				}
			})
			synctest.Wait()
		}
		ctx := t.Context()
		ask(1, ctx, time.Second, nil)
		time.Sleep(time.Second / 2)
		for _, key := range []int{1, 2, 2, 1, 3} {
			ask(key, ctx, 3*time.Second/2, nil)
		}
		ask(4, ctx, 5*time.Second/2, nil)
		all.Wait()
		if got := fmt.Sprint(s.fetches); got != "[[1] [1 2 3] [4]]" {
			t.Errorf("fetched %s", got)
		}
	})
}

// TestLeaving: who gives up does not spoil it for others, and nothing is fetched for nobody.
func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slow
		g := together.NewGroup(9, s.fetch)
		var all sync.WaitGroup
		ask := func(key int, patience, took time.Duration, want error) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			all.Go(func() {
				defer cancel()
				begun := time.Now()
				if _, err := g.Get(ctx, key); !errors.Is(err, want) || time.Since(begun) != took {
					t.Errorf("%d: %v after %v, want %v after %v", key, err, time.Since(begun), want, took)
				}
			})
			synctest.Wait()
		}
		const ms = time.Millisecond
		ask(0, 0, 0, context.DeadlineExceeded)
		ask(1, 700*ms, 700*ms, context.DeadlineExceeded) // alone: its fetch ends with it
		ask(2, 100*ms, 100*ms, context.DeadlineExceeded) // the only one of the next: that is never begun
		time.Sleep(200 * ms)
		ask(3, time.Minute, 1500*ms, nil)
		ask(4, 300*ms, 300*ms, context.DeadlineExceeded) // beside 3, which goes on
		all.Wait()
		if got := fmt.Sprint(s.fetches); got != "[[1] [3 4]]" {
			t.Errorf("fetched %s", got)
		}
	})
}

// TestPanic: a panic reaches all callers, and those after them are served.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := together.NewGroup(9, func(_ context.Context, keys []int) map[int]together.Answer[int] {
			time.Sleep(time.Second)
			if slices.Contains(keys, 0) {
				panic("zero")
			}
			return nil
		})
		var panicked atomic.Int64
		var all sync.WaitGroup
		for _, key := range []int{0, 1, 0, 2} {
			all.Go(func() {
				defer func() {
					if recover() == "zero" {
						panicked.Add(1)
					}
				}()
				_, _ = g.Get(t.Context(), key)
			})
			synctest.Wait()
		}
		all.Wait()
		if n := panicked.Load(); n != 4 {
			t.Errorf("%d of 4 heard of the panic", n)
		}
		if v, err := g.Get(t.Context(), 3); v != 0 || err != nil {
			t.Errorf("after a panic: %v, %v", v, err)
		}
	})
}

// TestNothingOld: whenever somebody asks, he sees what was done before he asked.
func TestNothingOld(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		type call struct{ at, ask int }
		calls := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) call {
			return call{rapid.IntRange(0, 40).Draw(r, "at"), rapid.IntRange(0, 3).Draw(r, "key")}
		}), 1, 20).Draw(r, "calls")
		takes := time.Duration(rapid.IntRange(0, 9).Draw(r, "a fetch takes"))
		synctest.Test(t, func(t *testing.T) {
			var alike together.Alike[time.Time]
			group := together.NewGroup(2, func(_ context.Context, keys []int) map[int]together.Answer[time.Time] {
				answers, seen := map[int]together.Answer[time.Time]{}, time.Now()
				time.Sleep(takes)
				for _, k := range keys {
					answers[k] = together.Answer[time.Time]{Value: seen}
				}
				return answers
			})
			var all sync.WaitGroup
			for _, c := range calls {
				all.Go(func() {
					time.Sleep(time.Duration(c.at))
					asked := time.Now()
					seen, err := group.Get(t.Context(), c.ask)
					if err != nil || seen.Before(asked) {
						r.Errorf("asked at %v, saw %v, %v", asked, seen, err)
					}
				})
				all.Go(func() {
					time.Sleep(time.Duration(c.at))
					asked := time.Now()
					seen, err := alike.Get(t.Context(), fmt.Sprint(c.ask), func(context.Context) (time.Time, error) {
						now := time.Now()
						time.Sleep(takes)
						return now, nil
					})
					if err != nil || seen.Before(asked) {
						r.Errorf("asked alike at %v, saw %v, %v", asked, seen, err)
					}
				})
			}
			all.Wait()
		})
	})
}

// TestAlike: those who ask the same share a fetch, those who ask something else do not wait.
func TestAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a together.Alike[string]
		fetched := map[string]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				question, begun := string(rune('a'+i%2)), time.Now()
				got, err := a.Get(t.Context(), question, func(context.Context) (string, error) {
					mu.Lock()
					fetched[question]++
					mu.Unlock()
					time.Sleep(time.Second)
					return question, nil
				})
				if got != question || err != nil || time.Since(begun) > 2*time.Second {
					t.Errorf("%s: %q, %v after %v", question, got, err, time.Since(begun))
				}
			})
		}
		all.Wait()
		if fetched["a"] != 2 || fetched["b"] != 2 {
			t.Errorf("fetched %v, want each twice: for the first, and for all others", fetched)
		}
	})
}
