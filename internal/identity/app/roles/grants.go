package roles

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// grant is who and where of an assignment, as far as they are there.
type grant struct {
	role          *identity.Role
	user          *identity.User
	group         *identity.Group
	place, domain *identity.Project
}

// look reads who and where of an assignment. What is not there is nil.
func look(ctx context.Context, r store.Reader, a identity.Assignment) (g grant, err error) {
	if a.RoleID != "" {
		if g.role, err = app.OrNil(r.Role(ctx, a.RoleID)); err != nil {
			return g, err
		}
	}
	if a.UserID != "" {
		g.user, err = app.OrNil(r.User(ctx, a.UserID))
	} else {
		g.group, err = app.OrNil(r.Group(ctx, a.GroupID))
	}
	if err != nil {
		return g, err
	}
	if a.ProjectID != "" {
		g.place, err = app.OrNil(r.Project(ctx, a.ProjectID))
	} else if a.DomainID != "" {
		g.domain, err = app.OrNil(r.Domain(ctx, a.DomainID))
	}
	return g, err
}

// missing is the fault about the first thing that is not there. Who may be gone already when a role is taken away.
func (g grant) missing(a identity.Assignment, who bool) error {
	switch {
	case a.RoleID != "" && g.role == nil:
		return identity.NotFound(identity.TheRole, a.RoleID)
	case who && a.UserID != "" && g.user == nil:
		return identity.NotFound(identity.TheUser, a.UserID)
	case who && a.UserID == "" && g.group == nil:
		return identity.NotFound(identity.TheGroup, a.GroupID)
	case a.ProjectID != "" && g.place == nil:
		return identity.NotFound(identity.TheProject, a.ProjectID)
	case a.DomainID != "" && g.domain == nil:
		return identity.NotFound(identity.TheDomain, a.DomainID)
	}
	return nil
}

// grantRule is the rule for a call about an assignment.
func grantRule(verb string, a identity.Assignment) string {
	actor := "user"
	if a.UserID == "" {
		actor = "group"
	}
	switch {
	case a.System && verb == "list":
		return "identity:list_system_grants_for_" + actor
	case a.System:
		return "identity:" + verb + "_system_grant_for_" + actor
	case verb == "list":
		return "identity:list_grants"
	}
	return "identity:" + verb + "_grant"
}

// allowed checks that the caller may do to an assignment what verb stands for, and that what it is about is there.
func (u *Roles) allowed(ctx context.Context, verb string, a identity.Assignment) (grant, error) {
	g, err := look(ctx, u.Store, a)
	if err != nil {
		return g, err
	}
	t := app.Target{}.Role(g.role).User(g.user).Group(g.group).Project(g.place).Domain(g.domain)
	if err := u.Authorize(ctx, grantRule(verb, a), t); err != nil {
		return g, err
	}
	return g, g.missing(a, verb != "revoke")
}

// Granted lists the roles assigned to somebody somewhere; a has no role.
func (u *Roles) Granted(ctx context.Context, a identity.Assignment) ([]*identity.Role, error) {
	if _, err := u.allowed(ctx, "list", a); err != nil {
		return nil, err
	}
	q := place(a)
	if a.UserID != "" {
		q.UserIDs = []string{a.UserID}
	} else {
		q.GroupIDs = []string{a.GroupID}
	}
	found, err := u.Store.Assignments(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, f := range found {
		ids = append(ids, f.RoleID)
	}
	return u.Store.Roles(ctx, store.RoleQuery{IDs: ids})
}

// place is the query for what is assigned where a is.
func place(a identity.Assignment) (q store.AssignmentQuery) {
	q.System, q.Inherited = a.System, &a.Inherited
	if a.ProjectID != "" {
		q.ProjectIDs = []string{a.ProjectID}
	}
	if a.DomainID != "" {
		q.DomainIDs = []string{a.DomainID}
	}
	return q
}

func notAssigned(a identity.Assignment) error {
	where := a.ProjectID + a.DomainID // one of them is there
	if a.System {
		where = "system"
	}
	return fault.New(fault.NotFound, "", "Could not find role assignment with role: %s, user or group: %s, project, domain, or system: %s.",
		a.RoleID, a.UserID+a.GroupID, where)
}

// IsGranted says, by a fault.NotFound, whether an assignment is not there.
func (u *Roles) IsGranted(ctx context.Context, a identity.Assignment) error {
	if _, err := u.allowed(ctx, "check", a); err != nil {
		return err
	}
	q := place(a)
	q.RoleIDs = []string{a.RoleID}
	if a.UserID != "" {
		q.UserIDs = []string{a.UserID}
	} else {
		q.GroupIDs = []string{a.GroupID}
	}
	found, err := u.Store.Assignments(ctx, q)
	if err == nil && len(found) == 0 {
		err = notAssigned(a)
	}
	return err
}

// Grant gives somebody a role somewhere; one they have already does no harm.
func (u *Roles) Grant(ctx context.Context, a identity.Assignment) error {
	g, err := u.allowed(ctx, "create", a)
	if err != nil {
		return err
	}
	switch {
	case a.System && g.role.DomainID != "":
		return fault.New(fault.Invalid, "", "Role %s is a domain-specific role. Unable to use a domain-specific role in a system assignment.", a.RoleID)
	case g.place != nil && g.role.DomainID != "" && g.place.DomainID != g.role.DomainID:
		return fault.New(fault.Forbidden, "DomainSpecificRoleMismatch", "Project %s must be in the same domain as the role %s being assigned.", a.ProjectID, a.RoleID)
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateAssignment(ctx, a) })
}

// Revoke takes a role somewhere away. The application credentials that whoever had it made in that project go too.
func (u *Roles) Revoke(ctx context.Context, a identity.Assignment) error {
	if _, err := u.allowed(ctx, "revoke", a); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		was, err := tx.DeleteAssignment(ctx, a)
		if err == nil && !was {
			err = notAssigned(a)
		}
		if err != nil || a.ProjectID == "" {
			return err
		}
		users := []string{a.UserID}
		if a.UserID == "" {
			members, err := tx.Users(ctx, store.UserQuery{GroupID: a.GroupID})
			if err != nil {
				return err
			}
			users = nil
			for _, m := range members {
				users = append(users, m.ID)
			}
		}
		return dropCredentials(ctx, tx, users, a.ProjectID)
	})
}

func dropCredentials(ctx context.Context, tx store.Tx, users []string, projectID string) error {
	for _, user := range users {
		list, err := tx.ApplicationCredentials(ctx, store.ApplicationCredentialQuery{UserID: user, ProjectID: projectID})
		if err != nil {
			return err
		}
		for _, c := range list {
			if err := tx.DeleteApplicationCredential(ctx, c.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
