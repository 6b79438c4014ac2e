package httpserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

// write makes a certificate that is its own authority, with its key, in one file.
func write(t *testing.T, path, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func certificate(t *testing.T, settings map[string]string) (*Certificate, error) {
	t.Helper()
	o := NewOptions()
	conf, err := config.Load(config.Sources{Overrides: settings}, o.All()...)
	if err != nil {
		t.Fatal(err)
	}
	return o.Certificate(conf)
}

// get asks the server and gives the name on its certificate.
func get(t *testing.T, address string, client *tls.Config) (name string, err error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: client}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "hello" {
		t.Errorf("body %q, %v", body, err)
	}
	return resp.TLS.PeerCertificates[0].Subject.CommonName, nil
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	server, clients := filepath.Join(dir, "server.pem"), filepath.Join(dir, "clients.pem")
	write(t, server, "first")
	write(t, clients, "client")
	secure, err := certificate(t, map[string]string{"osapi_volume_use_ssl": "true", "ssl.cert_file": server, "ssl.ca_file": clients})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	c := Component("api", address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			t.Error("the handler does not know of TLS")
		}
		_, _ = io.WriteString(w, "hello")
	}), secure)
	if err := c.Start(t.Context(), func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	pair, err := tls.LoadX509KeyPair(clients, clients)
	if err != nil {
		t.Fatal(err)
	}
	known := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}} //nolint:gosec // the name on it is what is looked at
	if name, err := get(t, address, known); name != "first" || err != nil {
		t.Errorf("the server is %q, %v", name, err)
	}
	if name, err := get(t, address, &tls.Config{InsecureSkipVerify: true}); err == nil { //nolint:gosec // likewise
		t.Errorf("a client without a certificate was served by %q", name)
	}
	write(t, server, "second")
	if err := secure.Reload(); err != nil {
		t.Fatal(err)
	}
	if name, err := get(t, address, known); name != "second" || err != nil {
		t.Errorf("after the reload the server is %q, %v", name, err)
	}
	if err := os.WriteFile(server, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := secure.Reload(); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file without a certificate: %v", err)
	}
	if name, err := get(t, address, known); name != "second" || err != nil {
		t.Errorf("after the failed reload the server is %q, %v", name, err)
	}
}

func TestCertificateRefused(t *testing.T) {
	if secure, err := certificate(t, map[string]string{"ssl.cert_file": "/nowhere"}); secure != nil || err != nil {
		t.Errorf("without osapi_volume_use_ssl: %v, %v", secure, err)
	}
	good := filepath.Join(t.TempDir(), "good.pem")
	write(t, good, "good")
	for says, settings := range map[string]map[string]string{
		"[ssl] cert_file":      {},
		"cert_file /nowhere":   {"ssl.cert_file": "/nowhere"},
		"key_file /nowhere":    {"ssl.cert_file": good, "ssl.key_file": "/nowhere"},
		"ca_file /nowhere":     {"ssl.cert_file": good, "ssl.ca_file": "/nowhere"},
		"holds no certificate": {"ssl.cert_file": good, "ssl.ca_file": "/dev/null"},
	} {
		settings["osapi_volume_use_ssl"] = "true"
		if _, err := certificate(t, settings); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), says) {
			t.Errorf("%v: %v; want %s", settings, err, says)
		}
	}
}
