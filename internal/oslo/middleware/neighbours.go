package middleware

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/run"
)

// The names of neighbours, which [healthcheck] backends may list.
const (
	neighbourDatabase = "database"
	neighbourMessages = "messages"
)

// Database is the neighbour that a ping reaches.
func Database(ping func(ctx context.Context) error) Neighbour {
	return Neighbour{neighbourDatabase, func(ctx context.Context) (time.Time, error) { return time.Time{}, ping(ctx) }}
}

// Messages is the broker; check is messaging.Transport's.
func Messages(check func(ctx context.Context) (lastProven time.Time, err error)) Neighbour {
	return Neighbour{neighbourMessages, check}
}

// Neighbour is something that a service cannot do its work without: its database, its broker.
type Neighbour struct {
	name string
	// prove makes a round trip, within the time of ctx, and says when the last one succeeded, which may be known when
	// this one failed; a zero time of a success means now.
	prove func(ctx context.Context) (lastProven time.Time, err error)
}

// Neighbours proves round trips in the background, so that a health check costs the neighbours nothing however often it is asked.
// A nil Neighbours has none.
type Neighbours struct {
	list []Neighbour

	mu     sync.Mutex
	states []proof
}

// proof is what is known of one neighbour.
type proof struct {
	last time.Time // of the last round trip that came back; zero: none has
	err  error     // of the last attempt
}

// Times of the proofs.
const (
	// ProofPeriod is how often each neighbour is asked for a round trip.
	ProofPeriod = 10 * time.Second
	// proofTimeout bounds one round trip.
	proofTimeout = 5 * time.Second
	// proofLife is how old the last proof may be before it proves nothing any more: whoever makes them hangs then.
	proofLife = 3 * ProofPeriod
)

// errUnproven is what is said before the first attempt has ended.
var errUnproven = errors.New("no round trip has been tried yet")

// NewNeighbours makes it; all are away until Run has proven otherwise.
func NewNeighbours(list ...Neighbour) *Neighbours {
	n := &Neighbours{list: list, states: make([]proof, len(list))}
	for i := range n.states {
		n.states[i].err = errUnproven
	}
	return n
}

// Run proves a round trip to each neighbour now and in each ProofPeriod, all at once, until ctx ends.
func (n *Neighbours) Run(ctx context.Context) {
	var all sync.WaitGroup
	for i, one := range n.list {
		all.Go(func() {
			run.Every(ctx, ProofPeriod, "proof of "+one.name, func(ctx context.Context) error {
				n.prove(ctx, i)
				return nil // the health check says it; whoever uses the neighbour logs it
			})
		})
	}
	all.Wait()
}

func (n *Neighbours) prove(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	last, err := n.list[i].prove(ctx)
	if err == nil && last.IsZero() {
		last = time.Now()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if last.After(n.states[i].last) {
		n.states[i].last = last
	}
	n.states[i].err = err
}

// Reasons of neighbours.
const (
	reasonProven = "OK"
	reasonAway   = "AWAY"
)

// health is what is known of neighbour i.
func (n *Neighbours) health(i int) health {
	n.mu.Lock()
	state := n.states[i]
	n.mu.Unlock()
	h := health{available: true, reason: reasonProven, class: n.list[i].name, details: "No round trip has been proven."}
	if !state.last.IsZero() {
		h.details = fmt.Sprintf("Last proven round trip: %s.", state.last.UTC().Format("2006-01-02 15:04:05.000000"))
	}
	switch {
	case state.err != nil:
		h.details += " " + why(state.err)
	case time.Since(state.last) > proofLife:
		h.details += " Since then no attempt has ended."
	default:
		return h
	}
	h.available, h.reason = false, n.list[i].name+" "+reasonAway
	return h
}

// why is what may be said of an error: its text for users, or that of the two errors of our own.
func why(err error) string {
	switch {
	case errors.Is(err, errUnproven):
		return "No attempt has ended yet."
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("The last attempt had no answer within %s.", proofTimeout)
	}
	return fault.UserText(err)
}

// checks are the health checks of the neighbours that count.
func (n *Neighbours) checks(counts func(name string) bool) (list []healthCheck) {
	if n == nil {
		return nil
	}
	for i := range n.list {
		if counts(n.list[i].name) {
			list = append(list, func(int) health { return n.health(i) })
		}
	}
	return list
}
