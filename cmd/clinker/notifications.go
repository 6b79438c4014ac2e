package main

import (
	"context"

	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/oslo/notification"
	"github.com/clinker/clinker/internal/run"
)

// openNotifier makes what carries the notifications; without one that the configuration asks for, it stays nil.
func (p *process) openNotifier() error {
	drivers, err := p.opts.notifications.Drivers(p.conf, p.log, &p.notified, p.transport.Publisher)
	if err != nil || drivers == nil {
		return err
	}
	p.notifier = notification.New(drivers, notification.Options{Observe: p.metrics.Notification, Log: p.log})
	return nil
}

// events is what a service on host tells with; nil if nobody is to be told.
func (p *process) events(host string) *notify.Events {
	if p.notifier == nil {
		return nil
	}
	return notify.New(p.notifier, host)
}

// notificationComponent delivers the notifications. It starts first, so that it stops last: what the other services still
// tell while they stop is delivered.
func (p *process) notificationComponent() run.Component {
	return run.Component{Name: "notifications",
		Start: func(context.Context, func(error)) error {
			p.notifier.Start()
			return nil
		},
		Stop: p.notifier.Stop,
	}
}
