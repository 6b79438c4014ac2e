package sqlkittest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Galera is three MariaDBs that hold the same data, and take writes all at once. The first is what Database and the like of
// Server are asked of.
type Galera struct {
	Nodes []*Server
	next  atomic.Int64 // the node for the next connection through the front
	front string       // a socket
}

const nodes = 3

// wanted is the variable that "make test-lab" sets: a cluster takes longer than a test of every day may.
const wanted = "CLINKER_LAB_TESTS"

// StartGalera starts a cluster. It skips the test if nobody asked for it, or MariaDB or Galera's library is not installed.
func StartGalera(t testing.TB) *Galera {
	t.Helper()
	if os.Getenv(wanted) == "" {
		t.Skip("make test-lab runs it")
	}
	library := ""
	for _, path := range []string{"/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so", "/usr/lib64/galera/libgalera_smm.so"} {
		if _, err := os.Stat(path); err == nil && library == "" {
			library = path
		}
	}
	if library == "" {
		t.Skip("Galera is not installed (Debian's galera-4)")
	}
	program, err := find("mariadbd", "Debian's mariadb-server-core", "/usr/sbin", "/usr/local/sbin")
	if err != nil {
		t.Skip(err)
	}
	if version, err := exec.Command(program, "--version").Output(); err != nil || !strings.Contains(string(version), "Ver 10.") {
		// A node of 11.8 that lets another join makes an account for that, which a server without accounts refuses.
		t.Skipf("MariaDB 10 is wanted: %s", version)
	}
	ports := freePorts(t, 2*nodes)
	var peers []string
	for n := range nodes {
		peers = append(peers, ports[2*n])
	}
	node := func(n int) *galeraNode {
		return &galeraNode{library: library, group: ports[2*n], transfer: ports[2*n+1], peers: strings.Join(peers, ",")}
	}
	g := &Galera{}
	// All begin as copies of one that was stopped in order, so that none needs another's files.
	first := node(0)
	first.alone = true
	g.Nodes = []*Server{startKind(t, "mysql", first)}
	g.await(t, 0)
	g.Nodes[0].end(t, syscall.SIGTERM)
	seed := filepath.Join(g.Nodes[0].dir, "seed")
	if err := os.CopyFS(seed, os.DirFS(filepath.Join(g.Nodes[0].dir, "data"))); err != nil {
		t.Fatal(err)
	}
	g.Rejoin(t, 0)
	first.alone = false
	for n := 1; n < nodes; n++ {
		k := node(n)
		k.seed = seed
		g.Nodes = append(g.Nodes, startKind(t, "mysql", k))
		g.await(t, n)
	}
	g.listen(t)
	return g
}

// freePorts is addresses of this machine at which nobody listened just now.
func freePorts(t testing.TB, n int) (addresses []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// Database makes an empty database. At is its address on a node, Front one where each new connection is to another node of
// those that run, as behind a load balancer.
func (g *Galera) Database(t testing.TB) (at func(node int) (url string), front string) {
	t.Helper()
	name := g.Nodes[0].create(t)
	for _, node := range g.Nodes {
		for node.answersFor(name) != nil && t.Context().Err() == nil { // the others hear of it a moment later
			time.Sleep(time.Millisecond)
		}
	}
	return func(node int) string { return g.Nodes[node].kind.url(g.Nodes[node].dir, name) }, g.URL(g.Nodes[0].kind.url(g.Nodes[0].dir, name))
}

func (s *Server) answersFor(name string) error {
	db, err := s.kind.connect(s.dir, name)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Ping()
}

// URL is the address at the front for one on the first node.
func (g *Galera) URL(first string) string {
	return strings.ReplaceAll(first, url.QueryEscape(filepath.Join(g.Nodes[0].dir, "socket")), url.QueryEscape(g.front))
}

// Rejoin starts a node that was stopped, and returns when it has caught up.
func (g *Galera) Rejoin(t testing.TB, node int) {
	t.Helper()
	g.Nodes[node].Run(t)
	g.await(t, node)
}

// State is whether a node takes statements, and how many there are with which it agrees.
func (g *Galera) State(t testing.TB, node int) (ready bool, size int) {
	t.Helper()
	s := g.Nodes[node]
	db, err := s.kind.connect(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	value := func(name string) (text string) {
		_ = db.QueryRowContext(t.Context(), "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&name, &text) // as good as none
		return text
	}
	size, _ = strconv.Atoi(value("wsrep_cluster_size"))
	return value("wsrep_ready") == "ON" && value("wsrep_local_state_comment") == "Synced", size
}

func (g *Galera) await(t testing.TB, node int) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if ready, _ := g.State(t, node); ready {
			return
		}
		if time.Since(begun) > time.Minute {
			g.Nodes[node].Stop(t)
			t.Fatalf("node %d does not join\n%s", node, g.Nodes[node].output)
		}
	}
}

// listen serves the front: bytes go to and fro, and a connection ends with its node.
func (g *Galera) listen(t testing.TB) {
	t.Helper()
	g.front = filepath.Join(g.Nodes[0].dir, "front")
	l, err := net.Listen("unix", g.front)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { g.forward(client) })
		}
	})
}

