// Package api puts the Block Storage API together: which extensions it has, which formats its schemas know, and the
// versions document. The HTTP of each resource is in a package of its own below this one; what requests mean is in app.
//
// It sees app and nothing below: no store, no driver, no messages.
package api

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/attachments"
	"github.com/clinker/clinker/internal/block/api/backups"
	"github.com/clinker/clinker/internal/block/api/consistencygroups"
	"github.com/clinker/clinker/internal/block/api/defaulttypes"
	"github.com/clinker/clinker/internal/block/api/encryption"
	"github.com/clinker/clinker/internal/block/api/groups"
	"github.com/clinker/clinker/internal/block/api/groupsnapshots"
	"github.com/clinker/clinker/internal/block/api/grouptypes"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/manageable"
	"github.com/clinker/clinker/internal/block/api/messages"
	"github.com/clinker/clinker/internal/block/api/migration"
	"github.com/clinker/clinker/internal/block/api/operator"
	"github.com/clinker/clinker/internal/block/api/qos"
	"github.com/clinker/clinker/internal/block/api/snapshots"
	"github.com/clinker/clinker/internal/block/api/transfers"
	"github.com/clinker/clinker/internal/block/api/volumes"
	"github.com/clinker/clinker/internal/block/api/volumetypes"
	"github.com/clinker/clinker/internal/block/app"
	useattachments "github.com/clinker/clinker/internal/block/app/attachments"
	usebackups "github.com/clinker/clinker/internal/block/app/backups"
	usedefaulttypes "github.com/clinker/clinker/internal/block/app/defaulttypes"
	useencryption "github.com/clinker/clinker/internal/block/app/encryption"
	usegroups "github.com/clinker/clinker/internal/block/app/groups"
	usegrouptypes "github.com/clinker/clinker/internal/block/app/grouptypes"
	useimages "github.com/clinker/clinker/internal/block/app/images"
	usemanage "github.com/clinker/clinker/internal/block/app/manage"
	usemessages "github.com/clinker/clinker/internal/block/app/messages"
	usemigration "github.com/clinker/clinker/internal/block/app/migration"
	useqos "github.com/clinker/clinker/internal/block/app/qos"
	"github.com/clinker/clinker/internal/block/app/quotasets"
	"github.com/clinker/clinker/internal/block/app/services"
	usesnapshots "github.com/clinker/clinker/internal/block/app/snapshots"
	usetransfers "github.com/clinker/clinker/internal/block/app/transfers"
	usevolumes "github.com/clinker/clinker/internal/block/app/volumes"
	usevolumetypes "github.com/clinker/clinker/internal/block/app/volumetypes"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Service is the API's microversions: 3.71 is the newest since 2024.1.
var Service = microversion.Service{Name: "volume", Min: microversion.V(3, 0), Max: microversion.V(3, 71)}

// core are the extensions the API makes no sense without.
var core = []string{"volumes", "snapshots", "attachments", "types", "limits", "extensions"}

// Options are the deployment's choices.
type Options struct {
	Only           []string        // aliases of the extensions to load, of those upstream has as such; nil are all
	Disabled       []string        // aliases of extensions that are left out
	ProjectIDRegex string          // project_id_regex
	PublicEndpoint string          // osapi_volume_base_URL
	MaxLimit       int             // osapi_max_limit
	MaxBodyBytes   int64           // osapi_max_request_body_size
	Settle         time.Duration   // how long an answer waits at most for work inside this process that the request set off
	Filters        listing.Filters // resource_query_filters_file; nil are the built-in ones
	Log            *slog.Logger

	// Observe is told of each request that is for a route, as wsgi.Options has it.
	Observe func(ctx context.Context, method, route string) (context.Context, func(error))
}

// New makes the handler of /v3 over the use cases. Its errors are mistakes in what the extensions declare, or in which of
// them the configuration leaves out.
func New(c *app.Core, o Options) (*wsgi.API, error) {
	if o.Filters == nil {
		o.Filters = listing.BuiltinFilters()
	}
	all := extensions(c, o.Filters)
	return wsgi.New(wsgi.Options{
		Service: Service, Extensions: all, Core: core, Disabled: append(leftOut(all, o.Only), o.Disabled...), Absent: absent(),
		ProjectIDRegex: o.ProjectIDRegex, PublicEndpoint: o.PublicEndpoint, MaxLimit: o.MaxLimit, MaxBodyBytes: o.MaxBodyBytes,
		Formats: formats(), Enforcer: c.Policy, Prepare: settling(o.Settle), Observe: o.Observe, Logger: o.Log,
	})
}

