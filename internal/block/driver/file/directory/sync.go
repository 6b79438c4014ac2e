package directory

import "sync"

// groupSync lets callers share a flush: whoever comes while one runs waits for the next, together with all others who
// come until that one begins. A flush that a caller waits for thus always began after the call.
type groupSync struct {
	mu        sync.Mutex
	gathering *round // whom newcomers may join; nil if the next one has to begin a round
	last      *round // the round begun last
}

type round struct {
	done chan struct{}
	err  error // of the flush; set before done closes
}

func (g *groupSync) do(flush func() error) error {
	g.mu.Lock()
	if r := g.gathering; r != nil {
		g.mu.Unlock()
		<-r.done
		return r.err
	}
	r, previous := &round{done: make(chan struct{})}, g.last
	g.gathering, g.last = r, r
	g.mu.Unlock()

	if previous != nil {
		<-previous.done
	}
	g.mu.Lock()
	g.gathering = nil
	g.mu.Unlock()
	r.err = flush()
	close(r.done)
	return r.err
}