func (g *Galera) forward(client net.Conn) {
	defer client.Close()
	var server net.Conn
	for range g.Nodes {
		s := g.Nodes[g.next.Add(1)%nodes]
		var err error
		if server, err = net.Dial("unix", filepath.Join(s.dir, "socket")); err == nil {
			break
		}
	}
	if server == nil {
		return
	}
	defer server.Close()
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	_, _ = io.Copy(server, client)
	_ = server.Close()
	<-back
}

// galeraNode is a mariaDB that is one of several. One that comes is given the transactions that it has missed.
type galeraNode struct {
	mariaDB
	library, group, transfer, peers string
	alone                           bool   // it makes the cluster
	seed                            string // what it begins with
}

// transferScript is what servers start on both sides when one joins. It moves no files: the one that gives says from which
// position on it will send transactions, and the other waits for that.
const transferScript = `#!/bin/sh
while [ $# -gt 0 ]; do
	case $1 in
	--role) role=$2; shift ;;
	--address) address=$2; shift ;;
	--gtid) position=$2; shift ;;
	--bypass) bypass=yes ;;
	esac
	shift
done
if [ "$role" = donor ]; then
	[ -n "$bypass" ] || { echo "there are no files to give" >&2; exit 1; }
	echo "$position" >"$address.new" && mv "$address.new" "$address" && echo "done $position"
	exit
fi
file=$(mktemp -u "$(dirname "$0")/transfer-XXXXXX")
echo "ready $file"
for try in $(seq 600); do
	[ -s "$file" ] && exec cat "$file"
	sleep 0.05
done
exit 110
`

var (
	died      = regexp.MustCompile(`seqno: +-1`)
	recovered = regexp.MustCompile(`WSREP: Recovered position:? *([0-9a-f-]+:[0-9-]+)`)
)

func (k *galeraNode) prepare(dir string) (*exec.Cmd, error) {
	command, err := k.mariaDB.prepare(dir)
	if err != nil {
		return nil, err
	}
	command.Args = slices.DeleteFunc(command.Args, func(arg string) bool { return arg == "--skip-log-bin" })
	address, data := "gcomm://"+k.peers, filepath.Join(dir, "data")
	if k.alone {
		address = "gcomm://"
		command.Args = append(command.Args, "--wsrep-new-cluster")
	}
	command.Args = append(command.Args, "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-on=ON", "--wsrep-provider="+k.library,
		"--wsrep-cluster-address="+address, "--wsrep-node-address="+k.group, "--wsrep-sst-method=clinker", "--wsrep-slave-threads=2",
		// When a commit and what another node has committed wait for each other, as they may in MariaDB 10.11, this is what ends it.
		"--innodb-lock-wait-timeout=2",
		"--wsrep-provider-options=gmcast.listen_addr=tcp://"+k.group+";ist.recv_addr="+k.transfer+";gcache.size=64M;pc.recovery=false;"+
			"evs.keepalive_period=PT0.3S;evs.inactive_check_period=PT0.3S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S")
	if _, err := os.Stat(filepath.Join(data, "ibdata1")); err != nil && k.seed != "" {
		// The directory there is has been made by mariaDB's prepare.
		if err := errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(k.seed))); err != nil {
			return nil, err
		}
	}
	if state, err := os.ReadFile(filepath.Join(data, "grastate.dat")); err == nil && died.Match(state) {
		out, err := exec.Command(command.Path, append(slices.Clone(command.Args[1:]), "--wsrep-recover")...).CombinedOutput()
		found := recovered.FindSubmatch(out)
		if found == nil {
			return nil, fmt.Errorf("the node's position is not known: %w\n%s", err, out)
		}
		command.Args = append(command.Args, "--wsrep-start-position="+string(found[1]))
	}
	if err := os.WriteFile(filepath.Join(dir, "wsrep_sst_clinker"), []byte(transferScript), 0o700); err != nil {
		return nil, err
	}
	command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	return command, nil
}
