package quota

import (
	"context"
	"sync"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Counting costs as much as a project holds, which is no more than its limits allow. A project without limits may hold any
// number, and there is nothing to be counted for: what it takes is added to quota_usages, as upstream does. That also suits Python
// services beside ours, which change a row and its sum in two transactions: what is counted between them is wrong when they have
// done, until something is counted again. Whatever ours destroy has the rows counted (store.RecordUsage).

// maxBounded is how many projects are remembered to have limits.
const maxBounded = 10000

// bounded is the projects that had limits when they last took something.
type bounded struct {
	mu       sync.Mutex
	projects map[string]struct{}
}

func (b *bounded) has(projectID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, is := b.projects[projectID]
	return is
}

func (b *bounded) note(projectID string, is bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !is:
		delete(b.projects, projectID)
		return
	case b.projects == nil || len(b.projects) >= maxBounded:
		b.projects = make(map[string]struct{})
	}
	b.projects[projectID] = struct{}{}
}

// unlimited says whether d meets no limit, whatever is used.
func (q *Quota) unlimited(limits map[string]int64, d Delta) bool {
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

// takeUncounted is Take for a project that has no limits; for another it does nothing. Whether one that had some the last time
// still has is for check to see, which reads them with what it counts.
func (q *Quota) takeUncounted(ctx context.Context, tx store.Tx, projectID string, d Delta, newSizeGiB int64) (done bool, err error) {
	if q.bounded.has(projectID) {
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
	if !q.unlimited(limits, d) {
		return false, nil
	}
	if err := checkSize(limits, newSizeGiB); err != nil {
		return false, err
	}
	return true, tx.AddQuotaUsage(ctx, projectID, q.more(limits, d), func(u *block.QuotaUsage) map[string]int64 {
		return u.InUse(!q.opts.NoSnapshotGigabytes, d.TypeID, d.TypeName)
	})
}
