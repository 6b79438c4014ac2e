package mixed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/test/harness"
	"github.com/clinker/clinker/test/lab"
)

// referenceVariable is what "make bench-reference" sets.
const referenceVariable = "CLINKER_BENCH_REFERENCE"

const (
	rows    = 1000 // volumes there are while reads are measured
	busy    = 5 * time.Second
	samples = 15
	rest    = 5 * time.Second // after which memory is at rest
)

// figures is what was measured of one kind of services: medians at one client in milliseconds, rates at eight in 1/s.
type figures struct {
	median, rate map[string]float64
	spent        map[string]spent // on one of the reads
	memory       int64            // bytes that the three services hold together right after the last request, shared pages counted once
	resting      int64            // the same some seconds later
	start        time.Duration
}

// TestReference measures our services and Python's in one run: the same host, database, broker, Keystone and cinder.conf,
// with a driver that does nothing. The database has the indexes that we recommend, for both.
func TestReference(t *testing.T) {
	if os.Getenv(referenceVariable) == "" {
		t.Skip("make bench-reference runs it")
	}
	r := start(t, composition{ours, ours, ours, "fake"})
	client := login(t, r)
	unlimited(t, client)
	if out, err := exec.Command(harness.Binary(t), "database", "add-indexes", "--config-file", r.file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	client.fill(t)
	results := map[kind]figures{ours: r.measure(t, client)}
	for _, service := range services {
		r.stop(t, service)
		r.run(t, service, python)
	}
	r.composition = composition{python, python, python, "fake"}
	r.ready(t)
	results[python] = r.measure(t, client)
	t.Log("\n" + table(results))
}

// table is how docs/performance.md has it.
func table(results map[kind]figures) string {
	var b strings.Builder
	us, they := results[ours], results[python]
	fmt.Fprintf(&b, "| | median at 1 client, ms: Clinker | Python | ratio | rate at 8 clients, 1/s: Clinker | Python | ratio |\n|---|---|---|---|---|---|---|\n")
	for _, what := range operations {
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.0f | %.1f | %.2f | %.0f |\n", what,
			us.median[what], they.median[what], they.median[what]/us.median[what], us.rate[what], they.rate[what], us.rate[what]/they.rate[what])
	}
	fmt.Fprintf(&b, "\n| processor time of a request, ms | services: Clinker | Python | database: Clinker | Python |\n|---|---|---|---|---|\n")
	for _, what := range operations[:3] {
		fmt.Fprintf(&b, "| %s | %.2f | %.1f | %.2f | %.1f |\n", what, us.spent[what].services, they.spent[what].services,
			us.spent[what].database, they.spent[what].database)
	}
	fmt.Fprintf(&b, "\n| | Clinker | Python | ratio |\n|---|---|---|---|\n| memory, MB | %.0f | %.0f | %.0f |\n| memory at rest, MB | %.0f | %.0f | %.0f |\n| start of the API, ms | %d | %d | %.0f |\n",
		float64(us.memory)/1e6, float64(they.memory)/1e6, float64(they.memory)/float64(us.memory),
		float64(us.resting)/1e6, float64(they.resting)/1e6, float64(they.resting)/float64(us.resting),
		us.start.Milliseconds(), they.start.Milliseconds(), float64(they.start)/float64(us.start))
	return b.String()
}

const (
	opShow    = "show a volume"
	opPage100 = "detail page of 100"
	opPage1k  = "detail page of 1,000"
	opCreate  = "create until available"
	opAttach  = "attach (attachment with a connector)"
	opDelete  = "delete until gone"
)

var operations = []string{opShow, opPage100, opPage1k, opCreate, opAttach, opDelete}

