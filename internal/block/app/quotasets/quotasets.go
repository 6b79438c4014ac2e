// Package quotasets is the use cases around what projects may hold: quota sets, quota classes and limits. What is taken
// when is package quota's.
package quotasets

import (
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// QuotaSets is the use cases of quota sets. It is safe for concurrent use.
type QuotaSets struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *QuotaSets { return &QuotaSets{Core: core} }

// Set is the limits of a project by resource, and what it holds of each.
type Set struct{ Limits, InUse, Reserved map[string]int64 }

// project is the policy target of a project.
func project(id string) func(string) (string, bool) { return app.Target(id, "") }

// Get reads a project's quota set, with its usage.
func (u *QuotaSets) Get(ctx context.Context, projectID string) (Set, error) {
	if err := u.Policy.Check(ctx, "volume_extension:quotas:show", project(projectID)); err != nil {
		return Set{}, err
	}
	return u.read(ctx, projectID)
}

func (u *QuotaSets) read(ctx context.Context, projectID string) (Set, error) {
	names, byID, err := u.typeNames(ctx)
	if err != nil {
		return Set{}, err
	}
	limits, err := u.Quota.Limits(ctx, u.Store, projectID, names)
	if err != nil {
		return Set{}, err
	}
	usage, err := u.Store.QuotaUsage(ctx, projectID)
	if err != nil {
		return Set{}, err
	}
	return Set{Limits: limits, InUse: u.Quota.InUse(usage, byID), Reserved: usage.Reserved}, nil
}

func (u *QuotaSets) typeNames(ctx context.Context) (names []string, byID map[string]string, err error) {
	types, err := u.Store.VolumeTypes(ctx, store.TypeQuery{})
	if err != nil {
		return nil, nil, err
	}
	byID = make(map[string]string, len(types))
	for _, t := range types {
		names, byID[t.ID] = append(names, t.Name), t.Name
	}
	return names, byID, nil
}

// Defaults reads the limits of a project that has none of its own.
func (u *QuotaSets) Defaults(ctx context.Context, projectID string) (map[string]int64, error) {
	if err := u.Policy.Check(ctx, "volume_extension:quotas:show", project(projectID)); err != nil {
		return nil, err
	}
	names, _, err := u.typeNames(ctx)
	if err != nil {
		return nil, err
	}
	return u.Quota.Defaults(ctx, u.Store, names)
}

// Resources are the names of all that can be limited, for every volume type too.
func (u *QuotaSets) Resources(ctx context.Context) (map[string]bool, error) {
	names, _, err := u.typeNames(ctx)
	if err != nil {
		return nil, err
	}
	limits, err := u.Quota.Defaults(ctx, u.Store, names)
	known := make(map[string]bool, len(limits))
	for name := range limits {
		known[name] = true
	}
	return known, err
}

// Put sets limits of a project and returns all of them. A limit is of one of Resources, at least block.Unlimited and at most
// block.MaxSizeGiB. Invalid for a limit below what the project holds where it has one of its own
// already: that upstream looks only then lets an operator close a project with a first limit of 0, and stays.
func (u *QuotaSets) Put(ctx context.Context, projectID string, limits map[string]int64) (map[string]int64, error) {
	if err := u.Policy.Check(ctx, "volume_extension:quotas:update", project(projectID)); err != nil {
		return nil, err
	}
	names, byID, err := u.typeNames(ctx)
	if err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		own, err := tx.QuotaLimits(ctx, projectID)
		if err != nil {
			return err
		}
		usage, err := tx.QuotaUsage(ctx, projectID)
		if err != nil {
			return err
		}
		if err := checkUsage(limits, own, u.Quota.InUse(usage, byID)); err != nil {
			return err
		}
		return tx.PutQuotaLimits(ctx, projectID, limits)
	})
	if err != nil {
		return nil, err
	}
	return u.Quota.Limits(ctx, u.Store, projectID, names)
}

func checkUsage(limits, own, inUse map[string]int64) error {
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		limit := limits[name]
		if _, there := own[name]; !there || limit == block.Unlimited || name == block.QuotaPerVolumeGigabytes || limit >= inUse[name] {
			continue
		}
		return fault.New(fault.Invalid, "", "Quota %s limit must be equal or greater than existing resources. Current usage is %d "+
			"and the requested limit is %d.", name, inUse[name], limit)
	}
	return nil
}

// Delete takes back what Put set: the defaults are in force again.
func (u *QuotaSets) Delete(ctx context.Context, projectID string) error {
	if err := u.Policy.Check(ctx, "volume_extension:quotas:delete", project(projectID)); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteQuotaLimits(ctx, projectID) })
}

// AbsoluteLimits reads the limits and the usage of the caller's project, or, for an administrator, of the one named. The
// usage is left out for those who may not see it.
func (u *QuotaSets) AbsoluteLimits(ctx context.Context, projectID string) (Set, error) {
	caller := reqctx.From(ctx)
	if projectID == "" || !caller.IsAdmin {
		projectID = caller.ProjectID
	}
	s, err := u.read(ctx, projectID)
	if err != nil {
		return Set{}, err
	}
	if u.Policy.Check(ctx, "limits_extension:used_limits", project(projectID)) != nil {
		s.InUse = nil
	}
	return s, nil
}
