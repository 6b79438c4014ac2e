package keystone

import (
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
)

// AccountOptions declares the options of an Account for oslo.config, as keystoneauth does.
type AccountOptions struct {
	group                                                              string
	kind, url, userID, username, password, credential, credentialName  config.Handle[string]
	credentialSecret, userDomainID, userDomainName, projectID, project config.Handle[string]
	projectDomainID, projectDomainName, domainID, domainName, system   config.Handle[string]
	caFile, certFile, keyFile                                          config.Handle[string]
	insecure                                                           config.Handle[bool]
	timeout                                                            config.Handle[time.Duration]
}

// NewAccountOptions declares the options of a group. purpose ends the sentence "The address of the identity service where…".
func NewAccountOptions(group, purpose string) *AccountOptions {
	text := func(name, help string, m ...config.Modifier) config.Handle[string] {
		return config.String(group, name, "", help, append(m, config.NoDefault())...)
	}
	return &AccountOptions{group: group,
		kind: config.String(group, "auth_type", "password", "What the service shows to log in: its password, or an application credential.",
			config.Choices("password", "v3password", "v3applicationcredential"), config.Deprecated("", "auth_plugin")),
		url:               text("auth_url", "The address of the identity service where "+purpose),
		userID:            text("user_id", "The id of the service's user; username will do."),
		username:          text("username", "The service's user.", config.Deprecated("", "user_name")),
		password:          text("password", "The password of the service's user.", config.Secret()),
		credential:        text("application_credential_id", "The id of an application credential of the service's user."),
		credentialName:    text("application_credential_name", "The name of an application credential of the service's user."),
		credentialSecret:  text("application_credential_secret", "The secret of the application credential.", config.Secret()),
		userDomainID:      text("user_domain_id", "The id of the user's domain."),
		userDomainName:    text("user_domain_name", "The name of the user's domain."),
		projectID:         text("project_id", "The id of the project in which the service works; project_name will do.", config.Deprecated("", "tenant_id")),
		project:           text("project_name", "The project in which the service works.", config.Deprecated("", "tenant_name")),
		projectDomainID:   text("project_domain_id", "The id of the project's domain."),
		projectDomainName: text("project_domain_name", "The name of the project's domain."),
		domainID:          text("default_domain_id", "The id of the domain of user and project where theirs is not set."),
		domainName:        text("default_domain_name", "The name of the domain of user and project where theirs is not set."),
		system:            text("system_scope", "all, if the service works on the system and not in a project."),
		insecure:          config.Bool(group, "insecure", false, "Whether to accept any certificate of the identity service."),
		caFile:            text("cafile", "The file with the certificates of authorities, in PEM form, that vouch for the identity service."),
		certFile:          text("certfile", "The file with our own certificate for the identity service."),
		keyFile:           text("keyfile", "The file with the key of certfile."),
		timeout:           config.Seconds(group, "timeout", defaultTimeout, "How many seconds the identity service may take for an answer.", config.Min(1)),
	}
}

// All lists the options for config.Load.
func (o *AccountOptions) All() []config.Option {
	return append([]config.Option{o.kind, o.url, o.userID, o.username, o.password, o.credential, o.credentialName, o.credentialSecret, o.userDomainID, o.userDomainName,
		o.projectID, o.project, o.projectDomainID, o.projectDomainName, o.domainID, o.domainName, o.system, o.insecure, o.caFile, o.certFile, o.keyFile, o.timeout},
		config.Ignored(o.group, "the account is in this section itself, with the options of its kind", "auth_section", "trust_id", "domain_id", "domain_name", "collect_timing",
			"split_loggers")...)
}

