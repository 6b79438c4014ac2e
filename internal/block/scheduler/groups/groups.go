// Package groups is the scheduler's part about groups: which back end a new group goes to, and whether a back end has room
// for the copies of one.
//
// What must not live here: a rule about pools (decide), or what the scheduler knows of them.
package groups

import (
	"context"
	"log/slog"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Store is what is read of groups and their types.
type Store interface {
	Group(ctx context.Context, id, projectID string) (*block.Group, error)
	GroupType(ctx context.Context, id, projectID string) (*block.GroupType, error)
	VolumeType(ctx context.Context, id, projectID string) (*block.VolumeType, error)
	QoSSpecs(ctx context.Context, id string) (*block.QoSSpecs, error)
}

// Pools is what the scheduler knows of the pools.
type Pools interface {
	// Candidates are the pools that may hold what r asks for, the best first, without any room being taken; the error is
	// decide's when there are none.
	Candidates(ctx context.Context, r *snapshot.Request) ([]decide.Candidate, error)
}

// Options of a Service. All must be set.
type Options struct {
	Store   Store
	Flows   *flow.Engine[store.Tx]
	Pools   Pools
	Volumes rpcapi.Volume
	// Ready waits until scheduling has begun; where it says no, an operation is left to the journal.
	Ready func(ctx context.Context) bool
	// Tell tells the user of a group that could not be placed.
	Tell func(ctx context.Context, g *block.Group, cause error)
	Log  *slog.Logger
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	create *flow.Flow[creation, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{Options: o}
	s.create = s.createFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodCreateGroup:          messaging.Silent(s.createGroup),
		rpcapi.MethodValidateHostCapacity: messaging.Replying(s.validateHostCapacity),
	}
}

// Resume is how the operations of the journal are taken up again.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{rpcapi.FlowGroupCreate: journal.Again(s.Flows, s.create)}
}

// creation is the state of a group_create while the scheduler has it: in the journal, a CreateGroup.
type creation struct {
	rpcapi.CreateGroup
	group *block.Group
	pool  snapshot.Pool // the one chosen
}

// noValidBackend is the name of decide's fault when nothing fits.
const noValidBackend = "NoValidBackend"

// createGroup serves create_group. That no back end fits has been told, and written into the row: it is no failure of the
// message.
func (s *Service) createGroup(ctx context.Context, m *rpcapi.CreateGroup) error {
	if !s.Ready(ctx) {
		return nil
	}
	rec := flow.Record{ID: m.FlowID, Name: rpcapi.FlowGroupCreate, Owner: rpcapi.SchedulerOwner, ResourceType: "group", ResourceID: m.GroupID}
	err := journal.Continue(ctx, s.Flows, s.create, rec, &creation{CreateGroup: *m})
	if fault.NameOf(err) == noValidBackend {
		err = nil
	}
	return err
}

func (s *Service) createFlow() *flow.Flow[creation, store.Tx] {
	return &flow.Flow[creation, store.Tx]{
		Name: "group_create_scheduler",
		Steps: []flow.Step[creation, store.Tx]{
			{Name: "extract_scheduler_spec", Do: s.extract},
			{Name: "schedule_create_group", Do: s.schedule, Undo: func(ctx context.Context, c *creation, cause error) error {
				if c.group != nil {
					s.Tell(ctx, c.group, cause)
				}
				return nil
			}},
			{Name: "group_update_db", Tx: s.assign, UndoTx: func(ctx context.Context, tx store.Tx, c *creation, _ error) error {
				_, err := tx.UpdateGroup(ctx, c.GroupID, unscheduled, store.GroupSet{Status: new(block.GroupError)})
				return err
			}},
			{Name: "group_cast", Do: func(ctx context.Context, c *creation) error {
				return s.Volumes.Cast(ctx, c.pool.Queue(), "3.0", rpcapi.MethodCreateGroup, new(c.CreateGroup))
			}},
		},
		HandOver: func(c *creation) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowGroupCreate, Owner: c.pool.Queue().Backend(), State: c.CreateGroup}
		},
	}
}

// unscheduled is a group that waits to be placed.
var unscheduled = store.GroupWhen{Status: []block.GroupStatus{block.GroupCreating}, Unscheduled: true}

// extract reads the group, and ends the flow if there is nothing left to place.
func (s *Service) extract(ctx context.Context, c *creation) (err error) {
	c.group, err = s.Store.Group(ctx, c.GroupID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	}
	return waiting(c.group)
}

// waiting says nil for a group that waits to be placed, and otherwise how the flow is to end.
func waiting(g *block.Group) error {
	switch {
	case g.Host != "":
		return flow.ErrTaken
	case g.Status != block.GroupCreating:
		return flow.ErrObsolete
	}
	return nil
}

