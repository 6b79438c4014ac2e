// Package volumes is the HTTP of volumes: their routes, request schemas and views; their metadata; and the actions on
// them. What a request means is in app/volumes.
package volumes

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/api/metadata"
	"github.com/clinker/clinker/internal/block/api/repeat"
	"github.com/clinker/clinker/internal/block/app"
	useimages "github.com/clinker/clinker/internal/block/app/images"
	uses "github.com/clinker/clinker/internal/block/app/volumes"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// collection is the first segment of every path here.
const collection = "volumes"

// listed says how volumes may be filtered (cinder/api/v3/volumes.py).
func listed(allowed listing.Filters) listing.Resource {
	return listing.Resource{
		Filters: allowed.Of("volume"),
		Added: map[string]microversion.Version{
			"glance_metadata": microversion.V(3, 4), "group_id": microversion.V(3, 10),
			"created_at": microversion.V(3, 60), "updated_at": microversion.V(3, 60), "use_quota": microversion.V(3, 65),
		},
		Times: []string{"created_at", "updated_at"}, Maps: []string{"metadata", "glance_metadata"}, UsesQuota: true, Counted: true,
		Literals: []string{"id", "status", "attach_status", "availability_zone", "migration_status", "replication_status", "group_id",
			"consistencygroup_id", "size", "volume_type_id", "snapshot_id", "source_volid", "user_id", "host", "cluster_name"},
	}
}

// Extensions are everything under /volumes that works on volumes themselves, but for AdminActions. more are the actions of
// other packages that belong to the extension os-volume-actions.
func Extensions(u *uses.Volumes, images *useimages.Images, core *app.Core, allowed listing.Filters, more ...wsgi.Action) []wsgi.Extension {
	h := handlers{u, listed(allowed)}
	return append([]wsgi.Extension{
		{Alias: "volumes", Core: true, Actions: []wsgi.Action{h.revertAction()},
			Resources: []wsgi.Resource{{Collection: collection, Routes: append(h.routes(), metadata.Routes(collection, metadata.Uses{
				Get: u.Metadata, Put: u.PutMetadata, Delete: u.DeleteMetadata, NotFound: uses.MetadataNotFound,
				Read: "volume:get_volume_metadata", Create: "volume:create_volume_metadata",
				Update: "volume:update_volume_metadata", Remove: "volume:delete_volume_metadata", Tagged: true})...)}}},
		{Alias: "os-volume-actions", Name: "VolumeActions", Description: "Enable volume actions.", Updated: "2012-05-31T00:00:00+00:00",
			Actions: slices.Concat(h.actions(), imageHandlers{images}.actions(h), more)},
		{Alias: "os-volume-unmanage", Name: "VolumeUnmanage", Description: "Enable volume unmanage operation.", Updated: "2012-05-31T00:00:00+00:00",
			Actions: []wsgi.Action{h.action("os-unmanage", "volume_extension:volume_unmanage", anything, byID(h.uses.Unmanage))}},
		{Alias: "OS-SCH-HNT", Name: "SchedulerHints", Description: "Pass arbitrary key/value pairs to the scheduler.",
			Updated: "2013-04-18T00:00:00+00:00", Core: true}, // what creating a volume takes
	}, h.attributes(core)...)
}

type handlers struct {
	uses   *uses.Volumes
	listed listing.Resource
}

func (h handlers) routes() []wsgi.Route {
	return []wsgi.Route{
		{Method: "GET", Path: "volumes", Handler: h.index, Policy: []string{"volume:get_all"}},
		{Method: "GET", Path: "volumes/detail", Handler: h.detail, Policy: []string{"volume:get_all"}},
		{Method: "GET", Path: "volumes/summary", Versions: microversion.From(3, 12), Handler: h.summary, Policy: []string{"volume:get_all"}},
		{Method: "POST", Path: "volumes", Status: 202, Handler: h.create, Schemas: createSchemas,
			Policy: []string{"volume:create", "volume:create_from_image", "volume:multiattach"}},
		{Method: "GET", Path: "volumes/{id}", Handler: h.show, Policy: []string{"volume:get"}},
		{Method: "PUT", Path: "volumes/{id}", Handler: h.update, Schemas: updateSchemas, Policy: []string{"volume:update"}},
		{Method: "DELETE", Path: "volumes/{id}", Status: 202, Handler: h.delete, Policy: []string{"volume:delete", "volume:force_delete"}},
	}
}

// query turns a list request into the store's words.
func (h handlers) query(ctx context.Context, r *wsgi.Request) (listing.Query, app.VolumeQuery, error) {
	q, err := listing.Parse(ctx, r, h.listed)
	if err != nil {
		return q, app.VolumeQuery{}, err
	}
	chosen, err := choice(r, q)
	chosen.Page = q.Store
	return q, chosen, err
}

// choice is which volumes are asked for, without a page.
func choice(r *wsgi.Request, q listing.Query) (app.VolumeQuery, error) {
	if values, given := q.Equal["bootable"]; given {
		truth, known := wsgi.ParseBool(values[0])
		if !known && r.Version.AtLeast(microversion.V(3, 2)) {
			return app.VolumeQuery{}, block.InvalidInput("'bootable = %s'", values[0])
		}
		q.Equal["bootable"] = []string{boolText(truth || !known && values[0] != "")}
	}
	return app.VolumeQuery{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like, Metadata: q.Maps["metadata"],
		ImageMetadata: q.Maps["glance_metadata"], Times: q.Times}, nil
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return h.list(ctx, r, "volumes", func(w *jsonview.Writer, v *block.Volume) {
		w.Open()
		w.String("id", v.ID)
		w.Pointer("name", v.Name)
		r.AppendLinks(w, collection, v.ID)
		w.Close()
	})
}

