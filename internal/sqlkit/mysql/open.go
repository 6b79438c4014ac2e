package mysql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Options say which database to open.
type Options struct {
	sqlkit.Options
	// Host is a name or an address, default localhost; Port the TCP port, default 3306.
	Host, Port string
	User       string
	Password   string
	Database   string
	// Query holds the parameters of an SQLAlchemy URL for PyMySQL: unix_socket, connect_timeout, read_timeout and
	// write_timeout in seconds, ssl_ca, ssl_cert, ssl_key, ssl_check_hostname, ssl_verify_cert, ssl_verify_identity.
	// charset is not needed, since any text is sent as UTF-8. Others are refused.
	Query url.Values
	// Mode is the sql_mode to run in, to which ANSI_QUOTES is added; empty keeps the server's.
	Mode string
	// SyncWait is Galera's wsrep_sync_wait; negative keeps the server's.
	SyncWait int
}

// Open makes a DB with Options. It does not connect. Write transactions run at READ COMMITTED: each statement sees what was
// committed before it, so that what follows the write of a row that others write too sees what they did. Read transactions
// run on one snapshot. A bad parameter is a fault.Invalid that tells no password.
func Open(o Options) (*sqlkit.DB, error) {
	config, err := configFrom(o)
	if err != nil {
		return nil, err
	}
	dialect := Dialect{new(atomic.Int32)}
	pool := func(autocommit, characteristics string) (*sql.DB, error) {
		config := config.Clone()
		config.Params["autocommit"] = autocommit
		config.InterpolateParams = autocommit == "0" // see sqlkit.Clusterer
		c, err := mysql.NewConnector(config)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "The address of the MySQL database is not usable.")
		}
		statements := []string{"SET SESSION TRANSACTION " + characteristics}
		if o.SyncWait >= 0 {
			statements = append(statements, "SET SESSION wsrep_sync_wait = "+strconv.Itoa(o.SyncWait))
		}
		return sql.OpenDB(connector{c, statements, dialect.galera}), nil
	}
	readers, err := pool("1", "ISOLATION LEVEL REPEATABLE READ, READ ONLY")
	if err != nil {
		return nil, err
	}
	writers, err := pool("0", "ISOLATION LEVEL READ COMMITTED, READ WRITE")
	if err != nil {
		return nil, err
	}
	return sqlkit.New(dialect, readers, writers, o.Options), nil
}

// connector runs some statements on every new connection.
type connector struct {
	driver.Connector
	statements []string
	galera     *atomic.Int32 // of the Dialect
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	var dialed net.Conn
	opened, err := c.Connector.Connect(context.WithValue(ctx, dialedKey{}, &dialed))
	if err != nil {
		return nil, err
	}
	made := breakable{opened.(driverConn), dialed}
	for _, text := range c.statements {
		if _, err := made.ExecContext(ctx, text, nil); err != nil {
			_ = made.Close()
			return nil, err
		}
	}
	if c.galera.Load() == 0 {
		is, err := isGalera(ctx, made)
		if err != nil {
			_ = made.Close()
			return nil, err
		}
		c.galera.Store(is)
	}
	return made, nil
}

// isGalera is 1 if a server has Galera loaded, else -1.
func isGalera(ctx context.Context, c driver.QueryerContext) (is int32, err error) {
	rows, err := c.QueryContext(ctx, "SHOW STATUS LIKE 'wsrep_provider_name'", nil)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	row := make([]driver.Value, 2)
	switch err := rows.Next(row); {
	case errors.Is(err, io.EOF):
		return -1, nil
	case err != nil:
		return 0, err
	}
	if name, ok := row[1].([]byte); !ok || len(name) == 0 {
		return -1, nil
	}
	return 1, nil
}

// dialedKey is the context key of where dial notes the connection that it makes.
type dialedKey struct{}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if to, ok := ctx.Value(dialedKey{}).(*net.Conn); ok {
		*to = c
	}
	return c, err
}

// driverConn is all that the driver's connections are to database/sql.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// breakable is a connection that is a sqlkit.Breaker.
type breakable struct {
	driverConn
	dialed net.Conn
}

// Break closes the connection under the driver's hands, which is what the driver does itself when a context ends.
func (c breakable) Break() { _ = c.dialed.Close() }

// silence keeps the driver from writing to the standard error; whatever it would say comes back as an error too.
type silence struct{}

func (silence) Print(...any) {}

const defaultConnectTimeout = 10 * time.Second

