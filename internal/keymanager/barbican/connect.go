package barbican

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keystone"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/reqctx"
)

// asService marks the context in which this service itself asks.
type asService struct{}

// AsService implements keymanager.Manager.
func (c *Client) AsService(ctx context.Context) context.Context {
	return context.WithValue(ctx, asService{}, true)
}

// do does something with Barbican about the secret id (empty: about none), once more with a new token if that of this service
// is no longer good. What fails is logged, because users are told little of it (upstream: castellan logs each failure). said
// says whether what Barbican answers to it may be repeated: it has no key in it.
func (c *Client) do(ctx context.Context, what, id string, said bool, call func(*gophercloud.ServiceClient) error) error {
	own := c.Believed || ctx.Value(asService{}) != nil || reqctx.From(ctx).AuthToken == ""
	to, err := c.to(ctx, own)
	if err == nil {
		err = call(to)
		if own && c.Service != nil && gophercloud.ResponseCodeIs(err, http.StatusUnauthorized) {
			c.Service.Forget(to.TokenID)
			if to, err = c.to(ctx, own); err == nil {
				err = call(to)
			}
		}
	}
	err = translated(err, id, said)
	switch {
	case err == nil || fault.Is(err, fault.NotFound):
	case fault.Is(err, fault.Forbidden): // then it may be tried as this service
		c.Log.WarnContext(ctx, "the key manager did not let us "+what, "key_id", id, "as_service", own, "error", err)
	default:
		c.Log.ErrorContext(ctx, "the key manager could not "+what, "key_id", id, "as_service", own, "error", err)
	}
	return err
}

// to makes a client for one use: as this service, or as the caller.
func (c *Client) to(ctx context.Context, own bool) (*gophercloud.ServiceClient, error) {
	caller := reqctx.From(ctx)
	token, catalog := caller.AuthToken, caller.ServiceCatalog
	if own || catalog == "" && c.Endpoint == "" && c.Service != nil {
		if c.Service == nil {
			return nil, failed(nil, "this service has no account to ask it with ([keystone_authtoken] or [service_user]).")
		}
		ours, services, err := c.Service.Session(ctx)
		if err != nil {
			return nil, failed(err, "there is no token to ask it with.")
		}
		if catalog = authtoken.CatalogHeader(services); own {
			token = ours
		}
	}
	endpoint, err := c.endpoint(catalog)
	if err != nil {
		return nil, err
	}
	more := map[string]string{}
	if c.Beside != nil {
		beside, err := c.Beside.Token(ctx)
		if err != nil {
			return nil, failed(err, "there is no token of this service ([%s]) to send along.", besideGroup)
		}
		more["X-Service-Token"] = beside
	}
	if id := cmp.Or(caller.GlobalRequestID, caller.RequestID); id != "" {
		more["X-OpenStack-Request-ID"] = id
	}
	provider := &gophercloud.ProviderClient{HTTPClient: c.http, TokenID: token}
	provider.UserAgent.Prepend("clinker")
	return &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: endpoint, Type: "key-manager", MoreHeaders: more}, nil
}

// endpoint is the address of Barbican's v1: that of the configuration, or of a catalog in the form of X-Service-Catalog.
func (c *Client) endpoint(catalog string) (string, error) {
	if c.Endpoint != "" {
		return versioned(c.Endpoint)
	}
	if catalog == "" {
		return "", failed(nil, "nobody says where it is: the caller came without a catalog, and [barbican] barbican_endpoint is not set.")
	}
	address, _, err := authtoken.Address(catalog, "key-manager", c.Interface, c.Region)
	switch {
	case err != nil:
		return "", failed(err, "the catalog cannot be read.")
	case address == "":
		return "", failed(nil, "the catalog has no %s address of it in region %q ([barbican] barbican_endpoint_type and barbican_region_name).", c.Interface, c.Region)
	}
	return versioned(address)
}

// versioned is the address of v1 at an address of Barbican, with a slash at its end.
func versioned(address string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", failed(err, "%.200q is not its address; http://barbican.example.com:9311 would be one.", address)
	}
	u.RawQuery, u.Fragment = "", ""
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/v1")
	return u.JoinPath("v1").String() + "/", nil
}

// failed is the fault for a Barbican that cannot be used.
func failed(cause error, format string, args ...any) error {
	return fault.Wrap(cause, fault.Unavailable, "KeyManagerError", "The key manager cannot be used: "+format, args...)
}

// translated is the fault for what came of a request about the secret id. Gophercloud's own error has the tokens in it.
func translated(err error, id string, repeat bool) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.Of(err); ok {
		return err
	}
	code, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err)
	if !ok {
		return failed(err, "it does not answer.")
	}
	text := ""
	if repeat {
		text = said(code.Body)
	}
	cause := fmt.Errorf("%s %s: %d%s", code.Method, code.URL, code.Actual, text)
	switch code.Actual {
	case http.StatusNotFound:
		if id != "" {
			return fault.Wrap(cause, fault.NotFound, "ManagedObjectNotFoundError", "Key not found, uuid: %s", id)
		}
	case http.StatusForbidden:
		return fault.Wrap(cause, fault.Forbidden, "KeyManagerError", "The key manager does not allow it.")
	}
	return failed(cause, "it answered %d.", code.Actual)
}

// said is what an answer says of why not, for the log.
func said(body []byte) string {
	var answer struct {
		Title       string `json:"title"`
		Description string `json:"description"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Title == "" {
		return ""
	}
	return fmt.Sprintf(": %.300q", answer.Title+": "+answer.Description)
}

// login logs an account in, if there is one.
func login(a keystone.Account) (*keystone.Login, error) {
	if a.AuthURL == "" {
		return nil, nil
	}
	return keystone.NewLogin(a)
}
