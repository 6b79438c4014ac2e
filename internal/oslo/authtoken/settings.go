package authtoken

import (
	"fmt"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Settings are the options of the filter.
type Settings struct {
	WWWAuthenticateURI        string
	DelayAuthDecision         bool
	IncludeServiceCatalog     bool
	ServiceTokenRoles         []string
	ServiceTokenRolesRequired bool
	ServiceTypes              []string // what access rules may call this service
	TokenCacheTime            time.Duration
}

// Options declares them for oslo.config, in [keystone_authtoken].
type Options struct {
	uri                      config.Handle[string]
	delay, catalog, required config.Handle[bool]
	roles, serviceTypes      config.Handle[[]string]
	cacheTime                config.Handle[time.Duration]
}

// Group is the options' group.
const Group = "keystone_authtoken"

// NewOptions declares the options for a service of these types.
func NewOptions(serviceTypes ...string) *Options {
	return &Options{
		uri: config.String(Group, "www_authenticate_uri", "", "Where clients get tokens: the public address of the identity service, for the answer to those who have none.",
			config.NoDefault(), config.Deprecated(Group, "auth_uri")),
		delay:   config.Bool(Group, "delay_auth_decision", false, "Let requests without a good token through, and leave it to the application to refuse them."),
		catalog: config.Bool(Group, "include_service_catalog", true, "Hand the catalog on in the header X-Service-Catalog."),
		roles:   config.List(Group, "service_token_roles", []string{"service"}, "The roles of which a service token needs one."),
		required: config.Bool(Group, "service_token_roles_required", true,
			"Refuse a service token without one of these roles. If not, it counts as one, but a user's token with it may not have expired."),
		serviceTypes: config.List(Group, "service_type", serviceTypes, "What access rules of application credentials call this service."),
		cacheTime:    config.Seconds(Group, "token_cache_time", 300*time.Second, "How long an answer of the identity service is remembered. A token revoked meanwhile stays good for that long.", config.Min(1)),
	}
}

// All lists the options for config.Load.
func (o *Options) All() []config.Option {
	return []config.Option{o.uri, o.delay, o.catalog, o.roles, o.required, o.serviceTypes, o.cacheTime}
}

// Settings reads the options.
func (o *Options) Settings(c *config.Config) Settings {
	return Settings{WWWAuthenticateURI: o.uri.Get(c), DelayAuthDecision: o.delay.Get(c), IncludeServiceCatalog: o.catalog.Get(c), ServiceTokenRoles: o.roles.Get(c),
		ServiceTokenRolesRequired: o.required.Get(c), ServiceTypes: o.serviceTypes.Get(c), TokenCacheTime: o.cacheTime.Get(c)}
}

// with is s with what a paste section says instead. Settings that belong to other parts are none of the filter's.
func (s Settings) with(local map[string]string) (Settings, error) {
	boolean := func(name string, to *bool) error {
		text, ok := local[name]
		if !ok {
			return nil
		}
		truth, known := wsgi.ParseBool(text)
		if !known {
			return fmt.Errorf("%s = %q: true or false is wanted", name, text)
		}
		*to = truth
		return nil
	}
	for name, to := range map[string]*bool{"delay_auth_decision": &s.DelayAuthDecision, "include_service_catalog": &s.IncludeServiceCatalog,
		"service_token_roles_required": &s.ServiceTokenRolesRequired} {
		if err := boolean(name, to); err != nil {
			return s, err
		}
	}
	for _, name := range []string{"auth_uri", "www_authenticate_uri"} {
		if text, ok := local[name]; ok {
			s.WWWAuthenticateURI = text
		}
	}
	if text, ok := local["service_token_roles"]; ok {
		s.ServiceTokenRoles = nil
		for role := range strings.SplitSeq(text, ",") {
			s.ServiceTokenRoles = append(s.ServiceTokenRoles, strings.TrimSpace(role))
		}
	}
	return s, nil
}
