// Package barbican is Barbican as a key manager: keymanager.Manager by the Key Manager API v1, as castellan's BarbicanKeyManager
// uses it, so that a key made by either is the other's too. It is spoken to with gophercloud, whose types stay inside.
//
// What must not live here: when a key is made, copied or removed.
package barbican

import (
	"cmp"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/keymanager/v1/acls"
	"github.com/gophercloud/gophercloud/v2/openstack/keymanager/v1/orders"
	"github.com/gophercloud/gophercloud/v2/openstack/keymanager/v1/secrets"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/keystone"
)

// Options of a Client. All may be left out.
type Options struct {
	// Endpoint is Barbican's address, with or without /v1; empty: the catalog's.
	Endpoint  string
	Interface string // which address of the catalog: "public" (also if empty), "internal" or "admin"
	Region    string // empty: the first there is
	// Service logs this service in, for AsService and for work that nobody asks for any more; nil: it has no account.
	Service *keystone.Login
	// Believed says that callers are who they say they are (auth_strategy = noauth), and have no tokens that are good for anything:
	// then everything is asked for as this service.
	Believed bool
	// Beside logs in the service whose token goes along with callers', [barbican_service_user]; nil: none goes along.
	Beside *keystone.Login
	// RetryDelay is the pause between two looks whether a key is made, Retries how many looks there are; 0 means a second, and 60.
	RetryDelay time.Duration
	Retries    int
	// Transport is how Barbican is reached, its Timeout for how long a request may take.
	Transport keystone.Transport
	Log       *slog.Logger // nil means slog.Default
}

// Client is the key manager. It is safe for concurrent use.
type Client struct {
	Options
	http http.Client
}

var (
	_ keymanager.Manager = (*Client)(nil)
	_ keymanager.Sharer  = (*Client)(nil)
)

const (
	defaultTimeout = 30 * time.Second
	defaultRetries = 60
	defaultDelay   = time.Second
	// firstDelay is the pause before the second look: Barbican makes a key in less.
	firstDelay = 250 * time.Millisecond
	// maxKeyBytes bounds what is taken for a key.
	maxKeyBytes = 64 << 10
)

