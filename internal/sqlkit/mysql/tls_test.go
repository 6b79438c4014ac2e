package mysql

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// signed makes a certificate for a name, signed by an authority; by itself, as an authority, if there is none.
func signed(t *testing.T, name string, by *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: by == nil, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestTLS: what an address says of TLS decides which servers are believed.
func TestTLS(t *testing.T) {
	authority, stranger := signed(t, "authority", nil), signed(t, "stranger", nil)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	right, elsewhere, forged := signed(t, "db", &authority), signed(t, "elsewhere", &authority), signed(t, "db", &stranger)
	type believed struct{ right, elsewhere, forged bool }
	for query, want := range map[string]believed{
		"ssl_ca=" + ca: {right: true},
		"ssl_ca=" + ca + "&ssl_check_hostname=false":                       {right: true, elsewhere: true},
		"ssl_ca=" + ca + "&ssl_verify_identity=true":                       {right: true},
		"ssl_ca=" + ca + "&ssl_check_hostname=false&ssl_verify_cert=false": {true, true, true},
		"ssl_verify_cert=false":                                            {true, true, true},
		"ssl_verify_cert=true":                                             {}, // by the machine's authorities
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		c, err := configFrom(Options{Host: "db", Query: values})
		if err != nil || c.TLS == nil {
			t.Errorf("%s: %v, %v", query, c, err)
			continue
		}
		got := believed{believes(t, c.TLS, right), believes(t, c.TLS, elsewhere), believes(t, c.TLS, forged)}
		if got != want {
			t.Errorf("%s: believes %+v, want %+v", query, got, want)
		}
	}
	if c, err := configFrom(Options{}); err != nil || c.TLS != nil || c.Addr != "localhost:3306" {
		t.Errorf("without parameters: %+v, %v", c, err)
	}
}

// believes says whether a client with this configuration completes a handshake with the server.
func believes(t *testing.T, client *tls.Config, server tls.Certificate) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	near, far := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{server}}).HandshakeContext(ctx)
		far.Close()
	}()
	err := tls.Client(near, client).HandshakeContext(ctx)
	near.Close()
	<-ended
	return err == nil
}
