package postgresql

import (
	"context"
	"net"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Options say which database to open.
type Options struct {
	sqlkit.Options
	// Host is a name or an address, default localhost; Port the TCP port, default 5432.
	Host, Port string
	User       string
	Password   string
	Database   string
	// Query holds libpq's parameters as an SQLAlchemy URL for psycopg2 has them: sslmode, sslrootcert, sslcert, sslkey,
	// connect_timeout, application_name, target_session_attrs, host (the directory of a socket), port. Those that libpq
	// does not know are settings of the server, such as lock_timeout.
	Query url.Values
}

// Open makes a DB with Options. It does not connect. A bad parameter is a fault.Invalid that tells no password.
func Open(o Options) (*sqlkit.DB, error) {
	source := url.URL{Scheme: "postgres", Path: "/" + o.Database, RawQuery: parameters(o.Query).Encode()}
	if o.Host != "" {
		source.Host = o.Host
		if o.Port != "" {
			source.Host = net.JoinHostPort(o.Host, o.Port)
		}
	}
	if o.User != "" {
		source.User = url.UserPassword(o.User, o.Password)
	}
	config, err := pgx.ParseConfig(source.String())
	if err != nil {
		return nil, fault.New(fault.Invalid, "", "The address of the PostgreSQL database is not usable: see to its parameters (sslmode, sslrootcert, connect_timeout).")
	}
	// Also a statement that stands alone must not write. Said afterwards, since PgBouncer lets in nobody who says it when connecting.
	readOnly := stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET default_transaction_read_only = on")
		return err
	})
	return sqlkit.New(Dialect{}, stdlib.OpenDB(*config, readOnly), stdlib.OpenDB(*config), o.Options), nil
}

// parameters adds what is ours, where the address says nothing: an end to waiting for a server, and UTC.
func parameters(query url.Values) url.Values {
	all := url.Values{"connect_timeout": {"10"}, "application_name": {"clinker"}, "timezone": {"UTC"}}
	for key, values := range query {
		switch key {
		case "client_encoding", "charset": // always UTF-8
		default:
			all[key] = values
		}
	}
	return all
}
