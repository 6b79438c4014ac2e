// Package projects is the HTTP of projects, their tags, and domains (keystone/api/projects.py, domains.py). What a request
// means is in app/projects.
package projects

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	uses "github.com/clinker/clinker/internal/identity/app/projects"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// Request schemas (keystone/resource/schema.py).
const (
	members = `"description": {"$ref": "identity#/null_text"}, "enabled": {"$ref": "identity#/boolean"}, "name": {"$ref": "identity#/short_name"},
		"options": {"$ref": "identity#/immutable"}, "tags": {"$ref": "identity#/tags"}`
	place = `"domain_id": {"$ref": "identity#/null_id"}, "parent_id": {"$ref": "identity#/null_id"}, "is_domain": {"$ref": "identity#/boolean"}`

	createSchema       = `{"type": "object", "properties": {` + members + `, ` + place + `}, "required": ["name"], "additionalProperties": true}`
	updateSchema       = `{"type": "object", "properties": {` + members + `, ` + place + `}, "minProperties": 1, "additionalProperties": true}`
	createDomainSchema = `{"type": "object", "properties": {` + members + `, "explicit_domain_id": {"type": "string"}}, "required": ["name"], "additionalProperties": true}`
	updateDomainSchema = `{"type": "object", "properties": {` + members + `}, "minProperties": 1, "additionalProperties": true}`
	tagsSchema         = `{"type": "object", "properties": {"tags": {"$ref": "identity#/tags"}}, "required": ["tags"], "additionalProperties": false}`
)

// Routes are those of projects and domains.
func Routes(u *uses.Projects, o app.Options) []rest.Route {
	h := handlers{u, o}
	rule := func(names ...string) (rules []string) {
		for _, n := range names {
			rules = append(rules, "identity:"+n)
		}
		return rules
	}
	const projects, project, tags = "/v3/projects", "/v3/projects/{project_id}", "/v3/projects/{project_id}/tags"
	const domains, domain = "/v3/domains", "/v3/domains/{domain_id}"
	const made, gone = http.StatusCreated, http.StatusNoContent
	return []rest.Route{
		{Method: "GET", Path: projects, Policy: rule("list_projects"), Handler: h.list},
		{Method: "POST", Path: projects, Status: made, Schema: createSchema, Member: "project", Policy: rule("create_project"), Handler: h.create},
		{Method: "GET", Path: project, Policy: rule("get_project"), Handler: h.get},
		{Method: "PATCH", Path: project, Schema: updateSchema, Member: "project", Policy: rule("update_project"), Handler: h.update},
		{Method: "DELETE", Path: project, Status: gone, Policy: rule("delete_project"), Handler: h.remove},
		{Method: "GET", Path: "/v3/users/{user_id}/projects", Policy: rule("list_user_projects"), Handler: h.listOfUser},

		{Method: "GET", Path: tags, Policy: rule("list_project_tags"), Handler: h.tags},
		{Method: "PUT", Path: tags, Schema: tagsSchema, Policy: rule("update_project_tags"), Handler: h.setTags},
		{Method: "DELETE", Path: tags, Status: gone, Policy: rule("delete_project_tags"), Handler: h.removeTags},
		{Method: "GET", Path: tags + "/{tag}", Status: gone, Policy: rule("get_project_tag"), Handler: h.hasTag},
		{Method: "PUT", Path: tags + "/{tag}", Status: made, Policy: rule("create_project_tag"), Handler: h.addTag},
		{Method: "DELETE", Path: tags + "/{tag}", Status: gone, Policy: rule("delete_project_tag"), Handler: h.removeTag},

		{Method: "GET", Path: domains, Policy: rule("list_domains"), Handler: h.listDomains},
		{Method: "POST", Path: domains, Status: made, Schema: createDomainSchema, Member: "domain", Policy: rule("create_domain"), Handler: h.createDomain},
		{Method: "GET", Path: domain, Policy: rule("get_domain"), Handler: h.getDomain},
		{Method: "PATCH", Path: domain, Schema: updateDomainSchema, Member: "domain", Policy: rule("update_domain"), Handler: h.updateDomain},
		{Method: "DELETE", Path: domain, Status: gone, Policy: rule("delete_domain"), Handler: h.removeDomain},
	}
}

