package migration

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Request says where a volume is to go. One of Host and Cluster is not empty.
type Request struct {
	Host    block.Host // with or without a pool
	Cluster string     // "cluster@backend", with or without a pool
	// ForceHostCopy has the bytes copied even where the storage could move them by itself.
	ForceHostCopy bool
	// Lock takes an available volume out of use (status maintenance) until it has arrived. Without it, whoever attaches,
	// extends or otherwise changes the volume first, aborts the migration.
	Lock bool
}

// Migrate moves a volume to another back end; for administrators. Invalid InvalidInput unless one place is named, InvalidHost
// if no service there is up and enabled, and InvalidVolume if the volume's state does not allow it or it is there already.
func (u *Migration) Migrate(ctx context.Context, id string, r Request) error {
	v, err := u.Volume(ctx, id, "volume_extension:volume_admin_actions:migrate_volume")
	if err != nil {
		return err
	}
	if (r.Host == "") == (r.Cluster == "") {
		return block.InvalidInput("One and only one of cluster and host must be set.")
	}
	service, err := u.serving(ctx, r)
	if err != nil {
		return err
	}
	to := r.Host
	if service.ClusterName != "" { // a host that is in a cluster stands for the cluster
		to = block.Host(service.ClusterName).WithPool(to.Pool())
		if r.Cluster != "" {
			to = block.Host(r.Cluster)
		}
	}
	msg := &rpcapi.MigrateVolume{FlowID: app.NewOperationID(), VolumeID: v.ID, Host: to, ForceHostCopy: r.ForceHostCopy}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowVolumeMigrate, Owner: rpcapi.SchedulerOwner,
		ResourceType: "volume", ResourceID: v.ID, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error { return markStarting(ctx, tx, msg, r.Lock) },
		func(ctx context.Context) error { return u.Scheduler.MigrateVolume(ctx, msg) })
}

// serving is the volume service of the place, which must be up and enabled.
func (u *Migration) serving(ctx context.Context, r Request) (*block.Service, error) {
	q := store.ServiceQuery{Binary: block.BinaryVolume, Host: r.Host.Backend(), ClusterName: block.Host(r.Cluster).Backend(), Disabled: new(false)}
	found, err := u.Store.Services(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, s := range found {
		// A host without a back end also finds its back ends.
		if (r.Host == "" || s.Host == q.Host) && s.Up(u.Now(), u.Options.ServiceDownTime) {
			return s, nil
		}
	}
	named := r.Cluster
	if named == "" {
		named = string(r.Host)
	}
	return nil, fault.New(fault.Invalid, "InvalidHost", "Invalid host: No available service named '%s'", named)
}

func refusedMigration(id string) error {
	return block.InvalidVolume("Volume %s status must be available or in-use, must not be migrating, have snapshots, be replicated, "+
		"be part of a group and destination host/cluster must be different than the current one", id)
}

// markStarting marks the row, if the volume is in a state to be moved and not where it is to go.
func markStarting(ctx context.Context, tx store.Tx, m *rpcapi.MigrateVolume, locked bool) error {
	v, err := tx.Volume(ctx, m.VolumeID, "")
	if err != nil {
		return err
	}
	replicated := !slices.Contains([]string{"", "disabled", "not-capable"}, v.ReplicationStatus)
	there := m.Host == v.Host || v.ClusterName != "" && m.Host == block.Host(v.ClusterName)
	if replicated || there || v.ConsistencyGroupID != "" || !slices.Contains(settled, v.Status) {
		return refusedMigration(v.ID)
	}
	set := store.VolumeSet{MigrationStatus: new(block.MigrationStarting), StatusToPrevious: true}
	if locked && v.Status == block.VolumeAvailable {
		set.Status = new(block.VolumeMaintenance)
	}
	ok, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{v.Status}, Host: v.Host, NotMigrating: true,
		NoGroup: true, NoSnapshots: true}, set)
	if err == nil && !ok {
		err = refusedMigration(v.ID)
	}
	return err
}
