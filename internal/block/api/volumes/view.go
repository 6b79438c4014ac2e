package volumes

import (
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

// view writes volumes as one request is to see them.
type view struct {
	r     *wsgi.Request
	admin bool       // sees what only administrators see
	hosts bool       // sees the host names of attachments: an administrator or a service
	extra wsgi.Views // what other extensions add; nothing in the answers to a create or an update, as upstream
}

func newView(ctx context.Context, r *wsgi.Request) view {
	caller := reqctx.Look(ctx)
	return view{r: r, admin: caller.IsAdmin, hosts: caller.IsAdmin || caller.HasRole("service")}
}

// extended is the view of a show or a detail: with the fields other extensions add.
func extended(ctx context.Context, r *wsgi.Request, volumes []*block.Volume) (view, error) {
	v := newView(ctx, r)
	var err error
	v.extra, err = r.Views(ctx, collection, volumes)
	return v, err
}

// answer is one volume as a whole answer.
func (vw view) answer(v *block.Volume) *wsgi.Response {
	w := vw.r.Writer(1536)
	w.Open()
	w.Key("volume")
	vw.write(w, v)
	w.Close()
	return wsgi.JSON(w)
}

// Plain is one volume as a whole answer without what microversions have added: upstream's answer to managing one.
func Plain(ctx context.Context, r *wsgi.Request, v *block.Volume) *wsgi.Response {
	w := jsonview.New(1024)
	w.Open()
	w.Key("volume")
	w.Open()
	newView(ctx, r).writePlain(w, v)
	w.Close()
	w.Close()
	return wsgi.JSON(w)
}

// write writes one volume (facts §1.4; cinder/api/v3/views/volumes.py).
func (vw view) write(w *jsonview.Writer, v *block.Volume) {
	w.Open()
	vw.writePlain(w, v)
	vw.writeNewer(w, v)
	vw.extra.Append(w, v)
	w.Close()
}

// writePlain writes what every view of a volume has.
func (vw view) writePlain(w *jsonview.Writer, v *block.Volume) {
	w.String("id", v.ID)
	w.String("status", shownStatus(v.Status))
	w.Int("size", v.SizeGiB)
	w.StringOrNull("availability_zone", v.AvailabilityZone)
	w.Time("created_at", v.CreatedAt)
	w.Time("updated_at", v.UpdatedAt)
	w.Pointer("name", v.Name)
	w.Pointer("description", v.Description)
	w.StringOrNull("volume_type", v.VolumeTypeName)
	w.StringOrNull("snapshot_id", v.SnapshotID)
	w.StringOrNull("source_volid", v.SourceVolumeID)
	w.StringMap("metadata", shownMetadata(v))
	vw.r.AppendLinks(w, collection, v.ID)
	w.StringOrNull("user_id", v.UserID)
	w.String("bootable", boolText(v.Bootable))
	w.Bool("encrypted", v.EncryptionKeyID != "")
	w.StringOrNull("replication_status", v.ReplicationStatus)
	w.StringOrNull("consistencygroup_id", consistencyGroup(v))
	w.Bool("multiattach", v.Multiattach)
	vw.writeAttachments(w, v)
	if vw.admin {
		w.StringOrNull("migration_status", v.MigrationStatus)
	}
}

// writeNewer writes what microversions have added.
func (vw view) writeNewer(w *jsonview.Writer, v *block.Volume) {
	at := vw.r.Version.AtLeast
	if at(microversion.V(3, 13)) {
		w.StringOrNull("group_id", v.GroupID)
	}
	if vw.admin && at(microversion.V(3, 21)) {
		w.StringOrNull("provider_id", v.ProviderID)
	}
	if at(microversion.V(3, 48)) {
		switch {
		case v.SharedTargets != nil:
			w.Bool("shared_targets", *v.SharedTargets)
		case at(microversion.V(3, 69)):
			w.Null("shared_targets")
		default:
			w.Bool("shared_targets", true)
		}
		w.StringOrNull("service_uuid", v.ServiceUUID)
	}
	if vw.admin && at(microversion.V(3, 61)) {
		w.StringOrNull("cluster_name", v.ClusterName)
	}
	if at(microversion.V(3, 63)) {
		w.StringOrNull("volume_type_id", v.VolumeTypeID)
	}
	if at(microversion.V(3, 64)) && v.EncryptionKeyID != "" && v.EncryptionKeyID != fixedKeyID {
		w.String("encryption_key_id", v.EncryptionKeyID)
	}
	if at(microversion.V(3, 65)) {
		w.Bool("consumes_quota", v.UseQuota)
	}
}

// consistencyGroup is the consistency group of a volume: the row's, in old databases, or a group that is one.
func consistencyGroup(v *block.Volume) string {
	if v.InConsistencyGroup {
		return v.GroupID
	}
	return v.ConsistencyGroupID
}

// fixedKeyID is the id of the one key of a deployment whose key manager is a line in cinder.conf; it tells nobody anything.
const fixedKeyID = "00000000-0000-0000-0000-000000000000"

func (vw view) writeAttachments(w *jsonview.Writer, v *block.Volume) {
	w.Key("attachments")
	w.OpenList()
	for _, a := range v.Attachments {
		if a.AttachStatus != block.AttachAttached {
			continue
		}
		w.Open()
		w.String("id", v.ID)
		w.String("attachment_id", a.ID)
		w.String("volume_id", v.ID)
		w.StringOrNull("server_id", a.InstanceUUID)
		host := ""
		if vw.hosts {
			host = a.AttachedHost
		}
		w.StringOrNull("host_name", host)
		w.StringOrNull("device", a.Mountpoint)
		w.Time("attached_at", a.AttachTime)
		w.Close()
	}
	w.CloseList()
}

// shownStatus hides the states of managing existing storage behind older ones, for old clients' sake.
func shownStatus(s block.VolumeStatus) string {
	switch s {
	case block.VolumeManaging:
		s = block.VolumeCreating
	case block.VolumeErrorManaging:
		s = block.VolumeError
	case block.VolumeErrorManagingDeleting:
		s = block.VolumeDeleting
	}
	return string(s)
}

// shownMetadata is the metadata with the two admin entries everyone may see laid over it.
func shownMetadata(v *block.Volume) map[string]string {
	shown, laid := v.Metadata, false
	for _, key := range [...]string{"readonly", "attached_mode"} {
		value, there := v.AdminMetadata[key]
		if !there {
			continue
		}
		if !laid {
			shown, laid = make(map[string]string, len(v.Metadata)+2), true
			maps.Copy(shown, v.Metadata)
		}
		shown[key] = value
	}
	return shown
}

// distinctMetadata lists every value each metadata key has among the volumes, in order.
func distinctMetadata(volumes []*block.Volume) map[string][]string {
	distinct := map[string][]string{}
	for _, v := range volumes {
		for key, value := range v.Metadata {
			if !slices.Contains(distinct[key], value) {
				distinct[key] = append(distinct[key], value)
			}
		}
	}
	for _, values := range distinct {
		slices.Sort(values)
	}
	return distinct
}
