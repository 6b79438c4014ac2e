package oauth1

import (
	"sync"
	"time"
)

// maxNonces bounds what is remembered of a time; only who has a secret can add to it.
const maxNonces = 1 << 16

// nonces remembers the signed requests of the last minutes, so that none counts twice. It is safe for concurrent use.
type nonces struct {
	mu            sync.Mutex
	turnedAt      time.Time
	newer, before map[string]struct{}
}

// first reports whether a request is seen for the first time. A request is good for maxSkew before and after its own time, so
// two lots of twice that are enough.
func (n *nonces) first(request string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.newer == nil || now.Sub(n.turnedAt) > 2*maxSkew || len(n.newer) >= maxNonces {
		n.newer, n.before, n.turnedAt = map[string]struct{}{}, n.newer, now
	}
	if _, seen := n.newer[request]; seen {
		return false
	}
	if _, seen := n.before[request]; seen {
		return false
	}
	n.newer[request] = struct{}{}
	return true
}
