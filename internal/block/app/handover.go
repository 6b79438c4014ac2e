package app

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// Operation is long work that a use case gives to another service.
type Operation struct {
	ID           string // the journal's id of it; NewOperationID makes one
	Name         string // rpcapi.FlowVolumeDelete, ...
	Owner        string // rpcapi.SchedulerOwner, or the back end's "host@backend"
	ResourceType string // "volume", "snapshot", "attachment", "group", "group_snapshot"
	ResourceID   string
	State        any // the message the owner gets; also what it finds in the journal after a crash
}

// NewOperationID makes an id for an operation.
func NewOperationID() string { return uuid.NewString() }

// HandOver changes rows and writes the operation to the journal in one transaction, and then casts it. A cast that fails
// is logged and no error: the owner's recovery finds the record and does the work. Only if the owner is a Python service,
// which has no journal, is it one: an operator has to reset the state of the resource then, as in Cinder. change may run more
// than once.
func (c *Core) HandOver(ctx context.Context, op Operation, change func(tx store.Tx) error, cast func(ctx context.Context) error) error {
	state, err := json.Marshal(op.State)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "", "the state of %s cannot be written", op.Name)
	}
	err = c.Store.Update(ctx, func(tx store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return tx.PutFlow(ctx, flow.Record{ID: op.ID, Name: op.Name, Owner: op.Owner,
			ResourceType: op.ResourceType, ResourceID: op.ResourceID, State: state})
	})
	if err != nil {
		return err
	}
	if err := c.Cast(ctx, op.Owner, cast); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), castTimeout)
		defer cancel()
		if ours, kept := c.Ours(ctx, c.Store, op.Owner); kept == nil && !ours {
			return err
		}
		c.Log.WarnContext(ctx, "the message was not accepted; the journal has the operation", "operation", op.Name,
			"resource_id", op.ResourceID, "error", err)
	}
	return nil
}
