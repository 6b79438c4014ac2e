// Package app is what the use cases behind the image API share: the parts they are made of, who may see and do what, and the
// stores that data can go to. The use cases themselves are in the packages below it: images, members, data, imports, tasks.
//
// A use case checks policy, validates and changes rows in one transaction; what touches data is a flow. It knows the contracts
// of the database and of the stores, never SQL, HTTP or a store.
package app

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/oslo/policy"
	"github.com/clinker/clinker/internal/reqctx"
)

// Policy decides whether a caller may do what a rule stands for to a target.
type Policy interface {
	Allows(caller reqctx.Request, rule string, target policy.Target) bool
}

// Options are the deployment's choices that use cases heed; names are the configuration options'. A quota below zero is none.
type Options struct {
	ContainerFormats, DiskFormats                       []string
	MemberQuota, PropertyQuota, TagQuota, LocationQuota int
	LimitDefault, LimitMax                              int    // limit_param_default, api_limit_max
	SizeCapBytes                                        int64  // image_size_cap
	UserStorageQuotaBytes                               int64  // user_storage_quota; 0 is none
	HashAlgorithm                                       string // hashing_algorithm
	RequireFormatMatch                                  bool
	NonfatalGPTChecks                                   []string // gpt_safety_checks_nonfatal
	ShowDirectURL, ShowMultipleLocations                bool
	ImportMethods                                       []string // enabled_import_methods
	TaskLife                                            time.Duration
}

// Core is what every use case is made of. It is filled once, by cmd, and shared; its fields must not change afterwards.
type Core struct {
	Store   store.Store
	Flows   *flow.Engine[store.Tx]
	Policy  Policy
	Stores  *Stores
	Options Options
	Log     *slog.Logger
	Now     func() time.Time // UTC
}

// Image reads an image that the caller may know of: its own, one that is public or a community image, one that is shared with
// it; an administrator every one. Any other is a fault.NotFound.
func (c *Core) Image(ctx context.Context, id string) (*image.Image, error) {
	i, err := c.Store.Image(ctx, id)
	if err != nil {
		return nil, err
	}
	return i, c.Visible(ctx, c.Store, i)
}

// ImageForUpdate is Image in a transaction that is to change it.
func (c *Core) ImageForUpdate(ctx context.Context, tx store.Tx, id string) (*image.Image, error) {
	i, err := tx.ImageForUpdate(ctx, id)
	if err != nil {
		return nil, err
	}
	return i, c.Visible(ctx, tx, i)
}

// Visible is nil when the caller may know of the image, else a fault.NotFound.
func (c *Core) Visible(ctx context.Context, r store.ImageReader, i *image.Image) error {
	caller := reqctx.From(ctx)
	switch {
	case caller.IsAdmin, i.Owner == "", i.Owner == caller.ProjectID, i.Visibility == image.Public, i.Visibility == image.Community:
		return nil
	case i.Visibility == image.Shared && caller.ProjectID != "":
		_, err := r.Member(ctx, i.ID, caller.ProjectID)
		if !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return image.NotFound(i.ID)
}

// Forbidden is upstream's refusal of what a rule stands for.
func Forbidden(rule string) *fault.Error {
	return fault.New(fault.Forbidden, "Forbidden", "You are not authorized to complete %s action.", rule)
}

const getImage = "get_image"

// Authorize refuses what the caller may not do to an image: as a fault.Forbidden if it may see the image, else as NotFound.
func (c *Core) Authorize(ctx context.Context, i *image.Image, rule string) error {
	if c.May(ctx, i, rule) {
		return nil
	}
	if rule == getImage || !c.May(ctx, i, getImage) {
		return fault.New(fault.NotFound, "", "The resource could not be found.")
	}
	return Forbidden(rule)
}

// May is Authorize as a truth.
func (c *Core) May(ctx context.Context, i *image.Image, rule string) bool {
	caller := reqctx.From(ctx)
	return c.Policy.Allows(caller, rule, target(i, caller))
}

// AuthorizeFor is for what is done to no image: the target is the given project, and it is forbidden, never not found.
func (c *Core) AuthorizeFor(ctx context.Context, rule string, target map[string]string) error {
	if c.Policy.Allows(reqctx.From(ctx), rule, policy.Attributes(target)) {
		return nil
	}
	return Forbidden(rule)
}

// AuthorizeOperator is for calls about the service itself.
func (c *Core) AuthorizeOperator(ctx context.Context, rule string) error {
	return c.AuthorizeFor(ctx, rule, map[string]string{"project_id": reqctx.From(ctx).ProjectID})
}

// target is an image to policy rules: upstream's ImageTarget. One who sees a shared image of others is its member.
func target(i *image.Image, caller reqctx.Request) policy.Target {
	known := func(value string) (string, bool) { return value, value != "" }
	return func(name string) (string, bool) {
		switch name {
		case "project_id", "owner":
			return known(i.Owner)
		case "visibility":
			return known(string(i.Visibility))
		case "status":
			return known(string(i.Status))
		case "id", "image_id":
			return known(i.ID)
		case "member_id", "member":
			if i.Visibility == image.Shared && i.Owner != caller.ProjectID {
				return known(caller.ProjectID)
			}
			return "", false
		}
		value, there := i.Properties[name]
		return value, there
	}
}

// VisibilityRule is the rule that giving an image this visibility asks for beside those for changing it; empty for none.
func VisibilityRule(v image.Visibility) string {
	switch v {
	case image.Public:
		return "publicize_image"
	case image.Community:
		return "communitize_image"
	}
	return ""
}

// Limit is the length of a page for what a client asked for; nil is nothing asked.
func (c *Core) Limit(asked *int) int {
	if asked == nil {
		return min(c.Options.LimitDefault, c.Options.LimitMax)
	}
	return min(*asked, c.Options.LimitMax)
}

// Over reports whether a number passes a quota.
func Over(n, quota int) bool { return quota >= 0 && n > quota }

// ServiceRole reports whether the caller is a service, or comes with one.
func ServiceRole(ctx context.Context) bool {
	caller := reqctx.From(ctx)
	return slices.Contains(caller.Roles, "service") || slices.Contains(caller.ServiceRoles, "service")
}
