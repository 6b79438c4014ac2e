package groups

import (
	"context"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Replication is one thing that can be done about the replication of a group. Make one with Enable, Disable or Failover.
type Replication struct {
	method, rule, word string
	group              []block.GroupStatus  // the states a group must be in
	replication        []string             // its replication, and that of each volume
	volumes            []block.VolumeStatus // the states of its volumes; empty for any
	detached           bool                 // no volume may be in use
	meanwhile          string
	target             string
}

// Enable begins to replicate a group.
func Enable() Replication {
	return Replication{method: rpcapi.MethodEnableReplication, rule: "group:enable_replication", word: "enable",
		group: []block.GroupStatus{block.GroupAvailable}, replication: []string{block.ReplicationDisabled, block.ReplicationEnabled},
		volumes: mayJoin, meanwhile: block.ReplicationEnabling}
}

// Disable ends that.
func Disable() Replication {
	return Replication{method: rpcapi.MethodDisableReplication, rule: "group:disable_replication", word: "disable",
		group: []block.GroupStatus{block.GroupAvailable, block.GroupError}, replication: []string{block.ReplicationEnabled, block.ReplicationError},
		meanwhile: block.ReplicationDisabling}
}

// Failover moves a group to another site: secondaryBackendID, or "default" for where it came from, or empty for any. Volumes in
// use go along only if allowAttached says so.
func Failover(allowAttached bool, secondaryBackendID string) Replication {
	return Replication{method: rpcapi.MethodFailoverReplication, rule: "group:failover_replication", word: "failover",
		group: []block.GroupStatus{block.GroupAvailable}, replication: []string{block.ReplicationEnabled, block.ReplicationFailedOver},
		volumes: mayJoin, detached: !allowAttached, meanwhile: block.ReplicationFailingOver, target: secondaryBackendID}
}

// SetReplication marks a group and its volumes, and casts the work. Invalid if the group's type or one of its volume types is
// not replicated, or something is in no state for it.
func (u *Groups) SetReplication(ctx context.Context, id string, r Replication) error {
	g, err := u.Group(ctx, id, r.rule)
	if err != nil {
		return err
	}
	if err := u.checkReplicated(ctx, g); err != nil {
		return err
	}
	msg := &rpcapi.SetReplication{FlowID: app.NewOperationID(), GroupID: id, Method: r.method, SecondaryBackendID: r.target, Before: map[string]string{}}
	volumes, err := r.check(ctx, u.Store, g)
	if err != nil {
		return err
	}
	msg.Before[id] = g.ReplicationStatus
	for _, v := range volumes {
		msg.Before[v.ID] = v.ReplicationStatus
	}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowGroupReplication, Owner: g.Queue().Backend(),
		ResourceType: "group", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error { return r.mark(ctx, tx, id, msg.Before) },
		func(ctx context.Context) error { return u.VolumeService.Cast(ctx, g.Queue(), "3.14", r.method, msg) })
}

// checkReplicated refuses a group that is not of a replicated type, or has volume types that are not.
func (u *Groups) checkReplicated(ctx context.Context, g *block.Group) error {
	t, err := u.Store.GroupType(ctx, g.GroupTypeID, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || !t.Asks(block.SpecGroupReplication) && !t.Asks(block.SpecConsistentGroupReplication) {
		return fault.New(fault.Invalid, "InvalidGroupType", "Invalid group type: Group %s is not a replication group type.", g.ID)
	}
	for _, typeID := range g.VolumeTypeIDs {
		vt, err := u.Store.VolumeType(ctx, typeID, "")
		if err != nil {
			return err
		}
		if !vt.Replicated() {
			return fault.New(fault.Invalid, "InvalidVolumeType",
				"Invalid volume type: Volume type %s does not have 'replication_enabled' spec key set to '<is> True'.", vt.ID)
		}
	}
	return nil
}

// check refuses a group, or a volume of it, in a state in which it cannot be done, and gives the volumes.
func (r Replication) check(ctx context.Context, reader store.VolumeReader, g *block.Group) ([]*block.Volume, error) {
	const must = "%s %s %s must be %s, but current status is: %s. Cannot %s replication."
	if !slices.Contains(r.group, g.Status) {
		return nil, block.InvalidGroup(must, "Group", g.ID, "status", pythonList(r.group), g.Status, r.word)
	}
	if !slices.Contains(r.replication, g.ReplicationStatus) {
		return nil, block.InvalidGroup(must, "Group", g.ID, "replication status", pythonList(r.replication), g.ReplicationStatus, r.word)
	}
	volumes, err := members(ctx, reader, g.ID)
	if err != nil {
		return nil, err
	}
	for _, v := range volumes {
		state := v.ReplicationStatus
		if state == "" { // nobody has replicated it yet
			state = block.ReplicationDisabled
		}
		switch {
		case len(r.volumes) > 0 && !slices.Contains(r.volumes, v.Status):
			return nil, block.InvalidVolume(must, "Volume", v.ID, "status", pythonList(r.volumes), v.Status, r.word)
		case r.detached && v.Status == block.VolumeInUse:
			return nil, block.InvalidVolume("Volume %s is attached but allow_attached_volume flag is False. Cannot failover replication.", v.ID)
		case !slices.Contains(r.replication, state):
			return nil, block.InvalidVolume(must, "Volume", v.ID, "replication status", pythonList(r.replication), state, r.word)
		}
	}
	return volumes, nil
}

// mark looks again, under the transaction, and marks group and volumes. before is what was seen.
func (r Replication) mark(ctx context.Context, tx store.Tx, id string, before map[string]string) error {
	g, err := tx.Group(ctx, id, "")
	if err != nil {
		return err
	}
	volumes, err := r.check(ctx, tx, g)
	if err != nil {
		return err
	}
	for _, v := range volumes {
		if _, known := before[v.ID]; !known {
			return block.InvalidGroup("The volumes of group %s have changed. Try again.", id)
		}
		if _, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{}, store.VolumeSet{ReplicationStatus: &r.meanwhile}); err != nil {
			return err
		}
	}
	_, err = tx.UpdateGroup(ctx, id, store.GroupWhen{}, store.GroupSet{ReplicationStatus: &r.meanwhile})
	return err
}

// ReplicationTargets asks the volume service where the group could be replicated to. Only administrators see more of a site than
// its backend_id.
func (u *Groups) ReplicationTargets(ctx context.Context, id string) ([]map[string]string, error) {
	g, err := u.Group(ctx, id, "group:list_replication_targets")
	if err != nil {
		return nil, err
	}
	if err := u.checkReplicated(ctx, g); err != nil {
		return nil, err
	}
	if g.Host == "" {
		return nil, block.InvalidGroup("Group %s is on no back end yet.", id)
	}
	var reply rpcapi.ReplicationTargets
	err = u.VolumeService.Call(ctx, g.Queue(), "3.14", rpcapi.MethodListReplicationTargets, &rpcapi.ListReplicationTargets{GroupID: id}, &reply)
	if err != nil || reqctx.From(ctx).IsAdmin {
		return reply.Targets, err
	}
	shown := []map[string]string{}
	for _, t := range reply.Targets {
		const name = "backend_id"
		if backend := t[name]; backend != "" {
			shown = append(shown, map[string]string{name: backend})
		}
	}
	return shown, nil
}

// pythonList writes words as Python writes a list of them.
func pythonList[S ~string](words []S) string {
	return "[" + strings.Trim(tuple(words), "()") + "]"
}
