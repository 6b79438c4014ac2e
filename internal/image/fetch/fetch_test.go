package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/stream"
)

func web(o Options) *Fetcher {
	if o.AllowedSchemes == nil {
		o.AllowedSchemes = []string{"http", "https"}
	}
	return New(o)
}

func TestCheck(t *testing.T) {
	standard := Options{AllowedPorts: []string{"80", "443"}}
	for _, c := range []struct {
		options Options
		uri     string
		allowed bool
	}{
		{standard, "http://example.org/image", true}, {standard, "https://example.org:443/image", true}, {standard, "http://EXAMPLE.org.", true},
		{standard, "http://1.1.1.1/", true}, {standard, "http://[2606:4700::1111]/", true},
		{standard, "ftp://example.org/", false}, {standard, "file:///etc/passwd", false}, {standard, "http:example.org", false}, {standard, "", false},
		{standard, "//example.org/", false}, {standard, "http://", false}, {standard, "http://example.org:22/", false}, {standard, "http://exa mple.org/", false},
		// This machine and its neighbours, in every way to write them.
		{standard, "http://127.0.0.1/", false}, {standard, "http://127.1/", false}, {standard, "http://2130706433/", false}, {standard, "http://0x7f000001/", false},
		{standard, "http://0x7f.0.0.1/", false}, {standard, "http://017700000001/", false}, {standard, "http://127.0.0.0x1/", false}, {standard, "http://0/", false},
		{standard, "http://0.0.0.0/", false}, {standard, "http://[::]/", false}, {standard, "http://[::1]/", false}, {standard, "http://[::ffff:127.0.0.1]/", false},
		{standard, "http://[::127.0.0.1]/", false}, {standard, "http://[64:ff9b::7f00:1]/", false}, {standard, "http://[2002:7f00:1::]/", false},
		{standard, "http://169.254.169.254/latest/meta-data/", false}, {standard, "http://[fe80::1%25eth0]/", false}, {standard, "http://[fe80::1]/", false},
		{standard, "http://10.0.0.1/", false}, {standard, "http://192.168.1.1/", false}, {standard, "http://172.16.0.1/", false}, {standard, "http://[fd00::1]/", false},
		{standard, "http://100.64.0.1/", false}, {standard, "http://224.0.0.1/", false}, {standard, "http://255.255.255.255/", false},
		{Options{PrivateNetworks: true}, "http://10.0.0.1/", true}, {Options{PrivateNetworks: true}, "http://127.0.0.1/", false},
		{Options{PrivateNetworks: true}, "http://169.254.169.254/", false}, {Options{PrivateNetworks: true}, "http://[64:ff9b::a9fe:a9fe]/", false},
		// The operator's lists.
		{Options{AllowedHosts: []string{"mirror"}}, "http://mirror/", true}, {Options{AllowedHosts: []string{"mirror"}}, "http://example.org/", false},
		{Options{AllowedHosts: []string{"127.0.0.1"}}, "http://127.0.0.1/", true}, {Options{DisallowedHosts: []string{"bad.org"}}, "http://BAD.org/", false},
		{Options{DisallowedHosts: []string{"1.1.1.1"}}, "http://[::ffff:1.1.1.1]/", false}, {Options{DisallowedPorts: []string{"8080"}}, "http://a.org:8080/", false},
		{Options{DisallowedPorts: []string{"8080"}}, "http://a.org:8081/", true}, {Options{AllowedSchemes: []string{"https"}}, "http://a.org/", false},
		{Options{AllowedSchemes: []string{"gopher"}}, "gopher://a.org/", false},
		{Options{InternalHosts: []string{"10.0.0.1"}}, "http://10.0.0.1/", true}, {Options{InternalHosts: []string{"10.0.0.1"}}, "http://10.0.0.2/", false},
		{Options{InternalHosts: []string{"10.0.0.1"}}, "http://a.org/", true}, {Options{InternalHosts: []string{"10.0.0.1"}, DisallowedHosts: []string{"10.0.0.1"}}, "http://10.0.0.1/", false},
		{Options{AllowedHosts: []string{"a.org"}, DisallowedHosts: []string{"a.org"}}, "http://a.org/", true},
	} {
		err := web(c.options).Check(c.uri)
		if (err == nil) != c.allowed || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q with %+v: %v", c.uri, c.options, err)
		}
	}
}

