package main

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/notification"
	"github.com/clinker/clinker/internal/run"
)

// openNotifier makes what carries the notifications; without one that the configuration asks for, it stays nil.
func (p *process) openNotifier() error {
	drivers, err := p.opts.notifications.Drivers(p.conf, p.log, &p.notified, p.notificationTransport)
	if err != nil || drivers == nil {
		return err
	}
	p.notifier = notification.New(drivers, notification.Options{Observe: p.metrics.Notification, Log: p.log})
	return nil
}

// notificationTransport is the transport for a transport_url of [oslo_messaging_notifications].
func (p *process) notificationTransport(url string) (notification.Publisher, error) {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "", "inproc", "fake", "kombu+memory":
		return notification.InProcess{Client: p.transport}, nil
	}
	return nil, fault.New(fault.Invalid, "", "notifications cannot be sent there yet")
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
