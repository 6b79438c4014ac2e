package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// fullWorld has a row of everything, with as much in it as there can be.
func fullWorld() *world {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	stamps := block.Timestamps{CreatedAt: at, UpdatedAt: at}
	w := newWorld()
	for _, id := range []string{idT, idU} {
		w.types[id] = &block.VolumeType{ID: id, Timestamps: stamps, Name: "type " + id, Description: new("d"), IsPublic: true, QoSSpecsID: idH,
			ExtraSpecs: map[string]string{"volume_backend_name": "lvm", "RESKEY:availability_zones": "a,b"}}
	}
	for _, id := range []string{idV, idW} {
		w.volumes[id] = &block.Volume{ID: id, NameID: idN, Timestamps: stamps, UserID: "u", ProjectID: "p", UseQuota: true, Name: new("n"), Description: new("d"), SizeGiB: 3,
			AvailabilityZone: "nova", VolumeTypeID: idT, Status: "in-use", AttachStatus: "detaching", MigrationStatus: "starting", PreviousStatus: "available",
			ReplicationStatus: "enabled", ReplicationExtendedStatus: "e", ReplicationDriverData: "r", Host: "node@lvm#pool", ClusterName: "c@lvm#pool", ServiceUUID: idH,
			SnapshotID: idS, SourceVolumeID: idW, GroupID: idG, EncryptionKeyID: idH, Bootable: true, Multiattach: true, SharedTargets: new(false), ProviderID: "i",
			ProviderLocation: "l", ProviderAuth: "a", ProviderGeometry: "g", ScheduledAt: at, LaunchedAt: at, TerminatedAt: at, Metadata: map[string]string{"k": "v"}}
	}
	w.snapshots[idS] = &block.Snapshot{ID: idS, VolumeID: idV, Timestamps: stamps, UserID: "u", ProjectID: "p", UseQuota: true, Name: new("n"), VolumeSizeGiB: 3,
		VolumeTypeID: idT, Status: "creating", Progress: "0%", GroupSnapshotID: idN, EncryptionKeyID: idH, ProviderID: "i", Metadata: map[string]string{"k": "v"}}
	w.groups[idG] = &block.Group{ID: idG, Timestamps: stamps, UserID: "u", ProjectID: "p", Name: new("n"), GroupTypeID: idH, VolumeTypeIDs: []string{idT, idU}, Status: "creating",
		ReplicationStatus: "disabled", Host: "node@lvm#pool", GroupSnapshotID: idN}
	w.groupSnapshots[idN] = &block.GroupSnapshot{ID: idN, GroupID: idG, Timestamps: stamps, UserID: "u", ProjectID: "p", Name: new("n"), GroupTypeID: idH, Status: "creating"}
	w.backups[idB] = &block.Backup{ID: idB, VolumeID: idV, Timestamps: stamps, UserID: "u", ProjectID: "p", Name: new("n"), Status: "creating", SizeGiB: 3, ObjectCount: 1,
		AvailabilityZone: "nova", Metadata: map[string]string{"k": "v"}, Host: "node", Container: new("c"), Service: "s", ServiceMetadata: "m", ParentID: idN, Dependents: 1,
		SnapshotID: idS, DataTimestamp: at, RestoreVolume: idW, TempVolumeID: idW, TempSnapshotID: idS, EncryptionKeyID: idH}
	return w
}

type sample struct {
	service service
	method  string
	args    any
	replies []any // the addresses of what it may be answered with
}

