package groups

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// CreateRequest is what a caller asks of a new group. Zero fields were not given.
type CreateRequest struct {
	Name, Description *string
	GroupType         string   // id or name; not of a consistency group, which has its own
	VolumeTypes       []string // ids or names
	AvailabilityZone  string
}

// Create enters a group and casts its making to the scheduler. It returns it as entered: creating. NotFound for types that
// are not there, Invalid for a zone, OverLimit for quota.
func (u *Groups) Create(ctx context.Context, r CreateRequest) (*block.Group, error) {
	if err := u.Authorize(ctx, "group:create"); err != nil {
		return nil, err
	}
	return app.Once(ctx, u.Core, u.Get, func(ctx context.Context) (*block.Group, error) { return u.begin(ctx, r) })
}

func (u *Groups) begin(ctx context.Context, r CreateRequest) (*block.Group, error) {
	groupType, err := u.groupType(ctx, r.GroupType)
	if err != nil {
		return nil, err
	}
	types, err := u.volumeTypes(ctx, r.VolumeTypes)
	if err != nil {
		return nil, err
	}
	zone, err := u.zone(ctx, r.AvailabilityZone)
	if err != nil {
		return nil, err
	}
	g := u.newGroup(ctx, r.Name, r.Description)
	g.GroupTypeID, g.VolumeTypeIDs, g.AvailabilityZone = groupType.ID, types, zone
	msg := &rpcapi.CreateGroup{FlowID: app.NewOperationID(), GroupID: g.ID}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowGroupCreate, Owner: rpcapi.SchedulerOwner,
		ResourceType: "group", ResourceID: g.ID, State: msg}
	err = u.HandOver(ctx, op, func(tx store.Tx) error { return u.enter(ctx, tx, g) },
		func(ctx context.Context) error { return u.Scheduler.CreateGroup(ctx, msg) })
	if err != nil {
		return nil, err
	}
	return g, nil
}

// newGroup is a group of the caller's, creating.
func (u *Groups) newGroup(ctx context.Context, name, description *string) *block.Group {
	caller := reqctx.From(ctx)
	g := &block.Group{ID: uuid.NewString(), UserID: caller.UserID, ProjectID: caller.ProjectID, Name: name, Description: description,
		Status: block.GroupCreating, ReplicationStatus: block.ReplicationDisabled}
	g.CreatedAt = u.Now()
	return g
}

// groupType is the type of a new group.
func (u *Groups) groupType(ctx context.Context, nameOrID string) (*block.GroupType, error) {
	if u.consistency {
		t, err := u.Store.GroupTypeByName(ctx, block.ConsistencyGroupTypeName, "")
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.Invalid, "", "Group type %s not found. Rerun migration script to create the default cgsnapshot type.",
				block.ConsistencyGroupTypeName)
		}
		return t, err
	}
	t, err := u.GroupTypeByNameOrID(ctx, nameOrID)
	if err != nil {
		return nil, err
	}
	return t, u.admit(ctx, t.ID, hiddenGroup)
}

// volumeTypes are the ids of the types that were named, each once.
func (u *Groups) volumeTypes(ctx context.Context, named []string) ([]string, error) {
	var ids []string
	for _, name := range named {
		t, err := u.TypeByNameOrID(ctx, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, t.ID) {
			ids = append(ids, t.ID)
		}
	}
	return ids, nil
}

// zone settles in which availability zone a group is.
func (u *Groups) zone(ctx context.Context, asked string) (string, error) {
	zone := asked
	if zone == "" {
		zone = u.Options.DefaultZone()
	}
	known, err := u.Zones.List(ctx)
	if err != nil {
		return "", err
	}
	named := func(z app.Zone) bool { return z.Name == zone }
	switch {
	case zone == u.Options.StorageAvailabilityZone, slices.ContainsFunc(known, named):
		return zone, nil
	case u.Options.AllowAvailabilityZoneFallback:
		return u.Options.DefaultZone(), nil
	}
	return "", block.InvalidInput("Availability zone '%s' is invalid.", zone)
}