// serve gives a server on this machine and the port it listens on.
func serve(t *testing.T, h http.HandlerFunc) (base, port string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, u.Port()
}

func TestFetch(t *testing.T) {
	content := bytes.Repeat([]byte("image"), 100_000)
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/image":
			if r.Header.Get("Accept-Encoding") != "" {
				t.Error("the image was asked for compressed")
			}
			_, _ = w.Write(content)
		case "/moved":
			http.Redirect(w, r, "/image", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	})
	f := web(Options{AllowedHosts: []string{"127.0.0.1"}})
	for _, path := range []string{"/image", "/moved"} {
		r, err := f.Fetch(t.Context(), base+path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	if _, err := f.Fetch(t.Context(), base+"/missing?signature=secret"); !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("what is not there: %v", err)
	}
	if _, err := f.Fetch(t.Context(), base+"/round"); !fault.Is(err, fault.Invalid) {
		t.Errorf("a circle: %v", err)
	}
}

// TestRedirectsToTheInside: a host that is allowed must not lead to one that is not.
func TestRedirectsToTheInside(t *testing.T) {
	inside, _ := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the inside was reached") })
	for _, to := range []string{strings.Replace(inside, "127.0.0.1", "127.0.0.2", 1), strings.Replace(inside, "127.0.0.1", "localhost", 1),
		"http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "http://[::1]/"} {
		base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
		_, err := web(Options{AllowedHosts: []string{"127.0.0.1"}}).Fetch(t.Context(), base)
		if fault.NameOf(err) != "InvalidRedirect" {
			t.Errorf("a redirect to %s: %v", to, err)
		}
	}
}

// TestRebinding: whatever a name resolves to, the address that is dialled is what counts.
func TestRebinding(t *testing.T) {
	base, port := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the inside was reached") })
	f := web(Options{})
	// "localhost" is a name that passes every check but that of its address.
	if err := f.Check("http://localhost:" + port); err != nil {
		t.Fatalf("the name alone is refused: %v", err)
	}
	if _, err := f.Fetch(t.Context(), "http://localhost:"+port); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if _, err := f.dial(t.Context(), "tcp", strings.TrimPrefix(base, "http://")); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, err = web(Options{AllowedHosts: []string{"127.0.0.1"}}).Fetch(t.Context(), "http://"+address+"/?password=secret")
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// TestStalling: a server that sends a little and then nothing is not waited for.
func TestStalling(t *testing.T) {
	release := make(chan struct{})
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("some"))
		w.(http.Flusher).Flush()
		<-release
	})
	t.Cleanup(func() { close(release) })
	r, err := web(Options{AllowedHosts: []string{"127.0.0.1"}, Stall: 50 * time.Millisecond}).Fetch(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, stream.ErrStalled) {
		t.Errorf("got %v", err)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-release
	})
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	r, err := web(Options{AllowedHosts: []string{"127.0.0.1"}}).Fetch(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// FuzzCheck: no way of writing a URL gets an address of the inside past the checks of the literal.
func FuzzCheck(f *testing.F) {
	for _, uri := range []string{"http://127.0.0.1/", "http://[::ffff:7f00:1]", "https://a@127.0.0.1:80\\@x", "http://127.0.0.1.", "http://%31%32%37.0.0.1/"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if web(Options{}).Check(uri) != nil {
			return
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("%q is allowed and no URL", uri)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.Unmap().IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()) {
			t.Errorf("%q is allowed", uri)
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			t.Errorf("%q is allowed", uri)
		}
	})
}