// schedule chooses a back end that meets the specs of the group's type and those of every type of volumes that may be in it.
// The best pool for the first of these decides between several.
func (s *Service) schedule(ctx context.Context, c *creation) error {
	r, err := s.groupRequest(ctx, c.group)
	if err != nil {
		return err
	}
	of, err := s.Pools.Candidates(ctx, r)
	if err != nil {
		return err
	}
	backends := addresses(of)
	var best []decide.Candidate
	for i, typeID := range c.group.VolumeTypeIDs {
		r, err := s.volumeRequest(ctx, c.group, typeID)
		if err != nil {
			return err
		}
		these, err := s.Pools.Candidates(ctx, r)
		if err != nil {
			return err
		}
		if i == 0 {
			best = these
		}
		backends = slices.DeleteFunc(backends, func(b string) bool { return !slices.Contains(addresses(these), b) })
	}
	i := slices.IndexFunc(best, func(p decide.Candidate) bool { return slices.Contains(backends, p.Pool.ID().Backend()) })
	if i < 0 {
		return fault.New(fault.Unavailable, noValidBackend, "No valid backend was found. No back end is right for the group type and for all of the group's volume types.")
	}
	c.pool = *best[i].Pool
	s.Log.InfoContext(ctx, "a group is scheduled", "group_id", c.GroupID, "host", c.pool.Host)
	return nil
}

// addresses are the back ends of pools: a group is on a back end, whatever its pools.
func addresses(list []decide.Candidate) []string {
	backends := make([]string, len(list))
	for i, c := range list {
		backends[i] = c.Pool.ID().Backend()
	}
	return backends
}

// groupRequest is what the group's type asks of a back end.
func (s *Service) groupRequest(ctx context.Context, g *block.Group) (*snapshot.Request, error) {
	r := &snapshot.Request{Operation: snapshot.CreateGroup, UserID: g.UserID, ProjectID: g.ProjectID, VolumeProperties: properties(g)}
	t, err := s.Store.GroupType(ctx, g.GroupTypeID, "")
	if err != nil {
		return nil, err
	}
	r.TypeName, r.ExtraSpecs = t.Name, make(map[string]string, len(t.Specs))
	for key, value := range t.Specs {
		r.ExtraSpecs[key] = ""
		if value != nil {
			r.ExtraSpecs[key] = *value
		}
	}
	return r, nil
}

// volumeRequest is what a type of volumes of the group asks of a back end.
func (s *Service) volumeRequest(ctx context.Context, g *block.Group, typeID string) (*snapshot.Request, error) {
	r := &snapshot.Request{Operation: snapshot.CreateGroup, UserID: g.UserID, ProjectID: g.ProjectID, AvailabilityZone: g.AvailabilityZone,
		VolumeProperties: properties(g)}
	r.VolumeProperties["volume_type_id"], r.VolumeProperties["availability_zone"] = typeID, g.AvailabilityZone
	t, err := s.Store.VolumeType(ctx, typeID, "")
	if err != nil {
		return nil, err
	}
	r.TypeName, r.ExtraSpecs = t.Name, t.ExtraSpecs
	if t.QoSSpecsID == "" {
		return r, nil
	}
	q, err := s.Store.QoSSpecs(ctx, t.QoSSpecsID)
	if fault.Is(err, fault.NotFound) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	r.QoSSpecs = make(map[string]any, len(q.Specs))
	for key, value := range q.Texts() {
		r.QoSSpecs[key] = value
	}
	return r, nil
}

// properties is the dictionary volume of the formulas, as upstream fills it for groups.
func properties(g *block.Group) map[string]any {
	return map[string]any{"size": int64(0), "user_id": g.UserID, "project_id": g.ProjectID, "status": string(g.Status), "group_type_id": g.GroupTypeID}
}

// assign writes the choice into the row, unless another scheduler was quicker or the group is gone.
func (s *Service) assign(ctx context.Context, tx store.Tx, c *creation) error {
	set := store.GroupSet{Host: &c.pool.Host}
	if c.pool.Cluster != "" {
		set.ClusterName = new(string(c.pool.Cluster))
	}
	ok, err := tx.UpdateGroup(ctx, c.GroupID, unscheduled, set)
	if err != nil || ok {
		return err
	}
	g, err := tx.Group(ctx, c.GroupID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	}
	if err := waiting(g); err != nil {
		return err
	}
	return fault.New(fault.Internal, "", "Group %s could not be assigned although nothing stands against it.", c.GroupID)
}

// validateHostCapacity serves validate_host_capacity: whether what is to be copied has room on the back end where it is.
func (s *Service) validateHostCapacity(ctx context.Context, m *rpcapi.ValidateHostCapacity) (*rpcapi.HostCapacity, error) {
	if !s.Ready(ctx) {
		return nil, fault.New(fault.Unavailable, "", "The scheduler does not know the back ends yet.")
	}
	_, err := s.Pools.Candidates(ctx, &snapshot.Request{Operation: snapshot.CreateGroup, SizeGiB: m.SizeGiB, Backend: block.Host(m.Host.Backend())})
	switch {
	case err == nil:
		return &rpcapi.HostCapacity{Enough: true}, nil
	case fault.NameOf(err) == noValidBackend:
		return &rpcapi.HostCapacity{Reason: fault.UserText(err)}, nil
	}
	return nil, err
}