func configFrom(o Options) (*mysql.Config, error) {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = o.User, o.Password, o.Database
	c.Net, c.Addr = "tcp", net.JoinHostPort(orElse(o.Host, "localhost"), orElse(o.Port, "3306"))
	c.Collation = "utf8mb4_general_ci"
	c.Loc, c.ParseTime, c.ClientFoundRows = time.UTC, true, true
	c.Timeout, c.DialFunc = defaultConnectTimeout, dial
	c.Logger = silence{}
	// Cinder's columns keep no fractions of a second. MariaDB cuts them off, MySQL has to be told, by what MariaDB skips.
	mode := "@@sql_mode"
	if o.Mode != "" {
		mode = quoted(o.Mode)
	}
	c.Params = map[string]string{"time_zone": "'+00:00'",
		"sql_mode": "CONCAT(" + mode + ", ',ANSI_QUOTES' /*!80001 , ',TIME_TRUNCATE_FRACTIONAL' */)"}
	security := tlsParameters{}
	for key, values := range o.Query {
		if err := parameter(c, &security, key, values[len(values)-1]); err != nil {
			return nil, err
		}
	}
	var err error
	c.TLS, err = security.config(orElse(o.Host, "localhost"))
	return c, err
}

// quoted is a text as an SQL literal. There are no backslashes in a list of modes, so there is nothing else to escape.
func quoted(text string) string {
	out := []byte{'\''}
	for _, b := range []byte(text) {
		if b != '\'' && b != '\\' {
			out = append(out, b)
		}
	}
	return string(append(out, '\''))
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func parameter(c *mysql.Config, security *tlsParameters, key, value string) error {
	var err error
	switch key {
	case "charset", "use_unicode", "local_infile", "binary_prefix": // ours are UTF-8 and never read a local file
	case "unix_socket":
		c.Net, c.Addr = "unix", value
	case "connect_timeout":
		c.Timeout, err = seconds(key, value)
	case "read_timeout":
		c.ReadTimeout, err = seconds(key, value)
	case "write_timeout":
		c.WriteTimeout, err = seconds(key, value)
	case "ssl_ca":
		security.ca = value
	case "ssl_cert":
		security.cert = value
	case "ssl_key":
		security.key = value
	case "ssl_check_hostname", "ssl_verify_identity":
		security.name, err = flag(key, value)
	case "ssl_verify_cert":
		security.chain, err = flag(key, value)
	default:
		err = fault.New(fault.Invalid, "", "The address of the database has the parameter %q, which is not supported: want charset, unix_socket, "+
			"connect_timeout, read_timeout, write_timeout, ssl_ca, ssl_cert, ssl_key, ssl_check_hostname, ssl_verify_cert or ssl_verify_identity.", key)
	}
	return err
}

func seconds(key, value string) (time.Duration, error) {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || n <= 0 || n > 86400 {
		return 0, fault.New(fault.Invalid, "", "%s in the address of the database is %q; it must be a number of seconds up to 86400.", key, value)
	}
	return time.Duration(n * float64(time.Second)), nil
}

func flag(key, value string) (*bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "%s in the address of the database is %q; it must be true or false.", key, value)
	}
	return &b, nil
}

// tlsParameters are what an address says about TLS. As with PyMySQL, there is TLS if it says anything, an authority that
// it names is insisted on and so is the server's name, and without one nothing is.
type tlsParameters struct {
	ca, cert, key string
	name, chain   *bool
}

// config is nil when the address asks for no TLS.
func (p tlsParameters) config(host string) (*tls.Config, error) {
	if p == (tlsParameters{}) {
		return nil, nil
	}
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if p.ca != "" {
		pem, err := os.ReadFile(p.ca)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "The file %s that ssl_ca names cannot be read.", p.ca)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "", "The file %s that ssl_ca names holds no certificate.", p.ca)
		}
	}
	if p.cert != "" {
		pair, err := tls.LoadX509KeyPair(p.cert, orElse(p.key, p.cert))
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "", "The files %s and %s that ssl_cert and ssl_key name are no certificate with its key.", p.cert, p.key)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	named := p.name != nil && *p.name || p.name == nil && p.ca != ""
	chained := named || p.chain != nil && *p.chain || p.chain == nil && p.ca != ""
	if !named {
		c.InsecureSkipVerify = true // and what is wanted of it is verified here
		if chained {
			c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, c.RootCAs) }
		}
	}
	return c, nil
}

// verifyChain accepts a certificate for any name that an authority of roots has signed.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}
