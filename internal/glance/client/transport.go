package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

const (
	maxAnswerBytes = 4 << 20 // of every answer that is no image's bytes
	dialTimeout    = 10 * time.Second
	// continueTimeout is how long we wait for leave to send an image's bytes; who does not give it gets them all the same.
	continueTimeout = time.Second
	// finishTimeout is how long a service may take with an image after its last byte: a store may have to put it together.
	finishTimeout = 10 * time.Minute
)

// newTransport makes the HTTP transport: with limits, and with the certificates of the options.
func newTransport(o Options, timeout time.Duration) (http.RoundTripper, error) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: max(timeout, finishTimeout), ExpectContinueTimeout: continueTimeout,
		IdleConnTimeout: timeout, MaxIdleConnsPerHost: 16, DisableCompression: true, ForceAttemptHTTP2: true}
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "glance_ca_certificates_file cannot be read: %s", o.CAFile)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "", "glance_ca_certificates_file holds no certificate in PEM form: %s", o.CAFile)
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		own, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "glance_certfile and glance_keyfile cannot be used together.")
		}
		config.Certificates = []tls.Certificate{own}
	}
	t.TLSClientConfig = config
	return bounded{t}, nil
}

// bounded is a transport whose answers have a limit, unless their request says that it streams; and which sends a body with the
// length that the request's header announces, for which gophercloud has no other way.
type bounded struct{ http.RoundTripper }

// streaming marks the context of a request whose answer may be of any length.
type streaming struct{}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if length, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64); err == nil {
		r = r.Clone(r.Context())
		r.ContentLength = length
	}
	answer, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if r.Context().Value(streaming{}) == nil || answer.StatusCode >= http.StatusMultipleChoices {
		answer.Body = &limited{ReadCloser: answer.Body, left: maxAnswerBytes}
	}
	return answer, nil
}

// limited is a body that fails beyond its limit.
type limited struct {
	io.ReadCloser
	left int64
}

var errLongAnswer = fault.New(fault.Unavailable, "", "The image service's answer is too long.")

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongAnswer
	}
	n, err := l.ReadCloser.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// stall ends a context when nothing has moved for a time.
type stall struct {
	timer *time.Timer
	limit time.Duration
}

// errStalled is the cause of a stream that was given up.
var errStalled = errors.New("nothing was sent or taken for too long")

// watched is a context that ends with errStalled when the returned stall is not moved for its limit.
func watched(ctx context.Context, limit time.Duration) (context.Context, *stall, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &stall{limit: limit, timer: time.AfterFunc(limit, func() { cancel(errStalled) })}
	return ctx, s, func() {
		s.timer.Stop()
		cancel(nil)
	}
}

// move starts the time anew; rest stops it until the next move.
func (s *stall) move() { s.timer.Reset(s.limit) }
func (s *stall) rest() { s.timer.Stop() }
