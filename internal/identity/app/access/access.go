// Package access works out who has which roles where: from their own assignments and those of their groups, from what is
// inherited down the tree of projects, and from what roles imply.
//
// What must not live here: policy (what a role allows), and changes of assignments.
package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
)

// Actor is a user with the groups they are in.
type Actor struct {
	UserID   string
	GroupIDs []string
}

// ActorOf reads the groups of a user.
func ActorOf(ctx context.Context, r store.Reader, userID string) (Actor, error) {
	groups, err := r.Groups(ctx, store.GroupQuery{UserID: userID})
	a := Actor{UserID: userID}
	for _, g := range groups {
		a.GroupIDs = append(a.GroupIDs, g.ID)
	}
	return a, err
}

// query chooses the actor's assignments.
func (a Actor) query() store.AssignmentQuery {
	return store.AssignmentQuery{UserIDs: []string{a.UserID}, GroupIDs: a.GroupIDs}
}

// maxTree bounds how deep a tree of projects is followed, should it ever go round in a circle.
const maxTree = 64

// Ancestors are the projects above one, its parent first and its domain last.
func Ancestors(ctx context.Context, r store.ProjectReader, p *identity.Project) (above []*identity.Project, err error) {
	for at := p; at.ParentID != ""; at = above[len(above)-1] {
		if len(above) == maxTree {
			return nil, fmt.Errorf("project %s is more than %d deep in its tree", p.ID, maxTree)
		}
		parent, err := r.Project(ctx, at.ParentID)
		if err != nil {
			return nil, err
		}
		above = append(above, parent)
	}
	return above, nil
}

// Descendants are all projects below one, level by level.
func Descendants(ctx context.Context, r store.ProjectReader, id string) (below []*identity.Project, err error) {
	level := []string{id}
	for range maxTree {
		var next []string
		for _, parent := range level {
			children, err := r.Projects(ctx, store.ProjectQuery{ParentID: parent})
			if err != nil {
				return nil, err
			}
			for _, child := range children {
				below = append(below, child)
				next = append(next, child.ID)
			}
		}
		if level = next; len(level) == 0 {
			return below, nil
		}
	}
	return nil, fmt.Errorf("the tree below project %s is more than %d deep", id, maxTree)
}

// OnProject are the roles the actor has in a project: those assigned there, and those inherited from above.
func OnProject(ctx context.Context, r store.Reader, a Actor, p *identity.Project) ([]*identity.Role, error) {
	direct := a.query()
	direct.ProjectIDs, direct.Inherited = []string{p.ID}, new(false)
	ids, err := roleIDs(ctx, r, direct)
	if err != nil {
		return nil, err
	}
	above, err := Ancestors(ctx, r, p)
	if err != nil {
		return nil, err
	}
	if len(above) > 0 {
		inherited := a.query()
		inherited.Inherited = new(true)
		for _, q := range above {
			// A domain is named as one, or as the project it is too.
			inherited.ProjectIDs = append(inherited.ProjectIDs, q.ID)
			if q.IsDomain {
				inherited.DomainIDs = append(inherited.DomainIDs, q.ID)
			}
		}
		more, err := roleIDs(ctx, r, inherited)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return effective(ctx, r, ids)
}

// OnDomain are the roles the actor has in a domain itself.
func OnDomain(ctx context.Context, r store.Reader, a Actor, domainID string) ([]*identity.Role, error) {
	q := a.query()
	q.DomainIDs, q.Inherited = []string{domainID}, new(false)
	ids, err := roleIDs(ctx, r, q)
	if err != nil {
		return nil, err
	}
	return effective(ctx, r, ids)
}

// OnSystem are the roles the actor has on the whole cloud.
func OnSystem(ctx context.Context, r store.Reader, a Actor) ([]*identity.Role, error) {
	q := a.query()
	q.System = true
	ids, err := roleIDs(ctx, r, q)
	if err != nil {
		return nil, err
	}
	return effective(ctx, r, ids)
}

func roleIDs(ctx context.Context, r store.AssignmentReader, q store.AssignmentQuery) (ids []string, err error) {
	assignments, err := r.Assignments(ctx, q)
	for _, a := range assignments {
		if !slices.Contains(ids, a.RoleID) {
			ids = append(ids, a.RoleID)
		}
	}
	return ids, err
}

// effective adds what roles imply, and leaves out those of a domain: they are good for nothing but implying others.
func effective(ctx context.Context, r store.RoleReader, ids []string) ([]*identity.Role, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rules, err := r.Implications(ctx)
	if err != nil {
		return nil, err
	}
	roles, err := r.Roles(ctx, store.RoleQuery{IDs: identity.Implied(ids, rules), DomainID: new("")})
	return roles, err
}

// Projects are those the actor has any role in, in the order of their ids. Disabled ones are among them.
func Projects(ctx context.Context, r store.Reader, a Actor) ([]*identity.Project, error) {
	assignments, err := r.Assignments(ctx, a.query())
	if err != nil {
		return nil, err
	}
	ids := []string{}
	add := func(id string) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, assignment := range assignments {
		switch {
		case assignment.ProjectID != "" && !assignment.Inherited:
			add(assignment.ProjectID)
		case assignment.Inherited:
			below, err := Descendants(ctx, r, assignment.ProjectID+assignment.DomainID) // one of them is there
			if err != nil {
				return nil, err
			}
			for _, p := range below {
				add(p.ID)
			}
		}
	}
	return r.Projects(ctx, store.ProjectQuery{IDs: ids})
}

// Domains are those the actor has a role in itself, in the order of their ids. Disabled ones are among them.
func Domains(ctx context.Context, r store.Reader, a Actor) ([]*identity.Project, error) {
	q := a.query()
	q.Inherited = new(false)
	assignments, err := r.Assignments(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, assignment := range assignments {
		if assignment.DomainID != "" && !slices.Contains(ids, assignment.DomainID) {
			ids = append(ids, assignment.DomainID)
		}
	}
	return r.Projects(ctx, store.ProjectQuery{IDs: ids, IsDomain: new(true)})
}
