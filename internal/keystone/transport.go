package keystone

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Transport is how an identity service is reached.
type Transport struct {
	Insecure                  bool          // accept any certificate
	CAFile, CertFile, KeyFile string        // of the authorities, and our own; may be empty
	Timeout                   time.Duration // of a whole request; 0 means 30 seconds
	ConnectTimeout            time.Duration // 0 means 10 seconds
}

const (
	defaultTimeout        = 30 * time.Second
	defaultConnectTimeout = 10 * time.Second
	// maxAnswerBytes bounds an answer: a token's catalog grows with the cloud, but not to this.
	maxAnswerBytes = 8 << 20
	maxIdle        = 16
)

func (t Transport) timeout() time.Duration { return cmp.Or(max(t.Timeout, 0), defaultTimeout) }

// Open makes the transport, whose answers have a limit. Certificates that cannot be used are a fault.Invalid; group is where their
// options are.
func (t Transport) Open(group string) (http.RoundTripper, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Insecure}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		config.RootCAs = x509.NewCertPool()
		if err != nil || !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.Wrap(err, fault.Invalid, "", "[%s] cafile: %s cannot be read, or holds no certificate in PEM form.", group, t.CAFile)
		}
	}
	if t.CertFile != "" || t.KeyFile != "" {
		own, err := tls.LoadX509KeyPair(t.CertFile, cmp.Or(t.KeyFile, t.CertFile))
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "[%s] certfile and keyfile cannot be used together.", group)
		}
		config.Certificates = []tls.Certificate{own}
	}
	connect := cmp.Or(max(t.ConnectTimeout, 0), defaultConnectTimeout)
	return bounded{&http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connect}).DialContext, TLSHandshakeTimeout: connect,
		IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: maxIdle, ForceAttemptHTTP2: true, TLSClientConfig: config}}, nil
}

// bounded is a transport whose answers have a limit.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxAnswerBytes), answer.Body}
	}
	return answer, err
}

// baseURL is an address without its version, with a slash at its end.
func baseURL(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return "", err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errors.New("http:// or https:// and a host are wanted")
	}
	u.RawQuery, u.Fragment = "", ""
	u.Path = strings.TrimRight(u.Path, "/")
	for _, version := range []string{"/v3", "/v2.0"} {
		u.Path = strings.TrimSuffix(u.Path, version)
	}
	return u.String() + "/", nil
}
