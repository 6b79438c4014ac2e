package membership

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// table is a services table with one row.
type table struct {
	store.Tx
	row     *block.Service
	nextID  int64
	failing error
}

func (f *table) Update(_ context.Context, fn func(store.Tx) error) error {
	if f.failing != nil {
		return f.failing
	}
	return fn(f)
}

func (f *table) RegisterService(_ context.Context, s *block.Service) (*block.Service, error) {
	if f.row == nil {
		f.nextID++
		f.row = new(*s)
		f.row.ID = f.nextID
	}
	f.row.UpdatedAt = time.Now()
	return new(*f.row), nil
}

func (f *table) Heartbeat(_ context.Context, id int64) error {
	if f.row == nil || f.row.ID != id {
		return fault.New(fault.NotFound, "ServiceNotFound", "Service %d could not be found.", id)
	}
	f.row.ReportCount++
	f.row.UpdatedAt = time.Now()
	return nil
}

var scheduler = block.Service{Host: "node1", Binary: block.BinaryScheduler, Topic: "cinder-scheduler", AvailabilityZone: "nova",
	RPCCurrentVersion: block.SchedulerRPCVersion, ObjectCurrentVersion: block.ObjectVersion}

func TestJoinKeepsWhatAnOperatorSet(t *testing.T) {
	there := scheduler
	there.ID, there.Disabled, there.DisabledReason = 7, true, "being mended"
	m, err := Join(t.Context(), &table{row: &there}, scheduler, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(there, m.Row()); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestJoinFails(t *testing.T) {
	if _, err := Join(t.Context(), &table{}, block.Service{Binary: "x"}, Options{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a host: %v", err)
	}
	down := fault.New(fault.Unavailable, "", "no database")
	if _, err := Join(t.Context(), &table{failing: down}, scheduler, Options{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a database: %v", err)
	}
}

func TestHeartbeats(t *testing.T) {
	var log strings.Builder
	tab, working := &table{}, true
	m, err := Join(t.Context(), tab, scheduler, Options{
		Working: func() bool { return working },
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	beat := func(times int) {
		for range times {
			m.Beat(t.Context())
		}
	}

	beat(3)
	if tab.row.ReportCount != 3 {
		t.Errorf("%d heartbeats were counted of three", tab.row.ReportCount)
	}
	working = false
	beat(3)
	if tab.row.ReportCount != 3 {
		t.Error("a service that does not work sent a heartbeat")
	}
	working = true
	tab.failing = fault.New(fault.Unavailable, "", "no database")
	beat(3)
	tab.failing = nil
	beat(1)
	if tab.row.ReportCount != 4 {
		t.Errorf("%d heartbeats, want 4: one after the database came back", tab.row.ReportCount)
	}
	for text, times := range map[string]int{"is not working": 1, "no database": 1, "sent again": 1} {
		if n := strings.Count(log.String(), text); n != times {
			t.Errorf("the log says %q %d times, want %d:\n%s", text, n, times, log.String())
		}
	}
	tab.row = nil // an operator removes the service
	beat(1)
	if tab.row == nil || m.Row().ID != 2 {
		t.Errorf("the service did not register anew: %+v", tab.row)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := &table{}
		m, err := Join(t.Context(), tab, scheduler, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		time.AfterFunc(time.Minute+time.Second, cancel)
		m.Run(ctx)
		if d := time.Since(begin); d != time.Minute+time.Second || tab.row.ReportCount != 6 {
			t.Errorf("Run returned after %v and %d heartbeats", d, tab.row.ReportCount)
		}
	})
}
