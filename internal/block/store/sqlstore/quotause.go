package sqlstore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

const quotaLocks = "clinker_quota_locks"

// LockQuota implements store.QuotaWriter. Where write transactions run one after another there is nothing to do.
func (t *tx) LockQuota(ctx context.Context, projectID string) error {
	if t.conn.Held(quotaLocks, projectID) {
		return nil
	}
	return t.lockQuotaRow(ctx, projectID)
}

// lockQuotaRow writes the project's own row, which every other transaction that does the same has to wait for.
func (t *tx) lockQuotaRow(ctx context.Context, projectID string) error {
	text := t.conn.Dialect().Upsert(quotaLocks, []string{"project_id", "taken_at"}, []string{"project_id"}, []string{"taken_at"})
	err := t.conn.Run(ctx, text, projectID, t.conn.At(t.conn.Instant()))
	if err == nil {
		t.conn.Hold(quotaLocks, projectID)
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
// the sheet after it has entered a volume, and CreateVolume keeps a sheet up to date. After any other change it is counted anew.
func (t *tx) QuotaSheet(ctx context.Context, projectID, class string) (*store.QuotaSheet, error) {
	of := sheetOf{projectID, class}
	if known := t.sheets[of]; known != nil && known.writes == t.conn.Writes() {
		return known.QuotaSheet, nil
	}
	sheet, err := t.reader.QuotaSheet(ctx, projectID, class)
	if err == nil && t.conn.Held(quotaLocks, projectID) {
		if t.sheets == nil {
			t.sheets = make(map[sheetOf]*knownSheet)
		}
		t.sheets[of] = &knownSheet{sheet, t.conn.Writes()}
	}
	return sheet, err
}

// terms are the limits of a project and of a class.
type terms struct{ own, ofClass map[string]int64 }

// QuotaTerms implements store.QuotaReader. They too are read once in a transaction, unless it changes limits itself.
func (t *tx) QuotaTerms(ctx context.Context, projectID, class string) (own, ofClass map[string]int64, err error) {
	of := sheetOf{projectID, class}
	if known, ok := t.terms[of]; ok {
		return known.own, known.ofClass, nil
	}
	own, ofClass, err = t.reader.QuotaTerms(ctx, projectID, class)
	if err == nil {
		if t.terms == nil {
			t.terms = make(map[sheetOf]terms)
		}
		t.terms[of] = terms{own, ofClass}
	}
	return own, ofClass, err
}

// CreateVolume implements store.VolumeWriter.
func (t *tx) CreateVolume(ctx context.Context, v *block.Volume) error {
	before := t.conn.Writes()
	if err := t.Writer.CreateVolume(ctx, v); err != nil {
		return err
	}
	for of, sheet := range t.sheets {
		if sheet.writes != before {
			delete(t.sheets, of)
			continue
		}
		sheet.writes = t.conn.Writes()
		if of.projectID == v.ProjectID && v.UseQuota {
			u := sheet.Usage.ByType[v.VolumeTypeID]
			enter(sheet.QuotaSheet, "volumes", v.VolumeTypeID, 1, v.SizeGiB)
			u.Volumes, u.VolumeGigabytes = u.Volumes+1, u.VolumeGigabytes+v.SizeGiB
			sheet.Usage.ByType[v.VolumeTypeID] = u
		}
	}
	return nil
}

// putUsage writes sums. The rows are nearly always there: then it is one statement.
func (t *tx) putUsage(ctx context.Context, projectID string, inUse map[string]int64) error {
	if done, err := t.changeUsage(ctx, projectID, inUse, "?"); err != nil || done {
		return err
	}
	text := t.conn.Dialect().Upsert("quota_usages",
		[]string{"created_at", "updated_at", "deleted", "project_id", "resource", "in_use", "reserved", "race_preventer"},
		[]string{"project_id", "resource", "race_preventer"}, []string{"updated_at", "in_use"})
	now := t.conn.At(t.conn.Now())
	for _, resource := range slices.Sorted(maps.Keys(inUse)) {
		if err := t.conn.Run(ctx, text, now, now, false, projectID, resource, inUse[resource], 0, true); err != nil {
			return err
		}
	}
	return nil
}

// changeUsage sets the sums of some resources, each to a term of its number, and says whether all of them are there; if not, none
// is changed for good: the caller sets them all.
func (t *tx) changeUsage(ctx context.Context, projectID string, numbers map[string]int64, term string) (all bool, err error) {
	if len(numbers) == 0 {
		return true, nil
	}
	resources := slices.Sorted(maps.Keys(numbers))
	args := []any{t.conn.At(t.conn.Now())}
	for _, resource := range resources {
		args = append(args, resource, numbers[resource])
	}
	args = append(args, projectID)
	for _, resource := range resources {
		args = append(args, resource)
	}
	// race_preventer is TRUE in every live row and NULL in a deleted one: it makes the unique key one of live rows.
	n, err := t.conn.Exec(ctx, `UPDATE quota_usages SET updated_at = ?, in_use = CASE resource`+
		strings.Repeat(" WHEN ? THEN "+term, len(resources))+` ELSE in_use END
		WHERE project_id = ? AND resource IN (?`+strings.Repeat(", ?", len(resources)-1)+`) AND race_preventer = TRUE`, args...)
	return n == int64(len(resources)), err
}
