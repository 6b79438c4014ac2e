// Package operators is the part of the codec about what operators ask for (log levels, cleaning up, failing over), and what only
// Python services ask of a volume service.
//
// What must not live here: the operations that users ask for.
package operators

import (
	"maps"

	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
)

// Scheduler is these methods of a scheduler.
func Scheduler() map[string]arguments.Method {
	methods := logMethods("3.7")
	methods[rpcapi.MethodWorkCleanup], methods[rpcapi.MethodDoCleanup] = workCleanup(), cleanupArguments("3.4")
	return methods
}

// Backup is these methods of a backup service.
func Backup() map[string]arguments.Method { return logMethods("2.1") }

// Volume is these methods of a volume service.
func Volume() map[string]arguments.Method {
	methods := logMethods("3.12")
	methods[rpcapi.MethodDoCleanup] = cleanupArguments("3.7")
	maps.Copy(methods, hostMethods())
	maps.Copy(methods, questions())
	return methods
}

// hostMethods are those about a back end as a whole.
func hostMethods() map[string]arguments.Method {
	agreeing := arguments.Answering(arguments.Bare("3.0"), func(_ *arguments.Encoder, r *rpcapi.Agreed) any { return r.Yes },
		func(d *arguments.Decoder, r *rpcapi.Agreed) { r.Yes = d.Flag(arguments.Answer) })
	return map[string]arguments.Method{
		rpcapi.MethodFreezeHost: agreeing,
		rpcapi.MethodThawHost:   agreeing,
		rpcapi.MethodFailover: arguments.Takes("3.8", func(e *arguments.Encoder, m *rpcapi.Failover) {
			e.Set("secondary_backend_id", arguments.OrNull(m.SecondaryBackendID))
		}, func(d *arguments.Decoder, m *rpcapi.Failover) { m.SecondaryBackendID = d.Text("secondary_backend_id") }),
		rpcapi.MethodFailoverCompleted: arguments.Takes("3.8", func(e *arguments.Encoder, m *rpcapi.FailoverCompleted) {
			updates := map[string]any{"replication_status": m.ReplicationStatus}
			if m.ActiveBackendID != nil {
				updates["active_backend_id"] = *m.ActiveBackendID
			}
			if m.Disabled != nil {
				updates["disabled"], updates["disabled_reason"] = *m.Disabled, m.DisabledReason
			}
			e.Set("updates", updates)
		}, func(d *arguments.Decoder, m *rpcapi.FailoverCompleted) {
			updates := d.Dict("updates")
			*m = rpcapi.FailoverCompleted{ReplicationStatus: updates.Text("replication_status"), DisabledReason: updates.Text("disabled_reason")}
			if id, ok := updates["active_backend_id"].(string); ok {
				m.ActiveBackendID = &id
			}
			if disabled, ok := updates["disabled"].(bool); ok {
				m.Disabled = &disabled
			}
		}),
	}
}

// questions are what only Python services ask.
func questions() map[string]arguments.Method {
	return map[string]arguments.Method{
		rpcapi.MethodAcceptTransfer: arguments.Takes("3.16", func(e *arguments.Encoder, m *rpcapi.AcceptTransfer) {
			e.SetAll(map[string]any{"volume_id": m.VolumeID, "new_user": m.NewUser, "new_project": m.NewProject, "no_snapshots": m.NoSnapshots})
		}, func(d *arguments.Decoder, m *rpcapi.AcceptTransfer) {
			*m = rpcapi.AcceptTransfer{VolumeID: d.Required("volume_id"), NewUser: d.Text("new_user"), NewProject: d.Text("new_project"), NoSnapshots: d.Flag("no_snapshots")}
		}),
		rpcapi.MethodRemoveExport: arguments.Takes("3.0", func(e *arguments.Encoder, m *rpcapi.RemoveExport) { e.Set("volume_id", m.VolumeID) },
			func(d *arguments.Decoder, m *rpcapi.RemoveExport) { m.VolumeID = d.Required("volume_id") }),
		rpcapi.MethodSecureFileOperations: arguments.Answering(arguments.Takes("3.0", func(e *arguments.Encoder, m *rpcapi.AskSecureFileOperations) { e.SetVolume("volume", m.VolumeID) },
			func(d *arguments.Decoder, m *rpcapi.AskSecureFileOperations) { m.VolumeID = d.ID("volume", "Volume") }),
			func(_ *arguments.Encoder, r *rpcapi.SecureFileOperations) any { return r.Enabled },
			func(d *arguments.Decoder, r *rpcapi.SecureFileOperations) { r.Enabled = d.Flag(arguments.Answer) }),
		rpcapi.MethodExtendVolumeCompletion: arguments.Takes("3.19", func(e *arguments.Encoder, m *rpcapi.ExtendVolumeCompletion) {
			e.SetVolume("volume", m.VolumeID)
			e.SetAll(map[string]any{"new_size": m.NewSizeGiB, "reservations": arguments.NotNull(m.Reservations), "error": m.Failed})
		}, func(d *arguments.Decoder, m *rpcapi.ExtendVolumeCompletion) {
			*m = rpcapi.ExtendVolumeCompletion{VolumeID: d.ID("volume", "Volume"), NewSizeGiB: d.Number("new_size"), Reservations: d.Texts("reservations"),
				Failed: d.Flag("error")}
		}),
		rpcapi.MethodInitializeSnapshot: arguments.Takes("3.13", func(e *arguments.Encoder, m *rpcapi.ConnectSnapshot) {
			e.SetAll(map[string]any{"snapshot_id": m.SnapshotID, "connector": m.Connector})
		}, connectSnapshot),
		rpcapi.MethodTerminateSnapshot: arguments.Takes("3.13", func(e *arguments.Encoder, m *rpcapi.ConnectSnapshot) {
			e.SetAll(map[string]any{"snapshot_id": m.SnapshotID, "connector": m.Connector, "force": m.Force})
		}, connectSnapshot),
		rpcapi.MethodRemoveExportSnapshot: arguments.Takes("3.13", func(e *arguments.Encoder, m *rpcapi.ConnectSnapshot) {
			e.Set("snapshot_id", m.SnapshotID)
		}, connectSnapshot),
	}
}

func connectSnapshot(d *arguments.Decoder, m *rpcapi.ConnectSnapshot) {
	*m = rpcapi.ConnectSnapshot{SnapshotID: d.Required("snapshot_id"), Connector: d.Connector("connector"), Force: d.Flag("force")}
}
