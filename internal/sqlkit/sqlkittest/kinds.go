package sqlkittest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

var kinds = map[string]kind{"mysql": mariaDB{}, "postgresql": postgreSQL{}}

// mariaDB serves an empty directory without any system tables: it then asks nobody for a password, and starts at once.
type mariaDB struct{}

func (mariaDB) prepare(dir string) (*exec.Cmd, error) {
	program, err := find("mariadbd", "Debian's mariadb-server-core", "/usr/sbin", "/usr/local/sbin")
	if err != nil {
		return nil, err
	}
	for _, d := range []string{"data/mysql", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	args := []string{"--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--tmpdir=" + filepath.Join(dir, "tmp"), "--socket=" + filepath.Join(dir, "socket"),
		"--pid-file=" + filepath.Join(dir, "pid"), "--skip-networking", "--skip-grant-tables", "--skip-log-bin", "--character-set-server=utf8mb4", "--performance-schema=OFF",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=32M",
		"--innodb-log-file-size=16M", "--max-connections=500"}
	if os.Getuid() == 0 {
		args = append(args, "--user=root")
	}
	command := exec.Command(program, args...)
	command.SysProcAttr = &syscall.SysProcAttr{}
	return command, nil
}

func (mariaDB) url(dir, database string) string {
	return "mysql+pymysql://root@localhost/" + database + "?charset=utf8&unix_socket=" + url.QueryEscape(filepath.Join(dir, "socket"))
}

func (mariaDB) names() string {
	return `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'`
}

func (mariaDB) kept(database, table string) (name, before string) {
	return database + "_kept.`" + table + "`", "CREATE DATABASE " + database + "_kept"
}

func (mariaDB) unchecked() string { return "SET FOREIGN_KEY_CHECKS = 0" }

func (mariaDB) connect(dir, database string) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.MultiStatements, c.DBName = true, database
	c.User, c.Net, c.Addr = "root", "unix", filepath.Join(dir, "socket")
	c.Logger = quiet{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

type quiet struct{}

func (quiet) Print(...any) {}

// stop: the data is not wanted any more, and there is nothing else to tidy up.
func (mariaDB) stop() syscall.Signal { return syscall.SIGKILL }

// postgreSQL refuses to be run by root, so root runs it as somebody else.
type postgreSQL struct{}

func (postgreSQL) prepare(dir string) (*exec.Cmd, error) {
	program, err := find("postgres", "Debian's postgresql", "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
	if err != nil {
		return nil, err
	}
	attributes := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		if attributes.Credential, err = somebody(); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(attributes.Credential.Uid), int(attributes.Credential.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(data); err != nil {
		initialize := exec.Command(filepath.Join(filepath.Dir(program), "initdb"), "--pgdata="+data, "--no-sync", "--auth=trust", "--username=clinker",
			"--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
		initialize.SysProcAttr, initialize.Dir = attributes, dir
		if out, err := initialize.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("initdb: %w\n%s", err, out)
		}
	}
	command := exec.Command(program, "-D", data)
	for _, setting := range []string{"listen_addresses=", "unix_socket_directories=" + dir, "fsync=off", "full_page_writes=off",
		"max_connections=500", "shared_buffers=32MB", "autovacuum=off", "wal_level=minimal", "max_wal_senders=0"} {
		command.Args = append(command.Args, "-c", setting)
	}
	command.SysProcAttr, command.Dir = attributes, dir
	return command, nil
}

func (postgreSQL) url(dir, database string) string {
	return "postgresql+psycopg2://clinker@/" + database + "?host=" + url.QueryEscape(dir)
}

func (postgreSQL) names() string {
	return `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
}

func (postgreSQL) kept(_, table string) (name, before string) {
	return `kept."` + table + `"`, "CREATE SCHEMA kept"
}

func (postgreSQL) unchecked() string { return "SET session_replication_role = replica" }

func (k postgreSQL) connect(dir, database string) (*sql.DB, error) {
	if database == "" {
		database = "postgres"
	}
	return sql.Open("pgx", "postgres://clinker@/"+database+"?host="+url.QueryEscape(dir))
}

// stop is PostgreSQL's immediate shutdown: its workers go too, and so does its shared memory.
func (postgreSQL) stop() syscall.Signal { return syscall.SIGQUIT }

// somebody is a user who is not root.
func somebody() (*syscall.Credential, error) {
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		var u *user.User
		if u, err = user.Lookup(name); err != nil {
			continue
		}
		uid, wrong := strconv.ParseUint(u.Uid, 10, 32)
		gid, wrongToo := strconv.ParseUint(u.Gid, 10, 32)
		if wrong == nil && wrongToo == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("nobody to run PostgreSQL as: %w", err)
}
