package rpcapi

import "github.com/clinker/clinker/internal/fault"

// ExceptionModule is where Python finds the classes of Cinder's exceptions.
const ExceptionModule = "cinder.exception"

// ExceptionKinds says of what kind those of Cinder's exceptions are whose HTTP code, which they carry along, does not say it: 96
// of its 218 classes say 500 (cinder/exception.py).
func ExceptionKinds() map[string]fault.Kind {
	kinds := make(map[string]fault.Kind)
	for kind, names := range map[fault.Kind][]string{
		fault.Busy: {"VolumeIsBusy", "SnapshotIsBusy", "VolumeAttached"},
		fault.Conflict: {"Duplicate", "VolumeTypeInUse", "GroupTypeInUse", "QoSSpecsInUse", "WorkerExists", "ClusterExists", "VolumeTypeExists",
			"VolumeTypeAccessExists", "GroupTypeExists", "GroupTypeAccessExists", "GroupVolumeTypeMappingExists", "QoSSpecsExists",
			"ManageExistingAlreadyManaged", "VolumeMetadataBackupExists", "BackupExists", "DriverInitiatorDataExists"},
		fault.Invalid: {"MalformedRequestBody", "InvalidConnectorException", "ManageExistingInvalidReference", "ManageExistingVolumeTypeMismatch",
			"BackupMetadataUnsupportedVersion", "ImageConversionNotAllowed", "ImageCompressionNotAllowed", "BadResetResourceStatus",
			"NotSupportedOperation", "SnapshotUnavailable", "SnapshotLimitReached"},
		fault.OverLimit: {"OverQuota"},
		fault.Forbidden: {"ImageNotAuthorized"},
		fault.Unavailable: {"DriverNotInitialized", "GlanceConnectionFailed", "SwiftConnectionFailed", "ServiceUnavailable", "RPCTimeout",
			"ZoneManagerNotInitialized", "LockCreationFailed", "NoValidBackend"},
		fault.Timeout:        {"APITimeout"},
		fault.NotImplemented: {"RekeyNotSupported"},
	} {
		for _, name := range names {
			kinds[name] = kind
		}
	}
	return kinds
}

// ExceptionClasses gives the classes for faults without a name. Python's services catch them by these.
func ExceptionClasses() map[fault.Kind]string {
	return map[fault.Kind]string{
		fault.Internal: "CinderException", fault.Invalid: "Invalid", fault.Unauthorized: "NotAuthorized", fault.Forbidden: "NotAuthorized",
		fault.NotFound: "NotFound", fault.Conflict: "ResourceConflict", fault.OverLimit: "QuotaError", fault.Unavailable: "ServiceUnavailable",
		fault.Timeout: "APITimeout", fault.Busy: "VolumeIsBusy",
	}
}