func extensions(c *app.Core, allowed listing.Filters) []wsgi.Extension {
	cloud, quotas, moves := services.New(c), quotasets.New(c), usemigration.New(c)
	list := []wsgi.Extension{
		root(),
		extensionList(),
		adminActions(volumes.AdminActions(usevolumes.New(c)), migration.AdminActions(moves), snapshots.AdminActions(usesnapshots.New(c)),
			backups.AdminActions(usebackups.New(c, usevolumes.New(c)))),
		attachments.Extension(useattachments.New(c), allowed),
		backups.Extension(usebackups.New(c, usevolumes.New(c)), allowed),
		qos.Extension(useqos.New(c)),
		encryption.Types(useencryption.New(c)),
		encryption.Volumes(useencryption.New(c)),
		defaulttypes.Extension(usedefaulttypes.New(c)),
		grouptypes.Extension(usegrouptypes.New(c)),
		groups.Extension(usegroups.New(c), allowed),
		groupsnapshots.Extension(usegroups.New(c), allowed),
		consistencygroups.Extension(usegroups.NewConsistency(c)),
		consistencygroups.Snapshots(usegroups.NewConsistency(c)),
		messages.Extension(usemessages.New(c), allowed),
		operator.Services(cloud),
		operator.ExtendedServices(),
		operator.Zones(cloud),
		operator.Pools(cloud, allowed),
		operator.Hosts(cloud),
		operator.Capabilities(cloud),
		operator.Clusters(cloud),
		operator.Workers(cloud),
		operator.QuotaSets(quotas),
		operator.QuotaClasses(quotas),
		operator.ResourceFilters(allowed),
		operator.Limits(quotas),
		operator.UsedLimits(),
	}
	return slices.Concat(list, volumes.Extensions(usevolumes.New(c), useimages.New(c), c, allowed, migration.Actions(moves)...), snapshots.Extensions(usesnapshots.New(c), c, allowed),
		volumetypes.Extensions(usevolumetypes.New(c), allowed), transfers.Extensions(usetransfers.New(c)),
		manageable.Volumes(usemanage.New(c)), manageable.Snapshots(usemanage.New(c), usesnapshots.New(c)))
}

// adminActions is the extension of what administrators alone may do to several resources.
func adminActions(parts ...[]wsgi.Action) wsgi.Extension {
	return wsgi.Extension{Alias: "os-admin-actions", Name: "AdminActions", Description: "Enable admin actions.", Updated: "2012-08-25T00:00:00+00:00",
		Actions: slices.Concat(parts...)}
}

// settling makes answers wait until what their requests cast inside this process is done, at most for limit: clients poll
// right after the answer and then sleep for seconds, so this is what makes a volume available at their first look.
func settling(limit time.Duration) func(context.Context) (context.Context, func()) {
	if limit <= 0 {
		return nil
	}
	return func(ctx context.Context) (context.Context, func()) {
		ctx, tracker := messaging.WithTracker(ctx)
		return ctx, func() {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			// Work that takes longer than the limit simply goes on: the client polls for it.
			_ = tracker.Wait(ctx)
		}
	}
}

// formats are the schema formats that know the wing's words (cinder/api/validation/validators.py).
func formats() map[string]func(any) error {
	return map[string]func(any) error{
		"level": func(value any) error {
			text, _ := value.(string)
			_, err := log.ParseLevel(text)
			return err
		},
		"volume_status": oneOf("Volume status", false, tuple, block.VolumeCreating, block.VolumeAvailable, block.VolumeDeleting, block.VolumeError,
			block.VolumeErrorDeleting, block.VolumeErrorManaging, block.VolumeManaging, block.VolumeAttaching, block.VolumeInUse,
			block.VolumeDetaching, block.VolumeMaintenance, block.VolumeRestoringBackup, block.VolumeErrorRestoring, block.VolumeReserved,
			block.VolumeAwaitingTransfer, block.VolumeBackingUp, block.VolumeErrorBackingUp, block.VolumeErrorExtending,
			block.VolumeDownloading, block.VolumeUploading, block.VolumeRetyping, block.VolumeExtending),
		"volume_attach_status":    oneOf("Volume attach status", false, list, block.AttachAttached, block.AttachDetached),
		"volume_migration_status": oneOf("Volume migration status", false, tuple, "migrating", "error", "success", "completing", "none", "starting"),
		"snapshot_status": oneOf("Snapshot status", true, tuple, block.SnapshotError, block.SnapshotAvailable, block.SnapshotCreating,
			block.SnapshotDeleting, block.SnapshotDeleted, block.SnapshotUpdating, block.SnapshotErrorDeleting, block.SnapshotUnmanaging,
			block.SnapshotBackingUp, block.SnapshotRestoring),
		"group_status": groups.StatusFormat("Invalid Group Status", "Group status: %s is invalid, valid status are: %s.",
			block.GroupError, block.GroupAvailable, block.GroupCreating, block.GroupDeleting, block.GroupDeleted, block.GroupUpdating,
			block.GroupInUse, block.GroupErrorDeleting),
		"group_snapshot_status": groups.StatusFormat("Invalid GroupSnapshot Status",
			"Group snapshot status: %s is invalid, valid statuses are: %s.", block.GroupSnapshotError, block.GroupSnapshotAvailable,
			block.GroupSnapshotCreating, block.GroupSnapshotDeleting, block.GroupSnapshotDeleted, block.GroupSnapshotUpdating,
			block.GroupSnapshotErrorDeleting),
		"backup_status": oneOf("Backup status", true, list, block.BackupAvailable, block.BackupError),
	}
}

// How upstream shows its words: it has them in a tuple or in a list.
const (
	tuple = "(%s)"
	list  = "[%s]"
)

// oneOf is a format that allows some words in any case; empty and null too unless required.
func oneOf[S ~string](what string, required bool, shown string, words ...S) func(any) error {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("'%s'", w)
	}
	return func(value any) error {
		text, isText := value.(string)
		if !required && (value == nil || isText && text == "") {
			return nil
		}
		if isText && slices.Contains(words, S(strings.ToLower(text))) {
			return nil
		}
		return fault.New(fault.Invalid, "InvalidParameterValue", "%s: %v is invalid, valid statuses are: %s.", what, value,
			fmt.Sprintf(shown, strings.Join(quoted, ", ")))
	}
}
