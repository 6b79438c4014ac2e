package rpcapi

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// wire keeps what is sent, and fills a reply.
type wire struct {
	targets  []messaging.Target
	messages []messaging.Message
}

func (w *wire) Cast(_ context.Context, t messaging.Target, m messaging.Message) error {
	w.targets, w.messages = append(w.targets, t), append(w.messages, m)
	return nil
}

func (w *wire) Call(ctx context.Context, t messaging.Target, m messaging.Message, reply any) error {
	if r, ok := reply.(*PoolsReply); ok {
		r.Pools = []PoolInfo{{Name: "node@lvm#pool"}}
	}
	return w.Cast(ctx, t, m)
}

func TestAddresses(t *testing.T) {
	w := &wire{}
	scheduler, volume := Scheduler{Client: w}, Volume{Client: w}
	ctx := t.Context()
	pools, err := scheduler.GetPools(ctx, nil)
	if err != nil || len(pools.Pools) != 1 {
		t.Errorf("pools %v: %v", pools, err)
	}
	for _, err := range []error{
		scheduler.CreateVolume(ctx, &CreateVolume{}),
		scheduler.ExtendVolume(ctx, &ExtendVolume{}),
		scheduler.CreateSnapshot(ctx, &CreateSnapshot{}),
		scheduler.CreateGroup(ctx, &CreateGroup{}),
		scheduler.UpdateCapabilities(ctx, &ServiceCapabilities{}),
		scheduler.Retype(ctx, &Retype{}),
		scheduler.MigrateVolume(ctx, &MigrateVolume{}),
		volume.Cast(ctx, "node1@lvm#pool", "3.0", MethodDeleteVolume, &DeleteVolume{}),
		volume.Call(ctx, "node1@lvm", "3.0", MethodInitializeConnection, &InitializeConnection{}, nil),
		volume.RequestCapabilities(ctx),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []messaging.Target{
		{Topic: "cinder-scheduler", Version: "3.0"},
		{Topic: "cinder-scheduler", Version: "3.0"},
		{Topic: "cinder-scheduler", Version: "3.2"},
		{Topic: "cinder-scheduler", Version: "3.9"},
		{Topic: "cinder-scheduler", Version: "3.0"},
		{Topic: "cinder-scheduler", Version: "3.3", Fanout: true},
		{Topic: "cinder-scheduler", Version: "3.0"},
		{Topic: "cinder-scheduler", Version: "3.3"},
		{Topic: "cinder-volume.node1@lvm", Server: "node1", Version: "3.0"},
		{Topic: "cinder-volume.node1@lvm", Server: "node1", Version: "3.0"},
		{Topic: "cinder-volume", Version: "3.0", Fanout: true},
	}
	if diff := cmp.Diff(want, w.targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	var methods []string
	for _, m := range w.messages {
		methods = append(methods, m.Method)
	}
	if diff := cmp.Diff([]string{"get_pools", "create_volume", "extend_volume", "create_snapshot", "create_group", "update_service_capabilities",
		"retype", "migrate_volume", "delete_volume", "initialize_connection", "publish_service_capabilities"}, methods); diff != "" {
		t.Errorf("methods (-want +got):\n%s", diff)
	}
	// What a service asks for must be what a service of today has.
	for _, target := range w.targets {
		have := block.VolumeRPCVersion
		if target.Topic == SchedulerTopic {
			have = block.SchedulerRPCVersion
		}
		if !messaging.Serves(have, target.Version) {
			t.Errorf("%s is asked for version %s and has %s", target.Topic, target.Version, have)
		}
	}
}

// TestMessagesSurviveJSON: transports that leave the process, and the journal, write messages as JSON.
func TestMessagesSurviveJSON(t *testing.T) {
	request := CreateRequest{VolumeID: "v", SnapshotID: "s", SourceVolumeID: "o", AvailabilityZone: "z", Zones: []string{"y", "z"},
		Hints: map[string]any{"same_host": []any{"x"}}, PinnedBackend: "n@b", Host: "n@b#p", Attempts: 2, Tried: []block.Host{"n@b#p"}, LastError: "e"}
	survives(t, request)
	survives(t, CreateVolume{FlowID: "f", VolumeID: "v", Request: request})
	survives(t, DeleteVolume{FlowID: "f", VolumeID: "v", Cascade: true})
	survives(t, ExtendVolume{FlowID: "f", VolumeID: "v", OldSizeGiB: 1, NewSizeGiB: 2})
	place := Destination{Host: "n@b#p", ClusterName: "c@b#p", AvailabilityZone: "z", Capabilities: map[string]any{"free_capacity_gb": 1.5}}
	retype := Retype{FlowID: "f", VolumeID: "v", OldTypeID: "o", NewTypeID: "n", OldMultiattach: true, OnDemand: true, Destination: place}
	survives(t, retype)
	survives(t, MigrateVolume{FlowID: "f", VolumeID: "v", Host: "n@b", ForceHostCopy: true, Destination: place, Retype: &retype})
	survives(t, UpdateMigratedVolume{FlowID: "f", VolumeID: "v", LeftoverID: "l", SourceHost: "n@a"})
	survives(t, CreateSnapshot{FlowID: "f", SnapshotID: "s"})
	survives(t, CreateGroup{FlowID: "f", GroupID: "g"})
	survives(t, UpdateGroup{FlowID: "f", GroupID: "g", AddVolumes: []string{"v"}, RemoveVolumes: []string{"w"}})
	survives(t, DeleteGroup{FlowID: "f", GroupID: "g"})
	survives(t, CreateGroupFromSource{FlowID: "f", GroupID: "g", VolumeIDs: []string{"v"}})
	survives(t, CreateGroupSnapshot{FlowID: "f", GroupSnapshotID: "n", VolumeIDs: map[string]string{"s": "v"}})
	survives(t, DeleteGroupSnapshot{FlowID: "f", GroupSnapshotID: "n"})
	survives(t, SetReplication{FlowID: "f", GroupID: "g", Method: MethodFailoverReplication, SecondaryBackendID: "b", Before: map[string]string{"g": "enabled"}})
	survives(t, ReplicationTargets{Targets: []map[string]string{{"backend_id": "b"}}})
	survives(t, HostCapacity{Enough: true, Reason: "r"})
	survives(t, ServiceCapabilities{ServiceName: "volume", Host: "n@b", Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
		Capabilities: map[string]any{"pools": []any{map[string]any{"pool_name": "p", "free_capacity_gb": 1.5}}}})
}

func survives[T any](t *testing.T, in T) {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("%T (-sent +received):\n%s", in, diff)
	}
}
