package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/notification"
)

// TestLastPeriod: the periods that Cinder 26's last_completed_audit_period gives, at 2026-11-26 12:40:10.
func TestLastPeriod(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 40, 10, 5, time.UTC)
	for text, want := range map[string]string{
		"hour": "2026-11-26 11:00 2026-11-26 12:00", "hour@30": "2026-11-26 11:30 2026-11-26 12:30", "hour@45": "2026-11-26 10:45 2026-11-26 11:45",
		"day": "2026-11-25 00:00 2026-11-26 00:00", "day@12": "2026-11-25 12:00 2026-11-26 12:00", "day@18": "2026-11-24 18:00 2026-11-25 18:00",
		"month": "2026-10-01 00:00 2026-11-01 00:00", "month@15": "2026-10-15 00:00 2026-11-15 00:00", "month@28": "2026-09-28 00:00 2026-10-28 00:00",
		"year": "2025-01-01 00:00 2026-01-01 00:00", "year@3": "2025-03-01 00:00 2026-03-01 00:00", "year@12": "2024-12-01 00:00 2025-12-01 00:00",
		"week": "", "": "", "day@24": "", "month@29": "", "year@13": "", "hour@60": "", "day@-1": "", "day@x": "", "day@": "",
	} {
		p, err := lastPeriod(text, now)
		got := ""
		if err == nil {
			got = p.From.Format("2006-01-02 15:04") + " " + p.Until.Format("2006-01-02 15:04")
		}
		if got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
}

// TestPeriodsFollowEachOther: the period that is over is over, is the newest such, and begins where the one before ended.
func TestPeriodsFollowEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"hour", "hour@59", "day", "day@23", "month", "month@28", "year", "year@12"}).Draw(t, "period")
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0)
		p, err := lastPeriod(text, now)
		if err != nil {
			t.Fatal(err)
		}
		before, err := lastPeriod(text, p.Until)
		if err != nil || !before.Until.Equal(p.From) || !p.From.Before(p.Until) || !p.Until.Before(now) {
			t.Fatalf("%v at %v, after %v, %v", p, now, before, err)
		}
		if next, err := lastPeriod(text, now.Add(366*24*time.Hour)); err != nil || next.Until.Before(p.Until) {
			t.Fatalf("%v, a year later %v, %v", p, next, err)
		}
	})
}

// listener keeps what is sent, as a line each.
type listener struct{ lines []string }

func (l *listener) Send(_ context.Context, publisherID, eventType string, _ notification.Priority, p map[string]any) {
	id := p["volume_id"]
	for _, key := range []string{"snapshot_id", "backup_id"} {
		if p[key] != nil {
			id = p[key]
		}
	}
	l.lines = append(l.lines, fmt.Sprint(publisherID, " ", eventType, " ", id, " ", p["audit_period_beginning"], " ", p["audit_period_ending"], " ", p["availability_zone"]))
}

func TestRun(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	kind, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	update := func(at time.Time, fn func(tx store.Tx) error) {
		t.Helper()
		now = at
		if err := s.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	at := func(day int) time.Time { return time.Date(2026, 11, day, 1, 2, 3, 0, time.UTC) }
	volume := func(id string, day int) {
		update(at(day), func(tx store.Tx) error {
			return tx.CreateVolume(t.Context(), &block.Volume{ID: id, ProjectID: "p", SizeGiB: 1, VolumeTypeID: kind.ID, AvailabilityZone: "nova", Status: block.VolumeAvailable})
		})
	}
	volume("v-before", 1) // and deleted before
	volume("v-during", 12)
	volume("v-lasting", 1)
	volume("v-later", 25)
	update(at(13), func(tx store.Tx) error {
		return tx.CreateSnapshot(t.Context(), &block.Snapshot{ID: "s", VolumeID: "v-during", ProjectID: "p", VolumeSizeGiB: 1, VolumeTypeID: kind.ID, Status: block.SnapshotAvailable})
	})
	update(at(1), func(tx store.Tx) error {
		return tx.CreateBackup(t.Context(), &block.Backup{ID: "b", VolumeID: "v-lasting", ProjectID: "p", Status: block.BackupAvailable})
	})
	update(at(2), func(tx store.Tx) error { return tx.DestroyVolume(t.Context(), "v-before") })
	update(at(14), func(tx store.Tx) error { return tx.DestroyVolume(t.Context(), "v-during") })

	l := new(listener)
	a := &Audit{Store: s, Events: notify.New(l, "node"), Period: store.Period{From: at(10), Until: at(20)}, Log: slog.New(slog.DiscardHandler)}
	const period = " 2026-11-10 01:02:03+00:00 2026-11-20 01:02:03+00:00 "
	want := []string{"volume.node volume.exists v-during" + period + "nova", "volume.node volume.exists v-lasting" + period + "nova",
		"snapshot.node snapshot.exists s" + period + "nova", "backup.node backup.exists b" + period + "<nil>"}
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, l.lines); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	l.lines, a.Actions = nil, true
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, line := range l.lines {
		if !strings.Contains(line, ".exists ") {
			actions = append(actions, line)
		}
	}
	moment := func(day int) string {
		return strings.Repeat(fmt.Sprintf(" 2026-11-%d 01:02:03+00:00", day), 2) + " nova"
	}
	want = []string{"volume.node volume.create.start v-during" + moment(12), "volume.node volume.create.end v-during" + moment(12),
		"volume.node volume.delete.start v-during" + moment(14), "volume.node volume.delete.end v-during" + moment(14),
		"snapshot.node snapshot.create.start s" + moment(13), "snapshot.node snapshot.create.end s" + moment(13),
		"snapshot.node snapshot.delete.start s" + moment(14), "snapshot.node snapshot.delete.end s" + moment(14)}
	if d := cmp.Diff(want, actions); d != "" {
		t.Errorf("actions told (-want +got):\n%s", d)
	}
	a.Period.Until = a.Period.From
	if err := a.Run(t.Context()); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "must be after the start time") {
		t.Errorf("a period of no length: %v", err)
	}
}

// many is a store with many volumes, and nothing else.
type many struct {
	store.AuditReader
	ids   []string
	pages int
}

func (m *many) VolumesIn(_ context.Context, _ store.Period, after string, limit int) (list []*block.Volume, err error) {
	if m.pages++; m.pages > 10 {
		return nil, errors.New("there is no end to it")
	}
	for _, id := range m.ids {
		if id > after && len(list) < limit {
			list = append(list, &block.Volume{ID: id})
		}
	}
	return list, nil
}

func (m *many) SnapshotsIn(context.Context, store.Period, string, int) ([]*block.Snapshot, error) {
	return nil, nil
}

func (m *many) BackupsIn(context.Context, store.Period, string, int) ([]*block.Backup, error) {
	return nil, nil
}

func (m *many) VolumeZones(context.Context, []string) (map[string]string, error) { return nil, nil }

// TestPages: each is told of once, however many pages they are.
func TestPages(t *testing.T) {
	for _, n := range []int{0, 1, pageSize, 2*pageSize + 1} {
		m := &many{}
		for i := range n {
			m.ids = append(m.ids, fmt.Sprintf("%06d-%s", i, uuid.NewString()))
		}
		l := new(listener)
		now := time.Now()
		a := &Audit{Store: m, Events: notify.New(l, "node"), Period: store.Period{From: now.Add(-time.Hour), Until: now}, Log: slog.New(slog.DiscardHandler)}
		if err := a.Run(t.Context()); err != nil || len(l.lines) != n {
			t.Errorf("%d volumes: %d are told of, %v", n, len(l.lines), err)
		}
	}
}
