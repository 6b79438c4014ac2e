package services

import (
	"context"
	"fmt"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Failover has a back end, or a cluster of them, fail over to another of its storages, which backendID names; empty leaves the choice to
// its driver. Only one that is up, and whose replication is enabled or which has failed over already, can.
func (u *Services) Failover(ctx context.Context, host, cluster, backendID string) error {
	for _, rule := range []string{"volume_extension:services:update", "volume:failover_host"} {
		if err := u.Authorize(ctx, rule); err != nil {
			return err
		}
	}
	var to *block.Service
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		rows, err := u.replicating(ctx, tx, host, cluster)
		if err != nil {
			return err
		}
		to = nil
		hosts := make([]string, 0, len(rows))
		for _, s := range rows {
			hosts = append(hosts, fmt.Sprintf("'%s'", s.Host))
			if !s.Up(u.Now(), u.Options.ServiceDownTime) {
				continue
			}
			from := []string{block.ReplicationEnabled, block.ReplicationFailedOver}
			moved, err := tx.MoveReplication(ctx, s.ID, from, block.ReplicationFailingOver)
			if err != nil {
				return err
			}
			if moved && to == nil {
				to = s
			}
		}
		if to == nil {
			return block.InvalidInput("No service could be changed: replication_status in [%s] must be ['enabled', 'failed-over'] and must be up to failover.",
				strings.Join(hosts, ", "))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return u.VolumeService.Failover(ctx, to, &rpcapi.Failover{SecondaryBackendID: backendID})
}

// replicating are the services that a host or a cluster names.
func (u *Services) replicating(ctx context.Context, tx store.Tx, host, cluster string) ([]*block.Service, error) {
	rows, err := tx.Services(ctx, store.ServiceQuery{Host: host, ClusterName: cluster, Binary: block.BinaryVolume})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		if host != "" {
			return nil, fault.New(fault.Invalid, "InvalidInput", "No service found with host=%s", host)
		}
		return nil, fault.New(fault.Invalid, "InvalidInput", "No service found with cluster=%s", cluster)
	}
	for _, s := range rows {
		if host != "" && s.Host != rows[0].Host {
			return nil, fault.New(fault.Invalid, "InvalidParameterValue", "Services from different clusters found.")
		}
	}
	return rows, nil
}

// Freeze freezes a back end or a cluster's, or thaws it: nothing is made or deleted there. Frozen it is disabled, too. Ours are disabled here; a Python
// service is asked, which disables itself when its storage knows of it, and stays disabled if the storage does not want to be thawed.
func (u *Services) Freeze(ctx context.Context, host, cluster string, frozen bool) error {
	rule, reason := "volume:thaw_host", ""
	if frozen {
		rule, reason = "volume:freeze_host", "frozen"
	}
	if err := u.Authorize(ctx, rule); err != nil {
		return err
	}
	var rows []*block.Service
	var ours bool
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		if rows, err = u.replicating(ctx, tx, host, cluster); err != nil {
			return err
		}
		if err := refuseFrozen(rows, &frozen); err != nil {
			return err
		}
		if ours, err = u.Ours(ctx, tx, string(rows[0].Queue())); err != nil {
			return err
		}
		set := store.ServiceSet{Frozen: &frozen}
		if ours {
			set.Disabled, set.DisabledReason = &frozen, &reason
		}
		for _, s := range rows {
			if err := tx.UpdateService(ctx, s.ID, set); err != nil {
				return err
			}
		}
		if cluster == "" {
			return nil
		}
		c, err := tx.EnsureCluster(ctx, &block.Cluster{Name: cluster, Binary: block.BinaryVolume})
		if err != nil {
			return err
		}
		return tx.UpdateCluster(ctx, c.ID, store.ServiceSet{Frozen: &frozen})
	})
	if err != nil || ours {
		return err
	}
	agreed, err := u.VolumeService.Freeze(ctx, rows[0], frozen)
	if err == nil && !agreed {
		return block.InvalidInput("Backend reported error during thaw_host operation.")
	}
	return err
}
