package store

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// TransferQuery chooses transfers. ProjectID is the project that has the volume now. Equal takes the columns of the table
// (display_name, volume_id, source_project_id, ...); a name that is no column chooses nothing.
type TransferQuery struct {
	ProjectID string
	Equal     map[string][]string
	Page      Page
}

// TransferReader reads the offers of volumes.
type TransferReader interface {
	// Transfer reads one. A projectID that is not empty hides those of volumes of other projects. NotFound:
	// TransferNotFound.
	Transfer(ctx context.Context, id, projectID string) (*block.Transfer, error)
	Transfers(ctx context.Context, q TransferQuery) ([]*block.Transfer, error)
}

// TransferWriter changes the offers of volumes. What becomes of the volume is the caller's to write.
type TransferWriter interface {
	CreateTransfer(ctx context.Context, t *block.Transfer) error
	// DestroyTransfer soft-deletes one; with acceptedBy, the project that accepted it, it also says so. It says whether
	// there was one to delete: of two who accept at once, one does.
	DestroyTransfer(ctx context.Context, id, acceptedBy string) (bool, error)
}
