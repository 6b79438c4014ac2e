package quotasets

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Class reads the limits of a quota class. A class that nobody has set has those of the default class.
func (u *QuotaSets) Class(ctx context.Context, class string) (map[string]int64, error) {
	if err := u.Authorize(ctx, "volume_extension:quota_classes:get"); err != nil {
		return nil, err
	}
	// Upstream knows of no project that is in a class, so that a class is only ever an administrator's to read.
	if !reqctx.From(ctx).IsAdmin {
		return nil, fault.New(fault.Forbidden, "", "Access was denied to this resource.")
	}
	names, _, err := u.typeNames(ctx)
	if err != nil {
		return nil, err
	}
	return u.Quota.ClassLimits(ctx, u.Store, class, names)
}

// PutClass sets limits of a quota class and returns all of them. Invalid for a resource that does not exist. A limit is at
// least block.Unlimited and at most block.MaxSizeGiB.
func (u *QuotaSets) PutClass(ctx context.Context, class string, limits map[string]int64) (map[string]int64, error) {
	if err := u.Authorize(ctx, "volume_extension:quota_classes:update"); err != nil {
		return nil, err
	}
	names, _, err := u.typeNames(ctx)
	if err != nil {
		return nil, err
	}
	known, err := u.Quota.ClassLimits(ctx, u.Store, class, names)
	if err != nil {
		return nil, err
	}
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if _, there := known[name]; !there {
			bad = append(bad, name)
		}
	}
	if len(bad) > 0 {
		return nil, block.InvalidInput("Bad key(s) in quota class set: %s", strings.Join(bad, ", "))
	}
	if err := u.Store.Update(ctx, func(tx store.Tx) error { return tx.PutQuotaClassLimits(ctx, class, limits) }); err != nil {
		return nil, err
	}
	return u.Quota.ClassLimits(ctx, u.Store, class, names)
}
