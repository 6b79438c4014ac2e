package rabbit

import (
	"sync"
	"time"
)

// recentSize is how many ids of messages are remembered to know one that comes twice. Upstream has 16 for each server.
const recentSize = 4096

// recent remembers the messages that came in last, by queue and id. It is safe for concurrent use.
type recent struct {
	mu   sync.Mutex
	ids  map[string]struct{}
	ring [recentSize]string
	next int
}

func newRecent() *recent { return &recent{ids: make(map[string]struct{}, recentSize)} }

// seen says whether the message is remembered; one without an id never is.
func (r *recent) seen(queue, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.ids[queue+"\x00"+id]
	return ok && id != ""
}

// add remembers a message in the place of the oldest.
func (r *recent) add(queue, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := queue + "\x00" + id
	if _, ok := r.ids[key]; ok || id == "" {
		return
	}
	delete(r.ids, r.ring[r.next])
	r.ring[r.next] = key
	r.ids[key] = struct{}{}
	r.next = (r.next + 1) % recentSize
}

// Bounds of goneQueues, upstream's.
const (
	goneSize = 200
	goneFor  = time.Minute
)

// goneQueues remembers reply queues whose owner did not come back. It is safe for concurrent use.
type goneQueues struct {
	mu    sync.Mutex
	since map[string]time.Time
}

func newGoneQueues() *goneQueues { return &goneQueues{since: make(map[string]time.Time)} }

func (g *goneQueues) has(queue string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, ok := g.since[queue]
	if ok && time.Since(at) > goneFor {
		delete(g.since, queue)
		return false
	}
	return ok
}

func (g *goneQueues) add(queue string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, at := range g.since {
		if time.Since(at) > goneFor {
			delete(g.since, name)
		}
	}
	if len(g.since) < goneSize {
		g.since[queue] = time.Now()
	}
}
