// Package client speaks to an image service over HTTP: it implements glance.Service with gophercloud, whose types stay inside.
//
// It asks as the caller: the caller's token goes along, and a service's own beside it where there is one. What is small is
// tried again at the next of several servers when one does not answer; streams have a limit on every silence, and a download
// that breaks off goes on where it stopped.
//
// What must not live here: what an image is used for.
package client

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/reqctx"
)

// Credentials are the tokens that a request carries; an empty one is left out.
type Credentials struct {
	Token        string // X-Auth-Token: as whom to ask
	ServiceToken string // X-Service-Token: which service asks for the caller, so that an expired token is still honoured
}

// Options of a Client. All may be zero.
type Options struct {
	// Servers are the service's addresses, with or without scheme and path: "http://192.0.2.1:9292", "glance:9292". Without
	// any, every call is a ConnectionFailed that names the option.
	Servers []string
	Retries int // how often what failed to reach a server is tried again, glance_num_retries; 0 means never
	// Timeout bounds a request with a small answer, and every silence in a stream; 0 means a minute.
	Timeout time.Duration
	// RetryPause is the wait before another try; 0 means a second, as upstream.
	RetryPause time.Duration
	// Insecure accepts any certificate. CAFile holds the authorities to trust instead of the system's; CertFile and KeyFile are
	// our own certificate. Files are read once, by New.
	Insecure                  bool
	CAFile, CertFile, KeyFile string
	// Credentials gives the tokens for a request; nil means the caller's own token and no service's. It is where work that
	// outlived its caller's token gets one from.
	Credentials func(ctx context.Context) (Credentials, error)
	Log         *slog.Logger // nil means slog.Default
}

// Client is a glance.Service. Make one with New.
type Client struct {
	servers     []string // base URLs that end in "/"
	turn        atomic.Uint64
	retries     int
	timeout     time.Duration
	retryPause  time.Duration
	credentials func(ctx context.Context) (Credentials, error)
	http        http.Client
	log         *slog.Logger
}

var _ glance.Service = (*Client)(nil)

const (
	defaultTimeout    = time.Minute
	defaultRetryPause = time.Second
	maxRetries        = 100
)

// New makes a Client; nothing is sent. A server that is no address, or a file that cannot be used, is a fault.Invalid.
func New(o Options) (*Client, error) {
	c := &Client{retries: min(max(o.Retries, 0), maxRetries), timeout: o.Timeout, retryPause: o.RetryPause,
		credentials: o.Credentials, log: o.Log}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.retryPause <= 0 {
		c.retryPause = defaultRetryPause
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	if c.credentials == nil {
		c.credentials = callersToken
	}
	for _, s := range o.Servers {
		base, err := baseURL(s)
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, base)
	}
	rand.Shuffle(len(c.servers), func(i, j int) { c.servers[i], c.servers[j] = c.servers[j], c.servers[i] })
	transport, err := newTransport(o, c.timeout)
	if err != nil {
		return nil, err
	}
	// A redirect would take the tokens along to wherever it leads.
	c.http = http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

func callersToken(ctx context.Context) (Credentials, error) {
	return Credentials{Token: reqctx.From(ctx).AuthToken}, nil
}

// version is a path's end that names the API's version; the client adds its own.
var version = regexp.MustCompile(`/v[0-9]+(\.[0-9]+)?/*$`)

// baseURL is the address of a server as a URL that ends in "/", without the API's version.
func baseURL(server string) (string, error) {
	text := strings.TrimSpace(server)
	if !strings.Contains(text, "//") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fault.New(fault.Invalid, "", "glance_api_servers: %.200q is not the address of an image service; http://glance.example.com:9292 would be one.", server)
	}
	return strings.TrimRight(version.ReplaceAllString(u.Scheme+"://"+u.Host+u.EscapedPath(), ""), "/") + "/", nil
}

// errNoServers is why nothing can be asked of a service that nobody has configured.
var errNoServers = errors.New("glance_api_servers is empty")

// to is gophercloud's client for one request at the server whose turn it is.
func (c *Client) to(ctx context.Context) (*gophercloud.ServiceClient, error) {
	if len(c.servers) == 0 {
		return nil, glance.ConnectionFailed(errNoServers, "no image service is configured ([DEFAULT] glance_api_servers).")
	}
	credentials, err := c.credentials(ctx)
	if err != nil {
		return nil, glance.ConnectionFailed(err, "there is no token to ask it with.")
	}
	server := c.servers[(c.turn.Add(1)-1)%uint64(len(c.servers))]
	provider := &gophercloud.ProviderClient{HTTPClient: c.http, TokenID: credentials.Token}
	provider.UserAgent.Prepend("clinker")
	more := map[string]string{}
	if credentials.ServiceToken != "" {
		more["X-Service-Token"] = credentials.ServiceToken
	}
	caller := reqctx.From(ctx)
	for _, id := range []string{caller.GlobalRequestID, caller.RequestID} {
		if id != "" {
			more["X-OpenStack-Request-ID"] = id
			break
		}
	}
	return &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: server, ResourceBase: server + "v2/", Type: "image", MoreHeaders: more}, nil
}

// call makes a request with a small answer, about the image id (empty: about none), and makes it again while no server answers.
func (c *Client) call(ctx context.Context, id string, do func(context.Context, *gophercloud.ServiceClient) error) error {
	for try := 0; ; try++ {
		err := c.once(ctx, do)
		if err == nil || try >= c.retries || !worthAnother(ctx, err) {
			return translated(err, id)
		}
		c.log.WarnContext(ctx, "the image service does not answer; trying again", "try", try+1, "error", translated(err, id))
		if err := c.pause(ctx); err != nil {
			return err
		}
	}
}

func (c *Client) once(ctx context.Context, do func(context.Context, *gophercloud.ServiceClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	to, err := c.to(ctx)
	if err != nil {
		return err
	}
	return do(ctx, to)
}

// pause waits before another try.
func (c *Client) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return glance.ConnectionFailed(context.Cause(ctx), "the time was up.")
	case <-time.After(c.retryPause):
		return nil
	}
}

// worthAnother says whether an error is one that another server, or the same a little later, may not have: no answer, or that
// of a proxy without a server behind it.
func worthAnother(ctx context.Context, err error) bool {
	if ctx.Err() != nil || errors.Is(err, errNoServers) {
		return false
	}
	if code, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err); ok {
		switch code.Actual {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	return true
}
