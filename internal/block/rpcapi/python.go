package rpcapi

// Methods that only Python services call: ours do by themselves what these are for.
const (
	MethodAcceptTransfer       = "accept_transfer"
	MethodRemoveExport         = "remove_export"
	MethodFreezeHost           = "freeze_host"
	MethodThawHost             = "thaw_host"
	MethodSecureFileOperations = "secure_file_operations_enabled"
)

// AcceptTransfer tells a volume service that a volume and, unless NoSnapshots is set, its snapshots are about to belong to
// somebody else. The row is the caller's to change.
type AcceptTransfer struct {
	VolumeID    string
	NewUser     string
	NewProject  string
	NoSnapshots bool
}

// RemoveExport asks a volume service to let go of what it exported a volume by, once its connections are terminated.
type RemoveExport struct{ VolumeID string }

// AskSecureFileOperations asks a volume service how it treats files.
type AskSecureFileOperations struct{ VolumeID string }

// SecureFileOperations is the answer to secure_file_operations_enabled: whether the service works without root's rights.
type SecureFileOperations struct{ Enabled bool }
