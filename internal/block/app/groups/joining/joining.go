// Package joining is which volumes may be made in a group. Which of those that are there may come into one, package groups
// says.
package joining

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Read reads the group that a volume is to be made in; consistency says that it is a consistency group.
func Read(ctx context.Context, core *app.Core, id string) (g *block.Group, consistency bool, err error) {
	if g, err = core.Group(ctx, id, "group:get"); err != nil {
		return nil, false, err
	}
	t, err := core.Store.GroupType(ctx, g.GroupTypeID, "")
	if fault.Is(err, fault.NotFound) {
		return g, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return g, t.Name == block.ConsistencyGroupTypeName, nil
}

// Check refuses a volume of a type that was not named or is none of the group's, and one whose source is on another back end.
// No group is as good as any; source is nil where the volume has none.
func Check(g *block.Group, typeNamed bool, typeID string, source *block.Volume) error {
	switch {
	case g == nil:
		return nil
	case !typeNamed:
		return block.InvalidInput("volume_type must be provided when creating a volume in a group.")
	case !slices.Contains(g.VolumeTypeIDs, typeID):
		return block.InvalidInput("Invalid volume_type provided: %s (requested type must be supported by this group).", typeID)
	case source != nil && source.Queue().Backend() != g.Queue().Backend():
		return block.InvalidInput("The source of the volume and the group are on different back ends.")
	}
	return takes(g)
}

// joinable are the states of groups in which volumes can be made.
var joinable = []block.GroupStatus{block.GroupAvailable, block.GroupCreating}

// takes refuses a group in a state in which it gets no new volumes. One that the scheduler has not placed yet is refused
// too: upstream takes the volume, and may make it on another back end than the group.
func takes(g *block.Group) error {
	switch {
	case !slices.Contains(joinable, g.Status):
		return block.InvalidGroup("Originating group status must be one of 'available, creating' values")
	case g.Host == "":
		return block.InvalidGroup("Group %s has not been placed on a back end yet. Wait until it is available.", g.ID)
	}
	return nil
}

// Enter looks at the group again in the transaction that enters the volume: it may be on its way out.
func Enter(ctx context.Context, tx store.Tx, g *block.Group) error {
	if g == nil {
		return nil
	}
	now, err := tx.Group(ctx, g.ID, "")
	if err != nil {
		return err
	}
	return takes(now)
}
