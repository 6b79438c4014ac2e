package scheduler

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
)

// updateServiceCapabilities takes in the report of a back end. Reports of other services than the volume service do not
// concern scheduling yet and are left aside.
func (s *Scheduler) updateServiceCapabilities(ctx context.Context, c *rpcapi.ServiceCapabilities) (any, error) {
	if c.ServiceName == "volume" && c.Host != "" {
		s.backends.update(ctx, c)
	}
	return nil, nil
}

// getPools answers with every pool that may be scheduled to, by name.
func (s *Scheduler) getPools(ctx context.Context, _ *struct{}) (any, error) {
	if !s.awaitReady(ctx) {
		return nil, notReady()
	}
	pools, err := s.backends.pools(ctx)
	if err != nil {
		return nil, err
	}
	return &rpcapi.PoolsReply{Pools: pools}, nil
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
	for _, s := range b.distinct() {
		if r := b.reportOf(s); r != nil {
			for name, protocol := range protocols(r.capabilities) {
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

// protocols is the storage protocol as the driver spells it, by pool; under the empty name that of the back end, for the
// pools that say nothing.
func protocols(capabilities map[string]any) map[string]any {
	all := map[string]any{"": capabilities["storage_protocol"]}
	note := func(pool map[string]any) {
		name, _ := pool["pool_name"].(string)
		if p, ok := pool["storage_protocol"]; ok && p != nil && p != "" && name != "" {
			all[name] = p
		}
	}
	switch list := capabilities["pools"].(type) {
	case []map[string]any:
		for _, pool := range list {
			note(pool)
		}
	case []any:
		for _, e := range list {
			if pool, ok := e.(map[string]any); ok {
				note(pool)
			}
		}
	}
	return all
}
