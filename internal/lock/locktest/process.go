package locktest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/lock"
)

// childAddress is in the environment of a process that is to take a lock and keep it.
const childAddress = "CLINKER_LOCKTEST_ADDRESS"

// Main is TestMain of a package that runs the suite: in a process that a test has started for it, it takes a lock and keeps it
// until it is killed.
func Main(m *testing.M, open func(address string) (*lock.Shared, error)) {
	address, child := os.LookupEnv(childAddress)
	if !child {
		os.Exit(m.Run())
	}
	l, err := open(address)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, _, err = l.Lock(ctx, "dead process")
	}
	fmt.Println(err)
	time.Sleep(time.Minute)
}

// testDeadProcess kills a process that holds a lock.
func testDeadProcess(t *testing.T, s *Service) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command(self)
	other.Env = append(os.Environ(), childAddress+"="+s.Address)
	other.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait() //nolint:errcheck // it is killed
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "<nil>" {
		t.Errorf("the other process says %q, %v", line, err)
	}
	l := s.open(t)
	if !t.Failed() {
		refused(t, l, "dead process")
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, unlock := take(t, l, "dead process")
	unlock()
}

// Etcd starts an etcd and gives its address. It skips the test if there is none to start.
func Etcd(t testing.TB) (endpoint string) {
	t.Helper()
	program, err := exec.LookPath("etcd")
	if err != nil {
		t.Skip("etcd is not installed: apt-get install etcd-server")
	}
	endpoint = "http://" + freeAddress(t)
	peers := "http://" + freeAddress(t)
	server := exec.Command(program, "--data-dir", t.TempDir(), "--listen-client-urls", endpoint, "--advertise-client-urls", endpoint,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers, "--unsafe-no-fsync")
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get(endpoint + "/health")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return endpoint
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("etcd does not start: %v", err)
		}
	}
}

// freeAddress is a port of this machine that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