// samples is every message with everything set that it can say.
func samples() []sample {
	request := rpcapi.CreateRequest{VolumeID: idV, SnapshotID: idS, SourceVolumeID: idW, ImageID: idI, BackupID: idB, BackupHost: "elsewhere", AvailabilityZone: "z",
		Zones: []string{"y", "z"}, Hints: map[string]any{"same_host": []any{idW}}, PinnedBackend: "node@lvm", Attempts: 2, Tried: []block.Host{"n@b#p"}, LastError: "it broke"}
	placed := request
	placed.Host = "node@lvm#pool"
	to := rpcapi.Destination{Host: "n@b#p", ClusterName: "c@b#p", AvailabilityZone: "z", Capabilities: map[string]any{"free_capacity_gb": 1.5}}
	retype := rpcapi.Retype{FlowID: idF, VolumeID: idV, OldTypeID: idT, NewTypeID: idU, OldMultiattach: true, OnDemand: true, Reservations: []string{idA}, OldReservations: []string{idB}}
	moved := retype
	moved.Destination = to
	extend := &rpcapi.ExtendVolume{FlowID: idF, VolumeID: idV, OldSizeGiB: 1, NewSizeGiB: 3, Reservations: []string{idA}}
	snapshot, backupTask := &rpcapi.CreateSnapshot{FlowID: idF, SnapshotID: idS}, &rpcapi.BackupTask{FlowID: idF, BackupID: idB, VolumeID: idV, SnapshotID: idS}
	adopt := &rpcapi.ManageExisting{FlowID: idF, VolumeID: idV, Reference: map[string]any{"source-name": "lv"}}
	adoptSnapshot := &rpcapi.ManageExistingSnapshot{FlowID: idF, SnapshotID: idS, Reference: map[string]any{"source-name": "lv"}}
	caps := map[string]any{"pools": []any{map[string]any{"pool_name": "p", "free_capacity_gb": 1.5}}}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	manageable := &rpcapi.GetManageable{Limit: 5, Offset: 1, Marker: `{"source-name":"lv"}`, Sort: []rpcapi.SortKey{{Key: "size", Desc: true}, {Key: "reference"}}}
	entry := rpcapi.ManageableEntry{Reference: map[string]any{"source-name": "lv"}, SizeGiB: 2, ReasonNotSafe: "in use", CinderID: idV}
	fromSnapshot := entry
	fromSnapshot.Source = map[string]any{"source-name": "origin"}
	connector := block.Connector{"host": "h", "multipath": true, "initiator": nil}
	stamped := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	attachment := block.Attachment{ID: idA, VolumeID: idV, InstanceUUID: idN, AttachedHost: "h", Mountpoint: "/dev/vdb", AttachTime: stamped, AttachStatus: "attached",
		AttachMode: "rw", Timestamps: block.Timestamps{CreatedAt: stamped}, Connection: map[string]any{"a": "b"}, Connector: connector}
	list := []sample{
		{scheduler, rpcapi.MethodCreateVolume, &rpcapi.CreateVolume{FlowID: idF, VolumeID: idV, Request: request}, nil},
		{scheduler, rpcapi.MethodCreateSnapshot, snapshot, nil},
		{scheduler, rpcapi.MethodExtendVolume, extend, nil},
		{scheduler, rpcapi.MethodRetype, &retype, nil},
		{scheduler, rpcapi.MethodMigrateVolume, &rpcapi.MigrateVolume{FlowID: idF, VolumeID: idV, Host: "n@b", ForceHostCopy: true}, nil},
		{scheduler, rpcapi.MethodManageExisting, adopt, nil},
		{scheduler, rpcapi.MethodManageExistingSnapshot, adoptSnapshot, nil},
		{scheduler, rpcapi.MethodCreateGroup, &rpcapi.CreateGroup{FlowID: idF, GroupID: idG}, nil},
		{scheduler, rpcapi.MethodValidateHostCapacity, &rpcapi.ValidateHostCapacity{Host: "n@b#p", SizeGiB: 3}, []any{&rpcapi.HostCapacity{Enough: true}, &rpcapi.HostCapacity{Reason: "full"}}},
		{scheduler, rpcapi.MethodGetPools, &rpcapi.GetPools{Filters: map[string]string{"name": "n@b#p"}}, []any{&rpcapi.PoolsReply{Pools: []rpcapi.PoolInfo{{Name: "n@b#p", Capabilities: caps}}}}},
		{scheduler, rpcapi.MethodCreateBackup, backupTask, nil},
		{scheduler, rpcapi.MethodUpdateServiceCapabilities, &rpcapi.ServiceCapabilities{ServiceName: "volume", Host: "n@b", ClusterName: "c@b", Capabilities: caps, Timestamp: at}, nil},
		{scheduler, rpcapi.MethodNotifyServiceCapabilities, &rpcapi.NotifyCapabilities{ServiceName: "volume", Backend: "n@b", Capabilities: caps, Timestamp: at}, nil},
		{volume, rpcapi.MethodCreateVolume, &rpcapi.CreateVolume{FlowID: idF, VolumeID: idV, Request: placed}, nil},
		{volume, rpcapi.MethodDeleteVolume, &rpcapi.DeleteVolume{FlowID: idF, VolumeID: idV, Cascade: true, UnmanageOnly: true}, nil},
		{volume, rpcapi.MethodExtendVolume, extend, nil},
		{volume, rpcapi.MethodCreateSnapshot, snapshot, nil},
		{volume, rpcapi.MethodDeleteSnapshot, &rpcapi.DeleteSnapshot{FlowID: idF, SnapshotID: idS, UnmanageOnly: true}, nil},
		{volume, rpcapi.MethodRevertToSnapshot, &rpcapi.RevertToSnapshot{FlowID: idF, VolumeID: idV, SnapshotID: idS}, nil},
		{volume, rpcapi.MethodManageExisting, adopt, nil},
		{volume, rpcapi.MethodManageExistingSnapshot, adoptSnapshot, nil},
		{volume, rpcapi.MethodGetManageableVolumes, manageable, []any{&rpcapi.Manageable{Entries: []rpcapi.ManageableEntry{entry}}, &rpcapi.Manageable{}}},
		{volume, rpcapi.MethodGetManageableSnapshots, manageable, []any{&rpcapi.Manageable{Entries: []rpcapi.ManageableEntry{entry, fromSnapshot}}}},
		{volume, rpcapi.MethodCopyVolumeToImage, &rpcapi.CopyVolumeToImage{FlowID: idF, VolumeID: idV, ImageID: idI, ImageFields: map[string]any{"id": idI, "disk_format": "raw"}}, nil},
		{volume, rpcapi.MethodReimage, &rpcapi.Reimage{FlowID: idF, VolumeID: idV, ImageID: idI, ImageFields: map[string]any{"id": idI, "size": 5.0}}, nil},
		{volume, rpcapi.MethodGetCapabilities, &rpcapi.GetCapabilities{Discover: true}, []any{&rpcapi.Capabilities{Capabilities: caps}}},
		{volume, rpcapi.MethodPublishCapabilities, &struct{}{}, nil},
		{volume, rpcapi.MethodGetBackupDevice, backupTask, nil},
		{volume, rpcapi.MethodAcceptTransfer, &rpcapi.AcceptTransfer{VolumeID: idV, NewUser: "u", NewProject: "p", NoSnapshots: true}, nil},
		{volume, rpcapi.MethodRemoveExport, &rpcapi.RemoveExport{VolumeID: idV}, nil},
		{volume, rpcapi.MethodSecureFileOperations, &rpcapi.AskSecureFileOperations{VolumeID: idV}, []any{&rpcapi.SecureFileOperations{Enabled: true}}},
		{volume, rpcapi.MethodFreezeHost, &struct{}{}, []any{&rpcapi.Agreed{Yes: true}}},
		{volume, rpcapi.MethodThawHost, &struct{}{}, []any{&rpcapi.Agreed{}}},
		{volume, rpcapi.MethodFailover, &rpcapi.Failover{SecondaryBackendID: "dr"}, nil},
		{volume, rpcapi.MethodFailoverCompleted, &rpcapi.FailoverCompleted{ReplicationStatus: "failed-over", ActiveBackendID: new("dr"), Disabled: new(true), DisabledReason: "failed-over"}, nil},
		{volume, rpcapi.MethodExtendVolumeCompletion, &rpcapi.ExtendVolumeCompletion{VolumeID: idV, NewSizeGiB: 3, Reservations: []string{idA}, Failed: true}, nil},
		{volume, rpcapi.MethodInitializeSnapshot, &rpcapi.ConnectSnapshot{SnapshotID: idS, Connector: connector}, nil},
		{volume, rpcapi.MethodTerminateSnapshot, &rpcapi.ConnectSnapshot{SnapshotID: idS, Connector: connector, Force: true}, nil},
		{volume, rpcapi.MethodRemoveExportSnapshot, &rpcapi.ConnectSnapshot{SnapshotID: idS}, nil},
		{volume, rpcapi.MethodAttachmentUpdate, &rpcapi.AttachmentUpdate{VolumeID: idV, AttachmentID: idA, Connector: connector}, []any{&map[string]any{"driver_volume_type": "nbd"}}},
		{volume, rpcapi.MethodAttachmentDelete, &rpcapi.AttachmentDelete{VolumeID: idV, AttachmentID: idA}, nil},
		{volume, rpcapi.MethodInitializeConnection, &rpcapi.InitializeConnection{VolumeID: idV, Connector: connector}, []any{&block.ConnectionInfo{DriverVolumeType: "nbd", Data: map[string]any{"a": "b"}}}},
		{volume, rpcapi.MethodTerminateConnection, &rpcapi.TerminateConnection{VolumeID: idV, Connector: connector, Force: true}, nil},
		{volume, rpcapi.MethodTerminateConnection, &rpcapi.TerminateConnection{VolumeID: idV}, nil},
		{volume, rpcapi.MethodAttachVolume, &rpcapi.AttachVolume{VolumeID: idV, InstanceUUID: idN, HostName: "h", Mountpoint: "/dev/vdb", Mode: "rw"}, []any{&attachment}},
		{volume, rpcapi.MethodDetachVolume, &rpcapi.DetachVolume{VolumeID: idV, AttachmentID: idA}, nil},
		{volume, rpcapi.MethodRetype, &moved, nil},
		{volume, rpcapi.MethodMigrateVolume, &rpcapi.MigrateVolume{FlowID: idF, VolumeID: idV, Host: to.Host, ForceHostCopy: true, Destination: to}, nil},
		{volume, rpcapi.MethodMigrateVolumeCompletion, &rpcapi.MigrateVolumeCompletion{VolumeID: idV, NewVolumeID: idW, Failed: true}, []any{new(idV)}},
		{volume, rpcapi.MethodUpdateMigratedVolume, &rpcapi.UpdateMigratedVolume{FlowID: idF, VolumeID: idV, LeftoverID: idW, SourceHost: "n@a", Retyped: true}, nil},
		{volume, rpcapi.MethodCreateGroup, &rpcapi.CreateGroup{FlowID: idF, GroupID: idG}, nil},
		{volume, rpcapi.MethodDeleteGroup, &rpcapi.DeleteGroup{FlowID: idF, GroupID: idG}, nil},
		{volume, rpcapi.MethodUpdateGroup, &rpcapi.UpdateGroup{FlowID: idF, GroupID: idG, AddVolumes: []string{idV, idW}, RemoveVolumes: []string{idA}}, nil},
		{volume, rpcapi.MethodCreateGroupFromSource, &rpcapi.CreateGroupFromSource{FlowID: idF, GroupID: idG, VolumeIDs: []string{idV, idW}}, nil},
		{volume, rpcapi.MethodCreateGroupSnapshot, &rpcapi.CreateGroupSnapshot{FlowID: idF, GroupSnapshotID: idN, VolumeIDs: map[string]string{idS: idV}}, nil},
		{volume, rpcapi.MethodDeleteGroupSnapshot, &rpcapi.DeleteGroupSnapshot{FlowID: idF, GroupSnapshotID: idN}, nil},
		{volume, rpcapi.MethodListReplicationTargets, &rpcapi.ListReplicationTargets{GroupID: idG}, []any{&rpcapi.ReplicationTargets{Targets: []map[string]string{{"backend_id": "dr"}}}}},
		{backup, rpcapi.MethodCreateBackup, backupTask, nil},
		{backup, rpcapi.MethodContinueBackup, &rpcapi.ContinueBackup{BackupTask: *backupTask, DeviceID: idW}, nil},
		{backup, rpcapi.MethodContinueBackup, &rpcapi.ContinueBackup{BackupTask: *backupTask, DeviceSnapshotID: idS}, nil},
		{backup, rpcapi.MethodRestoreBackup, &rpcapi.RestoreBackup{FlowID: idF, BackupID: idB, VolumeID: idV, VolumeIsNew: true, EncryptionKeyID: idH}, nil},
		{backup, rpcapi.MethodDeleteBackup, &rpcapi.DeleteBackup{FlowID: idF, BackupID: idB}, nil},
		{backup, rpcapi.MethodExportRecord, &rpcapi.ExportRecord{BackupID: idB}, []any{&rpcapi.BackupRecord{Service: "s", Record: "r"}}},
		{backup, rpcapi.MethodImportRecord, &rpcapi.ImportRecord{FlowID: idF, BackupID: idB, Service: "s", Record: "r", Hosts: []string{"h"}}, nil},
		{backup, rpcapi.MethodResetBackupStatus, &rpcapi.ResetBackupStatus{FlowID: idF, BackupID: idB, Status: "error"}, nil},
		{backup, rpcapi.MethodCanForceDelete, &struct{}{}, []any{&rpcapi.CanForceDelete{Supported: true}}},
		{backup, rpcapi.MethodPublishCapabilities, &struct{}{}, nil},
	}
	for _, name := range []string{rpcapi.MethodEnableReplication, rpcapi.MethodDisableReplication, rpcapi.MethodFailoverReplication} {
		m := &rpcapi.SetReplication{FlowID: idF, GroupID: idG, Method: name, Before: map[string]string{idG: "x", idV: "y"}}
		if name == rpcapi.MethodFailoverReplication {
			m.SecondaryBackendID = "dr"
		}
		list = append(list, sample{volume, name, m, nil})
	}
	cleanup := &rpcapi.CleanupRequest{ServiceID: 3, ClusterName: "c@b", Host: "n@b", Binary: "cinder-volume", Up: new(false), Disabled: new(true), ResourceID: idV,
		ResourceType: "Volume", Until: stamped}
	cleaned := &block.Service{ID: 3, UUID: idN, Host: "n@b", Binary: "cinder-volume", ClusterName: "c@b", Topic: "cinder-volume", AvailabilityZone: "z", Disabled: true}
	list = append(list, sample{scheduler, rpcapi.MethodWorkCleanup, cleanup, []any{&rpcapi.WorkCleanup{Cleaning: []*block.Service{cleaned}}, &rpcapi.WorkCleanup{Unavailable: []*block.Service{cleaned}}}},
		sample{scheduler, rpcapi.MethodDoCleanup, cleanup, nil}, sample{volume, rpcapi.MethodDoCleanup, &rpcapi.CleanupRequest{ServiceID: 4}, nil})
	for _, s := range []service{scheduler, volume, backup} {
		list = append(list, sample{s, rpcapi.MethodSetLogLevels, &rpcapi.SetLogLevels{Prefix: "cinder", Level: "DEBUG"}, nil},
			sample{s, rpcapi.MethodGetLogLevels, &rpcapi.GetLogLevels{Prefix: "cinder"},
				[]any{&rpcapi.LogLevels{Levels: map[string]string{"clinker": "INFO", "cinder.rpc": "DEBUG"}}, &rpcapi.LogLevels{Levels: map[string]string{}}}})
	}
	return list
}