func (h handlers) detail(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return h.list(ctx, r, "volumes/detail", nil)
}

// list answers a page of volumes, each written by write, or in full when write is nil.
func (h handlers) list(ctx context.Context, r *wsgi.Request, path string, write func(*jsonview.Writer, *block.Volume)) (*wsgi.Response, error) {
	q, vq, err := h.query(ctx, r)
	if err != nil {
		return nil, err
	}
	volumes, err := h.uses.List(ctx, vq, q.AllProjects)
	if err != nil {
		return nil, err
	}
	volumes = listing.Cut(q, volumes)
	if write == nil {
		full, err := extended(ctx, r, volumes)
		if err != nil {
			return nil, err
		}
		write = full.write
	}
	w := r.Writer(64 + 1024*len(volumes))
	w.Open()
	w.Key("volumes")
	w.OpenList()
	for _, v := range volumes {
		write(w, v)
	}
	w.CloseList()
	last := ""
	if n := len(volumes); n > 0 {
		last = volumes[n-1].ID
	}
	r.AppendNextLink(w, "volumes", path, q.Page, len(volumes), last)
	if q.WithCount {
		count, _, err := h.uses.Totals(ctx, vq, q.AllProjects)
		if err != nil {
			return nil, err
		}
		w.Int("count", count)
	}
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	v, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	full, err := extended(ctx, r, []*block.Volume{v})
	if err != nil {
		return nil, err
	}
	return full.answer(v), nil
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("volume")
	if body.Bool("multiattach") {
		return nil, fault.New(fault.Invalid, "", "multiattach parameter has been removed. The default behavior is to use multiattach "+
			"enabled volume types. Contact your administrator to create a multiattach enabled volume type and use it to create "+
			"multiattach volumes.")
	}
	asked := uses.CreateRequest{
		Name: member.Text(body, "name", "display_name"), Description: member.Text(body, "description", "display_description"),
		SnapshotID: body.String("snapshot_id"), SourceVolumeID: body.String("source_volid"), ImageRef: body.String("imageRef"),
		VolumeType: body.String("volume_type"), AvailabilityZone: body.String("availability_zone"), Metadata: body.StringMap("metadata"),
		GroupID: body.String("consistencygroup_id"), Hints: hints(r.Body, body),
	}
	asked.SizeGiB, _ = body.Int("size")
	if body.Has("image_id") {
		asked.ImageRef = body.String("image_id")
	}
	// Upstream takes these two at every version; the newer ones only check them more strictly.
	if id := body.String("group_id"); id != "" {
		asked.GroupID = id
	}
	asked.BackupID = body.String("backup_id")
	asked.FollowSnapshot = r.Version.AtLeast(microversion.V(3, 46))
	v, err := h.uses.Create(repeat.Mark(ctx, r), asked)
	if err != nil {
		return nil, err
	}
	return newView(ctx, r).answer(v), nil
}

// hints are the scheduler hints; older clients put them into the volume.
func hints(body, volume wsgi.Object) map[string]any {
	const key = "OS-SCH-HNT:scheduler_hints"
	for _, h := range []wsgi.Object{body.Object(key), body.Object("os:scheduler_hints"), volume.Object("scheduler_hints")} {
		if h != nil {
			return h
		}
	}
	return nil
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("volume")
	c := uses.Change{Name: member.TextChange(body, "name", "display_name"),
		Description: member.TextChange(body, "description", "display_description")}
	if body.Has("metadata") {
		c.Metadata = body.StringMap("metadata")
	}
	v, err := h.uses.Update(ctx, r.PathValue("id"), c)
	if err != nil {
		return nil, err
	}
	return newView(ctx, r).answer(v), nil
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	cascade, err := listing.Bool(r, "cascade")
	if err != nil {
		return nil, err
	}
	force := false
	if r.Version.AtLeast(microversion.V(3, 23)) {
		if force, err = listing.Bool(r, "force"); err != nil {
			return nil, err
		}
	}
	rule := "volume:delete"
	if force {
		rule = "volume:force_delete"
	}
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), rule, force, cascade)
}

// summary counts the volumes of the project, or of all projects, that the filters choose.
func (h handlers) summary(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	q, err := listing.ParseSummary(ctx, r, h.listed)
	if err != nil {
		return nil, err
	}
	chosen, err := choice(r, q)
	if err != nil {
		return nil, err
	}
	count, size, err := h.uses.Totals(ctx, chosen, q.AllProjects)
	if err != nil {
		return nil, err
	}
	summary := map[string]any{"total_count": count, "total_size": size}
	if r.Version.AtLeast(microversion.V(3, 36)) {
		volumes, err := h.uses.List(ctx, chosen, q.AllProjects)
		if err != nil {
			return nil, err
		}
		summary["metadata"] = distinctMetadata(volumes)
	}
	return wsgi.Value(map[string]any{"volume-summary": summary})
}
