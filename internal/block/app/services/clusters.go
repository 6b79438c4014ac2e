package services

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// ClusterStatus is a cluster and whether one of its services is up now.
type ClusterStatus struct {
	*block.Cluster
	Up bool
}

// Clusters reads the clusters of services. The caller has been authorized.
func (u *Services) Clusters(ctx context.Context) ([]ClusterStatus, error) {
	rows, err := u.Store.Clusters(ctx, u.Now().Add(-u.Options.ServiceDownTime))
	if err != nil {
		return nil, err
	}
	list := make([]ClusterStatus, 0, len(rows))
	for _, c := range rows {
		list = append(list, ClusterStatus{Cluster: c, Up: c.Up(u.Now(), u.Options.ServiceDownTime)})
	}
	return list, nil
}

// DisableCluster says whether volumes may be scheduled to a cluster. The caller has been authorized. NotFound ClusterNotFound.
func (u *Services) DisableCluster(ctx context.Context, id int64, disabled bool, reason string) error {
	return u.Store.Update(ctx, func(tx store.Tx) error {
		return tx.UpdateCluster(ctx, id, store.ServiceSet{Disabled: &disabled, DisabledReason: &reason})
	})
}