type handlers struct {
	uses    *uses.Projects
	options app.Options
}

// known are the members of bodies that are no extra attributes.
func known() []string {
	return []string{"name", "description", "enabled", "options", "tags", "domain_id", "parent_id", "is_domain", "explicit_domain_id"}
}

// View is a project, or a domain as one.
func View(r *rest.Request, p *identity.Project) map[string]any {
	return r.View(p.Extra, "projects/"+p.ID, map[string]any{
		"id": p.ID, "name": p.Name, "domain_id": rest.Null(p.DomainID), "parent_id": rest.Null(p.ParentID), "description": p.Description,
		"enabled": p.Enabled, "is_domain": p.IsDomain, "tags": rest.Strings(p.Tags), "options": rest.Settings(p.Options)})
}

// Views are projects.
func Views(r *rest.Request, list []*identity.Project) (views []map[string]any) {
	for _, p := range list {
		views = append(views, View(r, p))
	}
	return views
}

// DomainView is a domain.
func DomainView(r *rest.Request, d *identity.Project) map[string]any {
	return r.View(d.Extra, "domains/"+d.ID, map[string]any{"id": d.ID, "name": d.Name, "description": d.Description, "enabled": d.Enabled,
		"tags": rest.Strings(d.Tags), "options": rest.Settings(d.Options)})
}

// DomainViews are domains.
func DomainViews(r *rest.Request, list []*identity.Project) (views []map[string]any) {
	for _, d := range list {
		views = append(views, DomainView(r, d))
	}
	return views
}

// query reads the filters that projects and domains share.
func (h handlers) query(r *rest.Request) (q app.ProjectQuery, err error) {
	q.Name, q.Names, q.Enabled = r.Query().Get("name"), r.Names(), r.Bool("enabled")
	q.Page, err = r.Page(h.options)
	return q, err
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	q, err := h.query(r)
	if err != nil {
		return nil, err
	}
	q.DomainID, q.ParentID, q.IsDomain = r.Query().Get("domain_id"), r.Query().Get("parent_id"), new(false)
	if asked := r.Bool("is_domain"); asked != nil {
		q.IsDomain = asked
	}
	q.Tags, q.TagsAny, q.NotTags, q.NotTagsAny = tagList(r, "tags"), tagList(r, "tags-any"), tagList(r, "not-tags"), tagList(r, "not-tags-any")
	list, err := h.uses.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return r.List("projects", Views(r, list), q.Page.Limit), nil
}

