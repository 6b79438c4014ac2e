package connect_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit/connect"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

// authority makes a certificate for "localhost", and a file with the authority that signed it.
func authority(t *testing.T) (c sqlkittest.Certificate, file string) {
	t.Helper()
	make := func(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil {
			parent, by = template, key
		}
		template.NotAfter = time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made, key
	}
	root, rootKey := make(&x509.Certificate{SerialNumber: big.NewInt(1), BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	leaf, leafKey := make(&x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature}, root, rootKey)
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return sqlkittest.Certificate{Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}),
		Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}, file
}

// TestTLS: servers that offer TLS are reached by it, by addresses as OpenStack's services write them, and not by those that name
// another authority or another host.
func TestTLS(t *testing.T) {
	certificate, ours := authority(t)
	_, strange := authority(t)
	type address struct {
		parameters, host string
		reached          bool
	}
	for kind, addresses := range map[string][]address{
		"mysql": {
			{"charset=utf8&ssl_ca=" + ours, "localhost", true},
			{"ssl_ca=" + ours + "&ssl_verify_identity=true", "localhost", true},
			{"ssl_ca=" + ours, "127.0.0.1", false},
			{"ssl_ca=" + ours + "&ssl_check_hostname=false", "127.0.0.1", true},
			{"ssl_ca=" + strange, "localhost", false},
			{"ssl_verify_cert=false", "localhost", true},
		},
		"postgresql": {
			{"sslmode=verify-full&sslrootcert=" + ours, "localhost", true},
			{"sslmode=verify-full&sslrootcert=" + ours, "127.0.0.1", false},
			{"sslmode=verify-ca&sslrootcert=" + ours, "127.0.0.1", true},
			{"sslmode=verify-full&sslrootcert=" + strange, "localhost", false},
			{"sslmode=require", "127.0.0.1", true},
			{"", "localhost", true},
			{"sslmode=disable", "localhost", false},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			s := sqlkittest.StartTLS(t, kind, certificate)
			base := s.Database(t)
			for _, a := range addresses {
				url := strings.Replace(base, "localhost", a.host, 1) + "?" + a.parameters
				db, err := connect.Open(t.Context(), connect.Options{URL: url})
				if (err == nil) != a.reached || err != nil && !fault.Is(err, fault.Unavailable) {
					t.Errorf("%s?%s: %v; want it reached: %v", a.host, a.parameters, err, a.reached)
				}
				if err != nil {
					continue
				}
				query := `SELECT COUNT(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()`
				if kind == "mysql" {
					query = `SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'ssl_cipher'`
				}
				if got := list(t, db, query); len(got) != 1 || got[0] != "1" {
					t.Errorf("%s?%s: no TLS: %v", a.host, a.parameters, got)
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
