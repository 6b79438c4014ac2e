package rpcapi

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// Methods about a back end as a whole, and the end of what somebody else has to do.
const (
	MethodFreezeHost             = "freeze_host"
	MethodThawHost               = "thaw_host"
	MethodFailover               = "failover"
	MethodExtendVolumeCompletion = "extend_volume_completion"
)

// Agreed is the answer to freeze_host and thaw_host: whether the storage went along.
type Agreed struct{ Yes bool }

// Failover asks a back end to fail over to another of its storages; empty leaves the choice to its driver, "default" is back.
type Failover struct{ SecondaryBackendID string }

// ExtendVolumeCompletion tells a volume service that the last part of an extend, which Nova had to do, is done, or that it Failed.
type ExtendVolumeCompletion struct {
	VolumeID     string
	NewSizeGiB   int64
	Reservations []string
	Failed       bool
}

// Freeze calls freeze_host, or thaw_host if frozen is false, and says whether the storage went along.
func (v Volume) Freeze(ctx context.Context, s *block.Service, frozen bool) (bool, error) {
	method := MethodThawHost
	if frozen {
		method = MethodFreezeHost
	}
	var r Agreed
	err := v.Call(ctx, s.Queue(), "3.0", method, &struct{}{}, &r)
	return r.Yes, err
}

// Failover casts failover.
func (v Volume) Failover(ctx context.Context, s *block.Service, m *Failover) error {
	return v.Cast(ctx, s.Queue(), "3.8", MethodFailover, m)
}
