package maintenance

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Clusters lists the clusters (cluster list).
func (d Desk) Clusters(ctx context.Context) error {
	clusters, err := d.Store.Clusters(ctx, d.Now().Add(-d.DownTime))
	if err != nil {
		return err
	}
	const head, format = "%-36s %-16s %-10s %-5s %-20s %-7s %-12s %-20s", "%-36s %-16s %-10s %-5s %-20s %-7d %-12d %-20s"
	d.say(head, "Name", "Binary", "Status", "State", "Heartbeat", "Hosts", "Down Hosts", "Updated At")
	for _, c := range clusters {
		d.say(format, c.Name, c.Binary, enabled(c.Disabled), state(c.Up(d.Now(), d.DownTime)), moment(c.LastHeartbeat), c.Hosts, c.DownHosts,
			moment(c.UpdatedAt))
	}
	return nil
}

// RemoveCluster removes a cluster (cluster remove), with recursive its services too. Status 2: there is none, or it has
// services.
func (d Desk) RemoveCluster(ctx context.Context, binary, name string, recursive bool) error {
	var found *block.Cluster
	var services []*block.Service
	removed := false
	err := d.Store.Update(ctx, func(tx store.Tx) error {
		found, services = nil, nil
		clusters, err := tx.Clusters(ctx, d.Now())
		if err != nil {
			return err
		}
		for _, c := range clusters {
			if c.Name == name && c.Binary == binary {
				found = c
			}
		}
		if found == nil {
			return nil
		}
		if recursive {
			if services, err = tx.Services(ctx, store.ServiceQuery{ClusterName: name}); err != nil {
				return err
			}
			for _, s := range services {
				if err := tx.DeleteService(ctx, s.ID); err != nil {
					return err
				}
			}
		}
		removed, err = tx.DestroyCluster(ctx, found.ID)
		return err
	})
	switch {
	case err != nil:
		return err
	case found == nil:
		d.say("Couldn't remove cluster %s because it doesn't exist.", name)
		return Status(2)
	case !removed:
		d.say("Couldn't remove cluster %s because it still has hosts.", name)
		return Status(2)
	case recursive:
		d.say("Cluster %s successfully removed. And %d services from the cluster were also removed.", name, len(services))
	default:
		d.say("Cluster %s successfully removed.", name)
	}
	return nil
}

// RenameCluster renames a cluster in volumes and consistency groups (cluster rename); see store.ClusterWriter. Status 2:
// none names it. An empty name of the present cluster is nobody's.
func (d Desk) RenameCluster(ctx context.Context, current, to string, whole bool) error {
	var volumes, groups int64
	if current != "" {
		err := d.Store.Update(ctx, func(tx store.Tx) (err error) {
			volumes, groups, err = tx.RenameCluster(ctx, current, to, whole)
			return err
		})
		if err != nil {
			return err
		}
	}
	if volumes+groups == 0 {
		d.say("No volumes or consistency groups exist in cluster %s.", orNone(current))
		return Status(2)
	}
	d.say("Successfully renamed %d volumes and %d consistency groups from cluster %s to %s", volumes, groups, current, orNone(to))
	return nil
}
