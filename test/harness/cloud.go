package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout = 20 * time.Second // on a machine that does much else
	stopTimeout  = 10 * time.Second
	apiPort      = "8776"
	adminPort    = "8778"
)

// Cloud is one "clinker up" with an address and a state directory of its own. It is used by one test at a time; its
// clients may be used concurrently.
type Cloud struct {
	// Bind is the loopback address everything listens on.
	Bind string
	// StateDir is short enough for the Unix sockets in it, and gone when the test ends.
	StateDir string

	args    []string
	log     string // path of what all runs of the process wrote to standard error
	command *exec.Cmd
	exited  chan struct{} // closed when the current process has ended and command.ProcessState is set
	http    *http.Client
}

// Start starts a cloud whose cinder.conf holds conf, on top of what "clinker up" has embedded; "" for none. It returns
// once the API answers. The cloud is stopped when the test ends, which then fails if the process has panicked. Everybody is
// who they say they are unless conf sets auth_strategy.
func Start(t testing.TB, conf string) *Cloud {
	t.Helper()
	c := Prepare(t, conf)
	c.Run(t)
	return c
}

// Prepare is Start without starting.
func Prepare(t testing.TB, conf string) *Cloud {
	t.Helper()
	// Not t.TempDir: a long test name makes the paths of Unix sockets longer than the 107 bytes they may have.
	dir, err := os.MkdirTemp("", "clk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &Cloud{Bind: freeAddress(t), StateDir: filepath.Join(dir, "s"), log: filepath.Join(dir, "log"),
		http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	c.args = []string{"up", "--bind", c.Bind, "--state-dir", c.StateDir, "--config-file", c.WriteFile(t, "noauth.conf", "[DEFAULT]\nauth_strategy = noauth\n")}
	if conf != "" {
		c.args = append(c.args, "--config-file", c.WriteFile(t, "cinder.conf", conf))
	}
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		if c.running() {
			_ = c.command.Process.Kill()
			<-c.exited
		}
		c.checkLog(t)
	})
	return c
}

// freeAddress finds an address of 127.0.0.0/8 that nobody serves on, so that tests and other runs of them live side by
// side on the default ports.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.%d.%d.%d", 16+rand.IntN(200), rand.IntN(256), 1+rand.IntN(254))
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(address, apiPort))
		if err != nil {
			continue
		}
		l.Close()
		return address
	}
	t.Fatal("no loopback address is free")
	return ""
}

// WriteFile puts a file beside the state directory and gives its path.
func (c *Cloud) WriteFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(c.StateDir), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Run starts the process, again after Kill or Stop, and waits until the API answers.
func (c *Cloud) Run(t testing.TB) {
	t.Helper()
	c.Launch(t)
	deadline := time.Now().Add(startTimeout)
	for !c.answers(t.Context()) {
		select {
		case <-c.exited:
			t.Fatalf("clinker ended at its start: %s\n%s", c.command.ProcessState, c.Log(t))
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the API does not answer after %s\n%s", startTimeout, c.Log(t))
		}
	}
}

// Launch starts the process and does not wait.
func (c *Cloud) Launch(t testing.TB) {
	t.Helper()
	out, err := os.OpenFile(c.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	command := exec.Command(Binary(t), c.args...)
	command.Stdout, command.Stderr = out, out
	// What outlives the test binary, killed or timed out, would keep its address and directory.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	c.command, c.exited = command, exited
	go func() {
		_ = command.Wait()
		close(exited)
	}()
}

func (c *Cloud) answers(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL("/healthcheck"), nil)
	if err != nil {
		return false
	}
	response, err := c.http.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (c *Cloud) running() bool {
	if c.command == nil {
		return false
	}
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

// Resident is what the current process holds in memory now, in bytes. It skips the test where that cannot be measured.
func (c *Cloud) Resident(t testing.TB) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID()))
	if err != nil {
		t.Skipf("memory cannot be measured here: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("/proc says nothing of VmRSS")
	return 0
}

// PID is the number of the current process.
func (c *Cloud) PID() int { return c.command.Process.Pid }

// Kill ends the process with SIGKILL.
func (c *Cloud) Kill(t testing.TB) {
	t.Helper()
	if err := c.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.exited
	c.http.CloseIdleConnections()
}

// Stop ends the process with SIGTERM and gives how long that took. It fails the test unless the process exits 0 within
// ten seconds.
func (c *Cloud) Stop(t testing.TB) time.Duration {
	t.Helper()
	began := time.Now()
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.exited:
	case <-time.After(stopTimeout):
		t.Fatalf("clinker has not stopped %s after SIGTERM\n%s", stopTimeout, c.Log(t))
	}
	if code := c.command.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("after SIGTERM: %s\n%s", c.command.ProcessState, c.Log(t))
	}
	c.http.CloseIdleConnections()
	return time.Since(began)
}

// Log is what the process has written so far, in all its runs.
func (c *Cloud) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(c.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// checkLog fails the test if the process has panicked, and shows the end of the log of a test that has failed.
func (c *Cloud) checkLog(t testing.TB) {
	t.Helper()
	text := []byte(c.Log(t))
	for _, sign := range []string{"panicked", "panic: ", "goroutine 1 [", "fatal error: ", "DATA RACE"} {
		if bytes.Contains(text, []byte(sign)) {
			t.Errorf("the log has %q", sign)
		}
	}
	if t.Failed() {
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		t.Logf("the end of the log of %s:\n%s", c.Bind, strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
}
