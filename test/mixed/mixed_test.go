// Package mixed runs our services beside Python's on one database, one broker and one cinder.conf, and lets Tempest use the
// result: what passes with Python's services alone must pass with any of them replaced.
//
// "make test-lab" runs it: it needs root, for the lab that test/lab installs, and an hour; so "make test" leaves it out.
//
// What must not live here: assertions about one service alone. Those are in the packages and in test/e2e.
package mixed

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clinker/clinker/test/harness"
	"github.com/clinker/clinker/test/lab"
)

const (
	// wanted is the variable that "make test-lab" sets.
	wanted = "CLINKER_LAB_TESTS"
	// regexVariable narrows the compositions to some of Tempest's tests. What came of them is then not compared.
	regexVariable = "CLINKER_TEMPEST_REGEX"
)

var update = flag.Bool("update", false, "write what the tests came to anew")

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(wanted) == "" {
		os.Exit(m.Run())
	}
	if err := lab.Install(context.Background(), "all"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(harness.Main(m))
}

// kind is whose service it is.
type kind string

const (
	ours   kind = "clinker"
	python kind = "python"
)

// composition is who runs which service, and on what the volumes lie.
type composition struct {
	api, scheduler, volume kind
	backend                string // a section of the cinder.conf below, or several with commas
}

func (c composition) String() string {
	return fmt.Sprintf("%s-%s-%s-%s", c.api, c.scheduler, c.volume, c.backend)
}

// protocols is what Tempest is told of the storage by its section.
var protocols = map[string]string{"ceph": "ceph", "file": "nbd", "fake": "iSCSI"}

// conf is the cinder.conf of all services of a composition: as operators have it.
func conf(admin map[string]string, backend, dir string) string {
	address := labAddress(admin)
	text := `[DEFAULT]
auth_strategy = keystone
transport_url = rabbit://lab:lab@ADDRESS:5672/
my_ip = ADDRESS
host = lab
osapi_volume_listen = ADDRESS
osapi_volume_workers = 2
glance_api_servers = http://ADDRESS:9292
enabled_backends = BACKEND
default_volume_type = lab
state_path = STATE
image_conversion_dir = STATE/conversion
api_paste_config = /etc/cinder/api-paste.ini
[database]
connection = mysql+pymysql://cinder:lab@ADDRESS/cinder
max_pool_size = 20
[oslo_concurrency]
lock_path = STATE/lock
[coordination]
backend_url = file://STATE/coordination
[oslo_messaging_notifications]
driver = noop
[fake]
volume_driver = cinder.tests.fake_driver.FakeLoggingVolumeDriver
volume_backend_name = fake
target_helper = fake
[file]
volume_driver = file
volume_backend_name = file
[away]
volume_driver = file
volume_backend_name = away
target_port = 10810
[ceph]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
volume_backend_name = ceph
rbd_pool = volumes
rbd_user = admin
rbd_ceph_conf = CEPH
[keystone_authtoken]
auth_url = http://ADDRESS:5000/v3
www_authenticate_uri = http://ADDRESS:5000/v3
memcached_servers = ADDRESS:11211
auth_type = password
project_name = service
project_domain_name = Default
user_domain_name = Default
username = cinder
password = lab
service_token_roles = service
service_token_roles_required = true
[service_user]
send_service_user_token = true
auth_type = password
auth_url = http://ADDRESS:5000/v3
username = cinder
password = lab
project_name = service
project_domain_name = Default
user_domain_name = Default
[nova]
auth_type = password
auth_url = http://ADDRESS:5000/v3
username = cinder
password = lab
project_name = service
project_domain_name = Default
user_domain_name = Default
`
	return strings.NewReplacer("ADDRESS", address, "BACKEND", backend, "STATE", dir, "CEPH", "/srv/clinker-lab/"+address+"/etc/ceph.conf").Replace(text)
}

// labAddress is where the lab that admin's settings are of listens.
func labAddress(admin map[string]string) string {
	return strings.TrimSuffix(strings.TrimPrefix(admin["OS_AUTH_URL"], "http://"), ":5000/v3")
}

// cloud is a composition that runs.
type cloud struct {
	composition
	admin map[string]string
	file  string // of the cinder.conf, on this host
	stops map[string]func(t testing.TB)
	// Of the services that are ours:
	pids    map[string]int
	started map[string]func() (done bool, state string)
}

