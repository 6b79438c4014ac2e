package rabbit

import (
	"net"
	"net/url"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
)

// URL is a transport_url (oslo_messaging/transport.py, TransportURL):
//
//	rabbit://user:password@host:port,user:password@host:port/virtual_host?option=value
type URL struct {
	Scheme      string
	Hosts       []broker.Host
	VirtualHost string
	Options     map[string]string // of [oslo_messaging_rabbit], which they override
}

const defaultPort = "5672"

// ParseURL reads one. A host without credentials logs in as guest; without a host it is localhost. Its error, a fault.Invalid, does
// not show the text, which may have a password in it.
func ParseURL(text string) (URL, error) {
	bad := func(why string) (URL, error) {
		return URL{}, fault.New(fault.Invalid, "", "the URL %s; it should look like rabbit://user:password@host:5672/vhost", why)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return bad("names no transport")
	}
	u := URL{Scheme: scheme, Options: map[string]string{}}
	rest, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return bad("has options that are not well formed")
	}
	for key, list := range values {
		u.Options[key] = strings.Join(list, ",")
	}
	netloc, path, _ := strings.Cut(rest, "/")
	if u.VirtualHost, err = url.PathUnescape(path); err != nil {
		return bad("has a virtual host that is not well formed")
	}
	for _, part := range strings.Split(netloc, ",") {
		if part == "" {
			continue
		}
		h, err := parseHost(part)
		if err != nil {
			return bad(err.Error())
		}
		u.Hosts = append(u.Hosts, h)
	}
	return u, nil
}

// parseHost reads user:password@host:port, of which the host alone has to be there.
func parseHost(text string) (broker.Host, error) {
	h := broker.Host{User: "guest", Password: "guest"}
	address := text
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		user, password, _ := strings.Cut(text[:i], ":")
		var err1, err2 error
		h.User, err1 = url.PathUnescape(user)
		h.Password, err2 = url.PathUnescape(password)
		if err1 != nil || err2 != nil {
			return h, fault.New(fault.Invalid, "", "has credentials that are not well formed (write %% as %%25)")
		}
		address = text[i+1:]
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil { // there is no port, then
		host, port = strings.Trim(address, "[]"), defaultPort
		if host == "" || strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return h, fault.New(fault.Invalid, "", "has a host that is not well formed")
		}
	}
	if port == "" {
		port = defaultPort
	}
	h.Address = net.JoinHostPort(host, port)
	return h, nil
}
