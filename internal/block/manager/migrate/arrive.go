package migrate

import (
	"context"
	"errors"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// arrival is the state of a volume_migrate while the back end that the volume has come to has it; in the journal, the
// message.
type arrival struct {
	rpcapi.UpdateMigratedVolume
	volume  *block.Volume // nil if there is nothing to be done about it
	renamed bool
	update  driver.Update
}

// arriveFlow gives the volume its name in storage back. Whatever comes of that, the volume has arrived: it serves under the
// name that was made up for it as well, and what it left behind goes.
func (s *Service) arriveFlow() *flow.Flow[arrival, store.Tx] {
	next := func(st *arrival) *flow.Next {
		return &flow.Next{Name: rpcapi.FlowVolumeDelete, Owner: st.SourceHost.Backend(), State: st.deletion()}
	}
	return &flow.Flow[arrival, store.Tx]{
		Name: rpcapi.FlowVolumeMigrated,
		Steps: []flow.Step[arrival, store.Tx]{
			{Name: "cast_deletion", Undo: func(ctx context.Context, st *arrival, _ error) error { return s.publishArrival(ctx, st) }},
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *arrival, _ error) error {
				st.renamed, st.update = false, driver.Update{}
				return s.settle(ctx, tx, st)
			}},
			{Name: "extract_volume_ref", Do: s.extractArrived},
			{Name: "update_migrated_volume", Do: s.rename, Undo: s.renameBack},
			{Name: "on_finish", Tx: s.settle},
			{Name: "publish", Do: s.publishArrival},
		},
		HandOver: next,
		HandBack: func(st *arrival, _ error) *flow.Next { return next(st) },
	}
}

// deletion is that of what the volume left behind.
func (st *arrival) deletion() rpcapi.DeleteVolume {
	return rpcapi.DeleteVolume{FlowID: st.FlowID, VolumeID: st.LeftoverID}
}

// extractArrived reads the volume. One that is gone, or that somebody has taken in hand otherwise, still has left something
// behind.
func (s *Service) extractArrived(ctx context.Context, st *arrival) error {
	v, err := s.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case v.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	case v.MigrationStatus == block.MigrationCompleting:
		st.volume = v
	}
	return nil
}

// mayRename says whether the volume is kept under another name than its id stands for, which the driver can change: not under
// those who use it.
func (s *Service) mayRename(v *block.Volume) bool {
	return v != nil && v.NameID != "" && len(v.Attachments) == 0 && s.Storage.Features().Renamer
}

func (s *Service) rename(ctx context.Context, st *arrival) error {
	if !s.mayRename(st.volume) {
		return nil
	}
	return within(ctx, s.VerbTimeout, func(ctx context.Context) (err error) {
		st.renamed, st.update, err = s.Storage.RenameVolume(ctx, export.DriverVolume(st.volume), st.VolumeID)
		return err
	})
}

// renameBack gives the volume the name again that its row says.
func (s *Service) renameBack(ctx context.Context, st *arrival, _ error) error {
	v, err := found(s.Store.Volume(ctx, st.VolumeID, ""))
	if errors.Is(err, flow.ErrObsolete) {
		return nil
	}
	if err != nil || v.MigrationStatus != block.MigrationCompleting || v.Queue().Backend() != s.Backend || !s.mayRename(v) {
		return err
	}
	named := export.DriverVolume(v)
	named.ID = v.ID
	err = within(ctx, s.VerbTimeout, func(ctx context.Context) error {
		_, _, err := s.Storage.RenameVolume(ctx, named, v.BackendID())
		return err
	})
	return err
}

// settle shows that the volume has arrived, and gives it its status back.
func (s *Service) settle(ctx context.Context, tx store.Tx, st *arrival) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || v.MigrationStatus != block.MigrationCompleting || v.Queue().Backend() != s.Backend {
		return err
	}
	set := store.VolumeSet{MigrationStatus: new(block.MigrationSuccess), SharedTargets: new(s.SharedTargets())}
	if s.ServiceUUID != "" {
		set.ServiceUUID = &s.ServiceUUID
	}
	if slices.Contains(held, v.Status) {
		set.Status, set.PreviousStatus = new(previous(v)), &v.Status
	}
	if st.renamed {
		set.NameID = new("")
		set.ProviderID, set.ProviderLocation, set.ProviderAuth = st.update.Fields()
	}
	_, err = tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{MigrationStatus: []string{block.MigrationCompleting}}, set)
	return err
}

// publishArrival tells everybody: the schedulers, whoever listens, and the back end that has something to delete.
func (s *Service) publishArrival(ctx context.Context, st *arrival) error {
	s.Refresh()
	if st.Retyped && st.volume != nil {
		s.Notify(ctx, "retype", st.volume)
	}
	m := st.deletion()
	return s.Volumes.Cast(ctx, st.SourceHost, "3.0", rpcapi.MethodDeleteVolume, &m)
}