func tagList(r *rest.Request, name string) []string {
	if text := r.Query().Get(name); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

func (h handlers) listOfUser(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	query, enabled := r.Query(), r.Bool("enabled")
	list, err := h.uses.ListOfUser(ctx, r.Path("user_id"), func(p *identity.Project) bool {
		return (enabled == nil || *enabled == p.Enabled) && (!query.Has("name") || query.Get("name") == p.Name) &&
			(!query.Has("domain_id") || query.Get("domain_id") == p.DomainID)
	})
	if err != nil {
		return nil, err
	}
	return r.List("projects", Views(r, list), 0), nil
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	p := &identity.Project{Name: r.Body.String("name"), DomainID: r.Body.String("domain_id"), ParentID: r.Body.String("parent_id"),
		Description: r.Body.String("description"), Enabled: !r.Body.Has("enabled") || r.Body.Bool("enabled"), IsDomain: r.Body.Bool("is_domain"),
		Tags: r.Body.Strings("tags"), Options: identity.Options(nil).Merge(options(r.Body)), Extra: rest.Others(r.Body, known()...)}
	if err := h.uses.Create(ctx, p); err != nil {
		return nil, err
	}
	return rest.One("project", View(r, p)), nil
}

func options(body bodyschema.Object) identity.Options {
	o := body.Object("options")
	if o == nil {
		return nil
	}
	return identity.Options(maps.Clone(o))
}

func change(r *rest.Request) uses.Change {
	c := uses.Change{Name: r.Body.StringPointer("name"), Options: options(r.Body), Extra: rest.Others(r.Body, known()...)}
	if r.Body.Has("description") {
		c.Description = new(r.Body.String("description"))
	}
	if r.Body.Has("domain_id") {
		c.DomainID = new(r.Body.String("domain_id"))
	}
	if r.Body.Has("parent_id") {
		c.ParentID = new(r.Body.String("parent_id"))
	}
	if r.Body.Has("enabled") {
		c.Enabled = new(r.Body.Bool("enabled"))
	}
	if r.Body.Has("is_domain") {
		c.IsDomain = new(r.Body.Bool("is_domain"))
	}
	if r.Body.Has("tags") {
		c.Tags = new(r.Body.Strings("tags"))
	}
	return c
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	p, err := h.uses.Get(ctx, r.Path("project_id"))
	if err != nil {
		return nil, err
	}
	view := View(r, p)
	if err := h.addFamily(ctx, r, p, view); err != nil {
		return nil, err
	}
	return rest.One("project", view), nil
}

// addFamily adds the projects above and below, as lists of those that the caller has a role in, or as trees of ids.
func (h handlers) addFamily(ctx context.Context, r *rest.Request, p *identity.Project, view map[string]any) error {
	parentList, parentIDs := r.Flag("parents_as_list"), r.Flag("parents_as_ids")
	subtreeList, subtreeIDs := r.Flag("subtree_as_list"), r.Flag("subtree_as_ids")
	switch {
	case parentList && parentIDs:
		return identity.Invalid("Cannot use parents_as_list and parents_as_ids query params at the same time.")
	case subtreeList && subtreeIDs:
		return identity.Invalid("Cannot use subtree_as_list and subtree_as_ids query params at the same time.")
	}
	if parentList || subtreeList {
		f, err := h.uses.Around(ctx, p, parentList, subtreeList, true)
		if err != nil {
			return err
		}
		if parentList {
			view["parents"] = wrapped(r, f.Parents)
		}
		if subtreeList {
			view["subtree"] = wrapped(r, f.Subtree)
		}
	}
	if parentIDs || subtreeIDs {
		f, err := h.uses.Around(ctx, p, parentIDs, subtreeIDs, false)
		if err != nil {
			return err
		}
		if parentIDs {
			view["parents"] = parentTree(f.Parents)
		}
		if subtreeIDs {
			view["subtree"] = subtree(p.ID, f.Subtree)
		}
	}
	return nil
}

func wrapped(r *rest.Request, list []*identity.Project) []map[string]any {
	views := []map[string]any{}
	for _, p := range list {
		views = append(views, map[string]any{"project": View(r, p)})
	}
	return views
}

// parentTree is {"parent": {"its parent": null}}, null without any.
func parentTree(parents []*identity.Project) any {
	if len(parents) == 0 {
		return nil
	}
	return map[string]any{parents[0].ID: parentTree(parents[1:])}
}

// subtree is {"child": {"its child": null}, "other child": null}, null without any.
func subtree(id string, below []*identity.Project) any {
	tree := map[string]any{}
	for _, p := range below {
		if p.ParentID == id {
			tree[p.ID] = subtree(p.ID, below)
		}
	}
	if len(tree) == 0 {
		return nil
	}
	return tree
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("project_id")); err != nil {
		return nil, err
	}
	p, err := h.uses.Update(ctx, r.Path("project_id"), change(r))
	if err != nil {
		return nil, err
	}
	return rest.One("project", View(r, p)), nil
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Delete(ctx, r.Path("project_id"))
}
