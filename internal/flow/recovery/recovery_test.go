package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/reqctx"
)

// shelf is a journal of one owner.
type shelf struct {
	mu      sync.Mutex
	recs    []flow.Record
	reads   int
	minAges []time.Duration
	err     error
}

func (s *shelf) Flows(_ context.Context, owner string, minAge time.Duration, limit int) ([]flow.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	s.minAges = append(s.minAges, minAge)
	if s.err != nil {
		return nil, s.err
	}
	out := slices.DeleteFunc(slices.Clone(s.recs), func(r flow.Record) bool { return r.Owner != owner })
	slices.SortStableFunc(out, func(a, b flow.Record) int { return cmp.Compare(a.ID, b.ID) })
	return out[:min(limit, len(out))], nil
}

func (s *shelf) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recs = slices.DeleteFunc(s.recs, func(r flow.Record) bool { return r.ID == id })
}

func (s *shelf) add(n int, name string) {
	for i := range n {
		s.recs = append(s.recs, flow.Record{ID: fmt.Sprintf("%s-%05d", name, i), Name: name, Owner: "me"})
	}
}

func TestRecoverResumesEachRecordOnce(t *testing.T) {
	s := &shelf{}
	s.add(150, "a-stuck") // stays in the journal, before all others
	s.add(130, "b-unknown")
	s.add(333, "c-good")
	s.recs = append(s.recs, flow.Record{ID: "z", Name: "c-good", Owner: "somebody else"})
	var mu sync.Mutex
	times, busy, most := map[string]int{}, 0, 0
	resume := map[string]Resume{}
	for _, name := range []string{"a-stuck", "c-good"} {
		resume[name] = func(ctx context.Context, r flow.Record) error {
			if q := reqctx.From(ctx); !q.IsAdmin || q.RequestID == "" {
				t.Errorf("resumed for %+v", q)
			}
			mu.Lock()
			times[r.ID]++
			busy++
			most = max(most, busy)
			mu.Unlock()
			defer func() { mu.Lock(); busy--; mu.Unlock() }()
			if name == "a-stuck" {
				return errors.New("the undo failed")
			}
			s.remove(r.ID)
			return nil
		}
	}
	if err := Recover(t.Context(), s, "me", 0, resume); err != nil {
		t.Fatal(err)
	}
	if len(times) != 150+333 {
		t.Errorf("%d records were resumed", len(times))
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s was resumed %d times", id, n)
		}
	}
	if most > recoverWidth {
		t.Errorf("%d at once", most)
	}
	if s.reads > 20 {
		t.Errorf("%d reads", s.reads)
	}
}

func TestRecoverTellsThatTheJournalCannotBeRead(t *testing.T) {
	s := &shelf{err: errors.New("the database is away")}
	if err := Recover(t.Context(), s, "me", 0, nil); !errors.Is(err, s.err) {
		t.Errorf("error %v", err)
	}
}

func TestWatchTakesEverythingFirstAndThenOnlyWhatIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{err: errors.New("the database is away")}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { Watch{Store: s, Owner: "me"}.Run(ctx); close(done) }()
		time.Sleep(time.Second)
		s.mu.Lock()
		s.err = nil
		s.mu.Unlock()
		time.Sleep(25 * time.Second)
		cancel()
		<-done
		// A first pass that failed is repeated as a first pass.
		if want := []time.Duration{0, 0, 30 * time.Second}; !slices.Equal(s.minAges, want) {
			t.Errorf("ages %v, want %v", s.minAges, want)
		}
	})
}

// TestWatchLeavesWhatMessagesBring: only what was there before the service listened is taken up at once; the message of what
// changed since may be under way.
func TestWatchLeavesWhatMessagesBring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, listening := &shelf{}, time.Now()
		for id, changed := range map[string]time.Time{"old": listening.Add(-time.Hour), "new": listening.Add(time.Millisecond)} {
			s.recs = append(s.recs, flow.Record{ID: id, Name: "n", Owner: "me", UpdatedAt: changed})
		}
		taken := make(chan string, len(s.recs))
		resume := map[string]Resume{"n": func(_ context.Context, r flow.Record) error {
			s.remove(r.ID)
			taken <- r.ID
			return nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go Watch{Store: s, Owner: "me", Resume: resume, Since: listening}.Run(ctx)
		time.Sleep(time.Second)
		if len(taken) != 1 || <-taken != "old" {
			t.Error("the first pass did not take the old record alone")
		}
		time.Sleep(time.Minute)
		if len(taken) != 1 || <-taken != "new" {
			t.Error("a later pass did not take the new record")
		}
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		s.add(100, "slow")
		ctx, cancel := context.WithCancel(t.Context())
		done, begun := make(chan struct{}), 0
		go func() {
			Watch{Store: s, Owner: "me", Resume: map[string]Resume{"slow": func(ctx context.Context, _ flow.Record) error {
				s.mu.Lock()
				begun++
				s.mu.Unlock()
				<-ctx.Done()
				return flow.ErrInterrupted
			}}}.Run(ctx)
			close(done)
		}()
		synctest.Wait()
		cancel()
		<-done
		if begun > 2*recoverWidth {
			t.Errorf("%d operations were begun although the service was stopping", begun)
		}
	})
}
