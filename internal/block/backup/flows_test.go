package backup

import (
	"slices"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow/flowtest"
)

func TestStartFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[starting, store.Tx]{New: func(t *testing.T) flowtest.World[starting, store.Tx] {
		w := newWorld(t)
		v := w.backingUp(t)
		b := w.AddBackup(t, v, func(b *block.Backup) { b.Status, b.Host = block.BackupCreating, "b1" })
		st := &starting{BackupTask: rpcapi.BackupTask{FlowID: newID(), BackupID: b.ID, VolumeID: v.ID}}
		fw := flowWorld(t, w, w.flows.start, rpcapi.FlowBackupCreate, st.FlowID, b.ID, st)
		fw.Done = func(t *testing.T) {
			w.states(t, v, "backing-up", b, "creating")
			row := w.row(t, b.ID)
			if row.Service != repositoryName || row.AvailabilityZone != "nova" || row.Container == nil || row.ServiceMetadata == "" {
				t.Errorf("the row is %+v", row)
			}
			if recs := w.records(t, managertestHost); len(recs) != 1 || recs[0].Name != rpcapi.FlowBackupDevice {
				t.Errorf("the volume service has %+v", recs)
			}
		}
		fw.Undone = func(t *testing.T, _ error) { w.states(t, v, "available", b, "error") }
		return fw
	}})
}

const managertestHost = "node@fake"

func TestSaveFlow(t *testing.T) {
	for name, incremental := range map[string]bool{"full": false, "incremental, of a copy": true} {
		t.Run(name, func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[saving, store.Tx]{New: func(t *testing.T) flowtest.World[saving, store.Tx] {
				w := newWorld(t)
				v := w.backingUp(t)
				st := &saving{ContinueBackup: rpcapi.ContinueBackup{BackupTask: rpcapi.BackupTask{FlowID: newID(), VolumeID: v.ID}, DeviceID: v.ID}}
				var parent *block.Backup
				b := w.being(t, v, func(b *block.Backup) {
					if incremental {
						parent = w.made(t, v, "", nil)
						copied := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeBackingUp })
						st.DeviceID, b.ParentID, b.TempVolumeID = copied.ID, parent.ID, copied.ID
					}
				})
				st.BackupID = b.ID
				copyIsGoing := func(t *testing.T) {
					t.Helper()
					w.quiet(t)
					recs := w.records(t, managertestHost)
					if !incremental {
						if len(recs) != 0 {
							t.Errorf("the volume service has %+v", recs)
						}
						return
					}
					// The copy's own delete is the volume service's from now on; it may have been asked for more than once.
					if len(recs) == 0 || recs[0].Name != rpcapi.FlowVolumeDelete || recs[0].ResourceID != st.DeviceID {
						t.Errorf("the volume service has %+v", recs)
					}
					if got := w.VolumeStates(t, st.DeviceID); got != "deleting/detached" {
						t.Errorf("the copy is %s", got)
					}
				}
				fw := flowWorld(t, w, w.flows.save, rpcapi.FlowBackupContinue, st.FlowID, b.ID, st)
				fw.Done = func(t *testing.T) {
					w.states(t, v, "available", b, "available")
					row := w.row(t, b.ID)
					if row.ObjectCount != 1 || row.TempVolumeID != "" || !slices.Contains(w.repository.Held(), b.ID) {
						t.Errorf("the row is %+v, the repository holds %v", row, w.repository.Held())
					}
					if parent != nil && w.row(t, parent.ID).Dependents != 1 {
						t.Errorf("the parent is %+v", w.row(t, parent.ID))
					}
					copyIsGoing(t)
				}
				fw.Undone = func(t *testing.T, cause error) {
					w.states(t, v, "available", b, "error")
					if w.row(t, b.ID).FailReason != fault.UserText(cause) || slices.Contains(w.repository.Held(), b.ID) {
						t.Errorf("the row is %+v, the repository holds %v", w.row(t, b.ID), w.repository.Held())
					}
					if parent != nil && w.row(t, parent.ID).Dependents != 0 {
						t.Errorf("the parent is %+v", w.row(t, parent.ID))
					}
					copyIsGoing(t)
				}
				return fw
			}})
		})
	}
}

func TestRestoreFlow(t *testing.T) {
	for name, isNew := range map[string]bool{"into a volume": false, "into a new volume": true} {
		t.Run(name, func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[restoring, store.Tx]{New: func(t *testing.T) flowtest.World[restoring, store.Tx] {
				w := newWorld(t)
				source := w.AddVolume(t, func(v *block.Volume) { v.Name, v.Metadata = new("source"), map[string]string{"a": "b"} })
				meta, err := describe(source)
				if err != nil {
					t.Fatal(err)
				}
				full := w.made(t, source, "", nil)
				b := w.made(t, source, meta, func(b *block.Backup) { b.ParentID, b.Status = full.ID, block.BackupRestoring })
				v := w.AddVolume(t, func(v *block.Volume) {
					v.Status, v.Name = block.VolumeRestoringBackup, new(block.RestoredVolumePrefix+b.ID)
				})
				st := &restoring{RestoreBackup: rpcapi.RestoreBackup{FlowID: newID(), BackupID: b.ID, VolumeID: v.ID, VolumeIsNew: isNew}}
				fw := flowWorld(t, w, w.flows.restore, rpcapi.FlowBackupRestore, st.FlowID, b.ID, st)
				fw.Done = func(t *testing.T) {
					w.states(t, v, "available", b, "available")
					w.quiet(t)
					row, err := w.Volume(t.Context(), v.ID, "")
					if err != nil || *row.Name != "source" || row.Metadata["a"] != "b" || row.Metadata["src_backup_id"] != b.ID || isNew == row.LaunchedAt.IsZero() {
						t.Errorf("the volume is %+v, %v", row, err)
					}
				}
				fw.Undone = func(t *testing.T, _ error) {
					w.states(t, v, "error_restoring", b, "available")
					w.quiet(t)
				}
				return fw
			}})
		})
	}
}

func TestRemoveFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[removal, store.Tx]{New: func(t *testing.T) flowtest.World[removal, store.Tx] {
		w := newWorld(t)
		v := w.AddVolume(t, nil)
		parent := w.made(t, v, "", func(b *block.Backup) { b.Dependents = 1 })
		b := w.made(t, v, "", func(b *block.Backup) { b.Status, b.ParentID = block.BackupDeleting, parent.ID })
		st := &removal{DeleteBackup: rpcapi.DeleteBackup{FlowID: newID(), BackupID: b.ID}}
		fw := flowWorld(t, w, w.flows.remove, rpcapi.FlowBackupDelete, st.FlowID, b.ID, st)
		fw.Done = func(t *testing.T) {
			w.states(t, v, "available", b, "gone")
			if w.row(t, parent.ID).Dependents != 0 || !slices.Equal(w.repository.Held(), []string{parent.ID}) {
				t.Errorf("the parent is %+v, the repository holds %v", w.row(t, parent.ID), w.repository.Held())
			}
		}
		fw.Undone = func(t *testing.T, cause error) {
			w.states(t, v, "available", b, "error")
			if w.row(t, b.ID).FailReason != fault.UserText(cause) {
				t.Errorf("the row is %+v", w.row(t, b.ID))
			}
		}
		return fw
	}})
}

func TestImportFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[importing, store.Tx]{New: func(t *testing.T) flowtest.World[importing, store.Tx] {
		w := newWorld(t)
		v := w.AddVolume(t, nil)
		exported := w.made(t, v, "", func(b *block.Backup) { b.Name, b.ObjectCount, b.Metadata = new("n"), 7, map[string]string{"a": "b"} })
		text, err := exported.EncodeRecord(nil)
		if err != nil {
			t.Fatal(err)
		}
		b := w.AddBackup(t, v, func(b *block.Backup) {
			b.ID, b.VolumeID, b.Status = exported.ID, block.ImportedVolumeID, block.BackupCreating
		})
		st := &importing{ImportRecord: rpcapi.ImportRecord{FlowID: newID(), BackupID: b.ID, Service: repositoryName, Record: text}}
		fw := flowWorld(t, w, w.flows.importer, rpcapi.FlowBackupImport, st.FlowID, b.ID, st)
		fw.Done = func(t *testing.T) {
			row := w.row(t, b.ID)
			if row.Status != block.BackupAvailable || row.VolumeID != v.ID || *row.Name != "n" || row.ObjectCount != 7 || row.Metadata["a"] != "b" ||
				row.Host != "b1" || row.Service != repositoryName || row.AvailabilityZone != "nova" || row.ServiceMetadata != "m" {
				t.Errorf("the row is %+v", row)
			}
		}
		fw.Undone = func(t *testing.T, _ error) { w.states(t, v, "available", b, "error") }
		return fw
	}})
}

func TestPassOnFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[importing, store.Tx]{New: func(t *testing.T) flowtest.World[importing, store.Tx] {
		w := newWorld(t)
		v := w.AddVolume(t, nil)
		b := w.AddBackup(t, v, func(b *block.Backup) { b.Status = block.BackupCreating })
		st := &importing{ImportRecord: rpcapi.ImportRecord{FlowID: newID(), BackupID: b.ID, Service: "cinder.backup.drivers.swift.SwiftBackupDriver",
			Hosts: []string{"b2", "b3"}}}
		fw := flowWorld(t, w, w.flows.importer, rpcapi.FlowBackupImport, st.FlowID, b.ID, st)
		fw.Done = func(t *testing.T) {
			w.states(t, v, "available", b, "creating")
			recs := w.records(t, rpcapi.BackupOwner("b2"))
			if len(recs) != 1 || recs[0].Name != rpcapi.FlowBackupImport {
				t.Fatalf("the next service has %+v", recs)
			}
		}
		fw.Undone = func(t *testing.T, _ error) { w.states(t, v, "available", b, "error") }
		return fw
	}})
}

func TestResetFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[resetting, store.Tx]{New: func(t *testing.T) flowtest.World[resetting, store.Tx] {
		w := newWorld(t)
		v := w.AddVolume(t, nil)
		b := w.made(t, v, "", func(b *block.Backup) { b.Status = block.BackupRestoring })
		st := &resetting{ResetBackupStatus: rpcapi.ResetBackupStatus{FlowID: newID(), BackupID: b.ID, Status: block.BackupError}}
		fw := flowWorld(t, w, w.flows.reset, rpcapi.FlowBackupReset, st.FlowID, b.ID, st)
		fw.Done = func(t *testing.T) { w.states(t, v, "available", b, "error") }
		fw.Undone = func(t *testing.T, _ error) { w.states(t, v, "available", b, "restoring") }
		return fw
	}})
}