// Account reads the options.
func (o *AccountOptions) Account(c *config.Config) Account {
	a := Account{Group: o.group, AuthURL: o.url.Get(c), UserID: o.userID.Get(c), Username: o.username.Get(c), Password: o.password.Get(c),
		ProjectID: o.projectID.Get(c), ProjectName: o.project.Get(c), System: o.system.Get(c) == "all",
		UserDomainID: o.userDomainID.Get(c), UserDomainName: o.userDomainName.Get(c), ProjectDomainID: o.projectDomainID.Get(c), ProjectDomainName: o.projectDomainName.Get(c),
		Transport: Transport{Insecure: o.insecure.Get(c), CAFile: o.caFile.Get(c), CertFile: o.certFile.Get(c), KeyFile: o.keyFile.Get(c), Timeout: o.timeout.Get(c)}}
	if o.kind.Get(c) == "v3applicationcredential" {
		a.ApplicationCredentialID, a.ApplicationCredentialName, a.ApplicationCredentialSecret = o.credential.Get(c), o.credentialName.Get(c), o.credentialSecret.Get(c)
	}
	id, name := o.domainID.Get(c), o.domainName.Get(c)
	for _, domain := range [][2]*string{{&a.UserDomainID, &a.UserDomainName}, {&a.ProjectDomainID, &a.ProjectDomainName}} {
		if *domain[0] == "" && *domain[1] == "" {
			*domain[0], *domain[1] = id, name
		}
	}
	return a
}

// ValidatorOptions declares the options of a Validator, in [keystone_authtoken], as keystonemiddleware does.
type ValidatorOptions struct {
	account *AccountOptions
	connect config.Handle[time.Duration]
	retries config.Handle[int]
}

const validatorGroup = "keystone_authtoken"

// NewValidatorOptions declares them.
func NewValidatorOptions() *ValidatorOptions {
	return &ValidatorOptions{
		account: NewAccountOptions(validatorGroup, "tokens are validated, http://host:port/v3. Without it they are validated by our own, if this process has one."),
		connect: config.Seconds(validatorGroup, "http_connect_timeout", defaultConnectTimeout, "How many seconds the identity service may take to be reached.", config.Min(1)),
		retries: config.Int(validatorGroup, "http_request_max_retries", defaultRetries, "How often a question that the identity service did not answer is asked again.",
			config.Min(0), config.Max(maxRetries)),
	}
}

// All lists the options for config.Load.
func (o *ValidatorOptions) All() []config.Option {
	list := append(o.account.All(), o.connect, o.retries)
	list = append(list, config.Ignored(validatorGroup, "each process remembers tokens itself", "memcached_servers", "memcache_security_strategy", "memcache_secret_key",
		"memcache_pool_dead_retry", "memcache_pool_maxsize", "memcache_pool_socket_timeout", "memcache_pool_unused_timeout", "memcache_pool_conn_get_timeout",
		"memcache_use_advanced_pool", "memcache_password", "memcache_sasl_enabled", "memcache_username", "memcache_tls_enabled", "memcache_tls_cafile", "memcache_tls_certfile",
		"memcache_tls_keyfile", "memcache_tls_allowed_ciphers", "cache", "enforce_token_bind", "hash_algorithms")...)
	return append(list, config.Ignored(validatorGroup, "tokens are validated at auth_url, by Identity v3", "auth_version", "interface", "region_name", "signing_dir")...)
}

// Wanted reports whether tokens are validated elsewhere.
func (o *ValidatorOptions) Wanted(c *config.Config) bool { return o.account.url.Get(c) != "" }

// URL is where.
func (o *ValidatorOptions) URL(c *config.Config) string { return o.account.url.Get(c) }

// Account is as whom tokens are validated: the account of the service itself, which upstream takes for more than that. Its AuthURL
// is empty if there is none.
func (o *ValidatorOptions) Account(c *config.Config) Account { return o.account.Account(c) }

// Open makes the Validator. catalog asks for the catalog too. Errors are NewValidator's.
func (o *ValidatorOptions) Open(c *config.Config, catalog bool) (*Validator, error) {
	a := o.account.Account(c)
	a.Transport.ConnectTimeout = o.connect.Get(c)
	return NewValidator(a, Retries{Times: o.retries.Get(c)}, catalog)
}
