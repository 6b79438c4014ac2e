package notification

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/config"
)

const group = "oslo_messaging_notifications"

// Names of drivers, and in how much of the service they are of use.
const (
	driverMessaging   = "messaging"
	driverMessagingV2 = "messagingv2"
	driverLog         = "log"
	driverNoop        = "noop"
	driverTest        = "test"
)

// Settings are oslo.messaging's options of notifications, declared; see NewSettings.
type Settings struct {
	driver       config.Handle[[]string]
	transportURL config.Handle[string]
	topics       config.Handle[[]string]
	retry        config.Handle[int]
}

// NewSettings declares them (oslo_messaging/notify/notifier.py).
func NewSettings() *Settings {
	return &Settings{
		driver: config.MultiString(group, "driver", nil, "Where notifications go: messaging and messagingv2 send them over the messages, log "+
			"writes them into the log, noop drops them, test keeps them in memory. May be given several times; without any, there are no notifications."),
		transportURL: config.String(group, "transport_url", "", "Where the messaging drivers send to; the [DEFAULT] transport_url if this is not set.",
			config.Secret(), config.NoDefault()),
		topics: config.List(group, "topics", []string{"notifications"}, "The topics the messaging drivers send to; a notification of the priority INFO goes to <topic>.info."),
		retry: config.Int(group, "retry", -1, "How often a notification that the messages do not take is sent again; -1 tries until the service stops.",
			config.Min(-1)),
	}
}

// All lists the options for config.Load.
func (s *Settings) All() []config.Option {
	return []config.Option{s.driver, s.transportURL, s.topics, s.retry}
}

// Drivers makes the drivers that the configuration names, none if there are to be no notifications. open gives the
// transport for a URL, where "" stands for the service's own, and is called only if a driver needs one; test is what the driver of that name is. A driver that is
// not known, and a URL for which open has nothing, are refused.
func (s *Settings) Drivers(c *config.Config, log *slog.Logger, test *Recorder, open func(url string) (Publisher, error)) ([]Driver, error) {
	names := slices.Compact(slices.Sorted(slices.Values(s.driver.Get(c))))
	if len(names) == 0 || len(names) == 1 && names[0] == driverNoop {
		return nil, nil
	}
	var drivers []Driver
	for _, name := range names {
		switch name {
		case driverLog:
			drivers = append(drivers, Log{log})
		case driverNoop:
			drivers = append(drivers, Noop{})
		case driverTest:
			drivers = append(drivers, test)
		case driverMessaging, driverMessagingV2:
			p, err := open(s.transportURL.Get(c))
			if err != nil {
				return nil, s.transportURL.Refuse(c, "", err.Error(), "what [DEFAULT] transport_url may be")
			}
			v := 1
			if name == driverMessagingV2 {
				v = 2
			}
			drivers = append(drivers, &Messaging{Publisher: p, Topics: s.topics.Get(c), Version: v, Retry: s.retry.Get(c)})
		default:
			return nil, s.driver.Refuse(c, "", "there is no driver "+name+" of notifications", "messagingv2, messaging, log, noop or test, one in each line")
		}
	}
	return drivers, nil
}

func lower(p Priority) string { return strings.ToLower(string(p)) }
