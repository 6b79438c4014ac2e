package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
)

// CompleteExtend ends an extend whose last part Nova has done (failed says that it could not): the volume service, which knows
// what is left to do, is told. Only a Python one leaves an extend in that state, in the volume's admin metadata; our own never wait for
// anybody. Invalid when the volume is not being extended, or nobody waits.
func (u *Volumes) CompleteExtend(ctx context.Context, id string, failed bool) error {
	if _, err := u.Volume(ctx, id, "volume_extension:volume_admin_actions:extend_volume_completion"); err != nil {
		return err
	}
	m := &rpcapi.ExtendVolumeCompletion{VolumeID: id, Failed: failed}
	var host block.Host
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		v, err := tx.Volume(ctx, id, "")
		if err != nil {
			return err
		}
		if m.NewSizeGiB, m.Reservations, err = v.AwaitedExtension(); err != nil {
			return err
		}
		if host = v.Host; v.ClusterName != "" {
			host = block.Host(v.ClusterName)
		}
		for _, key := range []string{block.ExtendNewSize, block.ExtendReservations} {
			if err := tx.DeleteVolumeAdminMetadata(ctx, id, key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return u.VolumeService.Cast(ctx, host, "3.19", rpcapi.MethodExtendVolumeCompletion, m)
}
