// Package app is what the use cases behind the Block Storage API share: the parts they are made of, who may see what,
// and the availability zones. The use cases themselves are in the packages below it, one per family: volumes, snapshots,
// attachments, types, quota, services.
//
// A use case checks policy, validates, changes rows and takes quota in one transaction, and casts. It knows the store's
// contract and the messages, never SQL, HTTP or a driver.
package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/together"
)

// Policy decides whether the caller in ctx may do what rule stands for. target tells attributes of what it is done to;
// nil stands for the caller itself. It returns nil or a fault.Forbidden with upstream's name PolicyNotAuthorized.
type Policy interface {
	Check(ctx context.Context, rule string, target func(name string) (value string, known bool)) error
}

// Options are the deployment's choices that use cases heed; names are the configuration options'.
type Options struct {
	DefaultVolumeType             string // default_volume_type
	DefaultGroupType              string // default_group_type
	DefaultAvailabilityZone       string // default_availability_zone
	StorageAvailabilityZone       string // storage_availability_zone
	AllowAvailabilityZoneFallback bool   // allow_availability_zone_fallback
	ClonedVolumeSameZone          bool   // cloned_volume_same_az
	SnapshotSameHost              bool   // snapshot_same_host
	BackupUseSameHost             bool   // backup_use_same_host
	ServiceDownTime               time.Duration
	ServiceTokenRoles             []string // [keystone_authtoken] service_token_roles: callers with one of them are services
	TransferSaltLength            int      // volume_transfer_salt_length; 0 means 8
	TransferKeyLength             int      // volume_transfer_key_length; 0 means 16
	// IdempotencyWindow is for how long a create that is asked for again is carried out only once; 0: it never is.
	IdempotencyWindow time.Duration

	ForceUpload             bool     // enable_force_upload
	CoreImageProperties     []string // glance_core_properties
	ReservedImageNamespaces []string // reserved_image_namespaces

	Names block.Names // volume_name_template, snapshot_name_template; what is not said is as upstream
}

// Messages leaves user messages, which tell why something came to nothing.
type Messages interface {
	Create(ctx context.Context, m block.Failure) error
}

// Keepers says whether a service of ours sees to an owner's operations, so that the journal's record of them is worth
// something and the service does as ours do; a Python service in its place knows neither.
type Keepers interface {
	Kept(ctx context.Context, r store.Reader, owner string) (bool, error)
}

// Core is what every use case is made of. It is filled once, by cmd, and shared; its fields must not change afterwards.
type Core struct {
	Store         store.Store
	Flows         *flow.Engine[store.Tx]
	Scheduler     rpcapi.Scheduler
	VolumeService rpcapi.Volume
	BackupService rpcapi.Backup
	Policy        Policy
	Quota         *quota.Quota
	Zones         *Zones
	Events        *notify.Events     // nil: nobody is told
	Messages      Messages           // nil: users are told nothing
	Keys          keymanager.Manager // nil: encrypted volumes are refused
	Images        Images             // nil: there is no image service
	Compute       Compute            // nil: there is no compute service
	Keepers       Keepers            // nil: all services are ours
	Locks         lock.Locker        // between processes, Cinder's; nil: there is no other API
	Options       Options
	Log           *slog.Logger
	LogLevel      *log.Threshold   // of Log and the whole process; nil if it cannot be changed
	Host          string           // this node's name in the services table
	Now           func() time.Time // UTC

	patient      atomic.Int64 // casts that wait for the broker; see Cast
	defaultTypes together.Alike[*block.VolumeType]
}

// Ours says whether all of these owners of operations are services of ours.
func (c *Core) Ours(ctx context.Context, r store.Reader, owners ...string) (bool, error) {
	if c.Keepers == nil {
		return true, nil
	}
	for _, owner := range owners {
		if kept, err := c.Keepers.Kept(ctx, r, owner); err != nil || !kept {
			return false, err
		}
	}
	return true, nil
}

// ForgetConnecting removes what the locks keep of the connecting of a volume that is going.
func (c *Core) ForgetConnecting(volumeID string) {
	lock.Forget(c.Locks, block.LockConnecting(volumeID, "*"))
}

// Early is what is to be written before an operation has come to it: value if all who have a part in the operation are ours,
// and so will write back what was if it comes to nothing, or else nil.
func Early[T any](ctx context.Context, c *Core, r store.Reader, value *T, owners ...string) (*T, error) {
	if ours, err := c.Ours(ctx, r, owners...); err != nil || !ours {
		return nil, err
	}
	return value, nil
}

