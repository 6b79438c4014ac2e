// Package audit tells whoever listens to notifications what there was in a period, for billing: upstream's
// cinder-volume-usage-audit, which an operator runs when a period is over.
package audit

import (
	"context"
	"log/slog"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// pageSize is how many rows are read at once.
const pageSize = 500

// Audit is one run. All fields must be set.
type Audit struct {
	Store  store.AuditReader
	Events *notify.Events
	Period store.Period
	// Actions tells also of what was made and deleted within the period, as if it happened again.
	Actions bool
	Log     *slog.Logger
}

// thing is a volume, snapshot or backup: who it is, when it was, and what is told of it.
type thing struct {
	id                   string
	createdAt, deletedAt time.Time
	payload              func() map[string]any
}

// Run tells of everything: an event "exists" each, and with Actions those of its making and its end. Invalid if the period
// ends before it begins.
func (a *Audit) Run(ctx context.Context) error {
	if !a.Period.Until.After(a.Period.From) {
		return fault.New(fault.Invalid, "", "The end time (%s) must be after the start time (%s).", moment(a.Period.Until), moment(a.Period.From))
	}
	ctx = reqctx.Internal(ctx)
	for _, kind := range []struct {
		name string
		page func(ctx context.Context, after string) ([]thing, error)
	}{{"volume", a.volumes}, {"snapshot", a.snapshots}, {"backup", a.backups}} {
		n, err := a.tell(ctx, kind.name, kind.page)
		if err != nil {
			return err
		}
		a.Log.InfoContext(ctx, "usage was told", "of", kind.name, "count", n)
	}
	return nil
}

// tell goes through all of one kind, page by page, and says how many there are.
func (a *Audit) tell(ctx context.Context, kind string, page func(ctx context.Context, after string) ([]thing, error)) (n int, err error) {
	for after := ""; ; {
		things, err := page(ctx, after)
		if err != nil {
			return n, err
		}
		for _, t := range things {
			a.tellOne(ctx, kind, t)
			after = t.id
		}
		n += len(things)
		if len(things) < pageSize {
			return n, nil
		}
	}
}

func (a *Audit) tellOne(ctx context.Context, kind string, t thing) {
	send := func(event string, begin, end time.Time) {
		payload := t.payload()
		payload["audit_period_beginning"], payload["audit_period_ending"] = moment(begin), moment(end)
		a.Events.Notify(ctx, kind+"."+event, payload)
	}
	send("exists", a.Period.From, a.Period.Until)
	if !a.Actions {
		return
	}
	for _, action := range []struct {
		name string
		at   time.Time
	}{{"create", t.createdAt}, {"delete", t.deletedAt}} {
		if action.at.After(a.Period.From) && action.at.Before(a.Period.Until) {
			send(action.name+".start", action.at, action.at)
			send(action.name+".end", action.at, action.at)
		}
	}
}

// moment is Python's str of a moment in UTC.
func moment(t time.Time) string {
	if t = t.UTC().Truncate(time.Microsecond); t.Nanosecond() == 0 {
		return t.Format("2006-01-02 15:04:05+00:00")
	}
	return t.Format("2006-01-02 15:04:05.000000+00:00")
}

func (a *Audit) volumes(ctx context.Context, after string) ([]thing, error) {
	rows, err := a.Store.VolumesIn(ctx, a.Period, after, pageSize)
	return things(rows, err, func(v *block.Volume) thing {
		return thing{v.ID, v.CreatedAt, v.DeletedAt, func() map[string]any { return notify.Volume(v) }}
	})
}

func (a *Audit) snapshots(ctx context.Context, after string) ([]thing, error) {
	rows, err := a.Store.SnapshotsIn(ctx, a.Period, after, pageSize)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(rows))
	for i, s := range rows {
		ids[i] = s.VolumeID
	}
	zones, err := a.Store.VolumeZones(ctx, ids)
	return things(rows, err, func(s *block.Snapshot) thing {
		return thing{s.ID, s.CreatedAt, s.DeletedAt, func() map[string]any {
			return notify.Snapshot(s, &block.Volume{AvailabilityZone: zones[s.VolumeID]})
		}}
	})
}

func (a *Audit) backups(ctx context.Context, after string) ([]thing, error) {
	rows, err := a.Store.BackupsIn(ctx, a.Period, after, pageSize)
	return things(rows, err, func(b *block.Backup) thing {
		return thing{b.ID, b.CreatedAt, b.DeletedAt, func() map[string]any { return notify.BackupPayload(b) }}
	})
}

func things[R any](rows []R, err error, as func(R) thing) ([]thing, error) {
	if err != nil {
		return nil, err
	}
	list := make([]thing, len(rows))
	for i, r := range rows {
		list[i] = as(r)
	}
	return list, nil
}
