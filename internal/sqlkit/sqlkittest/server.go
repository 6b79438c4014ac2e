// Package sqlkittest starts database servers for tests: a MariaDB and a PostgreSQL of its own for each test that asks, from
// the machine's packages, with data that nobody will miss, on a socket that nobody else knows.
//
// What must not live here: a table of any service. Suites take an address from here and make their own.
package sqlkittest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Server is a database server that runs until the test that started it ends.
type Server struct {
	// Kind is the name of its dialect.
	Kind    string
	kind    kind
	dir     string
	command *exec.Cmd
	exited  chan struct{} // closed when command has ended
	output  *bytes.Buffer // to be read after that
	serial  atomic.Int64
}

// kind is how to run one make of server.
type kind interface {
	// prepare makes the data directory and gives the command that serves it.
	prepare(dir string) (*exec.Cmd, error)
	// url is the address of a database.
	url(dir, database string) string
	// connect connects an administrator to a database, to the server's own if the name is empty. Texts may be several
	// statements.
	connect(dir, database string) (*sql.DB, error)
	// names is a query for the names of the tables.
	names() string
	// kept is the name under which a copy of a table is kept, and the statement before the first copy.
	kept(database, table string) (name, before string)
	// unchecked is the statement after which references are not checked.
	unchecked() string
	// stop is the signal that ends the server at once and leaves nothing behind.
	stop() syscall.Signal
}

// errMissing says that a program is not installed.
type errMissing struct{ error }

// Each runs a test on every kind of server; where the server's programs are not installed it is skipped and says so.
func Each(t *testing.T, test func(t *testing.T, s *Server)) {
	for _, name := range []string{"mysql", "postgresql"} {
		t.Run(name, func(t *testing.T) { test(t, Start(t, name)) })
	}
}

// Start starts a server: "mysql" (MariaDB) or "postgresql". It skips the test if its programs are not installed.
func Start(t testing.TB, name string) *Server {
	t.Helper()
	return startKind(t, name, kinds[name])
}

func startKind(t testing.TB, name string, k kind) *Server {
	t.Helper()
	s := &Server{Kind: name, kind: k}
	var err error
	// Not the test's own directory: the path of a socket must not be longer than 107 bytes.
	if s.dir, err = os.MkdirTemp("", "clinker-db-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop(t)
		if err := os.RemoveAll(s.dir); err != nil {
			t.Error(err)
		}
	})
	if _, err = s.kind.prepare(s.dir); errors.As(err, new(errMissing)) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	return s
}

// Run starts the server again after Stop.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	var err error
	if s.command, err = s.kind.prepare(s.dir); err != nil {
		t.Fatal(err)
	}
	s.output, s.exited = new(bytes.Buffer), make(chan struct{})
	s.command.Stdout, s.command.Stderr = s.output, s.output
	s.command.SysProcAttr.Pdeathsig = s.kind.stop()
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.command.Wait()
		close(s.exited)
	}()
	if err := s.await(); err != nil {
		s.Stop(t)
		t.Fatalf("%s does not start: %v\n%s", s.Kind, err, s.output)
	}
}

// await returns when the server answers.
func (s *Server) await() error {
	ctx, done := context.WithTimeout(context.Background(), time.Minute)
	defer done()
	db, err := s.kind.connect(s.dir, "")
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server at once, as a crash would. Stopping twice does nothing.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.end(t, s.kind.stop())
}

func (s *Server) end(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if s.command == nil {
		return
	}
	_ = s.command.Process.Signal(signal)
	select {
	case <-s.exited:
	case <-time.After(time.Minute):
		_ = s.command.Process.Kill()
		t.Errorf("%s did not end within a minute", s.Kind)
	}
	s.command = nil
}

// Database makes an empty database and gives its address, as sqlkit/connect takes it.
func (s *Server) Database(t testing.TB) (url string) {
	t.Helper()
	return s.kind.url(s.dir, s.create(t))
}

func (s *Server) create(t testing.TB) (name string) {
	t.Helper()
	name = "test" + strconv.FormatInt(s.serial.Add(1), 10)
	s.Exec(t, "CREATE DATABASE "+name)
	return name
}

// Exec runs a statement of an administrator.
func (s *Server) Exec(t testing.TB, text string) {
	t.Helper()
	db, err := s.kind.connect(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// find looks for a program in the path and in some directories, which may be patterns; the last match is taken.
func find(program, what string, directories ...string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return filepath.EvalSymlinks(path)
	}
	for _, d := range directories {
		if found, _ := filepath.Glob(filepath.Join(d, program)); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", errMissing{fmt.Errorf("%s is not installed (%s, in %s)", program, what, strings.Join(directories, ", "))}
}
