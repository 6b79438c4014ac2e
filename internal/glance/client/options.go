package client

import (
	"time"

	"github.com/clinker/clinker/internal/oslo/config"
)

var (
	servers = config.List("DEFAULT", "glance_api_servers", nil,
		"The addresses of the image service, http://host:port; several share the work and stand in for one another. Without any it is the image service of the same configuration, if that has one.", config.NoDefault())
	retries = config.Int("DEFAULT", "glance_num_retries", 3,
		"How often a request that the image service did not answer is made again.", config.Min(0), config.Max(maxRetries))
	insecure = config.Bool("DEFAULT", "glance_api_insecure", false,
		"Whether to accept any certificate of the image service.")
	caFile = config.String("DEFAULT", "glance_ca_certificates_file", "",
		"The file with the certificates of authorities, in PEM form, that vouch for the image service; the system's if this is not set.", config.NoDefault())
	certFile = config.String("DEFAULT", "glance_certfile", "",
		"The file with our own certificate for the image service.", config.NoDefault())
	keyFile = config.String("DEFAULT", "glance_keyfile", "",
		"The file with the key of glance_certfile.", config.NoDefault())
	timeout = config.Seconds("DEFAULT", "glance_request_timeout", defaultTimeout,
		"How many seconds the image service may take for an answer, and how many it may be silent in the middle of an image.", config.Min(1))
)

const serviceUser = "service_user"

var (
	sendToken = config.Bool(serviceUser, "send_service_user_token", false,
		"Whether this service says who it is when it passes a caller's token on, so that a token that has expired meanwhile is still good.")
	authURL = config.String(serviceUser, "auth_url", "",
		"The address of the identity service where this service logs in, http://host:port/v3, for work whose caller is gone. Without it that is done as nobody, or with our own identity service as its user cinder.", config.NoDefault())
	username          = config.String(serviceUser, "username", "", "The service's user.", config.NoDefault(), config.Deprecated("", "user_name"))
	password          = config.String(serviceUser, "password", "", "The password of the service's user.", config.NoDefault(), config.Secret())
	userDomainName    = config.String(serviceUser, "user_domain_name", "", "The name of the user's domain.", config.NoDefault())
	userDomainID      = config.String(serviceUser, "user_domain_id", "", "The id of the user's domain.", config.NoDefault())
	projectName       = config.String(serviceUser, "project_name", "", "The project in which the service works.", config.NoDefault())
	projectDomainName = config.String(serviceUser, "project_domain_name", "", "The name of the project's domain.", config.NoDefault())
	projectDomainID   = config.String(serviceUser, "project_domain_id", "", "The id of the project's domain.", config.NoDefault())
	userInsecure      = config.Bool(serviceUser, "insecure", false, "Whether to accept any certificate of the identity service.")
	userCAFile        = config.String(serviceUser, "cafile", "", "The file with the certificates of authorities that vouch for the identity service.", config.NoDefault())
	userTimeout       = config.Seconds(serviceUser, "timeout", defaultTimeout, "How many seconds a login may take.", config.Min(1))
)

// ConfigOptions are the options of a client.
func ConfigOptions() []config.Option {
	return append([]config.Option{servers, retries, insecure, caFile, certFile, keyFile, timeout, sendToken, authURL, username, password,
		userDomainName, userDomainID, projectName, projectDomainName, projectDomainID, userInsecure, userCAFile, userTimeout},
		config.Ignored("DEFAULT", "the image service is found by glance_api_servers, and TLS is never compressed", "glance_catalog_info", "glance_api_ssl_compression")...)
}

// AccountFrom reads [service_user], and whether its token goes along with callers'.
func AccountFrom(c *config.Config) (a Account, send bool) {
	return Account{AuthURL: authURL.Get(c), Username: username.Get(c), Password: password.Get(c), UserDomainName: userDomainName.Get(c),
		UserDomainID: userDomainID.Get(c), ProjectName: projectName.Get(c), ProjectDomainName: projectDomainName.Get(c), ProjectDomainID: projectDomainID.Get(c),
		Insecure: userInsecure.Get(c), CAFile: userCAFile.Get(c), Timeout: userTimeout.Get(c)}, sendToken.Get(c)
}

// OptionsFrom reads them.
func OptionsFrom(c *config.Config) Options {
	return Options{Servers: servers.Get(c), Retries: retries.Get(c), Timeout: time.Duration(timeout.Get(c)), Insecure: insecure.Get(c),
		CAFile: caFile.Get(c), CertFile: certFile.Get(c), KeyFile: keyFile.Get(c)}
}
