// Package groups is the HTTP of groups of volumes, from 3.13 (cinder/api/v3/groups.py): routes, request schemas, views and
// actions. What a request means is in app/groups.
package groups

import (
	"context"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/api/repeat"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/groups"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const collection = "groups"

// Microversions at which groups changed.
var (
	fromSources = microversion.V(3, 14)
	withVolumes = microversion.V(3, 25)
	replicated  = microversion.V(3, 38)
	ofProjects  = microversion.V(3, 58)
)

// listVolume is the parameter that asks for the volumes of groups; in a list of filters it is none.
const listVolume = "list_volume"

// Extension is everything under /groups. allowed says by what everybody may filter lists.
func Extension(u *uses.Groups, allowed listing.Filters) wsgi.Extension {
	filters := append(slices.Clone(allowed.Of("group")), listVolume)
	h := handlers{u, listing.Resource{Filters: filters, AnyOlder: true, AnyAllTenants: true}}
	const item = collection + "/{id}"
	since := microversion.From(3, 13)
	return wsgi.Extension{
		Alias: collection,
		Resources: []wsgi.Resource{{Collection: collection, Routes: []wsgi.Route{
			{Method: "GET", Path: collection, Versions: since, Handler: h.list(collection, false), Policy: []string{"group:get_all"}},
			{Method: "GET", Path: collection + "/detail", Versions: since, Handler: h.list(collection, true),
				Policy: []string{"group:get_all", "group:group_project_attribute"}},
			{Method: "POST", Path: collection, Versions: since, Status: 202, Handler: h.create, Schemas: createSchemas, Policy: []string{"group:create"}},
			{Method: "GET", Path: item, Versions: since, Handler: h.show, Policy: []string{"group:get", "group:group_project_attribute"}},
			{Method: "PUT", Path: item, Versions: since, Status: 202, Handler: h.update, Schemas: updateSchemas, Policy: []string{"group:update"}},
		}}},
		Actions: h.actions(since),
	}
}

type handlers struct {
	uses   *uses.Groups
	listed listing.Resource
}

// view writes groups as one request is to see them (facts §1.4; cinder/api/v3/views/groups.py).
type view struct {
	r       *wsgi.Request
	project bool                // sees whose a group is
	volumes map[string][]string // ids of the volumes by group; nil if they are not to be shown
}

func (h handlers) view(ctx context.Context, r *wsgi.Request, groups []*block.Group) (vw view, err error) {
	vw = view{r: r, project: r.Version.AtLeast(ofProjects) && h.uses.MaySeeProject(ctx)}
	if !r.Version.AtLeast(withVolumes) {
		return vw, nil
	}
	wanted, err := listing.Bool(r, listVolume)
	if err != nil || !wanted {
		return vw, err
	}
	vw.volumes, err = h.uses.VolumeIDs(ctx, groups)
	return vw, err
}

func (vw view) write(w *jsonview.Writer, g *block.Group) {
	at := vw.r.Version.AtLeast
	w.Open()
	w.String("id", g.ID)
	w.String("status", string(g.Status))
	w.StringOrNull("availability_zone", g.AvailabilityZone)
	w.Time("created_at", g.CreatedAt)
	w.Pointer("name", g.Name)
	w.Pointer("description", g.Description)
	w.StringOrNull("group_type", g.GroupTypeID)
	w.Strings("volume_types", g.VolumeTypeIDs)
	if at(fromSources) {
		w.StringOrNull("group_snapshot_id", g.GroupSnapshotID)
		w.StringOrNull("source_group_id", g.SourceGroupID)
	}
	if vw.volumes != nil {
		w.Strings("volumes", vw.volumes[g.ID])
	}
	if at(replicated) {
		w.StringOrNull("replication_status", g.ReplicationStatus)
	}
	if vw.project {
		w.StringOrNull("project_id", g.ProjectID)
	}
	w.Close()
}

func writeSummary(w *jsonview.Writer, g *block.Group) {
	w.Open()
	w.String("id", g.ID)
	w.Pointer("name", g.Name)
	w.Close()
}

// summary is one group in short as a whole answer: that to a create.
func summary(g *block.Group) *wsgi.Response {
	w := jsonview.New(128)
	w.Open()
	w.Key("group")
	writeSummary(w, g)
	w.Close()
	return wsgi.JSON(w)
}

// list gives the handler of a list, in short or in detail. The links of both lead to the short one, as upstream's do.
func (h handlers) list(path string, detail bool) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		q, err := listing.Parse(ctx, r, h.listed)
		if err != nil {
			return nil, err
		}
		delete(q.Equal, listVolume)
		groups, err := h.uses.List(ctx, app.GroupQuery{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like, Page: q.Store}, q.AllProjects)
		if err != nil {
			return nil, err
		}
		groups = listing.Cut(q, groups)
		write := writeSummary
		if detail {
			vw, err := h.view(ctx, r, groups)
			if err != nil {
				return nil, err
			}
			write = vw.write
		}
		w := jsonview.New(64 + 384*len(groups))
		w.Open()
		w.Key("groups")
		w.OpenList()
		last := ""
		for _, g := range groups {
			write(w, g)
			last = g.ID
		}
		w.CloseList()
		r.AppendNextLink(w, "group", path, q.Page, len(groups), last)
		w.Close()
		return wsgi.JSON(w), nil
	}
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	g, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	vw, err := h.view(ctx, r, []*block.Group{g})
	if err != nil {
		return nil, err
	}
	w := jsonview.New(512)
	w.Open()
	w.Key("group")
	vw.write(w, g)
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("group")
	g, err := h.uses.Create(repeat.Mark(ctx, r), uses.CreateRequest{Name: member.Text(body, "name"), Description: member.Text(body, "description"),
		GroupType: body.String("group_type"), VolumeTypes: body.Strings("volume_types"), AvailabilityZone: body.String("availability_zone")})
	if err != nil {
		return nil, err
	}
	return summary(g), nil
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Update(ctx, r.PathValue("id"), Change(r.Body.Object("group")))
}

// Change reads what a body wants changed of a group.
func Change(body wsgi.Object) uses.Change {
	return uses.Change{Name: member.Text(body, "name"), Description: member.Text(body, "description"),
		AddVolumes: ids(body.String("add_volumes")), RemoveVolumes: ids(body.String("remove_volumes"))}
}

// ids reads "id,id,..."; commas at the ends do no harm.
func ids(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.Trim(text, ","), ",")
}
