// Package chaos kills the real binary with kill -9 at random instants of a mixed workload, starts it again on the same
// state directory, and looks for anything that was lost, left half done, or left behind.
//
// After each restart the service has settleTime to end, by itself, all it had begun: whatever is creating, deleting or
// extending, and every record of the journal. An attach or detach takes several requests, and between them the volume is
// reserved, attaching or detaching for as long as its client likes: that is the contract of the API. So the clients
// that were cut off between two of those requests do after the restart what a real client does: they look how far they
// came, and complete the attach or give it up. After that no volume may be in a state that waits for anybody.
//
// What belongs here: the workload, the model of what it must find, and the checks. How single operations behave is
// tested beside the code.
package chaos

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clinker/clinker/test/harness"
)

var (
	kills = flag.Int("kills", killsWanted(), "how many times to strike; CLINKER_CHAOS_KILLS sets the default")
	seed  = flag.Uint64("seed", 0, "what instants and workload derive from; 0 takes a new one, which is printed")
)

const (
	clients    = 6
	projects   = 3 // of the clients; the rivals have one more
	rivals     = 4
	latest     = 400 * time.Millisecond // strikes fall within this time after the workload has begun
	settleTime = 5 * time.Second
)

// killsWanted is a number that takes some ten seconds, unless the environment has another.
func killsWanted() int {
	if n, err := strconv.Atoi(os.Getenv("CLINKER_CHAOS_KILLS")); err == nil {
		return n
	}
	return 25
}

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// storm is one run of the test: the service and its clients.
type storm struct {
	*testing.T
	cloud   *harness.Cloud
	clients []*client
	rivals  []*rival
	random  *rand.Rand
	step    func(c *client, ctx context.Context) error // what a client does, over and over
	slowest time.Duration                              // to settle

	records, files, hits int // what strikes left unfinished, and how many of them left anything
}

func TestChaos(t *testing.T) {
	s := newStorm(t, "", (*client).step)
	for n := range rivals {
		s.rivals = append(s.rivals, &rival{name: fmt.Sprintf("r%d", n), api: api{s.cloud, fmt.Sprintf("%032x", 1+projects)},
			random: rand.New(rand.NewPCG(*seed, uint64(n)+1000))})
	}
	s.run()
}

// newStorm starts a service whose cinder.conf holds conf, with clients that repeat step.
func newStorm(t *testing.T, conf string, step func(*client, context.Context) error) *storm {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("repeat with: go test ./test/chaos -count=1 -run '^%s$' -args -kills %d -seed %d", t.Name(), *kills, *seed)
	s := &storm{T: t, random: rand.New(rand.NewPCG(*seed, 0)), cloud: harness.Prepare(t, conf), step: step}
	t.Cleanup(s.keep)
	s.cloud.Run(t)
	for n := range clients {
		s.clients = append(s.clients, &client{name: fmt.Sprintf("c%d", n), state: s.cloud.StateDir, done: map[string]int{},
			api: api{s.cloud, fmt.Sprintf("%032x", 1+n%projects)}, random: rand.New(rand.NewPCG(*seed, uint64(n)+1))})
	}
	return s
}

// run strikes as often as is wanted.
func (s *storm) run() {
	for n := range *kills {
		if err := s.round(s.Context(), n); err != nil {
			s.Fatalf("strike %d: %v", n, err)
		}
	}
	s.report()
}

// keep saves the state and log of a failed test from being removed.
func (s *storm) keep() {
	if !s.Failed() {
		return
	}
	kept := filepath.Join(os.TempDir(), fmt.Sprintf("chaos-%s-%d", s.Name(), *seed))
	if err := os.Rename(filepath.Dir(s.cloud.StateDir), kept); err != nil {
		s.Error(err)
	}
	s.Logf("the state and the log are kept in %s", kept)
}

func (s *storm) report() {
	done := map[string]int{}
	for _, c := range s.clients {
		for what, n := range c.done {
			done[what] += n
		}
	}
	for _, what := range slices.Sorted(maps.Keys(done)) {
		s.Logf("%6d %s", done[what], what)
	}
	s.Logf("%d of %d strikes left something unfinished: %d operations in the journal, %d files without a row or rows without a file",
		s.hits, *kills, s.records, s.files)
	s.Logf("the slowest start to settle took %s", s.slowest.Round(time.Millisecond))
}

