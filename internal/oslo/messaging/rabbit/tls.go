package rabbit

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

func (s *Settings) declareTLS() {
	s.flag("ssl", false, "Connect over TLS.")
	s.text("ssl_version", "", "The version of TLS: TLSv1_2, TLSv1_3, or SSLv23 and empty for any from TLSv1_2 on.")
	s.text("ssl_key_file", "", "The key of ssl_cert_file.")
	s.text("ssl_cert_file", "", "The certificate this service shows to the broker.")
	s.text("ssl_ca_file", "", "The authorities that the broker's certificate must be signed by. Without it the certificate is not verified at all, as upstream.")
	s.flag("ssl_enforce_hostname_verification", true, "With ssl_ca_file, the certificate must be the host's as well.")
}

// tls makes the configuration of TLS.
func (r *reader) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	switch version := strings.ToLower(r.text("ssl_version")); version {
	case "", "sslv23":
	case "tlsv1_2":
		c.MaxVersion = tls.VersionTLS12
	case "tlsv1_3":
		c.MinVersion = tls.VersionTLS13
	case "tlsv1", "tlsv1_1", "sslv2", "sslv3":
		return nil, fault.New(fault.Invalid, "", "[%s] ssl_version: %s is broken and not spoken; TLSv1_2 and TLSv1_3 are, or SSLv23 for either", group, version)
	default:
		return nil, fault.New(fault.Invalid, "", "[%s] ssl_version: there is no version %q; TLSv1_2 and TLSv1_3 are, or SSLv23 for either", group, version)
	}
	if file := r.text("ssl_cert_file"); file != "" {
		pair, err := tls.LoadX509KeyPair(file, r.text("ssl_key_file"))
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "[%s] ssl_cert_file and ssl_key_file cannot be used", group)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	file, verifyHost := r.text("ssl_ca_file"), r.flag("ssl_enforce_hostname_verification")
	if file == "" {
		c.InsecureSkipVerify = true // upstream's meaning of ssl without an authority
		return c, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "", "[%s] ssl_ca_file cannot be read", group)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fault.New(fault.Invalid, "", "[%s] ssl_ca_file has no certificate in it", group)
	}
	if !verifyHost {
		c.InsecureSkipVerify, c.VerifyConnection = true, signedBy(c.RootCAs)
	}
	return c, nil
}

// signedBy verifies that the broker's certificate is signed by one of the authorities, whosever it is.
func signedBy(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the broker shows no certificate")
		}
		o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, c := range s.PeerCertificates[1:] {
			o.Intermediates.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(o)
		return err
	}
}