func (s sample) target() messaging.Target { return messaging.Target{Topic: topicOf(s.service)} }

// overTheWire sends args as a Clinker does to a Clinker, and gives what arrives.
func overTheWire(t interface{ Fatal(...any) }, c *Codec, s sample) any {
	e, err := c.EncodeArgs(ctx(t), s.target(), messaging.Message{Method: s.method, Args: s.args})
	if err != nil {
		t.Fatal(s.service, s.method, err)
	}
	size := 0
	for k, v := range e.Extra {
		size += len(k) + len(v)
	}
	if size > messaging.MaxExtra {
		t.Fatal(s.method, "has", size, "bytes beside its arguments")
	}
	got, err := c.DecodeArgs(ctx(t), messaging.Incoming{Topic: s.target().Topic, Method: s.method, Args: e.Args, Extra: e.Extra}, nil)
	if err != nil {
		t.Fatal(s.service, s.method, err)
	}
	return got
}

// TestMessagesSurviveTheWire: between Clinkers nothing that a message says is lost, nor of its answer.
func TestMessagesSurviveTheWire(t *testing.T) {
	c := newCodec(t, fullWorld())
	anyOrder := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	done := map[string]bool{}
	for _, s := range samples() {
		done[string(s.service)+"/"+s.method] = true
		if diff := cmp.Diff(s.args, overTheWire(t, c, s), anyOrder, withoutRows); diff != "" {
			t.Errorf("%s to the %s (-sent +received):\n%s", s.method, s.service, diff)
		}
		in := messaging.Incoming{Topic: s.target().Topic, Method: s.method}
		for _, reply := range s.replies {
			r, err := c.EncodeReply(t.Context(), in, reply)
			if err != nil {
				t.Fatal(s.method, err)
			}
			got := fresh(reply)
			if err := c.DecodeReply(t.Context(), s.target(), messaging.Message{Method: s.method, Args: s.args}, r, got); err != nil {
				t.Fatal(s.method, err)
			}
			if diff := cmp.Diff(reply, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the answer to %s (-sent +received):\n%s", s.method, diff)
			}
		}
		r, err := c.EncodeReply(t.Context(), in, nil)
		if err != nil || string(r.Result) != "null" {
			t.Errorf("%s without an answer: %s, %v", s.method, r.Result, err)
		}
	}
	for service, methods := range allMethods() {
		for name := range methods {
			if !done[string(service)+"/"+name] {
				t.Errorf("%s to the %s has no sample", name, service)
			}
		}
	}
}

