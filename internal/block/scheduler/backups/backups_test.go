package backups

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// wire keeps where casts went.
type wire struct{ servers []string }

func (w *wire) Cast(_ context.Context, t messaging.Target, _ messaging.Message) error {
	w.servers = append(w.servers, t.Server)
	return nil
}

func (w *wire) Call(context.Context, messaging.Target, messaging.Message, any) error { return nil }

type world struct {
	*managertest.World
	*Scheduler
	wire *wire
	told []block.Failure
	task rpcapi.BackupTask
}

func newWorld(t *testing.T, snapshot bool, change func(b *block.Backup, v *block.Volume)) *world {
	t.Helper()
	w := &world{World: managertest.NewWorld(t), wire: &wire{}}
	b := &block.Backup{ID: uuid.NewString(), ProjectID: managertest.Project, Status: block.BackupCreating}
	v := w.AddVolume(t, func(v *block.Volume) {
		v.Status, v.PreviousStatus, v.AvailabilityZone = block.VolumeBackingUp, block.VolumeAvailable, "nova"
		if snapshot {
			v.Status = block.VolumeInUse
		}
		if change != nil {
			change(b, v)
		}
	})
	w.task = rpcapi.BackupTask{FlowID: uuid.NewString(), BackupID: b.ID, VolumeID: v.ID}
	if snapshot {
		w.task.SnapshotID = w.AddSnapshot(t, v, block.SnapshotBackingUp).ID
	}
	b.VolumeID, b.SnapshotID = v.ID, w.task.SnapshotID
	if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.CreateBackup(t.Context(), b) }); err != nil {
		t.Fatal(err)
	}
	w.Scheduler = New(Options{Store: w.World, Flows: flow.NewEngine(journal.New(w.World), flow.Options{UndoPause: 1}), Services: rpcapi.Backup{Client: w.wire},
		ServiceDownTime: time.Minute, Tell: func(_ context.Context, f block.Failure) error { w.told = append(w.told, f); return nil }})
	return w
}

func (w *world) service(host, zone string, change func(s *block.Service)) {
	s := &block.Service{Host: host, Binary: block.BinaryBackup, AvailabilityZone: zone, Timestamps: block.Timestamps{UpdatedAt: time.Now()}}
	if change != nil {
		change(s)
	}
	w.AddService(s)
}

func TestFlow(t *testing.T) {
	for name, snapshot := range map[string]bool{"volume": false, "snapshot": true} {
		t.Run(name, func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[state, store.Tx]{New: func(t *testing.T) flowtest.World[state, store.Tx] {
				w := newWorld(t, snapshot, nil)
				w.service("b1", "nova", nil)
				st := &state{BackupTask: w.task}
				data, err := json.Marshal(st)
				if err != nil {
					t.Fatal(err)
				}
				rec := flow.Record{ID: st.FlowID, Name: rpcapi.FlowBackupCreate, Owner: rpcapi.SchedulerOwner, ResourceType: "backup", ResourceID: st.BackupID, State: data}
				if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), rec) }); err != nil {
					t.Fatal(err)
				}
				records := func(owner string) []flow.Record {
					recs, err := w.World.Flows(t.Context(), owner, 0, 10)
					if err != nil {
						t.Fatal(err)
					}
					return recs
				}
				return flowtest.World[state, store.Tx]{Journal: journal.New(w.World), Flow: w.flow, Record: rec, State: st, Continue: true,
					Records: func(*testing.T) []flow.Record { return records(rpcapi.SchedulerOwner) },
					Done: func(t *testing.T) {
						b, err := w.Backup(t.Context(), st.BackupID, "")
						if err != nil || b.Host != "b1" || b.Status != block.BackupCreating {
							t.Errorf("%+v, %v", b, err)
						}
						if recs := records(rpcapi.BackupOwner("b1")); len(recs) != 1 || recs[0].Name != rpcapi.FlowBackupCreate {
							t.Errorf("the backup service has %+v", recs)
						}
					},
					Undone: func(t *testing.T, _ error) { w.wantReleased(t, snapshot) }}
			}})
		})
	}
}

// wantReleased checks that nothing came of the backup and its source is free.
func (w *world) wantReleased(t *testing.T, snapshot bool) {
	t.Helper()
	if got := w.BackupStatus(t, w.task.BackupID); got != "error" {
		t.Errorf("the backup is %s", got)
	}
	v, err := w.Volume(t.Context(), w.task.VolumeID, "")
	switch {
	case err != nil:
		t.Error(err)
	case snapshot:
		if got := w.SnapshotStatus(t, w.task.SnapshotID); got != "available" || v.Status != block.VolumeInUse {
			t.Errorf("the snapshot is %s, the volume %s", got, v.Status)
		}
	case v.Status != block.VolumeAvailable || v.PreviousStatus != block.VolumeErrorBackingUp:
		t.Errorf("the volume is %s after %s", v.Status, v.PreviousStatus)
	}
}

func TestChoice(t *testing.T) {
	old := func(s *block.Service) { s.UpdatedAt = time.Now().Add(-time.Hour) }
	for name, tc := range map[string]struct {
		backup, volume string // the zones
		same           bool
		host           string // the backup's already
		want           string // empty: nobody
	}{
		"the volume's zone":   {volume: "z1", want: "b1"},
		"the zone asked for":  {backup: "z2", volume: "z1", want: "node"},
		"a zone without one":  {backup: "z3", volume: "z1"},
		"one that's disabled": {volume: "z4"},
		"one that's down":     {volume: "z5"},
		"the same host":       {volume: "z2", same: true, want: "node"},
		"not the same host":   {volume: "z1", same: true},
		"a host already":      {volume: "z3", host: "b9", want: "b9"},
	} {
		w := newWorld(t, false, func(b *block.Backup, v *block.Volume) {
			b.AvailabilityZone, b.Host, v.AvailabilityZone = tc.backup, tc.host, tc.volume
		})
		w.service("b1", "z1", nil)
		w.service("node", "z2", nil)
		w.service("b4", "z4", func(s *block.Service) { s.Disabled = true })
		w.service("b5", "z5", old)
		w.UseSameHost = tc.same
		if err := w.Create(t.Context(), &w.task); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if tc.want == "" {
			w.wantReleased(t, false)
			b, err := w.Backup(t.Context(), w.task.BackupID, "")
			if err != nil || b.FailReason != "Service not found for creating backup." {
				t.Errorf("%s: %+v, %v", name, b, err)
			}
			if len(w.told) != 1 || w.told[0].Action != "013" || w.told[0].Detail != "024" || w.told[0].ResourceType != "VOLUME_BACKUP" {
				t.Errorf("%s: told %+v", name, w.told)
			}
			continue
		}
		if len(w.wire.servers) != 1 || w.wire.servers[0] != tc.want || len(w.told) != 0 {
			t.Errorf("%s: cast to %v, told %v", name, w.wire.servers, w.told)
		}
	}
}

// TestGone: a backup whose row is gone leaves no volume that is backing up for ever.
func TestGone(t *testing.T) {
	w := newWorld(t, false, nil)
	if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.DestroyBackup(t.Context(), w.task.BackupID) }); err != nil {
		t.Fatal(err)
	}
	if err := w.Create(t.Context(), &w.task); err == nil {
		t.Error("no error")
	}
	if got := w.VolumeStates(t, w.task.VolumeID); got != "available/detached" {
		t.Errorf("the volume is %s", got)
	}
}
