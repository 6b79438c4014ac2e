// Package groups is the use cases of groups, group snapshots, and the consistency groups of old, which are groups of one
// group type (block.ConsistencyGroupTypeName).
package groups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Groups is the use cases of groups. It is safe for concurrent use.
type Groups struct {
	*app.Core
	// consistency says that these are the use cases of consistency groups: they make such groups and take any; the others
	// leave consistency groups alone, as upstream.
	consistency bool
}

// New makes the use cases of generic groups over the shared parts.
func New(core *app.Core) *Groups { return &Groups{Core: core} }

// NewConsistency makes the use cases of consistency groups.
func NewConsistency(core *app.Core) *Groups { return &Groups{Core: core, consistency: true} }

// hiddenTypeID is the group type whose groups these use cases leave alone; empty for none.
func (u *Groups) hiddenTypeID(ctx context.Context) (string, error) {
	if u.consistency {
		return "", nil
	}
	t, err := u.Store.GroupTypeByName(ctx, block.ConsistencyGroupTypeName, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return "", nil
	case err != nil:
		return "", err
	}
	return t.ID, nil
}

// What groups and group snapshots of the hidden type are called in a refusal.
const (
	hiddenGroup         = "group can only be operated by CG APIs"
	hiddenGroupSnapshot = "group snapshots can only be operated by CG snapshot APIs"
)

// admit refuses what has the hidden type.
func (u *Groups) admit(ctx context.Context, groupTypeID, what string) error {
	hidden, err := u.hiddenTypeID(ctx)
	if err != nil || hidden == "" || hidden != groupTypeID {
		return err
	}
	return fault.New(fault.Invalid, "", "Group_type %s is reserved for migrating CGs to groups. Migrated %s.", groupTypeID, what)
}

// group reads a group that these use cases may work on, as Core.Group.
func (u *Groups) group(ctx context.Context, id, rule string) (*block.Group, error) {
	g, err := u.Group(ctx, id, "group:get")
	if err != nil {
		return nil, err
	}
	if err := u.admit(ctx, g.GroupTypeID, hiddenGroup); err != nil {
		return nil, err
	}
	return g, u.Policy.Check(ctx, rule, app.Target(g.ProjectID, g.UserID))
}

// Get reads one group.
func (u *Groups) Get(ctx context.Context, id string) (*block.Group, error) {
	return u.group(ctx, id, "group:get")
}

// List reads the groups q chooses; allProjects is for administrators.
func (u *Groups) List(ctx context.Context, q store.GroupQuery, allProjects bool) (_ []*block.Group, err error) {
	if err := u.Authorize(ctx, "group:get_all"); err != nil {
		return nil, err
	}
	if r := reqctx.From(ctx); !r.IsAdmin || !allProjects {
		q.ProjectID = r.ProjectID
	}
	if q.WithoutTypeID, err = u.hiddenTypeID(ctx); err != nil {
		return nil, err
	}
	return u.Store.Groups(ctx, q)
}

// VolumeIDs are the ids of the volumes in each of some groups that the caller has been shown.
func (u *Groups) VolumeIDs(ctx context.Context, groups []*block.Group) (map[string][]string, error) {
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	return u.Store.GroupVolumeIDs(ctx, ids)
}

// MaySeeProject says whether the caller may see whose a group is.
func (u *Groups) MaySeeProject(ctx context.Context) bool {
	return u.Authorize(ctx, "group:group_project_attribute") == nil
}

// ResetStatus writes a status by hand, whatever it is.
func (u *Groups) ResetStatus(ctx context.Context, id string, status block.GroupStatus) error {
	return u.told(ctx, "groups.reset_status", id, string(status), func() error {
		g, err := u.Group(ctx, id, "group:reset_status")
		if err != nil {
			return err
		}
		return u.change(ctx, g.ID, store.GroupSet{Status: &status})
	})
}

// told does something and tells of it as upstream does: before, and of success or failure after.
func (u *Groups) told(ctx context.Context, event, id, update string, do func() error) error {
	payload := func() map[string]any { return map[string]any{"id": id, "update": update} }
	u.Events.Notify(ctx, event+".start", payload())
	err := do()
	if err == nil {
		u.Events.Notify(ctx, event+".end", payload())
	} else {
		u.Events.Outcome(ctx, event, err, nil, map[string]any{"id": id})
	}
	return err
}

// change writes into a group's row whatever its state.
func (u *Groups) change(ctx context.Context, id string, set store.GroupSet) error {
	return u.Store.Update(ctx, func(tx store.Tx) error {
		ok, err := tx.UpdateGroup(ctx, id, store.GroupWhen{}, set)
		if err == nil && !ok {
			err = block.GroupNotFound(id)
		}
		return err
	})
}

// members are the volumes of a group, oldest first.
func members(ctx context.Context, r store.VolumeReader, groupID string) ([]*block.Volume, error) {
	return r.Volumes(ctx, store.VolumeQuery{Equal: map[string][]string{"group_id": {groupID}},
		Page: store.Page{Sort: []store.Sort{{Key: "created_at"}}}})
}

// enter takes quota for a group and inserts it.
func (u *Groups) enter(ctx context.Context, tx store.Tx, g *block.Group) error {
	if err := u.Claim(ctx, tx, g.ID); err != nil {
		return err
	}
	if err := u.Quota.Take(ctx, tx, g.ProjectID, quota.Delta{Groups: 1}, 0); err != nil {
		return err
	}
	return tx.CreateGroup(ctx, g)
}

// destroy removes a group's row, and writes the usage that is left.
func destroy(ctx context.Context, tx store.Tx, g *block.Group) error {
	if err := tx.DestroyGroup(ctx, g.ID); err != nil {
		return err
	}
	return store.RecordGroupUsage(ctx, tx, g.ProjectID)
}
