package barbican

import (
	"log/slog"
	"os"
	"time"

	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/oslo/config"
)

const (
	group       = "barbican"
	besideGroup = "barbican_service_user"
)

// Settings are the options of a Client, declared; see NewSettings.
type Settings struct {
	endpoint, version, iface, region, bundle config.Handle[string]
	delay                                    config.Handle[time.Duration]
	retries                                  config.Handle[int]
	verify, send                             config.Handle[bool]
	beside                                   *keystone.AccountOptions
}

// NewSettings declares them (castellan/key_manager/barbican_key_manager.py).
func NewSettings() *Settings {
	return &Settings{
		endpoint: config.String(group, "barbican_endpoint", "", "The address of Barbican, http://host:9311; the catalog's if this is not set.", config.NoDefault()),
		version:  config.String(group, "barbican_api_version", "", "The version of Barbican's API; there is one.", config.NoDefault(), config.Choices("", "v1")),
		iface: config.String(group, "barbican_endpoint_type", "public", "Which of Barbican's addresses in the catalog is used.",
			config.Choices("public", "internal", "admin")),
		region: config.String(group, "barbican_region_name", "", "The region of Barbican, where the catalog has several.", config.NoDefault()),
		delay:  config.Seconds(group, "retry_delay", defaultDelay, "Seconds between two looks whether a key has been made.", config.Min(0.01), config.Max(60)),
		retries: config.Int(group, "number_of_retries", defaultRetries, "How often to look whether a key has been made before it is given up.",
			config.Min(1), config.Max(3600)),
		verify: config.Bool(group, "verify_ssl", true, "Whether Barbican's certificate has to be a good one."),
		bundle: config.String(group, "verify_ssl_path", "", "The file with the certificates of authorities, in PEM form, that vouch for Barbican; the system's if this is not set.",
			config.NoDefault()),
		send: config.Bool(group, "send_service_user_token", false, "Whether this service says who it is, with the account in [barbican_service_user], when it passes a "+
			"caller's token on, so that a token that has expired meanwhile is still good."),
		beside: keystone.NewAccountOptions(besideGroup, "this service logs in to say who it is when it passes a caller's token on, see [barbican] send_service_user_token."),
	}
}

// All lists the options for config.Load.
func (s *Settings) All() []config.Option {
	list := append([]config.Option{s.endpoint, s.version, s.iface, s.region, s.delay, s.retries, s.verify, s.bundle, s.send}, s.beside.All()...)
	list = append(list, config.Ignored(group, "a caller's own token is used as it came, and this service's account is in [keystone_authtoken]", "auth_endpoint")...)
	list = append(list, config.Ignored("key_manager", "a caller's own token is used as it came, and this service's account is in [keystone_authtoken]", "auth_url")...)
	return append(list, config.Ignored(group, "castellan goes by verify_ssl and verify_ssl_path alone", "cafile", "certfile", "keyfile", "insecure", "timeout",
		"collect_timing", "split_loggers")...)
}

// Open makes the Client. service is the account of this service, for what it does with keys as itself; without an AuthURL there
// is none. believed is Options.Believed. Accounts and certificates that cannot be used are a fault.Invalid, as is an address that is none.
func (s *Settings) Open(c *config.Config, service keystone.Account, believed bool, log *slog.Logger) (*Client, error) {
	o := Options{Endpoint: s.endpoint.Get(c), Interface: s.iface.Get(c), Region: s.region.Get(c), RetryDelay: s.delay.Get(c), Retries: s.retries.Get(c),
		Believed: believed, Transport: keystone.Transport{Insecure: !s.verify.Get(c)}, Log: log}
	if o.Endpoint != "" {
		if _, err := versioned(o.Endpoint); err != nil {
			return nil, s.endpoint.Refuse(c, "", "it is no address of Barbican", "http://host:9311")
		}
	}
	if bundle := s.bundle.Get(c); bundle != "" && s.verify.Get(c) {
		if _, err := os.ReadFile(bundle); err != nil {
			return nil, s.bundle.Refuse(c, "", "it cannot be read", "a file with certificates in PEM form")
		}
		o.Transport.CAFile = bundle
	}
	var err error
	if o.Service, err = login(service); err != nil {
		return nil, err
	}
	if s.send.Get(c) {
		if o.Beside, err = login(s.beside.Account(c)); err != nil {
			return nil, err
		}
	}
	return New(o)
}
