package client

import (
	"time"

	"github.com/clinker/clinker/internal/keystone"
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
	account = keystone.NewAccountOptions(serviceUser,
		"this service logs in, http://host:port/v3, for work whose caller is gone. Without it that is done as nobody, or with our own identity service as its user cinder.")
)

// ConfigOptions are the options of a client.
func ConfigOptions() []config.Option {
	return append(append([]config.Option{servers, retries, insecure, caFile, certFile, keyFile, timeout, sendToken}, account.All()...),
		config.Ignored("DEFAULT", "the image service is found by glance_api_servers, and TLS is never compressed", "glance_catalog_info", "glance_api_ssl_compression")...)
}

// AccountFrom reads [service_user], and whether its token goes along with callers'.
func AccountFrom(c *config.Config) (a keystone.Account, send bool) {
	return account.Account(c), sendToken.Get(c)
}

// OptionsFrom reads them.
func OptionsFrom(c *config.Config) Options {
	return Options{Servers: servers.Get(c), Retries: retries.Get(c), Timeout: time.Duration(timeout.Get(c)), Insecure: insecure.Get(c),
		CAFile: caFile.Get(c), CertFile: certFile.Get(c), KeyFile: keyFile.Get(c)}
}
