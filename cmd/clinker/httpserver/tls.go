package httpserver

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"sync/atomic"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

// Options are those of [ssl], and whether the Block Storage API heeds them.
type Options struct {
	use                         config.Handle[bool]
	authority, certificate, key config.Handle[string]
}

// NewOptions declares them (oslo_service/_options.py, cinder/service.py).
func NewOptions() *Options {
	file := func(name, help string) config.Handle[string] {
		return config.String("ssl", name, "", help, config.NoDefault(), config.Deprecated(config.DefaultGroup, "ssl_"+name))
	}
	return &Options{
		use:         config.Bool(config.DefaultGroup, "osapi_volume_use_ssl", false, "Whether the Block Storage API is served over TLS, as [ssl] says."),
		authority:   file("ca_file", "A file of certificates, of which one has to have signed a client's; without it, clients need none."),
		certificate: file("cert_file", "The file of the API's certificate, with those that stand between it and its authority."),
		key:         file("key_file", "The file of the certificate's key, if it is not in the same file. It must not be encrypted."),
	}
}

// All lists the options for config.Load. Versions and ciphers are Go's to choose: TLS 1.2 and newer.
func (o *Options) All() []config.Option {
	list := []config.Option{o.use, o.authority, o.certificate, o.key}
	return append(list, config.Ignored("ssl", "TLS is of version 1.2 or newer, with ciphers that are safe", "version", "ciphers")...)
}

// Certificate is what a server shows of itself, and whom it believes. It is safe for concurrent use.
type Certificate struct {
	files files
	now   atomic.Pointer[tls.Config]
}

// files are the names of the files it is read from.
type files struct{ authority, certificate, key string }

// Certificate reads the files; nil if the API is to be served without TLS. Invalid, naming the option: a file is missing or
// cannot be used.
func (o *Options) Certificate(c *config.Config) (*Certificate, error) {
	if !o.use.Get(c) {
		return nil, nil
	}
	s := &Certificate{files: files{o.authority.Get(c), o.certificate.Get(c), o.key.Get(c)}}
	if s.files.certificate == "" {
		return nil, o.certificate.Refuse(c, "", "it is needed, since osapi_volume_use_ssl is set", "the name of a PEM file")
	}
	if s.files.key == "" {
		s.files.key = s.files.certificate
	}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload reads the files again, for connections made from now on. If it fails, what was in use stays in use.
func (s *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(s.files.certificate, s.files.key)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "", "[ssl] cert_file %s and key_file %s cannot be used: %v.", s.files.certificate, s.files.key, err)
	}
	next := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}}
	if s.files.authority != "" {
		text, err := os.ReadFile(s.files.authority)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "", "[ssl] ca_file %s cannot be read: %v.", s.files.authority, err)
		}
		next.ClientAuth, next.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !next.ClientCAs.AppendCertsFromPEM(text) {
			return fault.New(fault.Invalid, "", "[ssl] ca_file %s holds no certificate in PEM.", s.files.authority)
		}
	}
	s.now.Store(next)
	return nil
}

// config is what a listener works by: for each connection what was read last.
func (s *Certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.now.Load(), nil }}
}
