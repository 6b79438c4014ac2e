package roles

import (
	"context"
	"net/http"
	"strings"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	uses "github.com/clinker/clinker/internal/identity/app/roles"
)

// grants are the routes of assignments one by one: on projects, domains and the system, of users and groups, and those on
// projects and domains as they are inherited.
func (h handlers) grants() (routes []rest.Route) {
	for _, place := range []string{"/projects/{project_id}", "/domains/{domain_id}", "/system"} {
		for _, actor := range []string{"/users/{user_id}", "/groups/{group_id}"} {
			for _, inherited := range []bool{false, true} {
				prefix, suffix, kind := "/v3"+place+actor+"/roles", "", "grant"
				if inherited {
					prefix, suffix = "/v3/OS-INHERIT"+place+actor+"/roles", "/inherited_to_projects"
				}
				if place == "/system" {
					if inherited {
						continue // there is nothing below the system
					}
					kind = "system_grant_for_" + strings.TrimSuffix(strings.Split(actor, "/")[1], "s")
				}
				rule := func(verb string) []string {
					if verb == "list" {
						return []string{"identity:list_" + strings.Replace(kind, "grant", "grants", 1)}
					}
					return []string{"identity:" + verb + "_" + kind}
				}
				one := prefix + "/{role_id}" + suffix
				routes = append(routes,
					rest.Route{Method: "GET", Path: prefix + suffix, Policy: rule("list"), Handler: h.granted},
					rest.Route{Method: "GET", Path: one, Status: http.StatusNoContent, Policy: rule("check"), Handler: h.each(h.uses.IsGranted)},
					rest.Route{Method: "PUT", Path: one, Status: http.StatusNoContent, Policy: rule("create"), Handler: h.each(h.uses.Grant)},
					rest.Route{Method: "DELETE", Path: one, Status: http.StatusNoContent, Policy: rule("revoke"), Handler: h.each(h.uses.Revoke)})
			}
		}
	}
	return routes
}

// assignment reads what a path is about.
func assignment(r *rest.Request) identity.Assignment {
	a := identity.Assignment{UserID: r.Path("user_id"), GroupID: r.Path("group_id"), ProjectID: r.Path("project_id"), DomainID: r.Path("domain_id"), RoleID: r.Path("role_id"),
		Inherited: strings.HasPrefix(r.HTTP.URL.Path, "/v3/OS-INHERIT/")}
	a.System = a.ProjectID == "" && a.DomainID == ""
	return a
}

func (h handlers) granted(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.Granted(ctx, assignment(r))
	if err != nil {
		return nil, err
	}
	return r.List("roles", views(r, list), 0), nil
}

// each makes a handler of a use case about one assignment.
func (h handlers) each(use func(context.Context, identity.Assignment) error) rest.Handler {
	return func(ctx context.Context, r *rest.Request) (*rest.Response, error) {
		return rest.Empty(), use(ctx, assignment(r))
	}
}

// filter reads what list is wanted, and refuses combinations that make no sense.
func filter(r *rest.Request) (f uses.Filter, err error) {
	q := r.Query()
	f = uses.Filter{RoleID: q.Get("role.id"), UserID: q.Get("user.id"), GroupID: q.Get("group.id"), ProjectID: q.Get("scope.project.id"),
		DomainID: q.Get("scope.domain.id"), System: q.Get("scope.system") != "", Subtree: r.Flag("include_subtree"), Effective: r.Flag("effective")}
	if q.Has("scope.OS-INHERIT:inherited_to") {
		f.Inherited = new(q.Get("scope.OS-INHERIT:inherited_to") == "projects")
	}
	switch {
	case f.DomainID != "" && f.ProjectID != "":
		return f, identity.Invalid("Specify a domain or project, not both")
	case f.DomainID != "" && f.System:
		return f, identity.Invalid("Specify system or domain, not both")
	case f.ProjectID != "" && f.System:
		return f, identity.Invalid("Specify system or project, not both")
	case f.UserID != "" && f.GroupID != "":
		return f, identity.Invalid("Specify a user or group, not both")
	case f.Effective && f.GroupID != "":
		return f, identity.Invalid("Combining effective and group filter will always result in an empty list.")
	case f.Effective && f.Inherited != nil && *f.Inherited && f.DomainID != "":
		return f, identity.Invalid("Combining effective, domain and inherited filters will always result in an empty list.")
	}
	return f, nil
}

