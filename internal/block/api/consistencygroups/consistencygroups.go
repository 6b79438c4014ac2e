// Package consistencygroups is the HTTP of consistency groups and their snapshots, cgsnapshots, as Cinder still answers it
// over groups (cinder/api/contrib/consistencygroups.py, cgsnapshots.py, cinder/api/v3/consistencygroups.py): a consistency
// group is a group of the type default_cgsnapshot_type. What a request means is in app/groups.
package consistencygroups

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/groups"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/api/repeat"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/groups"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

const collection = "consistencygroups"

// mayBeEmptied is the microversion since which a name or description may be made empty.
var mayBeEmptied = microversion.V(3, 6)

// Extension is everything under /consistencygroups; u is what groups.NewConsistency gives.
func Extension(u *uses.Groups) wsgi.Extension {
	h := handlers{u}
	const item = collection + "/{id}"
	update := []string{"group:get", "group:update"}
	return wsgi.Extension{
		Alias: collection, Name: "Consistencygroups", Description: "consistency groups support.", Updated: "2014-08-18T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: collection, Routes: []wsgi.Route{
			{Method: "GET", Path: collection, Handler: h.list(writeSummary), Policy: []string{"group:get_all"}},
			{Method: "GET", Path: collection + "/detail", Handler: h.list(writeDetail), Policy: []string{"group:get_all"}},
			{Method: "POST", Path: collection, Status: 202, Handler: h.create, Policy: []string{"group:create"}},
			{Method: "POST", Path: collection + "/create_from_src", Status: 202, Handler: h.createFromSource,
				Policy: []string{"group:create", "group:get", "group:get_group_snapshot", "volume:create", "volume:multiattach"}},
			{Method: "GET", Path: item, Handler: h.show, Policy: []string{"group:get"}},
			{Method: "PUT", Path: item, Status: 202, Handler: h.update, Policy: update},
			{Method: "PUT", Path: item + "/update", Status: 202, Handler: h.update, Policy: update},
			{Method: "POST", Path: item + "/delete", Status: 202, Handler: h.delete, Policy: []string{"group:get", "group:delete"}},
			{Method: "DELETE", Path: item, Status: 400, Handler: noBody},
		}}},
	}
}

type handlers struct{ uses *uses.Groups }

// noBody answers DELETE, which upstream routes to a handler that needs a body.
func noBody(context.Context, *wsgi.Request) (*wsgi.Response, error) {
	return nil, fault.New(fault.Invalid, "", "The server could not comply with the request since it is either malformed or otherwise incorrect.")
}

func writeSummary(w *jsonview.Writer, g *block.Group) {
	w.Open()
	w.String("id", g.ID)
	w.Pointer("name", g.Name)
	w.Close()
}

func writeDetail(w *jsonview.Writer, g *block.Group) {
	w.Open()
	w.String("id", g.ID)
	w.String("status", string(g.Status))
	w.StringOrNull("availability_zone", g.AvailabilityZone)
	w.Time("created_at", g.CreatedAt)
	w.Pointer("name", g.Name)
	w.Pointer("description", g.Description)
	w.Strings("volume_types", g.VolumeTypeIDs)
	w.Close()
}

// answer is one item as a whole answer under a member name.
func answer[T any](name string, write func(*jsonview.Writer, T), item T) *wsgi.Response {
	w := jsonview.New(384)
	w.Open()
	w.Key(name)
	write(w, item)
	w.Close()
	return wsgi.JSON(w)
}

// list gives the handler of a list whose items write writes. As upstream's, it lists groups of every type, and every column is
// a filter for everyone; what is none chooses nothing.
func (h handlers) list(write func(*jsonview.Writer, *block.Group)) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		q, err := listing.ParsePage(r)
		if err != nil {
			return nil, err
		}
		if reqctx.From(ctx).IsAdmin {
			q.AllProjects, _ = listing.Bool(r, "all_tenants") // one that is no boolean is no
		}
		q.Equal = map[string][]string{}
		for name, value := range r.Filters() {
			if name != "all_tenants" {
				q.Equal[name] = []string{value}
			}
		}
		list, err := h.uses.List(ctx, app.GroupQuery{Equal: q.Equal, Page: q.Store}, q.AllProjects)
		if err != nil {
			return nil, err
		}
		list = listing.Cut(q, list)
		w := jsonview.New(64 + 256*len(list))
		w.Open()
		w.Key(collection)
		w.OpenList()
		last := ""
		for _, g := range list {
			write(w, g)
			last = g.ID
		}
		w.CloseList()
		r.AppendNextLink(w, "consistencygroup", collection, q.Page, len(list), last)
		w.Close()
		return wsgi.JSON(w), nil
	}
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	g, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return answer("consistencygroup", writeDetail, g), nil
}