// start brings a composition up, on a database that is new.
func start(t *testing.T, c composition) *cloud {
	t.Helper()
	if os.Getenv(wanted) == "" {
		t.Skip("make test-lab runs it")
	}
	parts := []string{"up", "base"}
	if c.backend == "ceph" {
		parts = append(parts, "ceph")
	}
	lab.Do(t, nil, parts...)
	lab.Do(t, nil, "down", "cinder-api", "cinder-scheduler", "cinder-volume", "cinder-backup")
	admin := lab.Admin(t)
	r := &cloud{composition: c, admin: admin, stops: map[string]func(testing.TB){}, pids: map[string]int{}, started: map[string]func() (bool, string){}}
	r.file = strings.TrimSpace(lab.Feed(t, conf(admin, c.backend, "/var/lib/cinder"), "conf", "cinder.conf"))
	lab.Do(t, nil, "fresh-cinder")
	lab.Do(t, nil, "up", "cinder-db")
	t.Cleanup(func() {
		for _, service := range services {
			r.stop(t, service)
		}
	})
	for _, service := range services {
		r.run(t, service, r.who(service))
	}
	r.ready(t)
	return r
}

var services = []string{"cinder-scheduler", "cinder-volume", "cinder-api"}

func (c composition) who(service string) kind {
	return map[string]kind{"cinder-scheduler": c.scheduler, "cinder-volume": c.volume, "cinder-api": c.api}[service]
}

// ready waits until the back end can be scheduled to.
func (c *cloud) ready(t *testing.T) {
	t.Helper()
	harness.Within(t, time.Minute, "a back end that reports", func() (bool, string) {
		out, err := lab.TryAs(c.admin, "run", "sh", "-c", "openstack volume type create lab 2>/dev/null; cinder get-pools")
		for backend := range strings.SplitSeq(c.backend, ",") {
			if !strings.Contains(out, "lab@"+backend) {
				return false, out
			}
		}
		return err == nil, out
	})
}

// stop ends a service as an operator does.
func (c *cloud) stop(t testing.TB, service string) {
	t.Helper()
	if stop := c.stops[service]; stop != nil {
		delete(c.stops, service)
		stop(t)
	}
}

// run starts a service of that kind and waits until it says that it listens.
func (c *cloud) run(t *testing.T, service string, who kind) {
	t.Helper()
	c.launch(t, service, who)
	if who == ours {
		harness.Within(t, time.Minute, service+" starting", c.started[service])
	}
}

// launch starts a service of that kind.
func (c *cloud) launch(t *testing.T, service string, who kind) {
	t.Helper()
	if who == python {
		lab.Do(t, nil, "up", service)
		c.stops[service] = func(testing.TB) { _, _ = lab.Try("down", service) }
		return
	}
	dir := filepath.Join(os.TempDir(), "clinker-lab-"+labAddress(c.admin))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, service+".log"))
	if err != nil {
		t.Fatal(err)
	}
	chroot, _, _ := strings.Cut(c.file, "/srv/")
	// The same file but for what only another host would have elsewhere: our services are not in the chroot.
	own := filepath.Join(dir, "host.conf")
	if err := os.WriteFile(own, []byte("[DEFAULT]\nstate_path = "+dir+"\nimage_conversion_dir = "+dir+"/conversion\n"+
		"api_paste_config = "+chroot+"/etc/cinder/api-paste.ini\n"+
		"[oslo_concurrency]\nlock_path = "+dir+"/lock\n[coordination]\nbackend_url = file://"+dir+"/coordination\n[fake]\nvolume_driver = fake\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(harness.Binary(t), service, "--config-file", c.file, "--config-file", own)
	command.Stdout, command.Stderr = log, log
	// A test that is killed leaves nobody behind who would take messages.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	c.pids[service] = command.Process.Pid
	c.started[service] = func() (bool, string) {
		text, _ := os.ReadFile(log.Name())
		select {
		case <-ended:
			t.Fatalf("%s has ended:\n%s", service, text)
		default:
		}
		return strings.Contains(string(text), "The service has started."), string(text)
	}
	c.stops[service] = func(t testing.TB) {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Errorf("%s does not end within 20 seconds", service)
			_ = command.Process.Kill()
		}
		_ = log.Close()
	}
}

// tempest lets Tempest's volume tests at the composition.
func (c *cloud) tempest(t *testing.T, regex string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tempest.conf")
	text := lab.TempestConf(c.admin, lab.UploadImage(t, c.admin), protocols[c.backend], false)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return lab.Tempest(t, c.admin, path, regex)
}

// baseline is Python's services alone, on Ceph: what passes there is what any composition has to pass.
var baseline = composition{python, python, python, "ceph"}

func TestCompositions(t *testing.T) {
	for _, c := range []composition{
		baseline,
		{ours, ours, ours, "file"},
		{ours, python, python, "ceph"},
		{python, ours, python, "ceph"},
		{python, python, ours, "file"},
		{ours, ours, python, "ceph"},
	} {
		t.Run(c.String(), func(t *testing.T) {
			r := start(t, c)
			if one := os.Getenv(regexVariable); one != "" {
				t.Log(r.tempest(t, one))
				return
			}
			lab.Check(t, filepath.Join("testdata", c.String()+".txt"), r.tempest(t, "^tempest.api.volume"), nil, *update)
		})
	}
}
