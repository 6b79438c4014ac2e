// Package client is a compute service over HTTP: nova.Service by the Compute API v2.1.
//
// What must not live here: when to ask, and what the answers mean for a volume.
package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/nova"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/reqctx"
)

// Options of a Client. All may be left out.
type Options struct {
	// Own logs this service in with the compute service, [nova]; nil: it asks as whoever called.
	Own *keystone.Login
	// Service logs in the service whose token goes along with callers', [service_user]; nil: none goes along.
	Service *keystone.Login

	// Callers says that callers come with a catalog, so that without one nobody knows whether there is a compute service.
	Callers bool

	Region    string // region_name; empty: the first there is
	Interface string // "public" (also if empty), "internal" or "admin"
	// Transport is how the compute service is reached, its Timeout for how long a request may take.
	Transport keystone.Transport
	Log       *slog.Logger // nil means slog.Default
}

// Client implements nova.Service. It is safe for concurrent use.
type Client struct {
	Options
	http http.Client
}

var _ nova.Service = (*Client)(nil)

// New makes a Client; nothing is sent. Certificates that cannot be used are a fault.Invalid.
func New(o Options) (*Client, error) {
	transport, err := o.Transport.Open(group)
	if err != nil {
		return nil, err
	}
	o.Interface = cmp.Or(o.Interface, "public")
	if o.Log == nil {
		o.Log = slog.Default()
	}
	// A redirect would take the tokens along to wherever it leads.
	return &Client{Options: o, http: http.Client{Transport: transport, Timeout: cmp.Or(max(o.Transport.Timeout, 0), defaultTimeout),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

const defaultTimeout = 30 * time.Second

// Microversions, by what they are needed for.
const (
	versionBase       = "2.1"
	versionExtended   = "2.51"
	versionAttachment = "2.89" // a server's volumes with the ids of their attachments
	versionReimaged   = "2.93"
)

// AttachmentOf implements nova.Service.
func (c *Client) AttachmentOf(ctx context.Context, serverID, volumeID string) (string, error) {
	to, err := c.as(ctx, false)
	if err != nil {
		return "", err
	}
	to.Microversion = versionAttachment
	var body struct {
		Attachment struct {
			ID string `json:"attachment_id"`
		} `json:"volumeAttachment"`
	}
	_, err = to.Get(ctx, c.attachmentURL(to, serverID, volumeID), &body, &gophercloud.RequestOpts{OkCodes: []int{http.StatusOK}})
	return body.Attachment.ID, translated(err, serverID, volumeID)
}

func (c *Client) attachmentURL(to *gophercloud.ServiceClient, serverID, volumeID string) string {
	return to.ServiceURL("servers", url.PathEscape(serverID), "os-volume_attachments", url.PathEscape(volumeID))
}

// UpdateServerVolume implements nova.Service.
func (c *Client) UpdateServerVolume(ctx context.Context, serverID, volumeID, newID string) error {
	return c.asOwn(ctx, serverID, volumeID, func(to *gophercloud.ServiceClient) error {
		to.Microversion = versionBase
		body := map[string]any{"volumeAttachment": map[string]any{"volumeId": newID}}
		_, err := to.Put(ctx, c.attachmentURL(to, serverID, volumeID), body, nil, &gophercloud.RequestOpts{OkCodes: []int{http.StatusAccepted}})
		return err
	})
}

// told is an event of the answer to events.
type told struct {
	Name     string `json:"name"`
	ServerID string `json:"server_uuid"`
	Code     *int   `json:"code"`
}

// Tell implements nova.Service.
func (c *Client) Tell(ctx context.Context, events ...nova.Event) error {
	if len(events) == 0 {
		return nil
	}
	version := versionExtended
	list := make([]map[string]string, 0, len(events))
	for _, e := range events {
		if e.Name == nova.EventVolumeReimaged {
			version = versionReimaged
		}
		list = append(list, map[string]string{"name": e.Name, "server_uuid": e.ServerID, "tag": e.Tag})
	}
	var answer struct {
		Events []told `json:"events"`
	}
	err := c.asOwn(ctx, events[0].ServerID, events[0].Tag, func(to *gophercloud.ServiceClient) error {
		to.Microversion = version
		_, err := to.Post(ctx, to.ServiceURL("os-server-external-events"), map[string]any{"events": list}, &answer,
			&gophercloud.RequestOpts{OkCodes: []int{http.StatusOK, http.StatusMultiStatus}})
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range answer.Events {
		if e.Code == nil {
			return nova.ConnectionFailed(nil, "its answer to events is not sound.")
		}
		if *e.Code != http.StatusOK {
			c.Log.WarnContext(ctx, "the compute service could not pass an event on", "event", e.Name, "server_id", e.ServerID, "code", *e.Code)
		}
	}
	return nil
}

// asOwn does something as this service, if it has an account, with a new token if the one that it had is no longer good.
func (c *Client) asOwn(ctx context.Context, serverID, volumeID string, do func(*gophercloud.ServiceClient) error) error {
	to, err := c.as(ctx, c.Own != nil)
	if err != nil {
		return err
	}
	err = do(to)
	if c.Own != nil && gophercloud.ResponseCodeIs(err, http.StatusUnauthorized) {
		c.Own.Forget(to.TokenID)
		if to, err = c.as(ctx, c.Own != nil); err != nil {
			return err
		}
		err = do(to)
	}
	return translated(err, serverID, volumeID)
}

// as makes a client for one call, with the account of this service or else with the token and the catalog of the caller.
func (c *Client) as(ctx context.Context, account bool) (*gophercloud.ServiceClient, error) {
	caller := reqctx.From(ctx)
	token, catalog := caller.AuthToken, caller.ServiceCatalog
	if account || catalog == "" && c.Own != nil {
		own, services, err := c.Own.Session(ctx)
		if err != nil {
			return nil, nova.ConnectionFailed(err, "there is no token to ask it with.")
		}
		if catalog = authtoken.CatalogHeader(services); account {
			token = own
		}
	}
	endpoint, err := c.endpoint(catalog)
	if err != nil {
		return nil, err
	}
	more := map[string]string{}
	if c.Service != nil {
		own, err := c.Service.Token(ctx)
		if err != nil {
			return nil, nova.ConnectionFailed(err, "there is no token of this service ([service_user]) to send along.")
		}
		more["X-Service-Token"] = own
	}
	if id := cmp.Or(caller.GlobalRequestID, caller.RequestID); id != "" {
		more["X-OpenStack-Request-ID"] = id
	}
	provider := &gophercloud.ProviderClient{HTTPClient: c.http, TokenID: token}
	provider.UserAgent.Prepend("clinker")
	return &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: endpoint, Type: "compute", MoreHeaders: more}, nil
}

// endpoint finds the compute service in a catalog, in the form of X-Service-Catalog.
func (c *Client) endpoint(catalog string) (string, error) {
	switch {
	case catalog == "" && c.Callers:
		return "", nova.ConnectionFailed(nil, "the caller came without a catalog ([keystone_authtoken] include_service_catalog, or an account in [nova]).")
	case catalog == "":
		return "", nova.ErrAbsent
	}
	address, there, err := authtoken.Address(catalog, "compute", c.Interface, c.Region)
	switch {
	case err != nil:
		return "", nova.ConnectionFailed(err, "the catalog cannot be read.")
	case !there:
		return "", nova.ErrAbsent
	case address != "":
		return versioned(address)
	}
	return "", nova.ConnectionFailed(nil, "the catalog has no %s address of it in region %q ([nova] interface and region_name).", c.Interface, c.Region)
}

// versioned is the address of v2.1 at an address of the compute service, with a slash at its end.
func versioned(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", nova.ConnectionFailed(err, "the catalog's address of it is none.")
	}
	u.RawQuery, u.Fragment = "", ""
	if !slices.ContainsFunc(strings.Split(u.Path, "/"), func(part string) bool { return part == "v2.1" || part == "v2" }) {
		u = u.JoinPath("v2.1")
	}
	return strings.TrimRight(u.String(), "/") + "/", nil
}

// translated is an error of gophercloud in nova's words; nothing the compute service said is repeated but for a short reason of a
// Conflict.
func translated(err error, serverID, volumeID string) error {
	if err == nil {
		return nil
	}
	code, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err)
	if !ok {
		return nova.ConnectionFailed(err, "it does not answer.")
	}
	cause := fmt.Errorf("%s %s: %s", code.Method, code.URL, http.StatusText(code.Actual)) // the error itself has the tokens in it
	switch code.Actual {
	case http.StatusNotFound:
		return nova.NotFound(cause, serverID, volumeID)
	case http.StatusConflict, http.StatusBadRequest:
		return fault.Wrap(cause, fault.Conflict, "", "The compute service cannot do so with instance %s and volume %s now: it answered %d.", serverID, volumeID, code.Actual)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.Wrap(cause, fault.Forbidden, "", "The compute service refuses it: it answered %d.", code.Actual)
	}
	return nova.ConnectionFailed(cause, "it answered %d.", code.Actual)
}
