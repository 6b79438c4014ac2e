// Package usageaudit is the command cinder-volume-usage-audit: one run of the audit over what the process has opened.
package usageaudit

import (
	"context"
	"log/slog"
	"time"

	"github.com/clinker/clinker/internal/block/app/audit"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/notification"
)

// Name is the command's.
const Name = "cinder-volume-usage-audit"

// Process is what the audit runs on.
type Process struct {
	Conf     *config.Config
	Store    store.AuditReader
	Notifier *notification.Notifier // nil if the configuration wants no notifications
	Host     string
	Log      *slog.Logger
}

// Request is what the command's flags say; empty times are those of the last period that is over.
type Request struct {
	From, Until string // "2026-11-01 00:00:00", UTC
	Actions     bool   // tell also what was made and deleted
}

// Run tells, and returns when all is delivered. Invalid for times that are none, and if nobody would be told.
func Run(ctx context.Context, p Process, r Request) error {
	if p.Notifier == nil {
		return fault.New(fault.Invalid, "", "nobody would be told: [oslo_messaging_notifications] driver names no driver")
	}
	period, err := audit.LastPeriod(p.Conf, time.Now())
	if err != nil {
		return err
	}
	if err := override(&period.From, "start", r.From); err != nil {
		return err
	}
	if err := override(&period.Until, "end", r.Until); err != nil {
		return err
	}
	a := audit.Audit{Store: p.Store, Events: notify.New(patient{p.Notifier}, p.Host), Period: period, Actions: r.Actions, Log: p.Log}
	return a.Run(ctx)
}

// patient waits until each notification is delivered: there may be more of them than a queue has room for.
type patient struct{ *notification.Notifier }

// Send implements notify.Sender.
func (p patient) Send(ctx context.Context, publisherID, eventType string, priority notification.Priority, payload map[string]any) {
	p.Deliver(ctx, publisherID, eventType, priority, payload)
}

// override replaces a time by the one that was given.
func override(at *time.Time, what, text string) error {
	if text == "" {
		return nil
	}
	given, err := time.ParseInLocation(time.DateTime, text, time.UTC)
	if err != nil {
		return fault.New(fault.Invalid, "", "the %s time %q is no time; it must be as in \"2026-11-01 00:00:00\"", what, text)
	}
	*at = given
	return nil
}
