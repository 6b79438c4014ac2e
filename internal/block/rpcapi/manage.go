package rpcapi

// ManageExisting asks a volume service to make what Reference names in its storage the volume.
type ManageExisting struct {
	FlowID    string
	VolumeID  string
	Reference map[string]any // JSON values; empty in an unmanage
}

// ManageExistingSnapshot is ManageExisting for a snapshot.
type ManageExistingSnapshot struct {
	FlowID     string
	SnapshotID string
	Reference  map[string]any
}

// GetManageable asks for a page of what a storage holds. Keys of Sort are "reference" and "size"; Marker is the reference of
// the last entry seen, as a JSON object, empty for none. Limit 0 is a page of nothing.
type GetManageable struct {
	Limit, Offset int
	Marker        string
	Sort          []SortKey
}

// SortKey is a key of an order.
type SortKey struct {
	Key  string
	Desc bool
}

// Manageable is the answer to it.
type Manageable struct{ Entries []ManageableEntry }

// ManageableEntry is a volume or snapshot in a storage.
type ManageableEntry struct {
	Reference     map[string]any
	SizeGiB       int64
	SafeToManage  bool
	ReasonNotSafe string         // empty if it is safe
	CinderID      string         // of the volume or snapshot it is already
	Source        map[string]any // of a snapshot: the reference of its volume, nil if not known
}
