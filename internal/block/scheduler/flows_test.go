package scheduler

import (
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
)

// still is a scheduler that is not running but knows one back end.
func still(t *testing.T) *house {
	t.Helper()
	h := newHouse(t, Options{})
	a := pool{name: "a", totalGiB: 100, freeGiB: 100}
	h.backend(a)
	h.scheduler.backends.update(t.Context(), &rpcapi.ServiceCapabilities{ServiceName: "volume", Host: "node@a", Timestamp: time.Now(),
		Capabilities: map[string]any{"volume_backend_name": "a", "total_capacity_gb": 100, "free_capacity_gb": 100}})
	return h
}

func (h *house) records(t *testing.T) []flow.Record {
	found, err := h.store.Flows(t.Context(), rpcapi.SchedulerOwner, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (h *house) only(t *testing.T) flow.Record {
	all := h.records(t)
	if len(all) != 1 {
		t.Fatalf("records: %+v", all)
	}
	return all[0]
}

func TestCreateFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[creation, store.Tx]{New: func(t *testing.T) flowtest.World[creation, store.Tx] {
		h := still(t)
		m := h.volume(id(1), 5)
		return flowtest.World[creation, store.Tx]{
			Journal: journal.New(h.store), Flow: h.scheduler.createFlow(m.FlowID), Record: h.only(t), Continue: true,
			State: &creation{CreateRequest: m.Request}, Records: h.records,
			Done: func(t *testing.T) {
				v := h.row(id(1))
				rec, _ := h.record(m.FlowID)
				if v.Host != "node@a#a" || v.Status != block.VolumeCreating || rec.Owner != "node@a" {
					t.Errorf("volume %s at %q, record %+v", v.Status, v.Host, rec)
				}
			},
			Undone: func(t *testing.T, _ error) {
				v := h.row(id(1))
				rec, left := h.record(m.FlowID)
				if v.Host != "" || v.Status != block.VolumeError || left {
					t.Errorf("volume %s at %q, record %+v", v.Status, v.Host, rec)
				}
			},
		}
	}})
}

func TestExtendFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[extension, store.Tx]{New: func(t *testing.T) flowtest.World[extension, store.Tx] {
		h := still(t)
		m := h.extending(5, 10, nil)
		return flowtest.World[extension, store.Tx]{
			Journal: journal.New(h.store), Flow: h.scheduler.extendFlow(), Record: h.only(t), Continue: true,
			State: &extension{ExtendVolume: *m}, Records: h.records,
			Done: func(t *testing.T) {
				v := h.row(id(1))
				rec, _ := h.record(m.FlowID)
				if v.Status != block.VolumeExtending || v.SizeGiB != 10 || rec.Owner != "node@a" {
					t.Errorf("volume %s with %d GiB, record %+v", v.Status, v.SizeGiB, rec)
				}
			},
			Undone: func(t *testing.T, _ error) {
				v := h.row(id(1))
				rec, left := h.record(m.FlowID)
				if v.Status != block.VolumeInUse || v.SizeGiB != 5 || left {
					t.Errorf("volume %s with %d GiB, record %+v", v.Status, v.SizeGiB, rec)
				}
			},
		}
	}})
}

func TestSnapshotFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[picture, store.Tx]{New: func(t *testing.T) flowtest.World[picture, store.Tx] {
		h := still(t)
		m := h.picturing()
		status := func(t *testing.T) block.SnapshotStatus {
			s, err := h.store.Snapshot(t.Context(), id(2), "")
			if err != nil {
				t.Fatal(err)
			}
			return s.Status
		}
		return flowtest.World[picture, store.Tx]{
			Journal: journal.New(h.store), Flow: h.scheduler.snapshotFlow(), Record: h.only(t), Continue: true,
			State: &picture{CreateSnapshot: *m}, Records: h.records,
			Done: func(t *testing.T) {
				if rec, _ := h.record(m.FlowID); status(t) != block.SnapshotCreating || rec.Owner != "node@a" {
					t.Errorf("snapshot %s, record %+v", status(t), rec)
				}
			},
			Undone: func(t *testing.T, _ error) {
				if rec, left := h.record(m.FlowID); status(t) != block.SnapshotError || left {
					t.Errorf("snapshot %s, record %+v", status(t), rec)
				}
			},
		}
	}})
}
