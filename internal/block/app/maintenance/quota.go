package maintenance

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// CheckQuota compares what the table quota_usages says of projects with what they have (quota check), of all of them if projectID
// is empty, and with fix puts right what is wrong (quota sync), a transaction for each project. Our services do not decide
// by that table, but Python's do. Status 1: something is wrong and was not to be put right.
func (d Desk) CheckQuota(ctx context.Context, projectID string, fix bool) error {
	projects, err := d.Store.UsageProjects(ctx)
	if err != nil {
		return err
	}
	if projectID != "" {
		projects = only(projects, projectID)
		if len(projects) == 0 {
			d.say("Project id %s has no quota usage. Nothing to do.", projectID)
		}
	}
	types, err := d.Store.VolumeTypes(ctx, store.TypeQuery{})
	if err != nil {
		return err
	}
	names := make(map[string]string, len(types))
	for _, t := range types {
		names[t.ID] = t.Name
	}
	wrong := false
	for _, project := range projects {
		c := quotaCheck{Desk: d, project: project, types: names, fix: fix}
		if err := c.run(ctx); err != nil {
			return err
		}
		wrong = wrong || len(c.findings) > 0
		d.say("Processing quota usage for project %s", project)
		for _, f := range c.findings {
			d.say("\t%s", f)
		}
	}
	d.say("Action successfully completed")
	if wrong && !fix {
		return Status(1)
	}
	return nil
}

func only(list []string, wanted string) []string {
	for _, one := range list {
		if one == wanted {
			return []string{one}
		}
	}
	return nil
}

// quotaCheck is the check of one project.
type quotaCheck struct {
	Desk

	project  string
	types    map[string]string // names of volume types, by id
	fix      bool
	findings []string
}

func (c *quotaCheck) run(ctx context.Context) error {
	if !c.fix {
		return c.compare(ctx, c.Store, nil)
	}
	return c.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.LockQuota(ctx, c.project); err != nil {
			return err
		}
		return c.compare(ctx, tx, tx)
	})
}

// compare notes every difference and, if there is a tx, removes it.
func (c *quotaCheck) compare(ctx context.Context, r store.Reader, tx store.Tx) error {
	c.findings = nil // the transaction may run again
	usage, err := r.QuotaUsage(ctx, c.project)
	if err != nil {
		return err
	}
	actual := c.Quota.InUse(usage, c.types)
	rows, err := r.StoredUsage(ctx, c.project)
	if err != nil {
		return err
	}
	if rows, err = c.merge(ctx, rows, tx); err != nil {
		return err
	}
	fixed := ""
	if tx != nil {
		fixed = " - fixed"
	}
	for _, row := range rows {
		inUse, known := actual[row.Resource]
		if !known && !ofType(row.Resource) {
			continue // of another release; nothing is known of it
		}
		if inUse != row.InUse {
			c.find("%s: invalid usage saved=%d actual=%d%s", row.Resource, row.InUse, inUse, fixed)
		}
		if row.Reservations != row.Reserved {
			c.find("%s: invalid reserved saved=%d actual=%d%s", row.Resource, row.Reserved, row.Reservations, fixed)
		}
		if tx != nil && (inUse != row.InUse || row.Reservations != row.Reserved) {
			if err := tx.PutStoredUsage(ctx, row.ID, inUse, row.Reservations); err != nil {
				return err
			}
		}
	}
	return nil
}

// ofType says whether a resource is that of a volume type, perhaps one that is no more: nobody uses it then.
func ofType(resource string) bool {
	for _, of := range []string{block.QuotaVolumes, block.QuotaGigabytes, block.QuotaSnapshots} {
		if strings.HasPrefix(resource, of+"_") {
			return true
		}
	}
	return false
}

// merge makes one row of several of the same resource: the first stays.
func (c *quotaCheck) merge(ctx context.Context, rows []store.StoredUsage, tx store.Tx) ([]store.StoredUsage, error) {
	var kept []store.StoredUsage
	byResource := map[string][]store.StoredUsage{}
	for _, row := range rows {
		byResource[row.Resource] = append(byResource[row.Resource], row)
	}
	for _, row := range rows {
		same := byResource[row.Resource]
		if row.ID != same[0].ID {
			continue
		}
		what := "ignored"
		if tx != nil && len(same) > 1 {
			moved, err := mergeInto(ctx, tx, &row, same[1:])
			if err != nil {
				return nil, err
			}
			what = "duplicates removed & " + moved + " reservations reassigned"
		}
		if len(same) > 1 {
			c.find("%s: %d duplicated usage entries - %s", row.Resource, len(same)-1, what)
		}
		kept = append(kept, row)
	}
	return kept, nil
}

// mergeInto adds duplicates to the row that stays, and says how many reservations changed hands.
func mergeInto(ctx context.Context, tx store.Tx, row *store.StoredUsage, duplicates []store.StoredUsage) (string, error) {
	var moved int64
	for _, duplicate := range duplicates {
		n, err := tx.MergeStoredUsage(ctx, duplicate.ID, row.ID)
		if err != nil {
			return "", err
		}
		moved += n
		row.InUse += duplicate.InUse
		row.Reserved += duplicate.Reserved
		row.Reservations += duplicate.Reservations
	}
	return strconv.FormatInt(moved, 10), nil
}

// find notes a difference.
func (c *quotaCheck) find(format string, args ...any) {
	c.findings = append(c.findings, fmt.Sprintf(format, args...))
}
