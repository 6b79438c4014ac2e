package groups

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Change is what a caller wants changed of a group; nil and empty fields stay.
type Change struct {
	Name, Description         *string
	AddVolumes, RemoveVolumes []string // ids
}

// The states of volumes that may come into a group, and of those that may leave one.
var (
	mayJoin  = []block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse}
	mayLeave = []block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse, block.VolumeError, block.VolumeErrorDeleting}
)

// Update changes names at once, and casts a change of what is in the group to its volume service. Invalid for volumes that
// cannot join or leave, and when nothing would change.
func (u *Groups) Update(ctx context.Context, id string, c Change) error {
	g, err := u.group(ctx, id, "group:update")
	if err != nil {
		return err
	}
	if both := intersection(c.AddVolumes, c.RemoveVolumes); len(both) > 0 {
		return block.InvalidVolume("UUIDs ['%s'] are in both add and remove volume list.", strings.Join(both, "', '"))
	}
	msg := &rpcapi.UpdateGroup{FlowID: app.NewOperationID(), GroupID: id}
	volumes, err := members(ctx, u.Store, id)
	if err != nil {
		return err
	}
	if msg.AddVolumes, err = u.joining(ctx, g, volumes, c.AddVolumes); err != nil {
		return err
	}
	if msg.RemoveVolumes, err = leaving(g, volumes, c.RemoveVolumes); err != nil {
		return err
	}
	set := store.GroupSet{Name: changed(c.Name, g.Name), Description: changed(c.Description, g.Description)}
	if len(msg.AddVolumes)+len(msg.RemoveVolumes) > 0 {
		return u.handOverUpdate(ctx, g, msg, set)
	}
	if set == (store.GroupSet{}) {
		return block.InvalidGroup("Cannot update group %s because no valid name, description, add_volumes, or remove_volumes were provided.", id)
	}
	return u.change(ctx, id, set)
}

// handOverUpdate marks the group and gives the rest to its volume service, which looks at the volumes again when it enters
// the change.
func (u *Groups) handOverUpdate(ctx context.Context, g *block.Group, msg *rpcapi.UpdateGroup, set store.GroupSet) error {
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowGroupUpdate, Owner: g.Queue().Backend(),
		ResourceType: "group", ResourceID: g.ID, State: msg}
	set.Status = new(block.GroupUpdating)
	return u.HandOver(ctx, op, func(tx store.Tx) error {
		ok, err := tx.UpdateGroup(ctx, g.ID, store.GroupWhen{Status: []block.GroupStatus{block.GroupAvailable}}, set)
		if err == nil && !ok {
			err = block.InvalidGroup("Group status must be available.")
		}
		return err
	}, func(ctx context.Context) error {
		return u.VolumeService.Cast(ctx, g.Queue(), "3.0", rpcapi.MethodUpdateGroup, msg)
	})
}

// changed is the new text, nil if there is none or it is the old one.
func changed(now, old *string) *string {
	if now == nil || old != nil && *old == *now {
		return nil
	}
	return now
}

func intersection(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(id string) bool { return !slices.Contains(b, id) })
}

// joining are the volumes that are to come into the group, each once, without those that are in it already. volumes are its
// members.
func (u *Groups) joining(ctx context.Context, g *block.Group, volumes []*block.Volume, asked []string) ([]string, error) {
	var ids []string
	for _, id := range asked {
		if slices.Contains(ids, id) || slices.ContainsFunc(volumes, func(v *block.Volume) bool { return v.ID == id }) {
			continue
		}
		v, err := u.Store.Volume(ctx, id, app.ProjectScope(ctx))
		if fault.Is(err, fault.NotFound) {
			return nil, cannotAdd(id, g, "because volume cannot be found.")
		}
		if err != nil {
			return nil, err
		}
		if err := joinable(g, v); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// joinable refuses a volume that cannot come into a group.
func joinable(g *block.Group, v *block.Volume) error {
	switch {
	case v.GroupID != "":
		return cannotAdd(v.ID, g, "because it is already in group %s.", v.GroupID)
	case v.ProjectID != g.ProjectID:
		return cannotAdd(v.ID, g, "as they belong to different projects.")
	case v.VolumeTypeID == "":
		return cannotAdd(v.ID, g, "because it has no volume type.")
	case !slices.Contains(g.VolumeTypeIDs, v.VolumeTypeID):
		return cannotAdd(v.ID, g, "because volume type %s is not supported by the group.", v.VolumeTypeID)
	case !slices.Contains(mayJoin, v.Status):
		return cannotAdd(v.ID, g, "because volume is in an invalid state: %s. Valid states are: %s.", v.Status, tuple(mayJoin))
	case v.Queue().Backend() != g.Queue().Backend():
		return block.InvalidVolume("Volume is not local to this node.")
	}
	return nil
}

func cannotAdd(id string, g *block.Group, why string, args ...any) error {
	return block.InvalidVolume("Cannot add volume %s to group %s %s", id, g.ID, fmt.Sprintf(why, args...))
}

// leaving are the members that are to leave the group, each once.
func leaving(g *block.Group, volumes []*block.Volume, asked []string) ([]string, error) {
	var ids []string
	for _, id := range asked {
		i := slices.IndexFunc(volumes, func(v *block.Volume) bool { return v.ID == id })
		switch {
		case i < 0:
			return nil, block.InvalidVolume("Cannot remove volume %s from group %s because it is not in the group.", id, g.ID)
		case !slices.Contains(mayLeave, volumes[i].Status):
			return nil, block.InvalidVolume("Cannot remove volume %s from group %s because volume is in an invalid state: %s. Valid states are: %s.",
				id, g.ID, volumes[i].Status, tuple(mayLeave))
		case !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// tuple writes words as Python writes a tuple of them.
func tuple[S ~string](words []S) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + string(w) + "'"
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}