// New makes a Client; nothing is sent. Certificates that cannot be used are a fault.Invalid.
func New(o Options) (*Client, error) {
	transport, err := o.Transport.Open(group)
	if err != nil {
		return nil, err
	}
	o.Interface, o.RetryDelay, o.Retries = cmp.Or(o.Interface, "public"), cmp.Or(max(o.RetryDelay, 0), defaultDelay), cmp.Or(max(o.Retries, 0), defaultRetries)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	// A redirect would take the tokens along to wherever it leads.
	return &Client{Options: o, http: http.Client{Transport: transport, Timeout: cmp.Or(max(o.Transport.Timeout, 0), defaultTimeout),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// keyOrder is an order for a key; as castellan's, it says nothing of a mode, which gophercloud's own would leave empty.
type keyOrder struct {
	algorithm string
	bits      int64
}

// ToOrderCreateMap implements orders.CreateOptsBuilder.
func (o keyOrder) ToOrderCreateMap() (map[string]any, error) {
	meta := map[string]any{"algorithm": o.algorithm}
	if o.bits > 0 {
		meta["bit_length"] = o.bits
	}
	return map[string]any{"type": "key", "meta": meta}, nil
}

// order is what is read of an order; gophercloud's own is particular about times that are not needed.
type order struct {
	OrderRef    string `json:"order_ref"`
	SecretRef   string `json:"secret_ref"`
	Status      string `json:"status"`
	ErrorReason string `json:"error_reason"`
}

// Create implements keymanager.Manager: it orders a key, and waits until it is made. Barbican makes none without a length.
func (c *Client) Create(ctx context.Context, algorithm string, bits int64) (id string, err error) {
	err = c.do(ctx, "order a key", "", true, func(to *gophercloud.ServiceClient) error {
		var made order
		if err := orders.Create(ctx, to, keyOrder{algorithm, bits}).ExtractInto(&made); err != nil {
			return err
		}
		ordered, err := idOf(made.OrderRef)
		if err != nil {
			return err
		}
		id, err = c.await(ctx, to, ordered)
		return err
	})
	return id, err
}

// await looks at an order until its key is made, and gives the key's id.
func (c *Client) await(ctx context.Context, to *gophercloud.ServiceClient, id string) (string, error) {
	pause := firstDelay
	for range c.Retries {
		var o order
		if err := orders.Get(ctx, to, id).ExtractInto(&o); err != nil {
			return "", err
		}
		switch o.Status {
		case "ACTIVE":
			return idOf(o.SecretRef)
		case "ERROR":
			return "", failed(nil, "it could not make the key: %.300s", cmp.Or(o.ErrorReason, "it did not say why"))
		}
		select {
		case <-ctx.Done():
			return "", failed(context.Cause(ctx), "the time was up before the key was made.")
		case <-time.After(min(pause, c.RetryDelay)):
		}
		pause = c.RetryDelay
	}
	return "", failed(nil, "it has not made the key after %d looks ([barbican] number_of_retries).", c.Retries)
}

// secret is what is read of a secret.
type secret struct {
	SecretRef    string            `json:"secret_ref"`
	Algorithm    string            `json:"algorithm"`
	ContentTypes map[string]string `json:"content_types"`
}

// Get implements keymanager.Manager.
func (c *Client) Get(ctx context.Context, id string) (k keymanager.Key, err error) {
	err = c.do(ctx, "fetch a key", id, false, func(to *gophercloud.ServiceClient) error {
		var s secret
		if err := secrets.Get(ctx, to, url.PathEscape(id)).ExtractInto(&s); err != nil {
			return err
		}
		kind := s.ContentTypes["default"]
		if kind == "" {
			return failed(nil, "the secret with this id holds nothing.")
		}
		b, err := secrets.GetPayload(ctx, to, url.PathEscape(id), secrets.GetPayloadOpts{PayloadContentType: kind}).Extract()
		if err == nil && (len(b) == 0 || len(b) > maxKeyBytes) {
			err = failed(nil, "the secret with this id is no key.")
		}
		k = keymanager.NewKey(strings.ToUpper(s.Algorithm), b)
		return err
	})
	return k, err
}

// Store implements keymanager.Manager.
func (c *Client) Store(ctx context.Context, k keymanager.Key) (id string, err error) {
	err = c.do(ctx, "keep a copy of a key", "", false, func(to *gophercloud.ServiceClient) error {
		var s secret
		b := k.Bytes()
		err := secrets.Create(ctx, to, secrets.CreateOpts{Algorithm: k.Algorithm, BitLength: 8 * len(b), SecretType: secrets.SymmetricSecret,
			Payload: base64.StdEncoding.EncodeToString(b), PayloadContentType: "application/octet-stream", PayloadContentEncoding: "base64"}).ExtractInto(&s)
		if err == nil {
			id, err = idOf(s.SecretRef)
		}
		return err
	})
	return id, err
}

// Delete implements keymanager.Manager.
func (c *Client) Delete(ctx context.Context, id string) error {
	err := c.do(ctx, "remove a key", id, true, func(to *gophercloud.ServiceClient) error {
		return secrets.Delete(ctx, to, url.PathEscape(id)).ExtractErr()
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Share implements keymanager.Sharer, with an access control list of the secret.
func (c *Client) Share(ctx context.Context, id, userID string) error {
	return c.do(ctx, "share a key", id, true, func(to *gophercloud.ServiceClient) error {
		return acls.SetSecretACL(ctx, to, url.PathEscape(id), acls.SetOpts{{Type: "read", Users: &[]string{userID}}}).Err
	})
}

// idOf is the id at the end of a reference, which has the address that Barbican believes to be its own.
func idOf(ref string) (string, error) {
	id := ref[strings.LastIndexByte(ref, '/')+1:]
	if uuid.Validate(id) != nil {
		return "", failed(nil, "its answer is not sound: %.200q is no reference.", ref)
	}
	return id, nil
}
