// Package etcdlock keeps locks in etcd. The keys, and what makes one taken, are those of tooz's etcd3gw driver
// (tooz/drivers/etcd3gw.py), so that Python's services are excluded too; it speaks to the same JSON gateway.
//
// What must not live here: the waiting, and the renewing of leases, which lock.Shared has.
package etcdlock

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
)

// Options say where etcd is.
type Options struct {
	// Endpoint is http://host:port or https://host:port.
	Endpoint string
	// Version is the part of the gateway's paths before the service, "v3" if it is empty.
	Version string
	// TTL is how long etcd waits for a sign of life, in whole seconds; 0 means 30 s.
	TTL time.Duration
	// Authority, Certificate and Key are files in PEM form: who has to have signed the server's certificate, and what we show
	// to it. Empty means the machine's authorities, and nothing.
	Authority, Certificate, Key string
}

// keyPrefix stands before every name in etcd.
const keyPrefix = "/tooz/locks"

// defaultTTL is upstream's lock_timeout.
const defaultTTL = 30 * time.Second

// mostAnswerBytes is more than any answer has.
const mostAnswerBytes = 1 << 20

// New gives a Shared over etcd. Nothing is sent yet. A file that cannot be read, or a TTL below 2 s, is a fault.Invalid.
func New(o Options) (*lock.Shared, error) {
	if o.Version == "" {
		o.Version = "v3"
	}
	if o.TTL == 0 {
		o.TTL = defaultTTL
	}
	if o.TTL < 2*time.Second {
		return nil, fault.New(fault.Invalid, "", "lock_timeout must be at least 2 seconds.")
	}
	security, err := o.security()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig, transport.Proxy, transport.MaxIdleConnsPerHost = security, nil, 16
	g := &gateway{base: strings.TrimSuffix(o.Endpoint, "/") + "/" + o.Version, client: &http.Client{Transport: transport}}
	return lock.NewShared(lock.SharedOptions{TTL: o.TTL, Open: func(ctx context.Context) (lock.Session, error) {
		var lease struct{ ID, Error string }
		if err := g.post(ctx, "/lease/grant", map[string]any{"TTL": int(o.TTL / time.Second)}, &lease); err != nil {
			return nil, err
		}
		return &session{gateway: g, lease: lease.ID, value: []byte(uuid.NewString())}, nil
	}}), nil
}

func (o Options) security() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.Authority != "" {
		pem, err := os.ReadFile(o.Authority)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "The file %s that ca_cert names cannot be read.", o.Authority)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "", "The file %s that ca_cert names holds no certificate.", o.Authority)
		}
	}
	if o.Certificate != "" || o.Key != "" {
		pair, err := tls.LoadX509KeyPair(o.Certificate, o.Key)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "The files that cert_cert and cert_key name are no certificate with its key.")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// gateway is etcd's JSON gateway. Bytes are base64 in it, as encoding/json writes them, and 64-bit numbers are texts.
type gateway struct {
	base   string
	client *http.Client
}

func (g *gateway) post(ctx context.Context, path string, body, answer any) error {
	payload, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+path, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := g.client.Do(request)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "", "etcd does not answer.")
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostAnswerBytes))
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "", "etcd does not answer.")
	}
	if response.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s: %s: %.200s", path, response.Status, text)
		if response.StatusCode == http.StatusNotFound && bytes.Contains(text, []byte("lease not found")) {
			err = fmt.Errorf("%w: %w", lock.ErrLost, err)
		}
		return fault.Wrap(err, fault.Unavailable, "", "etcd refused a request.")
	}
	return json.Unmarshal(text, answer)
}

// session is a lease. Its value in a key says whose the key is.
type session struct {
	*gateway
	lease string
	value []byte
}

type keyValue struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

// transaction is the answer to one.
type transaction struct {
	Succeeded bool `json:"succeeded"`
	Responses []struct {
		Range struct {
			Pairs []keyValue `json:"kvs"`
		} `json:"response_range"`
	} `json:"responses"`
}

// TryLock implements lock.Session: the key is made, with our lease, if there is none.
func (s *session) TryLock(ctx context.Context, name string) (bool, error) {
	key := []byte(keyPrefix + name)
	var t transaction
	err := s.post(ctx, "/kv/txn", map[string]any{
		"compare": []any{map[string]any{"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": 0}},
		"success": []any{map[string]any{"request_put": map[string]any{"key": key, "value": s.value, "lease": s.lease}}},
		"failure": []any{map[string]any{"request_range": map[string]any{"key": key}}},
	}, &t)
	if err != nil || t.Succeeded {
		return err == nil, err
	}
	for _, r := range t.Responses {
		for _, p := range r.Range.Pairs {
			if bytes.Equal(p.Value, s.value) {
				return true, nil
			}
		}
	}
	return false, nil
}

// Unlock implements lock.Session: the key is removed if it is ours.
func (s *session) Unlock(ctx context.Context, name string) error {
	key := []byte(keyPrefix + name)
	return s.post(ctx, "/kv/txn", map[string]any{
		"compare": []any{map[string]any{"key": key, "target": "VALUE", "result": "EQUAL", "value": s.value}},
		"success": []any{map[string]any{"request_delete_range": map[string]any{"key": key}}},
	}, new(transaction))
}

// Renew implements lock.Session. A lease that is over has no time to live.
func (s *session) Renew(ctx context.Context) error {
	var answer struct {
		Result struct{ TTL string } `json:"result"`
	}
	if err := s.post(ctx, "/lease/keepalive", map[string]any{"ID": s.lease}, &answer); err != nil {
		return err
	}
	if answer.Result.TTL == "" || answer.Result.TTL == "0" {
		return fmt.Errorf("%w: etcd has ended the lease %s", lock.ErrLost, s.lease)
	}
	return nil
}

// Close implements lock.Session: with the lease go the keys.
func (s *session) Close(ctx context.Context) error {
	return s.post(ctx, "/lease/revoke", map[string]any{"ID": s.lease}, new(struct{}))
}
