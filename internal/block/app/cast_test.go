package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/block/store"
)

// python says that an owner is no service of ours.
type python string

func (p python) Kept(_ context.Context, _ store.Reader, owner string) (bool, error) {
	if owner == "unknown" {
		return false, errors.New("the database is away")
	}
	return owner != string(p), nil
}

// TestCast: a message waits for the broker as long as its owner needs it, whether or not its caller does.
func TestCast(t *testing.T) {
	for name, c := range map[string]struct {
		owner  string
		comes  time.Duration // after which the broker takes it
		sent   bool
		within time.Duration
	}{
		"at once":                     {"node@python", 0, true, 0},
		"a service of ours":           {"node@ours", time.Hour, false, castTimeout},
		"soon":                        {"node@ours", 9 * time.Second, true, 9 * time.Second},
		"a Python service":            {"node@python", 9 * time.Minute, true, 9 * time.Minute},
		"a Python service, in vain":   {"node@python", time.Hour, false, castPatience},
		"nobody can say whose it is":  {"unknown", time.Hour, false, castTimeout},
		"of Python, with the latency": {"node@python", castTimeout, true, castTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core := &Core{Keepers: python("node@python"), Log: slog.New(slog.DiscardHandler)}
				ctx, gone := context.WithCancel(context.Background())
				gone()
				began := time.Now()
				err := core.Cast(ctx, c.owner, func(ctx context.Context) error {
					select {
					case <-time.After(c.comes):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				if (err == nil) != c.sent || time.Since(began) != c.within {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				synctest.Wait()
				if n := core.patient.Load(); n != 0 {
					t.Errorf("%d wait still", n)
				}
			})
		})
	}
}

// TestCastIsBounded: no more than so many wait for a long time.
func TestCastIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core := &Core{Keepers: python("node@python"), Log: slog.New(slog.DiscardHandler)}
		var early, late atomic.Int64
		var all sync.WaitGroup
		for range maxPatient + 20 {
			all.Go(func() {
				began := time.Now()
				_ = core.Cast(t.Context(), "node@python", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
				switch time.Since(began) {
				case castTimeout:
					early.Add(1)
				case castPatience:
					late.Add(1)
				}
			})
		}
		all.Wait()
		if early.Load() != 20 || late.Load() != maxPatient {
			t.Errorf("%d gave up at once, and %d waited", early.Load(), late.Load())
		}
	})
}
