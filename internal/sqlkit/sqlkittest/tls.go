package sqlkittest

import (
	"database/sql"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Certificate is what a server shows of itself, in PEM.
type Certificate struct{ Certificate, Key []byte }

// StartTLS is Start for a server that listens at a port of 127.0.0.1, with TLS; PostgreSQL takes nothing else there. Addresses of its databases are
// of the host "localhost" and have no parameters.
func StartTLS(t testing.TB, name string, c Certificate) *Server {
	t.Helper()
	address := freePorts(t, 1)[0]
	if name == "mysql" {
		return startKind(t, name, tlsMariaDB{address: address, certificate: c})
	}
	return startKind(t, name, tlsPostgreSQL{address: address, certificate: c})
}

// write puts the certificate into files that only their owner reads, who is that of the directory.
func (c Certificate) write(dir string, command *exec.Cmd) (certificate, key string, err error) {
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, text := range map[string][]byte{certificate: c.Certificate, key: c.Key} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return "", "", err
		}
		if who := command.SysProcAttr.Credential; who != nil {
			if err := os.Chown(path, int(who.Uid), int(who.Gid)); err != nil {
				return "", "", err
			}
		}
	}
	return certificate, key, nil
}

type tlsMariaDB struct {
	mariaDB
	address     string
	certificate Certificate
}

func (k tlsMariaDB) prepare(dir string) (*exec.Cmd, error) {
	command, err := k.mariaDB.prepare(dir)
	if err != nil {
		return nil, err
	}
	certificate, key, err := k.certificate.write(dir, command)
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(k.address)
	// --skip-grant-tables takes the network along, unless that comes after it.
	command.Args = slices.DeleteFunc(command.Args, func(arg string) bool { return arg == "--skip-networking" })
	command.Args = append(command.Args, "--skip-networking=0", "--bind-address=127.0.0.1", "--port="+port, "--ssl-cert="+certificate, "--ssl-key="+key)
	return command, nil
}

func (k tlsMariaDB) url(_, database string) string {
	_, port, _ := net.SplitHostPort(k.address)
	return "mysql+pymysql://root:unused@localhost:" + port + "/" + database
}

type tlsPostgreSQL struct {
	postgreSQL
	address     string
	certificate Certificate
}

func (k tlsPostgreSQL) prepare(dir string) (*exec.Cmd, error) {
	command, err := k.postgreSQL.prepare(dir)
	if err != nil {
		return nil, err
	}
	certificate, key, err := k.certificate.write(dir, command)
	if err != nil {
		return nil, err
	}
	const who = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n"
	if err := os.WriteFile(filepath.Join(dir, "data", "pg_hba.conf"), []byte(who), 0o644); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(k.address)
	for _, setting := range []string{"listen_addresses=127.0.0.1", "port=" + port, "ssl=on", "ssl_cert_file=" + certificate, "ssl_key_file=" + key} {
		command.Args = append(command.Args, "-c", setting)
	}
	return command, nil
}

func (k tlsPostgreSQL) url(_, database string) string {
	_, port, _ := net.SplitHostPort(k.address)
	return "postgresql+psycopg2://clinker@localhost:" + port + "/" + database
}

func (k tlsPostgreSQL) connect(dir, database string) (*sql.DB, error) {
	if database == "" {
		database = "postgres"
	}
	_, port, _ := net.SplitHostPort(k.address)
	return sql.Open("pgx", "postgres://clinker@/"+database+"?port="+port+"&host="+url.QueryEscape(dir))
}