func (c *cloud) measure(t *testing.T, client *caller) figures {
	t.Helper()
	f := figures{median: map[string]float64{}, rate: map[string]float64{}, spent: map[string]spent{}}
	some := client.some(t)
	reads := map[string]string{opShow: "/volumes/" + some, opPage100: "/volumes/detail?limit=100", opPage1k: "/volumes/detail?limit=1000"}
	for what, path := range reads {
		read := func() { client.must(t, "GET", path, "", nil) }
		read()
		f.median[what] = medianOf(samples, read)
		before := c.spent(t)
		f.rate[what] = rateOf(read)
		f.spent[what] = c.spent(t).since(before, f.rate[what]*busy.Seconds())
	}
	var mu sync.Mutex
	var made []string
	create := func() {
		id := client.create(t)
		client.until(t, id, "available")
		mu.Lock()
		made = append(made, id)
		mu.Unlock()
	}
	take := func() string {
		mu.Lock()
		defer mu.Unlock()
		if len(made) == 0 {
			return ""
		}
		id := made[len(made)-1]
		made = made[:len(made)-1]
		return id
	}
	f.median[opCreate], f.rate[opCreate] = medianOf(samples, create), rateOf(create)
	var next atomic.Int64
	attach := func() {
		mu.Lock()
		id := made[int(next.Add(1)-1)%len(made)]
		mu.Unlock()
		var answer struct{ Attachment struct{ ID string } }
		client.must(t, "POST", "/attachments", `{"attachment":{"volume_uuid":"`+id+`","connector":{"host":"h","initiator":"iqn.x","ip":"127.0.0.1"}}}`, &answer)
		client.must(t, "DELETE", "/attachments/"+answer.Attachment.ID, "", nil)
	}
	f.median[opAttach], f.rate[opAttach] = medianOf(min(samples, len(made)), attach), rateOf(attach)
	remove := func() {
		id := take()
		if id == "" {
			id = client.create(t)
			client.until(t, id, "available")
		}
		client.must(t, "DELETE", "/volumes/"+id, "", nil)
		client.until(t, id, "")
	}
	f.median[opDelete] = medianOf(min(samples, len(made)), remove)
	f.rate[opDelete] = rateOf(remove)
	for id := take(); id != ""; id = take() {
		client.must(t, "DELETE", "/volumes/"+id, "", nil)
		client.until(t, id, "")
	}
	f.memory = c.memory(t)
	time.Sleep(rest)
	f.resting = c.memory(t)
	c.stop(t, "cinder-api")
	began := time.Now()
	c.launch(t, "cinder-api", c.api)
	for client.send("GET", "/volumes/"+some, "", nil) != nil {
		if time.Since(began) > time.Minute {
			t.Fatal("the API does not start")
		}
		time.Sleep(time.Millisecond)
	}
	f.start = time.Since(began)
	return f
}

// medianOf is how long do takes, in milliseconds.
func medianOf(n int, do func()) float64 {
	var all []time.Duration
	for range n {
		began := time.Now()
		do()
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}

// rateOf is how often do is done in a second by eight at once.
func rateOf(do func()) float64 {
	var done atomic.Int64
	began := time.Now()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for time.Since(began) < busy {
				do()
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// memory is what the services hold, shared pages counted once (PSS).
func (c *cloud) memory(t *testing.T) (total int64) {
	t.Helper()
	for _, pid := range c.servicePIDs(t) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // it has ended meanwhile
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, "Pss:"); ok {
				kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				total += kib << 10
			}
		}
	}
	return total
}

