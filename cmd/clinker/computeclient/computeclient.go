// Package computeclient makes the client with which block storage reaches the compute service.
//
// What must not live here: what the compute service is asked and told.
package computeclient

import (
	"log/slog"

	imageclient "github.com/clinker/clinker/internal/glance/client"
	"github.com/clinker/clinker/internal/keystone"
	novaclient "github.com/clinker/clinker/internal/nova/client"
	"github.com/clinker/clinker/internal/oslo/config"
)

// Open makes the client of the options. callers says that callers log in; then their tokens go along with that of [service_user], if
// it is to be sent. An account that cannot be used is a fault.Invalid.
func Open(c *config.Config, callers bool, log *slog.Logger) (*novaclient.Client, error) {
	var service *keystone.Login
	if account, send := imageclient.AccountFrom(c); callers && send && account.AuthURL != "" {
		var err error
		if service, err = keystone.NewLogin(account); err != nil {
			return nil, err
		}
	}
	o, err := novaclient.OptionsFrom(c, service, log)
	if err != nil {
		return nil, err
	}
	o.Callers = callers
	return novaclient.New(o)
}
