package groups

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// pools gives for each type, of volumes or of groups, the pools that meet it, the best first.
type pools map[string][]block.Host

func (p pools) Candidates(_ context.Context, r *snapshot.Request) ([]decide.Candidate, error) {
	var list []decide.Candidate
	for _, host := range p[r.TypeName] {
		list = append(list, decide.Candidate{Pool: &snapshot.Pool{Host: host, Cluster: clusterOf(host)}})
	}
	if len(list) == 0 {
		return nil, fault.New(fault.Unavailable, noValidBackend, "No valid backend was found. Nothing is right for %s.", r.TypeName)
	}
	return list, nil
}

// clusterOf puts the back ends that begin with "ha" into a cluster.
func clusterOf(host block.Host) block.Host {
	if host[:2] == "ha" {
		return "cluster" + host[3:]
	}
	return ""
}

// wire keeps what is cast.
type wire struct{ targets []messaging.Target }

func (w *wire) Cast(_ context.Context, t messaging.Target, _ messaging.Message) error {
	w.targets = append(w.targets, t)
	return nil
}

func (w *wire) Call(context.Context, messaging.Target, messaging.Message, any) error { return nil }

// shed is a service over a store in memory, whom it told of what, and what it cast.
type shed struct {
	*managertest.World
	*Service
	wire
	told []error
}

func newShed(t *testing.T, p pools) *shed {
	s := &shed{World: managertest.NewWorld(t)}
	s.Service = New(Options{Store: s.World, Flows: flow.NewEngine(journal.New(s.World), flow.Options{UndoPause: 1}), Pools: p, Volumes: rpcapi.Volume{Client: &s.wire},
		Ready: func(context.Context) bool { return true }, Tell: func(_ context.Context, _ *block.Group, cause error) { s.told = append(s.told, cause) },
		Log: slog.New(slog.DiscardHandler)})
	return s
}

// group enters a group that waits to be placed, of a group type without a name and these volume types.
func (s *shed) group(t *testing.T, types ...string) *block.Group {
	t.Helper()
	g := s.AddGroup(t, block.GroupCreating, nil)
	g.Host, g.VolumeTypeIDs = "", types
	for _, name := range types {
		s.World.AddType(&block.VolumeType{ID: name, Name: name})
	}
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.CreateGroup(t.Context(), g) }); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestSchedule(t *testing.T) {
	for name, tc := range map[string]struct {
		pools pools
		types []string
		want  block.Host // empty: nothing fits
	}{
		"the best":                   {pools{"": {"b@x#1", "a@x#1"}, "gold": {"a@x#1", "b@x#1"}}, []string{"gold"}, "a@x#1"},
		"not the best":               {pools{"": {"b@x#1"}, "gold": {"a@x#1", "b@x#1"}}, []string{"gold"}, "b@x#1"},
		"of two types":               {pools{"": {"a@x#1", "b@x#1", "c@x#1"}, "gold": {"a@x#1", "b@x#1"}, "tin": {"b@x#1", "c@x#1"}}, []string{"gold", "tin"}, "b@x#1"},
		"another pool for each type": {pools{"": {"a@x#3"}, "gold": {"a@x#1"}, "tin": {"a@x#2"}}, []string{"gold", "tin"}, "a@x#1"},
		"no common back end":         {pools{"": {"a@x#1", "b@x#1"}, "gold": {"a@x#1"}, "tin": {"b@x#1"}}, []string{"gold", "tin"}, ""},
		"not for the group type":     {pools{"gold": {"a@x#1"}}, []string{"gold"}, ""},
		"not for a volume type":      {pools{"": {"a@x#1"}, "gold": {"a@x#1"}}, []string{"gold", "tin"}, ""},
		"two of one cluster":         {pools{"": {"ha1@x#1"}, "gold": {"ha2@x#1"}}, []string{"gold"}, "ha2@x#1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShed(t, tc.pools)
			c := &creation{group: s.group(t, tc.types...)}
			err := s.schedule(t.Context(), c)
			if c.pool.Host != tc.want || (tc.want == "") != (fault.NameOf(err) == noValidBackend) {
				t.Errorf("%q, %v, want %q", c.pool.Host, err, tc.want)
			}
		})
	}
}

func TestCreateFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[creation, store.Tx]{New: func(t *testing.T) flowtest.World[creation, store.Tx] {
		s := newShed(t, pools{"": {"ha1@x#1"}, "gold": {"ha1@x#1"}})
		g := s.group(t, "gold")
		m := rpcapi.CreateGroup{FlowID: uuid.NewString(), GroupID: g.ID}
		state, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		r := flow.Record{ID: m.FlowID, Name: rpcapi.FlowGroupCreate, Owner: rpcapi.SchedulerOwner, ResourceType: "group", ResourceID: g.ID, State: state}
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), r) }); err != nil {
			t.Fatal(err)
		}
		records := func(t *testing.T, owner string) []flow.Record {
			list, err := s.World.Flows(t.Context(), owner, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		row := func(t *testing.T) *block.Group {
			now, err := s.World.Group(t.Context(), g.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			return now
		}
		return flowtest.World[creation, store.Tx]{
			Journal: journal.New(s.World), Flow: s.create, Record: r, State: &creation{CreateGroup: m}, Continue: true,
			Records: func(t *testing.T) []flow.Record { return records(t, rpcapi.SchedulerOwner) },
			Done: func(t *testing.T) {
				now, handed := row(t), records(t, "cluster@x")
				if now.Host != "ha1@x#1" || now.ClusterName != "cluster@x#1" || now.Status != block.GroupCreating || len(handed) != 1 || handed[0].ID != m.FlowID {
					t.Errorf("the group %+v, its record %+v", now, handed)
				}
			},
			Undone: func(t *testing.T, _ error) {
				if now := row(t); now.Host != "" || now.Status != block.GroupError || len(records(t, "cluster@x")) != 0 {
					t.Errorf("the group %+v", now)
				}
			},
		}
	}})
}

// TestNowhere: a group that no back end is right for is told of, and no failure of the message.
func TestNowhere(t *testing.T) {
	s := newShed(t, pools{"": {"a@x#1"}})
	g := s.group(t, "gold")
	m := &rpcapi.CreateGroup{FlowID: uuid.NewString(), GroupID: g.ID}
	r := flow.Record{ID: m.FlowID, Name: rpcapi.FlowGroupCreate, Owner: rpcapi.SchedulerOwner, ResourceType: "group", ResourceID: g.ID, State: []byte("{}")}
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), r) }); err != nil {
		t.Fatal(err)
	}
	if err := s.createGroup(t.Context(), m); err != nil {
		t.Error(err)
	}
	if now, err := s.World.Group(t.Context(), g.ID, ""); err != nil || now.Status != block.GroupError {
		t.Errorf("the group %+v, %v", now, err)
	}
	if len(s.told) != 1 || fault.NameOf(s.told[0]) != noValidBackend || len(s.targets) != 0 {
		t.Errorf("told %v, cast %v", s.told, s.targets)
	}
}

func TestValidateHostCapacity(t *testing.T) {
	s := newShed(t, pools{"": {"a@x#1"}})
	room, err := s.validateHostCapacity(t.Context(), &rpcapi.ValidateHostCapacity{Host: "a@x#1", SizeGiB: 1})
	if err != nil || !room.Enough {
		t.Errorf("%+v, %v", room, err)
	}
	s.Pools = pools{}
	if room, err = s.validateHostCapacity(t.Context(), &rpcapi.ValidateHostCapacity{Host: "a@x#1", SizeGiB: 1}); err != nil || room.Enough || room.Reason == "" {
		t.Errorf("%+v, %v", room, err)
	}
	s.Ready = func(context.Context) bool { return false }
	if _, err = s.validateHostCapacity(t.Context(), &rpcapi.ValidateHostCapacity{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("before the back ends are known: %v", err)
	}
}
