package main

import (
	imageclient "github.com/clinker/clinker/internal/glance/client"
	"github.com/clinker/clinker/internal/keystone"
	novaclient "github.com/clinker/clinker/internal/nova/client"
)

// openCompute makes the client of the compute service. Where callers log in, their tokens go along with that of [service_user], if
// it is to be sent.
func (p *process) openCompute() error {
	var service *keystone.Login
	callers := p.opts.authStrategy.Get(p.conf) == "keystone"
	if account, send := imageclient.AccountFrom(p.conf); callers && send && account.AuthURL != "" {
		var err error
		if service, err = keystone.NewLogin(account); err != nil {
			return err
		}
	}
	o, err := novaclient.OptionsFrom(p.conf, service, p.log)
	if err != nil {
		return err
	}
	o.Callers = callers
	p.compute, err = novaclient.New(o)
	return err
}
