// Package quotarows is sqlstore's part for quotas: limits, what is counted from the rows, what Python services have reserved, and
// the sums in quota_usages, which are for them to read.
//
// What must not live here: how much a project may hold, which is for package quota to say. It is a part of sqlstore and
// imported by nothing else.
package quotarows

import (
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
)

// QuotaReader implements store.QuotaReader.
type QuotaReader struct{ conn *rows.Conn }

// NewReader makes a reader on the database; it is safe for concurrent use.
func NewReader(c *rows.Conn) QuotaReader { return QuotaReader{c} }

// QuotaWriter implements store.QuotaWriter and store.QuotaClassWriter, and reads in the same transaction. It writes quota_usages when
// it ends (Finish): nothing else in a transaction reads them, all who share it write them, and the rows are locked for as short as can be.
type QuotaWriter struct {
	QuotaReader
	sheets map[sheetOf]*knownSheet
	terms  map[sheetOf]terms
	late   map[string]*lateUsage // by project
}

// NewWriter makes a writer in the transaction of c, which has a session.
func NewWriter(c *rows.Conn) *QuotaWriter { return &QuotaWriter{QuotaReader: QuotaReader{c}} }

// Finish writes what was left for the end of the transaction.
func (w *QuotaWriter) Finish(ctx context.Context) error {
	for _, projectID := range slices.Sorted(maps.Keys(w.late)) {
		if err := w.finishUsage(ctx, projectID, w.late[projectID]); err != nil {
			return err
		}
	}
	return nil
}

// lateUsage is what becomes of the rows of quota_usages of a project, by resource.
type lateUsage struct {
	put, add map[string]int64
	sums     []func(*block.QuotaUsage) map[string]int64 // see AddQuotaUsage
}

func (w *QuotaWriter) laterUsage(projectID string) *lateUsage {
	if w.late == nil {
		w.late = make(map[string]*lateUsage)
	}
	u := w.late[projectID]
	if u == nil {
		u = &lateUsage{put: make(map[string]int64), add: make(map[string]int64)}
		w.late[projectID] = u
	}
	return u
}

// PutQuotaUsage implements store.QuotaWriter.
func (w *QuotaWriter) PutQuotaUsage(_ context.Context, projectID string, inUse map[string]int64) error {
	u := w.laterUsage(projectID)
	maps.Copy(u.put, inUse)
	for resource := range inUse { // what was added before has been counted
		delete(u.add, resource)
	}
	return nil
}

// AddQuotaUsage implements store.QuotaWriter.
func (w *QuotaWriter) AddQuotaUsage(_ context.Context, projectID string, more map[string]int64, sums func(*block.QuotaUsage) map[string]int64) error {
	u := w.laterUsage(projectID)
	u.sums = append(u.sums, sums)
	for resource, n := range more {
		if _, known := u.put[resource]; known {
			u.put[resource] += n
		} else {
			u.add[resource] += n
		}
	}
	return nil
}

// finishUsage writes the rows of a project.
func (w *QuotaWriter) finishUsage(ctx context.Context, projectID string, u *lateUsage) error {
	if added, err := w.changeUsage(ctx, projectID, u.add, "in_use + ?"); err != nil {
		return err
	} else if !added {
		usage, err := w.VolumeUsage(ctx, projectID)
		if err != nil {
			return err
		}
		for _, sums := range u.sums {
			for resource, n := range sums(usage) {
				if _, wanted := u.add[resource]; wanted {
					u.put[resource] = n
				}
			}
		}
	}
	return w.putUsage(ctx, projectID, u.put)
}