// entity is the object of a body under its name. Upstream has no schemas here: what is wrong with a body is said by hand.
func entity(body wsgi.Object, name string) (wsgi.Object, error) {
	o := body.Object(name)
	if o == nil {
		return nil, fault.New(fault.Invalid, "", "Missing required element '%s' in request body.", name)
	}
	for _, key := range []string{"name", "description", "display_name", "display_description"} {
		if !o.Has(key) || o.IsNull(key) {
			continue
		}
		text, isText := o[key].(string)
		if !isText {
			return nil, block.InvalidInput("%s is not a string or unicode", key)
		}
		if n := len([]rune(strings.TrimSpace(text))); n > maxText {
			return nil, block.InvalidInput("%s has %d characters, more than %d.", key, n, maxText)
		}
	}
	return o, nil
}

// maxText is how many characters a name or a description may have: the width of the columns.
const maxText = 255

// shown is a name as Python writes it in a text: None where there is none.
func shown(name *string) string {
	if name == nil {
		return "None"
	}
	return *name
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body, err := entity(r.Body, "consistencygroup")
	if err != nil {
		return nil, err
	}
	asked := uses.CreateRequest{Name: member.Text(body, "name"), Description: member.Text(body, "description"),
		AvailabilityZone: body.String("availability_zone")}
	types := strings.TrimRight(body.String("volume_types"), ",")
	if types == "" {
		return nil, fault.New(fault.Invalid, "", "volume_types must be provided to create consistency group %s.", shown(asked.Name))
	}
	asked.VolumeTypes = strings.Split(types, ",")
	g, err := h.uses.Create(repeat.Mark(ctx, r), asked)
	if err != nil {
		return nil, err
	}
	return answer("consistencygroup", writeSummary, g), nil
}

func (h handlers) createFromSource(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body, err := entity(r.Body, "consistencygroup-from-src")
	if err != nil {
		return nil, err
	}
	asked := uses.FromSource{Name: member.Text(body, "name"), Description: member.Text(body, "description"),
		GroupSnapshotID: body.String("cgsnapshot_id"), SourceGroupID: body.String("source_cgid")}
	switch {
	case asked.GroupSnapshotID == "" && asked.SourceGroupID == "":
		return nil, fault.New(fault.Invalid, "", "Either 'cgsnapshot_id' or 'source_cgid' must be provided to create consistency group %s from source.", shown(asked.Name))
	case asked.GroupSnapshotID != "" && asked.SourceGroupID != "":
		return nil, fault.New(fault.Invalid, "", "Cannot provide both 'cgsnapshot_id' and 'source_cgid' to create consistency group %s from source.", shown(asked.Name))
	}
	g, err := h.uses.CreateFromSource(repeat.Mark(ctx, r), asked)
	if err != nil {
		return nil, err
	}
	return answer("consistencygroup", writeSummary, g), nil
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	if len(r.Body) == 0 {
		return nil, fault.New(fault.Invalid, "", "Missing request body.")
	}
	body, err := entity(r.Body, "consistencygroup")
	if err != nil {
		return nil, err
	}
	c := groups.Change(body)
	named := func(text *string) bool { return text != nil && (*text != "" || r.Version.AtLeast(mayBeEmptied)) }
	if !named(c.Name) && !named(c.Description) && len(c.AddVolumes)+len(c.RemoveVolumes) == 0 {
		if r.Version.AtLeast(mayBeEmptied) {
			return nil, fault.New(fault.Invalid, "", "Must specify one or more of the following keys to update: name, description, add_volumes, remove_volumes.")
		}
		return nil, fault.New(fault.Invalid, "", "Name, description, add_volumes, and remove_volumes can not be all empty in the request body.")
	}
	return wsgi.Empty(), h.uses.Update(ctx, r.PathValue("id"), c)
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	force := false
	if len(r.Body) > 0 {
		body, err := entity(r.Body, "consistencygroup")
		if err != nil {
			return nil, err
		}
		if force, err = parseForce(body); err != nil {
			return nil, err
		}
	}
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), force)
}

// parseForce reads the member "force", which is false where there is none.
func parseForce(body wsgi.Object) (bool, error) {
	switch v := body["force"].(type) {
	case nil:
		if !body.Has("force") {
			return false, nil
		}
	case bool:
		return v, nil
	default:
		if truth, known := wsgi.ParseBool(body.String("force")); known {
			return truth, nil
		}
	}
	return false, fault.New(fault.Invalid, "", "Invalid value '%s' for force.", body.String("force"))
}