// pythonServices finds the processes of Python's services: those in the process groups that the lab started.
func pythonServices(t *testing.T) (pids []int) {
	t.Helper()
	groups := map[string]bool{}
	for line := range strings.Lines(lab.Do(t, nil, "status")) {
		part, pid, _ := strings.Cut(strings.TrimSpace(line), ": pid ")
		if slices.Contains(services, part) {
			groups[pid] = true
		}
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// After the name in parentheses: state, parent, group.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 2 && groups[fields[2]] {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// caller is a client of the API with a token. It speaks HTTP on connections of its own: it shares the processors with what
// is measured, and net/http's client takes as long as some of the requests.
type caller struct {
	base, host, version, token, project string
	idle                                chan *connection
}

// connection is one to the API, which serves one request after another.
type connection struct {
	net.Conn
	read *bufio.Reader
}

func login(t *testing.T, c *cloud) *caller { return loginAs(t, c, "admin") }

// loginAs is login as the user of that name, in the project of that name.
func loginAs(t *testing.T, c *cloud, name string) *caller {
	t.Helper()
	body := `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"` + name + `","domain":{"id":"default"},"password":"lab"}}},
		"scope":{"project":{"name":"` + name + `","domain":{"id":"default"}}}}}`
	r, err := http.Post(c.admin["OS_AUTH_URL"]+"/auth/tokens", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		Token struct{ Project struct{ ID string } }
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return &caller{host: labAddress(c.admin) + ":8776", base: "/v3/" + answer.Token.Project.ID, version: "volume 3.70",
		token: r.Header.Get("X-Subject-Token"), project: answer.Token.Project.ID, idle: make(chan *connection, 16)}
}

// send sends one request; an answer that is no success is an error.
func (c *caller) send(method, path, body string, into any) error {
	conn, err := c.connect()
	if err != nil {
		return err
	}
	r, err := conn.ask(fmt.Sprintf("%s %s%s HTTP/1.1\r\nHost: %s\r\nX-Auth-Token: %s\r\nOpenStack-API-Version: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, c.base, path, c.host, c.token, c.version, len(body), body))
	if err != nil {
		_ = conn.Close()
		return err
	}
	var text []byte
	if into == nil && r.StatusCode < 300 {
		_, err = io.Copy(io.Discard, r.Body)
	} else {
		text, err = io.ReadAll(r.Body)
	}
	_ = r.Body.Close()
	if err != nil || r.Close {
		_ = conn.Close()
	} else {
		c.idle <- conn
	}
	switch {
	case err != nil:
		return err
	case r.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s %s", method, path, r.Status, text)
	case len(text) > 0:
		return json.Unmarshal(text, into)
	}
	return nil
}

// connect gives a connection that the server has not closed.
func (c *caller) connect() (*connection, error) {
	for {
		select {
		case conn := <-c.idle:
			if conn.alive() {
				return conn, nil
			}
			_ = conn.Close()
		default:
			made, err := net.Dial("tcp", c.host)
			if err != nil {
				return nil, err
			}
			return &connection{made, bufio.NewReader(made)}, nil
		}
	}
}

// alive says whether there is nothing to be read, not even the end.
func (c *connection) alive() bool {
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	failed := raw.Read(func(fd uintptr) bool {
		_, _, err = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return true
	})
	return failed == nil && errors.Is(err, unix.EAGAIN)
}

func (c *connection) ask(request string) (*http.Response, error) {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.read, nil)
}

func (c *caller) must(t *testing.T, method, path, body string, into any) {
	t.Helper()
	if err := c.send(method, path, body, into); err != nil {
		t.Error(err)
	}
}

func (c *caller) create(t *testing.T) string {
	t.Helper()
	var answer struct{ Volume struct{ ID string } }
	c.must(t, "POST", "/volumes", `{"volume":{"size":1,"name":"v"}}`, &answer)
	return answer.Volume.ID
}

// until polls a volume until it has the status, or is gone for "".
func (c *caller) until(t *testing.T, id, status string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		var answer struct{ Volume struct{ Status string } }
		err := c.send("GET", "/volumes/"+id, "", &answer)
		switch {
		case err != nil && strings.Contains(err.Error(), "404") && status == "":
			return
		case err != nil || time.Now().After(deadline) || answer.Volume.Status == "error":
			t.Errorf("%s does not become %q but %q: %v", id, status, answer.Volume.Status, err)
			return
		case answer.Volume.Status == status && status != "":
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (c *caller) fill(t *testing.T) {
	t.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range rows / 8 {
				c.create(t)
			}
		})
	}
	wg.Wait()
	harness.Within(t, time.Minute, "all volumes becoming available", func() (bool, string) {
		var answer struct{ Volumes []struct{ ID string } }
		c.must(t, "GET", "/volumes?status=available&limit=1000", "", &answer)
		return len(answer.Volumes) == rows, strconv.Itoa(len(answer.Volumes))
	})
}

// some is a volume there is.
func (c *caller) some(t *testing.T) string {
	t.Helper()
	var answer struct{ Volumes []struct{ ID string } }
	c.must(t, "GET", "/volumes?limit=1", "", &answer)
	if len(answer.Volumes) == 0 {
		t.Fatal("there is no volume")
	}
	return answer.Volumes[0].ID
}
