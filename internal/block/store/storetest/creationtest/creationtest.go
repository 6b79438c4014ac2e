// Package creationtest is the part of the store's suite about creates that are carried out only once.
//
// What must not live here: anything that knows an implementation.
package creationtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(t *testing.T, s store.Store){
		"creation": testCreation, "creation at once": testAtOnce, "creation rolled back": testRolledBack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func made(t *testing.T, s store.CreationReader, key string, since time.Time, want string) {
	t.Helper()
	if id, err := s.Creation(t.Context(), key, since); err != nil || id != want {
		t.Errorf("%s has made %q, %v; want %q", key, id, err, want)
	}
}

func testCreation(t *testing.T, s store.Store) {
	begin := time.Now().Add(-time.Minute)
	later := time.Now().Add(time.Minute)
	enter := func(key, id string, since time.Time, instead string) error {
		return s.Update(t.Context(), func(tx store.Tx) error { return tx.EnterCreation(t.Context(), key, id, since, instead) })
	}
	made(t, s, "a", begin, "")
	for _, key := range []string{"a", "b", "c"} {
		if err := enter(key, "made-by-"+key, begin, ""); err != nil {
			t.Fatal(err)
		}
	}
	made(t, s, "a", begin, "made-by-a")
	made(t, s, "a", later, "")
	if err := enter("a", "another", begin, ""); !fault.Is(err, fault.Conflict) {
		t.Errorf("entered twice: %v", err)
	}
	made(t, s, "a", begin, "made-by-a")
	if err := enter("a", "another", begin, "made-by-a"); err != nil {
		t.Errorf("entered instead: %v", err)
	}
	made(t, s, "a", begin, "another")
	if err := enter("b", "later", later, ""); err != nil {
		t.Errorf("entered after the first is too old: %v", err)
	}
	made(t, s, "b", begin, "later")

	var total int64
	for _, step := range []struct {
		before time.Time
		limit  int
		want   int64
	}{{begin, 10, 0}, {later, 2, 2}, {later, 2, 1}, {later, 2, 0}} {
		var n int64
		err := s.Update(t.Context(), func(tx store.Tx) (err error) {
			n, err = tx.DeleteCreations(t.Context(), step.before, step.limit)
			return err
		})
		if total += n; err != nil || n != step.want {
			t.Errorf("%d rows are gone, %v; want %d", n, err, step.want)
		}
	}
	made(t, s, "a", begin, "")
}

// testAtOnce: of many that enter the same at once, one does, and all others see what it entered.
func testAtOnce(t *testing.T, s store.Store) {
	since := time.Now().Add(-time.Minute)
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() {
			id := uuid.NewString()
			err := s.Update(context.WithoutCancel(t.Context()), func(tx store.Tx) error {
				if there, err := tx.Creation(t.Context(), "key", since); err != nil || there != "" {
					ids[i] = there
					return err
				}
				ids[i] = id
				return tx.EnterCreation(t.Context(), "key", id, since, "")
			})
			if fault.Is(err, fault.Conflict) {
				ids[i], err = s.Creation(t.Context(), "key", since)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		made(t, s, "key", since, id)
	}
}

func testRolledBack(t *testing.T, s store.Store) {
	no := errors.New("no")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.EnterCreation(t.Context(), "key", "id", time.Time{}.AddDate(2000, 0, 0), ""); err != nil {
			return err
		}
		made(t, tx, "key", time.Time{}.AddDate(2000, 0, 0), "id")
		return no
	})
	if !errors.Is(err, no) {
		t.Fatal(err)
	}
	made(t, s, "key", time.Time{}.AddDate(2000, 0, 0), "")
}
