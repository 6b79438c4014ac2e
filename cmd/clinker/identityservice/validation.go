package identityservice

import (
	"log/slog"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/paste"
)

// Validation is how the services of a process find out who asks them. It is safe for concurrent use.
type Validation struct {
	validator authtoken.Validator
	uri       string // where clients get tokens, unless it is configured
	log       *slog.Logger
}

// Validation makes it: tokens are validated by the identity service at [keystone_authtoken] auth_url, else by own, the one of
// this process. Without either, and with an account there that cannot be used, it is a fault.Invalid.
func (o *Options) Validation(c *config.Config, own *Service, settings authtoken.Settings, log *slog.Logger) (*Validation, error) {
	v := &Validation{log: log}
	switch {
	case o.keystone.Wanted(c):
		elsewhere, err := o.keystone.Open(c, settings.IncludeServiceCatalog)
		if err != nil {
			return nil, err
		}
		v.validator, v.uri = authtoken.Cached(elsewhere, settings.TokenCacheTime, time.Now), o.keystone.URL(c)
	case own != nil:
		v.validator, v.uri = own.Validator, own.URL+"/v3"
	default:
		return nil, fault.New(fault.Invalid, "", "auth_strategy = keystone needs an identity service: set [keystone_authtoken] auth_url, username, password and project_name, or auth_strategy = noauth")
	}
	return v, nil
}

// URI is where clients get tokens.
func (v *Validation) URI() string { return v.uri }

// Filter is the paste filter that validates the tokens of requests.
func (v *Validation) Filter(settings authtoken.Settings, local map[string]string) (paste.Filter, error) {
	if settings.WWWAuthenticateURI == "" {
		settings.WWWAuthenticateURI = v.uri
	}
	return authtoken.Protocol{Validator: v.validator, Settings: settings, Log: v.log}.Factory(local)
}
