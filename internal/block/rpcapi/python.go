package rpcapi

import "github.com/clinker/clinker/internal/block"

// Methods that only Python services call: ours do by themselves what these are for.
const (
	MethodAcceptTransfer       = "accept_transfer"
	MethodRemoveExport         = "remove_export"
	MethodSecureFileOperations = "secure_file_operations_enabled"
	MethodInitializeSnapshot   = "initialize_connection_snapshot"
	MethodTerminateSnapshot    = "terminate_connection_snapshot"
	MethodRemoveExportSnapshot = "remove_export_snapshot"
	MethodFailoverCompleted    = "failover_completed"
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

// ConnectSnapshot asks a volume service to attach a snapshot, to end that, or to let go of what it was exported by.
type ConnectSnapshot struct {
	SnapshotID string
	Connector  block.Connector
	Force      bool
}

// FailoverCompleted tells the services of a cluster what has become of their row when one of them failed over; nil fields stay.
type FailoverCompleted struct {
	ReplicationStatus string
	ActiveBackendID   *string
	Disabled          *bool
	DisabledReason    string // if Disabled is said
}
