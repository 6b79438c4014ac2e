package users

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	uses "github.com/clinker/clinker/internal/identity/app/users"
)

func groupView(r *rest.Request, g *identity.Group) map[string]any {
	return r.View(g.Extra, "groups/"+g.ID, map[string]any{"id": g.ID, "name": g.Name, "domain_id": g.DomainID, "description": g.Description})
}

func (h handlers) groupQuery(r *rest.Request) (q app.GroupQuery, err error) {
	q.Name, q.Names, q.DomainID = r.Query().Get("name"), r.Names(), r.Query().Get("domain_id")
	q.Page, err = r.Page(h.options)
	return q, err
}

func (h handlers) listGroups(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	q, err := h.groupQuery(r)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.Groups(ctx, q)
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	for _, g := range list {
		views = append(views, groupView(r, g))
	}
	return r.List("groups", views, q.Page.Limit), nil
}

func (h handlers) groupsOf(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	q, err := h.groupQuery(r)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.GroupsOf(ctx, r.Path("user_id"), q)
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	for _, g := range list {
		view := groupView(r, g)
		view["membership_expires_at"] = nil
		views = append(views, view)
	}
	return r.List("groups", views, q.Page.Limit), nil
}

func (h handlers) createGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	g := &identity.Group{Name: r.Body.String("name"), DomainID: r.Body.String("domain_id"), Description: r.Body.String("description"),
		Extra: rest.Others(r.Body, "name", "domain_id", "description")}
	if err := h.uses.CreateGroup(ctx, g); err != nil {
		return nil, err
	}
	return rest.One("group", groupView(r, g)), nil
}

func (h handlers) getGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	g, err := h.uses.Group(ctx, r.Path("group_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("group", groupView(r, g)), nil
}

func (h handlers) updateGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("group_id")); err != nil {
		return nil, err
	}
	c := uses.GroupChange{Name: r.Body.StringPointer("name"), DomainID: r.Body.StringPointer("domain_id"), Extra: rest.Others(r.Body, "name", "domain_id", "description")}
	if r.Body.Has("description") {
		c.Description = new(r.Body.String("description"))
	}
	g, err := h.uses.UpdateGroup(ctx, r.Path("group_id"), c)
	if err != nil {
		return nil, err
	}
	return rest.One("group", groupView(r, g)), nil
}

func (h handlers) removeGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteGroup(ctx, r.Path("group_id"))
}

func (h handlers) members(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	q, err := h.query(r)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.Members(ctx, r.Path("group_id"), q)
	if err != nil {
		return nil, err
	}
	return r.List("users", views(r, list), q.Page.Limit), nil
}

func (h handlers) checkMember(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.CheckMember(ctx, r.Path("group_id"), r.Path("user_id"))
}

func (h handlers) addMember(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.AddMember(ctx, r.Path("group_id"), r.Path("user_id"))
}

func (h handlers) removeMember(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.RemoveMember(ctx, r.Path("group_id"), r.Path("user_id"))
}
