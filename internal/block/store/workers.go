package store

import (
	"context"
	"time"
)

// Worker is a row of Cinder's table workers: that a Python service has an operation in hand, or is about to. Our services keep
// a journal instead: where one takes up what a Python service has sent, the journal's record takes the place of the row.
type Worker struct {
	ID           int64
	ResourceType string // "Volume" or "Snapshot"
	ResourceID   string
	Status       string // the resource's, while the operation is under way
	ServiceID    int64  // of the row of the service that has it in hand; 0 for nobody yet
	Race         int64  // race_preventer: how often the row was changed
	UpdatedAt    time.Time
}

// WorkerQuery chooses workers. Zero fields do not restrict.
type WorkerQuery struct {
	ServiceID                int64
	ResourceType, ResourceID string
	Until                    time.Time // not changed after this
	AfterID                  int64     // in the order of ids, which is that of the answer
	Limit                    int
}

// WorkerReader reads workers.
type WorkerReader interface {
	Workers(ctx context.Context, q WorkerQuery) ([]Worker, error)
}

// WorkerWriter changes them. Those that take a Worker do it only if its row is still as it was read, and say whether it was.
type WorkerWriter interface {
	// ClaimWorker has a service take the operation in hand.
	ClaimWorker(ctx context.Context, w Worker, serviceID int64) (bool, error)
	// DropWorker deletes the row.
	DropWorker(ctx context.Context, w Worker) (bool, error)
	// ForgetWorker deletes the row of a resource, whoever has it in hand. None is no error.
	ForgetWorker(ctx context.Context, resourceType, resourceID string) error
	// LeaveWorker writes a row of the resource, in the place of the one there is, for the service of ServiceID to clean up.
	LeaveWorker(ctx context.Context, w Worker) error
}