// ProjectScope is the project whose rows the caller may read: its own, or "" (all) for an administrator.
func ProjectScope(ctx context.Context) string {
	if r := reqctx.Look(ctx); !r.IsAdmin {
		return r.ProjectID
	}
	return ""
}

// Target is the policy target of a resource: its project and its user.
func Target(projectID, userID string) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		switch name {
		case "project_id":
			return projectID, true
		case "user_id":
			return userID, true
		}
		return "", false
	}
}

// Authorize checks a rule for an action that has no resource yet: the target is the caller's own project.
func (c *Core) Authorize(ctx context.Context, rule string) error {
	return c.Policy.Check(ctx, rule, nil)
}

// Volume reads a volume the caller may see and may do what rule stands for to. Another project's volume is a
// fault.NotFound for everyone but an administrator, and so is every volume for those who may not read any (volume:get).
func (c *Core) Volume(ctx context.Context, id, rule string) (*block.Volume, error) {
	const get = "volume:get"
	v, err := c.VolumeUnread(ctx, id, get)
	if fault.Is(err, fault.Forbidden) {
		return nil, block.VolumeNotFound(id)
	}
	if err != nil || rule == get {
		return v, err
	}
	if err := c.Policy.Check(ctx, rule, Target(v.ProjectID, v.UserID)); err != nil {
		return nil, err
	}
	return v, nil
}

// VolumeUnread is Volume for the few operations that do not ask whether the caller may read the volume before they ask
// whether it may do what rule stands for: those who may not are told so, even if they may not read it.
func (c *Core) VolumeUnread(ctx context.Context, id, rule string) (*block.Volume, error) {
	v, err := c.Store.Volume(ctx, id, ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	if err := c.Policy.Check(ctx, rule, Target(v.ProjectID, v.UserID)); err != nil {
		return nil, err
	}
	return v, nil
}

// Snapshot is Volume for snapshots.
func (c *Core) Snapshot(ctx context.Context, id, rule string) (*block.Snapshot, error) {
	s, err := c.Store.Snapshot(ctx, id, ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	if err := c.Policy.Check(ctx, rule, Target(s.ProjectID, s.UserID)); err != nil {
		return nil, err
	}
	return s, nil
}

// Group reads a group the caller may see (group:get) and may do what rule stands for to; another project's is a
// fault.NotFound for everyone but an administrator.
func (c *Core) Group(ctx context.Context, id, rule string) (*block.Group, error) {
	g, err := c.Store.Group(ctx, id, ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	const get = "group:get"
	target := Target(g.ProjectID, g.UserID)
	err = c.Policy.Check(ctx, get, target)
	if err == nil && rule != get {
		err = c.Policy.Check(ctx, rule, target)
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// RefuseFrozen refuses to change what lives on a back end that an operator has frozen. An empty host is never frozen.
func (c *Core) RefuseFrozen(ctx context.Context, host block.Host) error {
	if host == "" {
		return nil
	}
	services, err := c.Store.Services(ctx, store.ServiceQuery{Host: host.Backend(), Binary: block.BinaryVolume})
	if err != nil {
		return err
	}
	for _, s := range services {
		if s.Frozen {
			return block.InvalidInput("Modification is not allowed on a frozen back end (%s).", s.Host)
		}
	}
	return nil
}

// TellUser leaves a message for a user. That it could not be left must not fail what is being done.
func (c *Core) TellUser(ctx context.Context, f block.Failure) {
	if c.Messages == nil {
		return
	}
	f.RequestID = reqctx.From(ctx).RequestID
	if err := c.Messages.Create(ctx, f); err != nil {
		c.Log.WarnContext(ctx, "a user message could not be kept", "resource_id", f.ResourceID, "error", err)
	}
}

// TellVolume tells of an event of a volume ("update.end") with the row as it stands now, which is read only if anybody is told.
func (c *Core) TellVolume(ctx context.Context, event, id string) {
	if !c.Events.On() {
		return
	}
	v, err := c.Store.Volume(ctx, id, "")
	if err != nil {
		c.Log.WarnContext(ctx, "nobody could be told of an event", "event", event, "volume_id", id, "error", err)
		return
	}
	c.Events.Volume(ctx, event, v)
}

// TellSnapshot is TellVolume for snapshots.
func (c *Core) TellSnapshot(ctx context.Context, event, id string) {
	if !c.Events.On() {
		return
	}
	s, err := c.Store.Snapshot(ctx, id, "")
	if err != nil {
		c.Log.WarnContext(ctx, "nobody could be told of an event", "event", event, "snapshot_id", id, "error", err)
		return
	}
	v, err := c.Store.Volume(ctx, s.VolumeID, "")
	if err != nil {
		v = nil
	}
	c.Events.Snapshot(ctx, event, s, v)
}
