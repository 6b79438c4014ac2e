package scheduler

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/scheduler/listing"
	"github.com/clinker/clinker/internal/fault"
)

// updateServiceCapabilities takes in the report of a back end. Reports of other services than the volume service do not
// concern scheduling yet and are left aside.
func (s *Scheduler) updateServiceCapabilities(ctx context.Context, c *rpcapi.ServiceCapabilities) (any, error) {
	if c.ServiceName == "volume" && c.Host != "" {
		s.backends.update(ctx, c)
	}
	return nil, nil
}

// getPools answers with every pool that may be scheduled to and has what the filters ask for, by name.
func (s *Scheduler) getPools(ctx context.Context, m *rpcapi.GetPools) (any, error) {
	if !s.awaitReady(ctx) {
		return nil, notReady()
	}
	pools, err := s.backends.pools(ctx)
	if err != nil {
		return nil, err
	}
	chosen, err := listing.Choose(pools, m.Filters, func(typeNameOrID string) ([]block.Host, error) { return s.ableToHold(ctx, typeNameOrID) })
	if err != nil {
		return nil, err
	}
	return &rpcapi.PoolsReply{Pools: chosen}, nil
}

// ableToHold are the pools that the filters leave for a volume of a type, given by id or name, of no size.
func (s *Scheduler) ableToHold(ctx context.Context, nameOrID string) ([]block.Host, error) {
	t, err := s.store.VolumeType(ctx, nameOrID, "")
	if fault.Is(err, fault.NotFound) {
		t, err = s.store.TypeByName(ctx, nameOrID, "")
	}
	if err != nil {
		return nil, err
	}
	r, err := s.request(ctx, snapshot.CreateVolume, &block.Volume{VolumeTypeID: t.ID})
	if err != nil {
		return nil, err
	}
	s.backends.mu.Lock()
	defer s.backends.mu.Unlock()
	decision, err := s.backends.decider.Decide(s.backends.view(), r, s.backends.random)
	if err != nil && !fault.Is(err, fault.Unavailable) { // it is Unavailable that none is left
		return nil, err
	}
	var able []block.Host
	for _, c := range decision.Candidates {
		able = append(able, c.Pool.ID())
	}
	return able, nil
}

// pools is every pool of a usable back end, with its capabilities as they were reported and its storage protocol in the
// driver's own spelling.
func (b *backends) pools(ctx context.Context) ([]rpcapi.PoolInfo, error) {
	if err := b.refresh(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	own := make(map[block.Host]any)
	for _, s := range block.Distinct(b.services, time.Now(), b.opts.ServiceDownTime) {
		if r := b.reportOf(s); r != nil {
			for name, protocol := range listing.Protocols(r.capabilities) {
				own[block.Host(cmp.Or(s.ClusterName, s.Host)).WithPool(name)] = protocol
			}
		}
	}
	list := []rpcapi.PoolInfo{}
	for _, p := range b.view() {
		if !p.Reported || !p.Service.Up || p.Service.Disabled || p.Service.Frozen {
			continue
		}
		capabilities := maps.Clone(p.Capabilities)
		if _, ok := capabilities["storage_protocol"]; ok {
			protocol, named := own[p.ID()]
			if !named {
				protocol = own[p.ID().WithPool("")]
			}
			capabilities["storage_protocol"] = protocol
		}
		capabilities["timestamp"] = p.Updated.UTC().Format("2006-01-02T15:04:05.000000")
		list = append(list, rpcapi.PoolInfo{Name: p.ID(), Capabilities: capabilities})
	}
	slices.SortFunc(list, func(x, y rpcapi.PoolInfo) int { return cmp.Compare(x.Name, y.Name) })
	return list, nil
}