func (h handlers) assignments(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	f, err := filter(r)
	if err != nil {
		return nil, err
	}
	withNames := r.Flag("include_names")
	list, names, err := h.uses.Assignments(ctx, f, withNames)
	if err != nil {
		return nil, err
	}
	if !withNames {
		names = uses.Names{}
	}
	views := []map[string]any{}
	for _, a := range list {
		views = append(views, assignmentView(r, a, names))
	}
	return r.List("role_assignments", views, 0), nil
}

// assignmentView is an assignment as a list shows it, with a link to the one it comes from.
func assignmentView(r *rest.Request, a uses.Assignment, n uses.Names) map[string]any {
	links := map[string]any{}
	view := map[string]any{"links": links, "role": roleRef(a.RoleID, n)}
	scope, link, inherited := map[string]any{}, "", a.Inherited
	switch {
	case a.System:
		scope["system"], link = map[string]any{"all": true}, "system"
	case a.DomainID != "":
		scope["domain"], link = domainRef(a.DomainID, n), "domains/"+a.DomainID
	default:
		scope["project"], link = projectRef(a.ProjectID, n), "projects/"+a.ProjectID
		if a.FromDomain != "" {
			link, inherited = "domains/"+a.FromDomain, true
		} else if a.FromProject != "" {
			link, inherited = "projects/"+a.FromProject, true
		}
	}
	switch {
	case a.GroupID != "":
		view["group"] = groupRef(a.GroupID, n)
		link += "/groups/" + a.GroupID
	case a.FromGroup != "":
		view["user"], links["membership"] = userRef(a.UserID, n), r.Link("groups/"+a.FromGroup+"/users/"+a.UserID)
		link += "/groups/" + a.FromGroup
	default:
		view["user"] = userRef(a.UserID, n)
		link += "/users/" + a.UserID
	}
	if a.FromRole != "" {
		links["prior_role"] = r.Link("prior_role/" + a.FromRole + "/implies/" + a.RoleID)
		link += "/roles/" + a.FromRole
	} else {
		link += "/roles/" + a.RoleID
	}
	if inherited {
		scope["OS-INHERIT:inherited_to"] = "projects"
		link = "OS-INHERIT/" + link + "/inherited_to_projects"
	}
	view["scope"], links["assignment"] = scope, r.Link(link)
	return view
}

func domainRef(id string, n uses.Names) map[string]any {
	ref := map[string]any{"id": id}
	if d := n.Projects[id]; d != nil {
		ref["name"] = d.Name
	}
	return ref
}

func projectRef(id string, n uses.Names) map[string]any {
	ref := domainRef(id, n)
	if p := n.Projects[id]; p != nil {
		ref["domain"] = domainRef(p.DomainID, n)
	}
	return ref
}

func userRef(id string, n uses.Names) map[string]any {
	ref := map[string]any{"id": id}
	if u := n.Users[id]; u != nil {
		ref["name"], ref["domain"] = u.Name, domainRef(u.DomainID, n)
	}
	return ref
}

func groupRef(id string, n uses.Names) map[string]any {
	ref := map[string]any{"id": id}
	if g := n.Groups[id]; g != nil {
		ref["name"], ref["domain"] = g.Name, domainRef(g.DomainID, n)
	}
	return ref
}

func roleRef(id string, n uses.Names) map[string]any {
	ref := map[string]any{"id": id}
	if role := n.Roles[id]; role != nil {
		ref["name"] = role.Name
		if role.DomainID != "" {
			ref["domain"] = domainRef(role.DomainID, n)
		}
	}
	return ref
}
