package quotarows

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

const quotaLocks = "clinker_quota_locks"

// LockQuota implements store.QuotaWriter: it writes the project's own row, which every other transaction that does the same has to
// wait for. Where write transactions run one after another there is nothing to do.
func (w *QuotaWriter) LockQuota(ctx context.Context, projectID string) error {
	if w.conn.Held(quotaLocks, projectID) {
		return nil
	}
	text := w.conn.Dialect().Upsert(quotaLocks, []string{"project_id", "taken_at"}, []string{"project_id"}, []string{"taken_at"})
	err := w.conn.Run(ctx, text, projectID, w.conn.At(w.conn.Instant()))
	if err == nil {
		w.conn.Hold(quotaLocks, projectID)
	}
	return err
}

// sheetOf is what a sheet is of.
type sheetOf struct{ projectID, class string }

// knownSheet is a sheet that a transaction has read under the project's lock.
type knownSheet struct {
	*store.QuotaSheet
	writes int // those of the transaction that it takes into account
}

// QuotaSheet implements store.QuotaReader. Transactions that share one (UpdateTogether) count the rows once: each reads
// the sheet after it has entered a volume, and Entered keeps a sheet up to date. After any other change it is counted anew.
func (w *QuotaWriter) QuotaSheet(ctx context.Context, projectID, class string) (*store.QuotaSheet, error) {
	of := sheetOf{projectID, class}
	if known := w.sheets[of]; known != nil && known.writes == w.conn.Writes() {
		return known.QuotaSheet, nil
	}
	sheet, err := w.QuotaReader.QuotaSheet(ctx, projectID, class)
	if err == nil && w.conn.Held(quotaLocks, projectID) {
		if w.sheets == nil {
			w.sheets = make(map[sheetOf]*knownSheet)
		}
		w.sheets[of] = &knownSheet{sheet, w.conn.Writes()}
	}
	return sheet, err
}

// terms are the limits of a project and of a class.
type terms struct{ own, ofClass map[string]int64 }

// QuotaTerms implements store.QuotaReader. They too are read once in a transaction, unless it changes limits itself.
func (w *QuotaWriter) QuotaTerms(ctx context.Context, projectID, class string) (own, ofClass map[string]int64, err error) {
	of := sheetOf{projectID, class}
	if known, ok := w.terms[of]; ok {
		return known.own, known.ofClass, nil
	}
	own, ofClass, err = w.QuotaReader.QuotaTerms(ctx, projectID, class)
	if err == nil {
		if w.terms == nil {
			w.terms = make(map[sheetOf]terms)
		}
		w.terms[of] = terms{own, ofClass}
	}
	return own, ofClass, err
}

// Entered takes a volume into account that the transaction has entered since it had run so many statements that may have
// changed something (rows.Conn.Writes).
func (w *QuotaWriter) Entered(v *block.Volume, since int) {
	for of, sheet := range w.sheets {
		if sheet.writes != since {
			delete(w.sheets, of)
			continue
		}
		sheet.writes = w.conn.Writes()
		if of.projectID == v.ProjectID && v.UseQuota {
			enter(sheet.QuotaSheet, "volumes", v.VolumeTypeID, 1, v.SizeGiB)
		}
	}
}

// putUsage writes sums. The rows are nearly always there: then it is one statement.
func (w *QuotaWriter) putUsage(ctx context.Context, projectID string, inUse map[string]int64) error {
	if done, err := w.changeUsage(ctx, projectID, inUse, "?"); err != nil || done {
		return err
	}
	text := w.conn.Dialect().Upsert("quota_usages",
		[]string{"created_at", "updated_at", "deleted", "project_id", "resource", "in_use", "reserved", "race_preventer"},
		[]string{"project_id", "resource", "race_preventer"}, []string{"updated_at", "in_use"})
	now := w.conn.At(w.conn.Now())
	for _, resource := range slices.Sorted(maps.Keys(inUse)) {
		if err := w.conn.Run(ctx, text, now, now, false, projectID, resource, inUse[resource], 0, true); err != nil {
			return err
		}
	}
	return nil
}

// changeUsage sets the sums of some resources, each to a term of its number, and says whether all of them are there; if not, none
// is changed for good: the caller sets them all.
func (w *QuotaWriter) changeUsage(ctx context.Context, projectID string, numbers map[string]int64, term string) (all bool, err error) {
	if len(numbers) == 0 {
		return true, nil
	}
	resources := slices.Sorted(maps.Keys(numbers))
	args := []any{w.conn.At(w.conn.Now())}
	for _, resource := range resources {
		args = append(args, resource, numbers[resource])
	}
	args = append(args, projectID)
	for _, resource := range resources {
		args = append(args, resource)
	}
	// race_preventer is TRUE in every live row and NULL in a deleted one: it makes the unique key one of live rows.
	n, err := w.conn.Exec(ctx, `UPDATE quota_usages SET updated_at = ?, in_use = CASE resource`+
		strings.Repeat(" WHEN ? THEN "+term, len(resources))+` ELSE in_use END
		WHERE project_id = ? AND resource IN (?`+strings.Repeat(", ?", len(resources)-1)+`) AND race_preventer = TRUE`, args...)
	return n == int64(len(resources)), err
}
