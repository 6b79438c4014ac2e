package roles

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/access"
	"github.com/clinker/clinker/internal/identity/store"
)

// Filter chooses assignments. Zero fields do not restrict.
type Filter struct {
	RoleID, UserID, GroupID, ProjectID, DomainID string
	System                                       bool
	Inherited                                    *bool
	Subtree                                      bool // those below ProjectID too
	Effective                                    bool // what assignments on projects and domains come to: groups, inheritance and implications worked out
}

// Assignment is one that is listed, and what it comes from if it is there by something else.
type Assignment struct {
	identity.Assignment
	FromGroup, FromProject, FromDomain, FromRole string
}

// Names are what ids stand for, for those who want to see names.
type Names struct {
	Users    map[string]*identity.User
	Groups   map[string]*identity.Group
	Projects map[string]*identity.Project // domains too
	Roles    map[string]*identity.Role
}

// Assignments lists who has which role where. A caller whose token is for a domain sees what is assigned there and on its
// projects. withNames asks for the names too.
func (u *Roles) Assignments(ctx context.Context, f Filter, withNames bool) (list []Assignment, names Names, err error) {
	if err := u.authorizeList(ctx, f); err != nil {
		return nil, names, err
	}
	err = u.Store.Read(ctx, func(r store.Reader) error {
		l := lister{r, f}
		if list, err = l.list(ctx); err != nil {
			return err
		}
		names = Names{}
		if caller := app.Caller(ctx); caller.Domain != nil {
			if names, err = readNames(ctx, r, list); err != nil {
				return err
			}
			list = slices.DeleteFunc(list, func(a Assignment) bool {
				p := names.Projects[a.ProjectID]
				return a.DomainID != caller.Domain.ID && (p == nil || p.DomainID != caller.Domain.ID)
			})
		} else if withNames {
			names, err = readNames(ctx, r, list)
		}
		return err
	})
	return list, names, err
}

func (u *Roles) authorizeList(ctx context.Context, f Filter) error {
	if !f.Subtree {
		return u.Authorize(ctx, "identity:list_role_assignments", app.ListDomain(ctx))
	}
	t := app.Target{}
	if f.ProjectID != "" {
		p, err := app.OrNil(u.Store.Project(ctx, f.ProjectID))
		if err != nil {
			return err
		}
		if t.Project(p); p != nil {
			t["target.domain_id"] = p.DomainID
		}
	}
	if err := u.Authorize(ctx, "identity:list_role_assignments_for_tree", t); err != nil {
		return err
	}
	if f.ProjectID == "" {
		return identity.Invalid("'scope.project.id' is a dependency of 'include_subtree'")
	}
	return nil
}

// lister works out one list.
type lister struct {
	store.Reader
	Filter
}

func (l lister) list(ctx context.Context) ([]Assignment, error) {
	var projects []string // where; nil: everywhere
	if l.ProjectID != "" {
		projects = []string{l.ProjectID}
	}
	if l.Subtree {
		below, err := access.Descendants(ctx, l, l.ProjectID)
		if err != nil {
			return nil, err
		}
		for _, p := range below {
			projects = append(projects, p.ID)
		}
	}
	if l.Effective {
		return l.effective(ctx, projects)
	}
	q := store.AssignmentQuery{ProjectIDs: projects, System: l.System, Inherited: l.Inherited}
	if l.RoleID != "" {
		q.RoleIDs = []string{l.RoleID}
	}
	if l.UserID != "" {
		q.UserIDs = []string{l.UserID}
	}
	if l.GroupID != "" {
		q.GroupIDs = []string{l.GroupID}
	}
	if l.DomainID != "" {
		q.DomainIDs = []string{l.DomainID}
	}
	direct, err := l.Reader.Assignments(ctx, q)
	var list []Assignment
	for _, a := range direct {
		list = append(list, Assignment{Assignment: a})
	}
	return list, err
}

// effective works out what the assignments come to in the places.
func (l lister) effective(ctx context.Context, projects []string) ([]Assignment, error) {
	q := store.AssignmentQuery{}
	if l.UserID != "" {
		actor, err := access.ActorOf(ctx, l, l.UserID)
		if err != nil {
			return nil, err
		}
		q.UserIDs, q.GroupIDs = []string{l.UserID}, actor.GroupIDs
	}
	direct, err := l.Reader.Assignments(ctx, q)
	if err != nil {
		return nil, err
	}
	var list []Assignment
	for _, a := range direct {
		placed, err := l.inPlaces(ctx, a, projects)
		if err != nil {
			return nil, err
		}
		list = append(list, placed...)
	}
	if list, err = l.toMembers(ctx, list); err != nil {
		return nil, err
	}
	return l.implied(ctx, list)
}

