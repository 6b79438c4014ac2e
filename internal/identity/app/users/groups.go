package users

import (
	"context"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// authorizedGroup reads a group the caller may do to what rule stands for.
func (u *Users) authorizedGroup(ctx context.Context, rule, id string) (*identity.Group, error) {
	g, err := app.OrNil(u.Store.Group(ctx, id))
	if err != nil {
		return nil, err
	}
	if err := u.Authorize(ctx, rule, app.Target{}.Group(g)); err != nil {
		return nil, err
	}
	if g == nil {
		return nil, identity.NotFound(identity.TheGroup, id)
	}
	return g, nil
}

// Group reads a group.
func (u *Users) Group(ctx context.Context, id string) (*identity.Group, error) {
	return u.authorizedGroup(ctx, "identity:get_group", id)
}

// Groups lists the groups that q chooses. A caller whose token is for a domain sees that domain's only.
func (u *Users) Groups(ctx context.Context, q store.GroupQuery) ([]*identity.Group, error) {
	t := app.Target{}
	if caller := app.Caller(ctx); caller != nil && caller.Domain != nil {
		t.Group(&identity.Group{DomainID: caller.Domain.ID})
	}
	if err := u.Authorize(ctx, "identity:list_groups", t); err != nil {
		return nil, err
	}
	if !narrow(ctx, &q.DomainID) {
		return nil, nil
	}
	return u.Store.Groups(ctx, q)
}

// GroupsOf lists the groups a user is in.
func (u *Users) GroupsOf(ctx context.Context, userID string, q store.GroupQuery) ([]*identity.Group, error) {
	if _, err := u.authorized(ctx, "identity:list_groups_for_user", userID); err != nil {
		return nil, err
	}
	q.UserID = userID
	if !narrow(ctx, &q.DomainID) {
		return nil, nil
	}
	return u.Store.Groups(ctx, q)
}

// CreateGroup makes a group of what g says, which needs no id.
func (u *Users) CreateGroup(ctx context.Context, g *identity.Group) error {
	g.ID, g.Name, g.DomainID = app.NewID(), strings.TrimSpace(g.Name), app.DomainFor(ctx, g.DomainID)
	if err := u.Authorize(ctx, "identity:create_group", app.Target{}.Group(g)); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Domain(ctx, g.DomainID); err != nil {
			return err
		}
		return tx.CreateGroup(ctx, g)
	})
}

// GroupChange is what an update changes; nil fields stay.
type GroupChange struct {
	Name, Description, DomainID *string
	Extra                       identity.Extra
}

// UpdateGroup changes a group.
func (u *Users) UpdateGroup(ctx context.Context, id string, c GroupChange) (*identity.Group, error) {
	g, err := u.authorizedGroup(ctx, "identity:update_group", id)
	if err != nil {
		return nil, err
	}
	if c.DomainID != nil && *c.DomainID != g.DomainID {
		return nil, identity.Invalid("Cannot change Domain ID")
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if g, err = tx.Group(ctx, id); err != nil {
			return err
		}
		if c.Name != nil {
			g.Name = strings.TrimSpace(*c.Name)
		}
		if c.Description != nil {
			g.Description = *c.Description
		}
		g.Extra = g.Extra.Merge(c.Extra)
		return tx.UpdateGroup(ctx, g)
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// DeleteGroup removes a group. If it had roles, the tokens of its members are worthless.
func (u *Users) DeleteGroup(ctx context.Context, id string) error {
	if _, err := u.authorizedGroup(ctx, "identity:delete_group", id); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		had, err := tx.Assignments(ctx, store.AssignmentQuery{GroupIDs: []string{id}})
		if err != nil {
			return err
		}
		members, err := tx.Users(ctx, store.UserQuery{GroupID: id})
		if err != nil {
			return err
		}
		for _, m := range members {
			if len(had) == 0 {
				break
			}
			if err := u.Revoke(ctx, tx, identity.RevocationEvent{UserID: m.ID}); err != nil {
				return err
			}
		}
		return tx.DeleteGroup(ctx, id)
	})
}

// Members lists the users in a group that q chooses.
func (u *Users) Members(ctx context.Context, groupID string, q store.UserQuery) ([]*identity.User, error) {
	if _, err := u.authorizedGroup(ctx, "identity:list_users_in_group", groupID); err != nil {
		return nil, err
	}
	q.GroupID = groupID
	found, err := u.Store.Users(ctx, q)
	if caller := app.Caller(ctx); caller.Domain != nil {
		found = slices.DeleteFunc(found, func(m *identity.User) bool { return m.DomainID != caller.Domain.ID })
	}
	return found, err
}

// membership checks that the caller may do to a membership what rule stands for, and that both sides are there.
func (u *Users) membership(ctx context.Context, rule, groupID, userID string) error {
	g, err := app.OrNil(u.Store.Group(ctx, groupID))
	if err != nil {
		return err
	}
	user, err := app.OrNil(u.Store.User(ctx, userID))
	if err != nil {
		return err
	}
	if err := u.Authorize(ctx, rule, app.Target{}.Group(g).User(user)); err != nil {
		return err
	}
	if g == nil {
		return identity.NotFound(identity.TheGroup, groupID)
	}
	if user == nil {
		return identity.NotFound(identity.TheUser, userID)
	}
	return nil
}

func notMember(groupID, userID string) error {
	return fault.New(fault.NotFound, "", "User '%s' not found in group '%s'", userID, groupID)
}

// CheckMember says, by a fault.NotFound, whether a user is not in a group.
func (u *Users) CheckMember(ctx context.Context, groupID, userID string) error {
	if err := u.membership(ctx, "identity:check_user_in_group", groupID, userID); err != nil {
		return err
	}
	is, err := u.Store.IsMember(ctx, groupID, userID)
	if err == nil && !is {
		err = notMember(groupID, userID)
	}
	return err
}

// AddMember puts a user into a group; one who is there already does no harm.
func (u *Users) AddMember(ctx context.Context, groupID, userID string) error {
	if err := u.membership(ctx, "identity:add_user_to_group", groupID, userID); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.AddMember(ctx, groupID, userID) })
}

// RemoveMember takes a user out of a group and makes their tokens worthless.
func (u *Users) RemoveMember(ctx context.Context, groupID, userID string) error {
	if err := u.membership(ctx, "identity:remove_user_from_group", groupID, userID); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		was, err := tx.RemoveMember(ctx, groupID, userID)
		if err == nil && !was {
			err = notMember(groupID, userID)
		}
		if err != nil {
			return err
		}
		return u.Revoke(ctx, tx, identity.RevocationEvent{UserID: userID})
	})
}