// withoutRows leaves out what a message says beyond what its sender said.
var withoutRows = cmpopts.IgnoreTypes(rpcapi.AtHand{})

// TestSchedulerGetsTheRows: what a scheduler would read is in the message, so that it need not.
func TestSchedulerGetsTheRows(t *testing.T) {
	w := fullWorld()
	w.volumes[idV].AttachStatus = block.AttachDetached // upstream's objects do not know the one it has
	message := sample{scheduler, rpcapi.MethodCreateVolume, &rpcapi.CreateVolume{VolumeID: idV, Request: rpcapi.CreateRequest{VolumeID: idV}}, nil}
	got := overTheWire(t, newCodec(t, w), message).(*rpcapi.CreateVolume).AtHand
	want := rpcapi.AtHand{Volume: w.volumes[idV], Type: w.types[idT]}
	want.Volume.VolumeTypeName = want.Type.Name
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	delete(w.types, idT)
	got = overTheWire(t, newCodec(t, w), message).(*rpcapi.CreateVolume).AtHand
	if got.Type != nil || got.Volume == nil {
		t.Errorf("a volume whose type is gone: %+v", got)
	}
}

// TestRowsAtHandAreNotRead: a message whose sender has the rows says the same, and no row is read for it: there is none.
func TestRowsAtHandAreNotRead(t *testing.T) {
	w := fullWorld()
	for _, v := range w.types {
		v.QoSSpecsID = "" // QoS specs are always read
	}
	rows := rpcapi.AtHand{Volume: w.volumes[idV], Type: w.types[idT]}
	full, empty := newCodec(t, w), newCodec(t, newWorld())
	request := rpcapi.CreateRequest{VolumeID: idV, AvailabilityZone: "z", Attempts: 1}
	for method, args := range map[string][2]any{
		rpcapi.MethodCreateVolume:     {&rpcapi.CreateVolume{VolumeID: idV, Request: request}, &rpcapi.CreateVolume{VolumeID: idV, Request: request, AtHand: rows}},
		rpcapi.MethodDeleteVolume:     {&rpcapi.DeleteVolume{VolumeID: idV}, &rpcapi.DeleteVolume{VolumeID: idV, AtHand: rows}},
		rpcapi.MethodAttachmentUpdate: {&rpcapi.AttachmentUpdate{VolumeID: idV, AttachmentID: idA}, &rpcapi.AttachmentUpdate{VolumeID: idV, AttachmentID: idA, AtHand: rows}},
		rpcapi.MethodAttachmentDelete: {&rpcapi.AttachmentDelete{VolumeID: idV, AttachmentID: idA}, &rpcapi.AttachmentDelete{VolumeID: idV, AttachmentID: idA, AtHand: rows}},
	} {
		target := messaging.Target{Topic: rpcapi.VolumeTopic}
		want, err := full.EncodeArgs(t.Context(), target, messaging.Message{Method: method, Args: args[0]})
		if err != nil {
			t.Fatal(method, err)
		}
		got, err := empty.EncodeArgs(t.Context(), target, messaging.Message{Method: method, Args: args[1]})
		if err != nil || string(got.Args) != string(want.Args) {
			t.Errorf("%s: %v\n%s\nwant\n%s", method, err, got.Args, want.Args)
		}
		if _, err := empty.EncodeArgs(t.Context(), target, messaging.Message{Method: method, Args: args[0]}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s without rows at hand: %v", method, err)
		}
	}
}