// inPlaces is an assignment where it counts: itself, or on the projects below that inherit it.
func (l lister) inPlaces(ctx context.Context, a identity.Assignment, projects []string) (list []Assignment, err error) {
	if l.Inherited != nil && a.Inherited != *l.Inherited {
		return nil, nil
	}
	wanted := func(projectID, domainID string) bool {
		if projects == nil && l.DomainID == "" {
			return !l.System
		}
		return projectID != "" && slices.Contains(projects, projectID) || domainID != "" && domainID == l.DomainID
	}
	if !a.Inherited {
		if !a.System && wanted(a.ProjectID, a.DomainID) {
			list = append(list, Assignment{Assignment: a})
		}
		return list, nil
	}
	below, err := access.Descendants(ctx, l, a.ProjectID+a.DomainID) // one of them is there
	if err != nil {
		return nil, err
	}
	for _, p := range below {
		if wanted(p.ID, "") {
			list = append(list, Assignment{Assignment: identity.Assignment{UserID: a.UserID, GroupID: a.GroupID, ProjectID: p.ID, RoleID: a.RoleID},
				FromProject: a.ProjectID, FromDomain: a.DomainID})
		}
	}
	return list, nil
}

// toMembers puts the members in the place of groups.
func (l lister) toMembers(ctx context.Context, list []Assignment) (expanded []Assignment, err error) {
	members := map[string][]*identity.User{}
	for _, a := range list {
		if a.GroupID == "" {
			expanded = append(expanded, a)
			continue
		}
		if _, known := members[a.GroupID]; !known {
			if members[a.GroupID], err = l.Users(ctx, store.UserQuery{GroupID: a.GroupID}); err != nil {
				return nil, err
			}
		}
		for _, m := range members[a.GroupID] {
			if l.UserID == "" || l.UserID == m.ID {
				each := a
				each.FromGroup, each.GroupID, each.UserID = a.GroupID, "", m.ID
				expanded = append(expanded, each)
			}
		}
	}
	return expanded, nil
}

// implied adds what roles imply, leaves roles of domains out, and keeps the role that is asked for.
func (l lister) implied(ctx context.Context, list []Assignment) (expanded []Assignment, err error) {
	rules, err := l.Implications(ctx)
	if err != nil {
		return nil, err
	}
	global, err := l.Roles(ctx, store.RoleQuery{DomainID: new("")})
	if err != nil {
		return nil, err
	}
	seen := map[Assignment]bool{}
	for i := 0; i < len(list); i++ {
		a := list[i]
		if seen[a] {
			continue
		}
		seen[a] = true
		for _, rule := range rules {
			if rule.Prior == a.RoleID && !seen[with(a, rule)] {
				list = append(list, with(a, rule))
			}
		}
		isGlobal := slices.ContainsFunc(global, func(r *identity.Role) bool { return r.ID == a.RoleID })
		if isGlobal && (l.RoleID == "" || l.RoleID == a.RoleID) {
			expanded = append(expanded, a)
		}
	}
	return expanded, nil
}

// with is an assignment of what its role implies.
func with(a Assignment, rule identity.Implication) Assignment {
	a.RoleID, a.FromRole = rule.Implied, rule.Prior
	return a
}

// readNames reads everything that a list names, each kind at once.
func readNames(ctx context.Context, r store.Reader, list []Assignment) (n Names, err error) {
	var users, groups, projects, roles []string
	for _, a := range list {
		users, groups, roles = append(users, a.UserID), append(groups, a.GroupID), append(roles, a.RoleID)
		projects = append(projects, a.ProjectID, a.DomainID)
	}
	n = Names{Users: map[string]*identity.User{}, Groups: map[string]*identity.Group{}, Projects: map[string]*identity.Project{}, Roles: map[string]*identity.Role{}}
	foundUsers, err := r.Users(ctx, store.UserQuery{IDs: users})
	if err != nil {
		return n, err
	}
	for _, u := range foundUsers {
		n.Users[u.ID], projects = u, append(projects, u.DomainID)
	}
	foundGroups, err := r.Groups(ctx, store.GroupQuery{IDs: groups})
	if err != nil {
		return n, err
	}
	for _, g := range foundGroups {
		n.Groups[g.ID], projects = g, append(projects, g.DomainID)
	}
	foundRoles, err := r.Roles(ctx, store.RoleQuery{IDs: roles})
	if err != nil {
		return n, err
	}
	for _, role := range foundRoles {
		n.Roles[role.ID], projects = role, append(projects, role.DomainID)
	}
	for range 2 { // the second time, the domains of projects
		found, err := r.Projects(ctx, store.ProjectQuery{IDs: projects})
		if err != nil {
			return n, err
		}
		projects = []string{}
		for _, p := range found {
			n.Projects[p.ID], projects = p, append(projects, p.DomainID)
		}
	}
	return n, nil
}
