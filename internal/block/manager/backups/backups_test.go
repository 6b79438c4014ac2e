package backups

import (
	"context"
	"encoding/json"
	"testing"

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

type nowhere struct{}

func (nowhere) Cast(context.Context, messaging.Target, messaging.Message) error      { return nil }
func (nowhere) Call(context.Context, messaging.Target, messaging.Message, any) error { return nil }

func TestFlow(t *testing.T) {
	for name, tc := range map[string]struct {
		previous         block.VolumeStatus
		snapshot, copies bool
		after            string // of the volume, when it came to nothing
	}{
		"an available volume": {previous: block.VolumeAvailable, after: "available/detached"},
		"a volume in use":     {previous: block.VolumeInUse, copies: true, after: "in-use/attached"},
		"a snapshot":          {snapshot: true, copies: true, after: "in-use/attached"},
	} {
		t.Run(name, func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[state, store.Tx]{New: func(t *testing.T) flowtest.World[state, store.Tx] {
				w := managertest.NewWorld(t)
				v := w.AddVolume(t, func(v *block.Volume) {
					v.Status, v.PreviousStatus, v.Name = block.VolumeBackingUp, tc.previous, new("v")
					if tc.snapshot {
						v.Status = block.VolumeInUse
					}
					if tc.previous != block.VolumeAvailable {
						v.AttachStatus = block.AttachAttached
					}
				})
				if tc.copies {
					w.AddAttachment(t, v, block.AttachAttached, nil)
				}
				st := &state{BackupTask: rpcapi.BackupTask{FlowID: uuid.NewString(), VolumeID: v.ID}}
				if tc.snapshot {
					st.SnapshotID = w.AddSnapshot(t, v, block.SnapshotBackingUp).ID
				}
				st.BackupID = w.AddBackup(t, v, func(b *block.Backup) { b.Status, b.Host = block.BackupCreating, "b1" }).ID
				s := New(Options{Backend: managertest.Host, Store: w, Storage: w.Backend, Services: rpcapi.Backup{Client: nowhere{}}})
				data, err := json.Marshal(st)
				if err != nil {
					t.Fatal(err)
				}
				rec := flow.Record{ID: st.FlowID, Name: rpcapi.FlowBackupDevice, Owner: managertest.Host, ResourceType: "backup", ResourceID: st.BackupID, State: data}
				if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), rec) }); err != nil {
					t.Fatal(err)
				}
				records := func(owner string) []flow.Record {
					recs, err := w.Flows(t.Context(), owner, 0, 10)
					if err != nil {
						t.Fatal(err)
					}
					return recs
				}
				return flowtest.World[state, store.Tx]{Journal: journal.New(w), Flow: s.flow, Record: rec, State: st, Continue: true,
					Records: func(*testing.T) []flow.Record { return records(managertest.Host) },
					Done: func(t *testing.T) {
						b, err := w.Backup(t.Context(), st.BackupID, "")
						if err != nil || b.Status != block.BackupCreating {
							t.Fatalf("%+v, %v", b, err)
						}
						recs := records(rpcapi.BackupOwner("b1"))
						var next rpcapi.ContinueBackup
						if len(recs) != 1 || recs[0].Name != rpcapi.FlowBackupContinue || json.Unmarshal(recs[0].State, &next) != nil {
							t.Fatalf("the backup service has %+v", recs)
						}
						if !tc.copies {
							if next.DeviceID != v.ID || b.TempVolumeID != "" {
								t.Errorf("%+v is to be read; the backup remembers %q", next, b.TempVolumeID)
							}
							return
						}
						if next.DeviceID == v.ID || next.DeviceID != b.TempVolumeID || !w.Held(t, next.DeviceID) {
							t.Errorf("%+v is to be read; the backup remembers %q", next, b.TempVolumeID)
						}
						if got := w.VolumeStates(t, next.DeviceID); got != "backing-up/detached" {
							t.Errorf("the copy is %s", got)
						}
						if copied, err := w.Volume(t.Context(), next.DeviceID, ""); err != nil || copied.UseQuota || *copied.Name != "backup-vol-"+v.ID {
							t.Errorf("%+v, %v", copied, err)
						}
					},
					Undone: func(t *testing.T, _ error) {
						if got := w.BackupStatus(t, st.BackupID); got != "error" {
							t.Errorf("the backup is %s", got)
						}
						if got := w.VolumeStates(t, v.ID); got != tc.after {
							t.Errorf("the volume is %s, want %s", got, tc.after)
						}
						if tc.snapshot {
							if got := w.SnapshotStatus(t, st.SnapshotID); got != "available" {
								t.Errorf("the snapshot is %s", got)
							}
						}
						if got := w.VolumeStates(t, st.copyID()); got != "gone" || w.Held(t, st.copyID()) {
							t.Errorf("the copy is %s, held %v", got, w.Held(t, st.copyID()))
						}
					}}
			}})
		})
	}
}

func TestRestoring(t *testing.T) {
	w := managertest.NewWorld(t)
	v := w.AddVolume(t, nil)
	b := w.AddBackup(t, v, nil)
	r := Restoring{Request: rpcapi.CreateRequest{VolumeID: v.ID, BackupID: b.ID, BackupHost: "b1"}, FlowID: "f"}
	begin := func(r Restoring) (status block.VolumeStatus, err error) {
		err = w.Update(t.Context(), func(tx store.Tx) (err error) {
			status, err = r.Begin(t.Context(), tx)
			return err
		})
		return status, err
	}
	if status, err := begin(r); err != nil || status != block.VolumeRestoringBackup {
		t.Errorf("%s, %v", status, err)
	}
	if got, err := w.Backup(t.Context(), b.ID, ""); err != nil || got.Status != block.BackupRestoring || got.Host != "b1" || got.RestoreVolume != v.ID {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := begin(r); err == nil {
		t.Error("a backup was restored twice at once")
	}
	if n := r.Next(); n.Owner != rpcapi.BackupOwner("b1") || n.Name != rpcapi.FlowBackupRestore {
		t.Errorf("%+v", n)
	}
	if status, err := begin(Restoring{}); err != nil || status != block.VolumeAvailable || (Restoring{}).Next() != nil {
		t.Errorf("without a backup: %s, %v", status, err)
	}
}
