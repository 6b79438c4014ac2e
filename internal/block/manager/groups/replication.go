package groups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// replication is the state of a group_set_replication.
type replication struct {
	rpcapi.SetReplication
	group   *block.Group
	volumes []*block.Volume
}

// states is what replication_status is while a method is at work, and what it is then.
func (st *replication) states() (meanwhile, done string) {
	switch st.Method {
	case rpcapi.MethodEnableReplication:
		return block.ReplicationEnabling, block.ReplicationEnabled
	case rpcapi.MethodDisableReplication:
		return block.ReplicationDisabling, block.ReplicationDisabled
	}
	if st.SecondaryBackendID == "default" { // back to where they came from
		return block.ReplicationFailingOver, block.ReplicationEnabled
	}
	return block.ReplicationFailingOver, block.ReplicationFailedOver
}

// replicateFlow has the storage replicate a group, or stop that, or move it to its other site.
func (s *Service) replicateFlow() *flow.Flow[replication, store.Tx] {
	return &flow.Flow[replication, store.Tx]{
		Name: rpcapi.FlowGroupReplication,
		Steps: []flow.Step[replication, store.Tx]{
			{Name: "on_failure", UndoTx: replicationFailed},
			{Name: "extract_group_ref", Do: s.extractReplication},
			{Name: "set_replication", Do: func(ctx context.Context, st *replication) error {
				list := make([]driver.Volume, len(st.volumes))
				for i, v := range st.volumes {
					list[i] = export.DriverVolume(v)
				}
				return s.within(ctx, func(ctx context.Context) error { return s.setReplication(ctx, st, list) })
			}},
			{Name: "on_finish", Tx: func(ctx context.Context, tx store.Tx, st *replication) error {
				_, done := st.states()
				ok, err := st.end(ctx, tx, func(string) string { return done }, store.GroupSet{})
				if err == nil && !ok {
					err = flow.ErrObsolete
				}
				return err
			}},
			{Name: "publish", Do: func(ctx context.Context, st *replication) error {
				s.notify(ctx, st.Method+".end", st.group, st.volumes)
				return nil
			}},
		},
	}
}

func (s *Service) extractReplication(ctx context.Context, st *replication) (err error) {
	st.group, err = s.Store.Group(ctx, st.GroupID, "")
	meanwhile, _ := st.states()
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case st.group.ReplicationStatus != meanwhile:
		return flow.ErrObsolete
	case st.group.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	}
	if st.volumes, err = members(ctx, s.Store, st.GroupID); err == nil {
		s.notify(ctx, st.Method+".start", st.group, st.volumes)
	}
	return err
}

func (s *Service) setReplication(ctx context.Context, st *replication, volumes []driver.Volume) error {
	switch st.Method {
	case rpcapi.MethodEnableReplication:
		return s.Storage.EnableReplication(ctx, volumes)
	case rpcapi.MethodDisableReplication:
		return s.Storage.DisableReplication(ctx, volumes)
	}
	return s.Storage.FailoverReplication(ctx, volumes, st.SecondaryBackendID)
}

// end takes group and volumes out of the state they are in meanwhile; to says by id what it is to be. It says whether the
// group was still in it.
func (st *replication) end(ctx context.Context, tx store.Tx, to func(id string) string, set store.GroupSet) (bool, error) {
	meanwhile, _ := st.states()
	set.ReplicationStatus = new(to(st.GroupID))
	ok, err := tx.UpdateGroup(ctx, st.GroupID, store.GroupWhen{ReplicationStatus: []string{meanwhile}}, set)
	if err != nil || !ok {
		return ok, err
	}
	volumes, err := members(ctx, tx, st.GroupID)
	if err != nil {
		return ok, err
	}
	for _, v := range volumes {
		if v.ReplicationStatus != meanwhile {
			continue
		}
		if _, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{}, store.VolumeSet{ReplicationStatus: new(to(v.ID))}); err != nil {
			return ok, err
		}
	}
	return ok, nil
}

// replicationFailed shows that it failed; where the storage has no way to do it, everything is as it was.
func replicationFailed(ctx context.Context, tx store.Tx, st *replication, cause error) error {
	if fault.Is(cause, fault.NotImplemented) {
		_, err := st.end(ctx, tx, func(id string) string { return st.Before[id] }, store.GroupSet{})
		return err
	}
	_, err := st.end(ctx, tx, func(string) string { return block.ReplicationError }, store.GroupSet{Status: new(block.GroupError)})
	return err
}
