// Package fetch gets images from the web for imports, and lets nobody reach through it what only this machine can reach: it
// judges schemes, hosts and ports by the operator's lists, and the very address that a connection is made to, so that neither
// a name that resolves to an internal address, nor one that does so the second time it is asked, nor a redirect gets there.
//
// What must not live here: what becomes of the data.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/stream"
)

// Options are the lists that decide; names are the configuration options'. Where both an allowing and a refusing list of a kind
// are given, the allowing one alone counts, as upstream.
type Options struct {
	AllowedSchemes, DisallowedSchemes []string
	// AllowedHosts, if any, are the only hosts; they may be internal.
	AllowedHosts, DisallowedHosts []string
	// InternalHosts may be internal, such as a mirror; beside these lists, which judge them as any other.
	InternalHosts []string
	// A URL without a port has its scheme's, which is always allowed.
	AllowedPorts, DisallowedPorts []string
	// PrivateNetworks lets private addresses (RFC 1918 and the like) be reached. This machine itself, and addresses that mean
	// something on one link only, such as a cloud's metadata service, are refused all the same.
	PrivateNetworks bool
	// Stall is how long a server may be silent; 0 is a minute.
	Stall time.Duration
}

const (
	defaultStall = time.Minute
	maxRedirects = 10
	dialTimeout  = 15 * time.Second
)

// Fetcher fetches. It is safe for concurrent use.
type Fetcher struct {
	options Options
	client  *http.Client
}

// New makes a Fetcher. It uses no proxy: a proxy would choose the address in our place.
func New(o Options) *Fetcher {
	if o.Stall <= 0 {
		o.Stall = defaultStall
	}
	f := &Fetcher{options: o}
	f.client = &http.Client{
		Transport: &http.Transport{DialContext: f.dial, TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: o.Stall,
			DisableCompression: true, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(r *http.Request, before []*http.Request) error {
			if len(before) > maxRedirects {
				return fault.New(fault.Invalid, "MaxRedirectsExceeded", "Maximum redirects (%d) was exceeded.", maxRedirects)
			}
			if err := f.Check(r.URL.String()); err != nil {
				return fault.Wrap(err, fault.Invalid, "InvalidRedirect", "Redirect to disallowed URL: %s", withoutSecrets(r.URL))
			}
			return nil
		},
	}
	return f
}

// Check refuses a URL that would not be fetched, as far as that can be told without resolving its name.
func (f *Fetcher) Check(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return fault.Wrap(err, fault.Invalid, "", "That is no URL of anything in the web.")
	}
	o := f.options
	if !chosen(u.Scheme, o.AllowedSchemes, o.DisallowedSchemes) || u.Scheme != "http" && u.Scheme != "https" {
		return fault.New(fault.Invalid, "", "The scheme %q is not allowed.", u.Scheme)
	}
	if port := u.Port(); port != "" && !chosen(port, o.AllowedPorts, o.DisallowedPorts) {
		return fault.New(fault.Invalid, "", "The port %s is not allowed.", port)
	}
	host := normalHost(u.Hostname())
	if host == "" || !chosen(host, o.AllowedHosts, o.DisallowedHosts) {
		return fault.New(fault.Invalid, "", "The host %q is not allowed.", u.Hostname())
	}
	if ip, err := netip.ParseAddr(host); err == nil && !f.trusted(host) {
		return f.checkAddress(ip)
	}
	return nil
}

// chosen applies two lists.
func chosen(value string, allowed, disallowed []string) bool {
	if len(allowed) > 0 {
		return slices.Contains(allowed, value)
	}
	return !slices.Contains(disallowed, value)
}

// normalHost is a host as the lists have it; empty for one that is neither an address in its usual form nor a name, such as
// 127.1 or 0x7f000001, which some resolvers take for addresses.
func normalHost(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return "" // means something on one link only
		}
		return ip.Unmap().String()
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last == "" || strings.HasPrefix(last, "0x") || strings.Trim(last, "0123456789") == "" {
		return "" // no top-level domain is a number
	}
	return name
}

// trusted reports whether the operator has named this very host.
func (f *Fetcher) trusted(host string) bool {
	return slices.Contains(f.options.AllowedHosts, host) || slices.Contains(f.options.InternalHosts, host)
}

// checkAddress refuses an address that must not be reached.
func (f *Fetcher) checkAddress(ip netip.Addr) error {
	for _, a := range meanings(ip) {
		if reachesInside(a) || !f.options.PrivateNetworks && isPrivate(a) || len(f.options.AllowedHosts) == 0 && slices.Contains(f.options.DisallowedHosts, a.String()) {
			return fault.New(fault.Invalid, "", "The address %s is internal and not allowed.", ip)
		}
	}
	return nil
}

// dial connects to the host of a URL, at an address that has been judged.
func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: dialTimeout}
	if !f.trusted(normalHost(host)) {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			dialled, err := netip.ParseAddrPort(address)
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "", "That is no address in the web.")
			}
			return f.checkAddress(dialled.Addr())
		}
	}
	return d.DialContext(ctx, network, address)
}

// Fetch gives what is at a URL.
func (f *Fetcher) Fetch(ctx context.Context, uri string) (io.ReadCloser, error) {
	if err := f.Check(uri); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		cancel(nil)
		return nil, fault.Wrap(err, fault.Invalid, "", "That is no URL of anything in the web.")
	}
	r.Header.Set("User-Agent", "clinker")
	answer, err := f.client.Do(r)
	if err != nil {
		cancel(nil)
		if refused, ok := fault.Of(err); ok {
			return nil, refused
		}
		return nil, fault.Wrap(withoutURL(err), fault.Unavailable, "", "The image could not be fetched from %s.", r.URL.Hostname())
	}
	if answer.StatusCode != http.StatusOK {
		cancel(nil)
		_ = answer.Body.Close()
		return nil, fault.New(fault.Unavailable, "", "The image could not be fetched from %s: the answer is %s.", r.URL.Hostname(), strconv.Quote(answer.Status))
	}
	return body{stream.Watch(answer.Body, f.options.Stall, cancel)}, nil
}

// withoutURL is an error of the client without the URL, which may hold a signature or a password.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func withoutSecrets(u *url.URL) string {
	return fmt.Sprintf("%s://%s%s", u.Scheme, u.Host, u.EscapedPath())
}

// body is an answer's, whose failures say what they mean.
type body struct{ io.ReadCloser }

// Read implements io.Reader.
func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, stream.ErrStalled):
		return n, fault.Wrap(err, fault.Unavailable, "", "The server of the image has stopped sending.")
	}
	return n, fault.Wrap(err, fault.Unavailable, "", "The connection to the server of the image broke off.")
}
