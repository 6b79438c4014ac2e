package client

import (
	"log/slog"

	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/oslo/config"
)

// group is the section of the compute service.
const group = "nova"

var (
	region = config.String(group, "region_name", "", "The region of the compute service, where the catalog has several.", config.NoDefault())
	iface  = config.String(group, "interface", "public", "Which of the compute service's addresses in the catalog is used.",
		config.Choices("public", "admin", "internal"))
	account = keystone.NewAccountOptions(group,
		"this service logs in to tell the compute service what became of volumes in use. Without it that is told as whoever called.")
)

// ConfigOptions are the options of a client. Upstream: cinder/compute/nova.py.
func ConfigOptions() []config.Option {
	return append(append([]config.Option{region, iface}, account.All()...),
		config.Ignored(group, "the caller's own token and catalog are used as they came", "token_auth_url")...)
}

// OptionsFrom reads them. service is as whom callers' tokens are passed on; nil: they go alone. An account that cannot be used is
// a fault.Invalid.
func OptionsFrom(c *config.Config, service *keystone.Login, log *slog.Logger) (Options, error) {
	a := account.Account(c)
	o := Options{Service: service, Region: region.Get(c), Interface: iface.Get(c), Transport: a.Transport, Log: log}
	if a.AuthURL == "" {
		return o, nil
	}
	var err error
	o.Own, err = keystone.NewLogin(a)
	return o, err
}
