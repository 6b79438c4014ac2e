package quota

import (
	"context"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Counting costs as much as a project holds, which is no more than its limits allow. A project without limits may hold any
// number, and nothing is decided by how many: what it takes is added to quota_usages, as upstream does, and counted now and
// then only. Counting puts right what Python services leave there that are killed between a row's change and its sum's.

const (
	// recount is how long what is taken without limits goes uncounted.
	recount = 5 * time.Second
	// maxUnlimited is how many projects are remembered to be without limits.
	maxUnlimited = 10000
)

// unlimited is the projects that were without limits when they were last counted, and when that was.
type unlimited struct {
	mu      sync.Mutex
	counted map[string]time.Time
}

// fresh says whether a project is among them and was counted a short while ago.
func (u *unlimited) fresh(projectID string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	at, is := u.counted[projectID]
	return is && time.Since(at) < recount
}

// note takes in that a project is being counted, and whether it is without limits.
func (u *unlimited) note(projectID string, is bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !is:
		delete(u.counted, projectID)
		return
	case u.counted == nil || len(u.counted) >= maxUnlimited:
		u.counted = make(map[string]time.Time)
	}
	u.counted[projectID] = time.Now()
}

// meetsNone says whether d meets no limit, whatever is used.
func (q *Quota) meetsNone(limits map[string]int64, d Delta) bool {
	if d.Groups != 0 {
		return false
	}
	for name := range q.more(limits, d) {
		if limits[name] >= 0 {
			return false
		}
	}
	return true
}

// more is how much d takes of each resource that has a limit, if only "unlimited".
func (q *Quota) more(limits map[string]int64, d Delta) map[string]int64 {
	more := map[string]int64{}
	for _, c := range q.claims(d) {
		for _, name := range []string{c.resource, c.resource + "_" + d.TypeName} {
			if _, known := limits[name]; known && c.amount != 0 {
				more[name] += c.amount
			}
		}
	}
	return more
}

// takeUncounted is Take for a project that had no limits when it was last counted, a short while ago, and still has none; for
// another it does nothing.
func (q *Quota) takeUncounted(ctx context.Context, tx store.Tx, projectID string, d Delta, newSizeGiB int64) (done bool, err error) {
	if !q.unlimited.fresh(projectID) {
		return false, nil
	}
	if err := tx.LockQuota(ctx, projectID); err != nil {
		return false, err
	}
	own, class, err := tx.QuotaTerms(ctx, projectID, DefaultClass)
	if err != nil {
		return false, err
	}
	limits := q.limits(class, own, []string{d.TypeName})
	if !q.meetsNone(limits, d) {
		return false, nil
	}
	if err := checkSize(limits, newSizeGiB); err != nil {
		return false, err
	}
	return true, tx.AddQuotaUsage(ctx, projectID, q.more(limits, d), func(u *block.QuotaUsage) map[string]int64 {
		return u.InUse(!q.opts.NoSnapshotGigabytes, d.TypeID, d.TypeName)
	})
}
