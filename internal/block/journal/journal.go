// Package journal binds the flow engine to the store of Block Storage: where the journal's records are kept, how the
// flows that cross services are called in it, and the recovery that every owner of records runs.
//
// What must not live here: any flow's steps, or what an owner does with a record.
package journal

import (
	"context"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// The flows that are handed from one service to another, by the name in their journal record. The state of each is the
// JSON of the rpcapi message's struct of that work; a FlowID within it may be empty, the record's own ID counts.
const (
	VolumeSchedule = "volume_schedule" // scheduler; rpcapi.CreateRequest
	VolumeCreate   = "volume_create"   // volume service; rpcapi.CreateRequest
	VolumeDelete   = "volume_delete"   // volume service; rpcapi.DeleteVolume
	VolumeExtend   = "volume_extend"   // scheduler, then volume service; rpcapi.ExtendVolume
	SnapshotCreate = "snapshot_create" // scheduler, then volume service; rpcapi.CreateSnapshot
	SnapshotDelete = "snapshot_delete" // volume service; rpcapi.DeleteSnapshot
	// AttachmentUpdate and AttachmentDelete begin and end in the volume service.
	AttachmentUpdate = "attachment_update"
	AttachmentDelete = "attachment_delete"
)

// SchedulerOwner owns the records that any scheduler may see to. A volume service owns its records as "host@backend".
const SchedulerOwner = "scheduler"

// Updater is the part of a store.Store that the journal writes through.
type Updater interface {
	Update(ctx context.Context, fn func(tx store.Tx) error) error
}

// New gives a journal that keeps its records in s, in the transactions of s.
func New(s Updater) flow.Journal[store.Tx] { return rows{s} }

type rows struct{ Updater }

func (rows) PutFlow(ctx context.Context, tx store.Tx, r flow.Record) error { return tx.PutFlow(ctx, r) }

func (rows) DeleteFlow(ctx context.Context, tx store.Tx, id string) error {
	return tx.DeleteFlow(ctx, id)
}
