package app

import "github.com/clinker/clinker/internal/block/store"

// The words in which lists are asked for are the store's own; these names let the API speak them without seeing the store.
type (
	VolumeQuery     = store.VolumeQuery     // which volumes
	SnapshotQuery   = store.SnapshotQuery   // which snapshots
	AttachmentQuery = store.AttachmentQuery // which attachments
	TypeQuery       = store.TypeQuery       // which volume types
	TransferQuery   = store.TransferQuery   // which transfers
	BackupQuery     = store.BackupQuery     // which backups
	GroupQuery      = store.GroupQuery      // which groups
	MessageQuery    = store.MessageQuery    // which user messages
	// GroupSnapshotQuery says which group snapshots.
	GroupSnapshotQuery = store.GroupSnapshotQuery
	Page               = store.Page       // which part of the list
	Sort               = store.Sort       // in which order
	TimeFilter         = store.TimeFilter // before or after which moment
)