// fresh is the address of an empty value of what reply is the address of.
func fresh(reply any) any { return reflect.New(reflect.TypeOf(reply).Elem()).Interface() }

// TestAnyCreateSurvivesTheWire: the request that travels from service to service and comes back, whatever is in it.
func TestAnyCreateSurvivesTheWire(t *testing.T) {
	c := newCodec(t, fullWorld())
	word := rapid.StringMatching(`[a-z]{1,8}`)
	maybe := func(t *rapid.T, id, label string) string { return rapid.SampledFrom([]string{"", id}).Draw(t, label) }
	rapid.Check(t, func(t *rapid.T) {
		r := rpcapi.CreateRequest{VolumeID: idV, SnapshotID: maybe(t, idS, "snapshot"), SourceVolumeID: maybe(t, idW, "source"), ImageID: maybe(t, idI, "image"),
			AvailabilityZone: maybe(t, "z", "zone"), PinnedBackend: block.Host(maybe(t, "n@b", "pinned")), Attempts: rapid.IntRange(0, 9).Draw(t, "attempts")}
		if rapid.Bool().Draw(t, "zones") {
			r.Zones = []string{"a", word.Draw(t, "another")}
		}
		if rapid.Bool().Draw(t, "hints") {
			r.Hints = map[string]any{word.Draw(t, "hint"): []any{word.Draw(t, "value")}}
		}
		if r.Attempts > 0 {
			for range rapid.IntRange(0, 3).Draw(t, "tried") {
				r.Tried = append(r.Tried, block.Host(word.Draw(t, "host")))
			}
			r.LastError = maybe(t, word.Draw(t, "what"), "error")
		}
		for _, to := range []service{scheduler, volume} {
			want := &rpcapi.CreateVolume{FlowID: maybe(t, idF, "flow"), VolumeID: idV, Request: r}
			got := overTheWire(t, c, sample{to, rpcapi.MethodCreateVolume, want, nil}).(*rpcapi.CreateVolume)
			got.Request.Host = ""
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), withoutRows); diff != "" {
				t.Errorf("to the %s (-sent +received):\n%s", to, diff)
			}
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	w := fullWorld()
	c := newCodec(t, w)
	send := func(topic, method string, args any) error {
		_, err := c.EncodeArgs(t.Context(), messaging.Target{Topic: topic}, messaging.Message{Method: method, Args: args})
		return err
	}
	take := func(topic, method, args string) error {
		_, err := c.DecodeArgs(t.Context(), messaging.Incoming{Topic: topic, Method: method, Args: json.RawMessage(args)}, nil)
		return err
	}
	const old = `{"versioned_object.name":"Volume","versioned_object.namespace":"cinder","versioned_object.version":"1.99","versioned_object.data":{"id":"x"}}`
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
		text string
	}{
		"an unknown topic":       {send("nova-compute", "create_volume", &rpcapi.CreateVolume{}), fault.NotImplemented, "create_volume"},
		"an unknown method":      {take("cinder-volume", "fly", `{}`), fault.NotImplemented, "fly"},
		"other arguments":        {send("cinder-volume", "delete_volume", &rpcapi.CreateVolume{}), fault.Internal, "delete_volume"},
		"no arguments":           {send("cinder-volume", "delete_volume", (*rpcapi.DeleteVolume)(nil)), fault.Internal, "delete_volume"},
		"a row that is gone":     {send("cinder-volume", "delete_volume", &rpcapi.DeleteVolume{VolumeID: "gone"}), fault.NotFound, "gone"},
		"no object of arguments": {take("cinder-volume", "delete_volume", `[]`), fault.Invalid, "delete_volume"},
		"null":                   {take("cinder-volume", "delete_volume", `null`), fault.Invalid, "delete_volume"},
		"no volume":              {take("cinder-volume", "delete_volume", `{}`), fault.Invalid, "volume"},
		"a newer volume":         {take("cinder-volume", "delete_volume", `{"volume":`+old+`}`), fault.Invalid, "1.99"},
		"another object":         {take("cinder-volume", "delete_volume", strings.ReplaceAll(`{"volume":`+old+`}`, `"Volume","versioned_object.namespace":"cinder","versioned_object.version":"1.99"`, `"Snapshot","versioned_object.namespace":"cinder","versioned_object.version":"1.6"`)), fault.Invalid, "Snapshot"},
		"a text as flag":         {take("cinder-volume", "terminate_connection", `{"volume_id":"v","force":"yes"}`), fault.Invalid, "force"},
		"a fraction as size":     {take("cinder-volume", "extend_volume", strings.Replace(`{"volume":`+old+`,"new_size":1.5}`, "1.99", "1.9", 1)), fault.Invalid, "new_size"},
		"a negative limit":       {take("cinder-volume", "get_manageable_volumes", `{"limit":-1}`), fault.Invalid, "limit"},
		"no time":                {take("cinder-scheduler", "update_service_capabilities", `{"timestamp":"now"}`), fault.Invalid, "timestamp"},
	} {
		if !fault.Is(c.err, c.kind) || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if _, err := c.EncodeReply(t.Context(), messaging.Incoming{Topic: "cinder-scheduler", Method: "get_pools"}, 7); !fault.Is(err, fault.Internal) {
		t.Errorf("an answer of another type: %v", err)
	}
	if err := c.DecodeReply(t.Context(), messaging.Target{Topic: "cinder-scheduler"}, messaging.Message{Method: "get_pools"}, messaging.EncodedReply{Result: json.RawMessage(`7`)},
		new(rpcapi.PoolsReply)); !fault.Is(err, fault.Invalid) {
		t.Errorf("pools that are a number: %v", err)
	}
}

// FuzzDecodeArgs: whatever is sent as arguments is read or refused.
func FuzzDecodeArgs(f *testing.F) {
	w := fullWorld()
	c := newCodec(f, w)
	names := map[service][]string{}
	for s, methods := range allMethods() {
		names[s] = slices.Sorted(maps.Keys(methods))
	}
	for i, m := range capturedMessages(f) {
		if slices.Contains(names[m.Service], m.Method) {
			raw, err := json.Marshal(m.Args)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(m.Service), m.Method, raw, fmt.Sprintf(`{"before":{"a":"%d"}}`, i))
		}
	}
	f.Fuzz(func(t *testing.T, to, method string, args []byte, more string) {
		got, err := c.DecodeArgs(t.Context(), messaging.Incoming{Topic: topicOf(service(to)), Method: method, Args: args, Extra: map[string]string{"flow": idF, "more": more}}, nil)
		if (got == nil) == (err == nil) {
			t.Errorf("%v, %v", got, err)
		}
		if err != nil && (fault.KindOf(err) == fault.Internal || len(err.Error()) > 2000) {
			t.Errorf("refused as %v", err)
		}
	})
}
