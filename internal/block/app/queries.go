package app

import "github.com/clinker/clinker/internal/block/store"

// The words in which lists are asked for are the store's own; these names let the API speak them without seeing the store.
type (
	VolumeQuery     = store.VolumeQuery
	SnapshotQuery   = store.SnapshotQuery
	AttachmentQuery = store.AttachmentQuery
	TypeQuery       = store.TypeQuery
	Page            = store.Page
	Sort            = store.Sort
	TimeFilter      = store.TimeFilter
)
