// Package brokertest runs a real RabbitMQ for tests: Debian's rabbitmq-server on free ports in a directory of its own, with
// an Erlang cookie, a node name and a port mapper (epmd) of its own, so that it meets no other broker of the machine. It
// ends with the test.
//
// The environment variable CLINKER_RABBITMQ_ROOT names a root directory to take it from instead of the machine's, such as
// the reference lab's chroot, which has another release; that takes root.
package brokertest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// rootVariable is the environment variable that names another root directory.
const rootVariable = "CLINKER_RABBITMQ_ROOT"

// server is where Debian has the program itself; /usr/sbin has one that insists on a user of its own.
const server = "/usr/lib/rabbitmq/bin/rabbitmq-server"

// startTimeout bounds a start, which takes three to ten seconds.
const startTimeout = 90 * time.Second

// User and Password log in, and may do everything in the virtual host "/".
const (
	User     = "clinker"
	Password = "a secret+with@signs"
)

// Broker is a broker that runs, or did. Ports and data stay the same from one start to the next.
type Broker struct {
	Address    string // "127.0.0.1:port", without TLS
	TLSAddress string // with TLS

	root, dir string // dir is within root
	env       []string
	epmd      *exec.Cmd
	certs     Certificates

	mu    sync.Mutex
	cmd   *exec.Cmd
	guard *exec.Cmd // ends the broker's processes when the test's process is gone
}

// guarded starts a process that kills a process group as soon as this process is gone, however that came: the broker is a child of
// a script of its own, which does not end with us.
func guarded(group int) (*exec.Cmd, error) {
	guard := exec.Command("/bin/sh", "-c", `read -r _; kill -KILL -- "-$0"`, fmt.Sprint(group))
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := guard.StdinPipe(); err != nil { // which closes with this process
		return nil, err
	}
	return guard, guard.Start()
}

// ErrMissing says that the machine has no RabbitMQ; the text says what to install.
var ErrMissing = errors.New("rabbitmq-server is not installed; scripts/need-tools installs it")

// Start makes a broker and waits until it takes connections. The caller closes it.
func Start() (*Broker, error) {
	root := os.Getenv(rootVariable)
	if _, err := os.Stat(filepath.Join(root, server)); err != nil {
		return nil, fmt.Errorf("%w (looked for %s)", ErrMissing, filepath.Join(root, server))
	}
	temporary := filepath.Join(root, os.TempDir())
	dir, err := os.MkdirTemp(temporary, "clinker-rabbitmq-")
	if err != nil {
		return nil, err
	}
	b := &Broker{root: root, dir: strings.TrimPrefix(dir, root)}
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	b.Address, b.TLSAddress = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	if err := b.configure(ports); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	b.epmd = b.command("/usr/bin/epmd", "-address", "127.0.0.1", "-port", fmt.Sprint(ports[3]))
	if err := b.epmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := b.Run(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// configure writes what the broker reads.
func (b *Broker) configure(ports []int) error {
	b.env = []string{"HOME=" + b.dir, "PATH=/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
		fmt.Sprintf("RABBITMQ_NODENAME=clinker%d@localhost", ports[0]), fmt.Sprintf("RABBITMQ_DIST_PORT=%d", ports[2]), fmt.Sprintf("ERL_EPMD_PORT=%d", ports[3]),
		"ERL_EPMD_ADDRESS=127.0.0.1", "RABBITMQ_MNESIA_BASE=" + b.dir + "/data", "RABBITMQ_LOG_BASE=" + b.dir + "/log",
		"RABBITMQ_CONFIG_FILE=" + b.dir + "/rabbitmq.conf", "RABBITMQ_ENABLED_PLUGINS_FILE=" + b.dir + "/plugins", "RABBITMQ_CONF_ENV_FILE=" + b.dir + "/none",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none"}
	certs, err := newCertificates()
	if err != nil {
		return err
	}
	b.certs = certs
	conf := fmt.Sprintf(`listeners.tcp.1 = %s
listeners.ssl.1 = %s
ssl_options.cacertfile = %[3]s/ca.pem
ssl_options.certfile = %[3]s/server.pem
ssl_options.keyfile = %[3]s/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
default_user = %[4]s
default_pass = %[5]s
log.file.level = warning
disk_free_limit.absolute = 1MB
`, b.Address, b.TLSAddress, b.dir, User, Password)
	for name, content := range map[string]string{"rabbitmq.conf": conf, "plugins": "[].\n", ".erlang.cookie": "cookie" + fmt.Sprint(ports[0]),
		"ca.pem": string(certs.CA), "server.pem": string(certs.server), "server.key": string(certs.serverKey)} {
		mode := os.FileMode(0o600)
		if name == ".erlang.cookie" {
			mode = 0o400
		}
		if err := os.WriteFile(filepath.Join(b.root, b.dir, name), []byte(content), mode); err != nil {
			return err
		}
	}
	return nil
}

// command prepares a program within the broker's root and environment, in a process group of its own.
func (b *Broker) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir = b.env, b.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if b.root != "" {
		cmd.SysProcAttr.Chroot = b.root
	}
	return cmd
}

// Run starts the broker again after Kill or Stop, and waits until it takes connections.
func (b *Broker) Run() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd != nil {
		return errors.New("the broker runs already")
	}
	cmd := b.command(server)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return err
	}
	b.cmd = cmd
	var err error
	if b.guard, err = guarded(cmd.Process.Pid); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is the output's to say
	}()
	for began := time.Now(); ; {
		if answers(b.Address) && answers(b.TLSAddress) {
			return nil
		}
		select {
		case <-ended:
			b.cmd = nil
			return fmt.Errorf("the broker ended: %s", output.Bytes())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Since(began) > startTimeout {
			return fmt.Errorf("the broker did not begin to listen in %v: %s", startTimeout, output.Bytes())
		}
	}
}

// answers says whether a broker speaks at an address: what is not AMQP is answered with the version it would like.
func answers(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	return true
}

// Kill ends the broker at once, as a power cut does.
func (b *Broker) Kill() error { return b.end(syscall.SIGKILL) }

// Stop ends the broker in an orderly way.
func (b *Broker) Stop() error { return b.end(syscall.SIGTERM) }

func (b *Broker) end(s syscall.Signal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd == nil {
		return nil
	}
	pid := b.cmd.Process.Pid
	if err := syscall.Kill(-pid, s); err != nil {
		return err
	}
	for began := time.Now(); syscall.Kill(-pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
	b.cmd = nil
	_ = b.guard.Process.Kill() // it has nothing left to do
	_ = b.guard.Wait()
	return nil
}

// Close ends the broker and its port mapper and removes what they wrote.
func (b *Broker) Close() error {
	err := b.Kill()
	_ = b.epmd.Process.Kill()
	_ = b.epmd.Wait()
	return errors.Join(err, os.RemoveAll(filepath.Join(b.root, b.dir)))
}

// Control runs rabbitmqctl, which takes a second or two, and gives what it printed.
func (b *Broker) Control(t testing.TB, args ...string) string {
	t.Helper()
	cmd := b.command("/usr/lib/rabbitmq/bin/rabbitmqctl", append([]string{"-q"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("rabbitmqctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Certificates are what the broker's TLS needs of a client.
func (b *Broker) Certificates() Certificates { return b.certs }

// URL is a transport_url for the broker's address without TLS; query may be "".
func (b *Broker) URL(query string) string {
	url := "rabbit://" + User + ":a%20secret%2Bwith%40signs@" + b.Address + "/"
	if query != "" {
		url += "?" + query
	}
	return url
}

// freePorts finds ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