// round is one strike: workload, strike, restart, and all the checks.
func (s *storm) round(ctx context.Context, n int) error {
	after := time.Duration(s.random.Int64N(int64(latest)))
	gently := n%10 == 9
	if err := s.strike(ctx, after, gently); err != nil {
		return fmt.Errorf("%s after the workload began (gently: %t): %w", after, gently, err)
	}
	records, files, err := unfinished(ctx, s.cloud.StateDir)
	if err != nil {
		return fmt.Errorf("looking into what the strike has left: %w", err)
	}
	s.records, s.files = s.records+records, s.files+files
	if records+files > 0 {
		s.hits++
	}
	if s.random.IntN(4) == 0 { // a second strike, while the service comes up and recovers
		s.cloud.Launch(s)
		time.Sleep(time.Duration(s.random.Int64N(int64(200 * time.Millisecond))))
		s.cloud.Kill(s)
	}
	s.cloud.Run(s)
	if err := s.settle(ctx, false); err != nil {
		return err
	}
	if err := s.each(func(c *client) error { return c.lookAround(ctx) }); err != nil {
		return err
	}
	if err := s.each(func(c *client) error { return c.resume(ctx) }); err != nil {
		return err
	}
	if len(s.rivals) > 0 {
		if err := s.rivals[0].clearUp(ctx); err != nil {
			return fmt.Errorf("clearing up after the rivals: %w", err)
		}
	}
	if err := s.settle(ctx, true); err != nil {
		return err
	}
	return s.compareQuotaSets(ctx)
}

// each runs fn for every client, side by side.
func (s *storm) each(fn func(c *client) error) error {
	errs := make([]error, len(s.clients))
	var wg sync.WaitGroup
	for n, c := range s.clients {
		wg.Go(func() {
			if err := fn(c); err != nil {
				errs[n] = fmt.Errorf("client %s: %w", c.name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// strike lets the clients work, ends the service after the given time, and waits until all clients have noticed. It
// fails if a client got an answer that it should not have got, or none before the strike.
func (s *storm) strike(ctx context.Context, after time.Duration, gently bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var struck atomic.Bool
	until := func(step func(context.Context) error) error {
		for {
			err := step(ctx)
			if errors.Is(err, errCut) && struck.Load() {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	rivalled, worked := make(chan error, rivals), make(chan error, 1)
	for _, r := range s.rivals {
		go func() { rivalled <- until(r.step) }()
	}
	go func() {
		worked <- s.each(func(c *client) error { return until(func(ctx context.Context) error { return s.step(c, ctx) }) })
	}()
	time.Sleep(after)
	struck.Store(true)
	if gently {
		s.cloud.Stop(s)
	} else {
		s.cloud.Kill(s)
	}
	cancel() // a client that waits for something need not find out by itself
	err := <-worked
	for range s.rivals {
		err = errors.Join(err, <-rivalled)
	}
	return err
}

// settle waits until nothing is wrong, for settleTime at most.
func (s *storm) settle(ctx context.Context, settled bool) error {
	for since := time.Now(); ; {
		found, err := inspect(ctx, s.cloud.StateDir, settled)
		took := time.Since(since)
		if err != nil {
			return fmt.Errorf("looking into the state directory: %w", err)
		}
		if len(found) == 0 {
			s.slowest = max(s.slowest, took)
			return nil
		}
		if took > settleTime {
			return fmt.Errorf("%s after the start:\n\t%s", took.Round(time.Millisecond), strings.Join(found, "\n\t"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// compareQuotaSets compares what the API says is used with the rows.
func (s *storm) compareQuotaSets(ctx context.Context) error {
	usage := map[string]string{}
	i := &inspection{state: s.cloud.StateDir}
	err := i.with(func() (err error) {
		usage, err = usageByRows(ctx, i)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range s.clients[:projects] {
		_, answer, err := c.ask(ctx, "GET", "/os-quota-sets/"+c.api.project+"?usage=true", nil, 200)
		if err != nil {
			return err
		}
		for resource := range answer.object("quota_set") {
			set := answer.object("quota_set").object(resource)
			want := usage[c.api.project+" "+resource]
			if want == "" {
				want = "0"
			}
			if got := fmt.Sprint(set.number("in_use")); resource != "id" && resource != "per_volume_gigabytes" && got != want {
				return fmt.Errorf("os-quota-sets says that %s uses %s of %s, the rows say %s", c.api.project, got, resource, want)
			}
		}
	}
	return nil
}
