package manager

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

// What Python services ask that ours never do.

// pythonMethods serves it.
func (m *Manager) pythonMethods() map[string]messaging.Method {
	return map[string]messaging.Method{
		// No storage of ours keeps to whom a volume belongs.
		rpcapi.MethodAcceptTransfer: messaging.Silent(func(ctx context.Context, a *rpcapi.AcceptTransfer) error {
			_, err := m.Store.Volume(ctx, a.VolumeID, "")
			return err
		}),
		// An export goes with its last connection.
		rpcapi.MethodRemoveExport: messaging.Silent(func(context.Context, *rpcapi.RemoveExport) error { return nil }),
		rpcapi.MethodSecureFileOperations: messaging.Replying(func(context.Context, *rpcapi.AskSecureFileOperations) (*rpcapi.SecureFileOperations, error) {
			return &rpcapi.SecureFileOperations{}, nil
		}),
		rpcapi.MethodFreezeHost: messaging.Silent(func(ctx context.Context, _ *struct{}) error { return m.freeze(ctx, true) }),
		rpcapi.MethodThawHost:   messaging.Silent(func(ctx context.Context, _ *struct{}) error { return m.freeze(ctx, false) }),
	}
}

// freeze disables the back end while it is frozen, as upstream's manager does; the API has written that it is.
func (m *Manager) freeze(ctx context.Context, frozen bool) error {
	reason := ""
	if frozen {
		reason = "frozen"
	}
	return m.Store.Update(ctx, func(tx store.Tx) error {
		services, err := tx.Services(ctx, store.ServiceQuery{Host: m.Host, Binary: block.BinaryVolume})
		if err != nil {
			return err
		}
		for _, s := range services {
			if err := tx.UpdateService(ctx, s.ID, store.ServiceSet{Disabled: &frozen, DisabledReason: &reason}); err != nil {
				return err
			}
		}
		return nil
	})
}

// cleanUp sees to what a Python service in this one's place had in hand when it ended.
func (m *Manager) cleanUp(ctx context.Context) {
	err := m.cleaner.Own(reqctx.Internal(ctx), rpcapi.CleanupRequest{Until: m.listening})
	if err != nil && ctx.Err() == nil {
		m.Log.WarnContext(ctx, "what a Python service left unfinished could not be read", "backend", m.Host, "error", err)
	}
}

// deleteAgain deletes a volume that a Python service had begun to delete, and its snapshots with it.
func (m *Manager) deleteAgain(ctx context.Context, volumeID string) error {
	return run(ctx, m, m.flows.del, "", rpcapi.FlowVolumeDelete, volumeID, &deletion{DeleteVolume: rpcapi.DeleteVolume{VolumeID: volumeID, Cascade: true}})
}
