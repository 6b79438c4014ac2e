package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/noauth"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"

	"github.com/clinker/clinker/test/harness"
)

// clinker runs the binary to its end under the name given and returns what it wrote and its exit status.
func clinker(t *testing.T, as string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, harness.Binary(t), args...)
	command.Args[0] = as
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_STATE_HOME=")
	var out, bad bytes.Buffer
	command.Stdout, command.Stderr = &out, &bad
	err := command.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s %v does not end\n%s%s", as, args, out.String(), bad.String())
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), bad.String(), command.ProcessState.ExitCode()
}

func has(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s: no %q in:\n%s", what, w, text)
		}
	}
}

// TestSideBySide: two clouds know nothing of each other; two on one state directory, or on one address, are refused.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	one, two := harness.Start(t, ""), harness.Start(t, "")
	v := create(t, one.Client(t, "5b5", latest), volumes.CreateOpts{Size: 1, Name: "of the first"})
	if n := len(list(t, two.Client(t, "5b5", latest), volumes.ListOpts{})); n != 0 {
		t.Errorf("the second cloud has %d volumes", n)
	}

	began := time.Now()
	_, text, status := clinker(t, "clinker", "up", "--bind", two.Bind, "--state-dir", one.StateDir)
	if status != 1 {
		t.Errorf("a second one on the same state directory ends with %d, want 1", status)
	}
	has(t, "a second one on the same state directory", text, "clinker: another clinker runs on the state directory "+one.StateDir, "--state-dir")
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("the refusal took %s", d)
	}
	_, text, status = clinker(t, "clinker", "up", "--bind", two.Bind, "--state-dir", filepath.Join(t.TempDir(), "s"))
	if status != 1 {
		t.Errorf("a second one on the same address ends with %d, want 1", status)
	}
	has(t, "a second one on the same address", text, two.Bind, "address already in use")

	wantStatus(t, one.Client(t, "5b5", latest), "after the refusals", v.ID, "available")
	two.Stop(t)
	wantStatus(t, one.Client(t, "5b5", latest), "after the other was stopped", v.ID, "available")
}

// TestStopAndStart: SIGTERM ends it within seconds with status 0, also with consumers connected and requests under way;
// the next start finds everything again.
func TestStopAndStart(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	has(t, "the greeting", cloud.Log(t), "http://"+cloud.Bind+":8776/v3", cloud.Bind+":10809", "http://"+cloud.Bind+":8778/metrics", cloud.StateDir,
		`eval "$(clinker env --bind `+cloud.Bind+` --state-dir `+cloud.StateDir+` --noauth)"`)
	c := cloud.Client(t, "5109", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1, Name: "kept", Metadata: map[string]string{"k": "v"}})
	s := snapshot(t, c, v.ID, "kept too")
	typeID := volumeType(t, c, "gold", map[string]string{"vendor:k": "v"})
	used := create(t, c, volumes.CreateOpts{Size: 1})
	_, uri := attach(t, c, used.ID, instance)
	if _, err := exec.LookPath("qemu-io"); err == nil { // without it, nobody is connected
		harness.OpenSession(t, uri).Do(t, "read 0 512")
	}
	if d := cloud.Stop(t); d > 5*time.Second {
		t.Errorf("SIGTERM took %s", d)
	}
	cloud.Run(t)
	if got := get(t, c, v.ID); got.Name != "kept" || got.Metadata["k"] != "v" || got.Status != "available" {
		t.Errorf("after the restart: %+v", got)
	}
	awaitSnapshot(t, c, s.ID, "available")
	want(t, "the type", cloud.Do(t, harness.Request{Path: "/v3/types/" + typeID}), 200)
	wantStatus(t, c, "after the restart", used.ID, "in-use")
	create(t, c, volumes.CreateOpts{Size: 1, VolumeType: "gold", SnapshotID: s.ID})

	for range 3 { // quick ones too: a service that is told to stop while it starts
		cloud.Stop(t)
		cloud.Run(t)
	}
	wantStatus(t, c, "after more restarts", v.ID, "available")
}

// TestEnv: what "clinker env --noauth" prints is enough for gophercloud's noauth client.
func TestEnv(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	text, bad, status := clinker(t, "clinker", "env", "--bind", cloud.Bind, "--state-dir", cloud.StateDir, "--noauth")
	if status != 0 || bad != "" {
		t.Fatalf("clinker env ends with %d: %s", status, bad)
	}
	env := map[string]string{}
	for line := range strings.Lines(text) {
		assignment, export := strings.CutPrefix(strings.TrimSpace(line), "export ")
		key, value, ok := strings.Cut(assignment, "=")
		if !export || !ok {
			t.Fatalf("no shell line: %q", line)
		}
		env[key] = value
	}
	provider, err := noauth.NewClient(gophercloud.AuthOptions{Username: env["OS_USER_ID"], TenantName: env["OS_PROJECT_ID"]})
	must(t, err)
	c, err := noauth.NewBlockStorageNoAuthV3(provider, noauth.EndpointOpts{CinderEndpoint: env["CINDER_ENDPOINT"]})
	must(t, err)
	c.Microversion = env["OS_VOLUME_API_VERSION"]
	create(t, c, volumes.CreateOpts{Size: 1})
}

// TestHelp: every command says what it does.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, help := range []struct {
		args  []string
		words []string
	}{
		{[]string{"--help"}, []string{"OpenStack Block Storage", "clinker up", "clinker env", "cinder-volume", "cinder-all"}},
		{nil, []string{"OpenStack Block Storage"}},
		{[]string{"up", "--help"}, []string{"--bind address", "127.0.0.1", "--state-dir directory", "--config-file file", "no root"}},
		{[]string{"env", "--help"}, []string{"--bind address", "--state-dir directory", `eval "$(clinker env)"`}},
		{[]string{"cinder-api", "--help"}, []string{"--config-file file", "--config-dir directory"}},
		{[]string{"cinder-all", "--help"}, []string{"--config-file file"}},
		{[]string{"config", "--help"}, []string{"sample", "reference"}},
		{[]string{"config", "sample"}, []string{"[DEFAULT]", "#enabled_backends =", "#quota_volumes = 10", "[database]"}},
		{[]string{"config", "reference"}, []string{"quota_volumes", "scheduler_default_filters"}},
	} {
		text, bad, status := clinker(t, "clinker", help.args...)
		if status != 0 || bad != "" {
			t.Errorf("clinker %v ends with %d: %s", help.args, status, bad)
		}
		has(t, "clinker "+strings.Join(help.args, " "), text, help.words...)
	}
	for _, service := range []string{"cinder-api", "cinder-scheduler", "cinder-volume", "cinder-backup", "cinder-all"} {
		text, _, status := clinker(t, "/usr/bin/"+service, "--help")
		if status != 0 {
			t.Errorf("%s --help ends with %d", service, status)
		}
		has(t, service+" --help", text, "--config-file file")
	}
}

// TestUsage: a mistake in the command line is named, with the way out; nothing is touched.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, mistake := range []struct {
		args  []string
		words []string
	}{
		{[]string{"down"}, []string{`clinker: unknown command "down"`, "clinker --help"}},
		{[]string{"up", "--bond", "127.0.0.1"}, []string{"unknown flag: --bond", `"clinker up --help" lists the flags`}},
		{[]string{"up", "now"}, []string{`unexpected argument "now"`}},
		{[]string{"up", "--bind", "localhost"}, []string{`--bind "localhost" is not an IP address`, "127.0.0.1"}},
		{[]string{"up", "--bind"}, []string{"--bind"}},
		{[]string{"env", "--bind", "300.0.0.1"}, []string{"is not an IP address"}},
		{[]string{"config"}, []string{"sample | reference"}},
		{[]string{"config", "picture"}, []string{"sample | reference"}},
	} {
		out, text, status := clinker(t, "clinker", mistake.args...)
		if status != 2 || out != "" {
			t.Errorf("clinker %v ends with %d, want 2: %s", mistake.args, status, out)
		}
		has(t, "clinker "+strings.Join(mistake.args, " "), text, mistake.words...)
		if strings.Count(strings.TrimSpace(text), "\n") > 1 {
			t.Errorf("clinker %v says more than is needed:\n%s", mistake.args, text)
		}
	}
}

// TestConfigurationRefused: what is wrong in a configuration is refused before anything listens, naming file, line,
// option and what would be right.
func TestConfigurationRefused(t *testing.T) {
	t.Parallel()
	for what, wrong := range map[string]struct {
		conf  string
		words []string
	}{
		"a number that is none":            {"[DEFAULT]\n\nquota_volumes = many\n", []string{"cinder.conf:3", "quota_volumes", "many"}},
		"a number out of range":            {"[DEFAULT]\nquota_volumes = -2\n", []string{"cinder.conf:2", "quota_volumes", "-2", "-1"}},
		"a port out of range":              {"[DEFAULT]\nosapi_volume_listen_port = 70000\n", []string{"cinder.conf:2", "osapi_volume_listen_port", "70000", "65535"}},
		"a truth that is none":             {"[DEFAULT]\ndebug = perhaps\n", []string{"cinder.conf:2", "debug", "perhaps", "true"}},
		"a strategy that is none":          {"[DEFAULT]\nauth_strategy = password\n", []string{"cinder.conf:2", "auth_strategy", "noauth", "keystone"}},
		"a back end without section":       {"[DEFAULT]\nenabled_backends = lost\n", []string{"cinder.conf:2", "enabled_backends", "lost"}},
		"an unknown driver":                {"[DEFAULT]\nenabled_backends = a\n[a]\nvolume_driver = floppy\n", []string{"cinder.conf:4", "volume_driver", "floppy", "file"}},
		"an unknown filter":                {"[DEFAULT]\nscheduler_default_filters = CapacityFilter,ColourFilter\n", []string{"cinder.conf:2", "scheduler_default_filters", "ColourFilter", "CapacityFilter"}},
		"an unknown weigher":               {"[DEFAULT]\nscheduler_default_weighers = ColourWeigher\n", []string{"cinder.conf:2", "ColourWeigher", "CapacityWeigher"}},
		"an unknown transport":             {"[DEFAULT]\ntransport_url = pigeon://\n", []string{"cinder.conf:2", "transport_url", "inproc"}},
		"a database that is not supported": {"[database]\nconnection = oracle://x\n", []string{"cinder.conf:2", "connection", "sqlite"}},
		"a name that leads nowhere":        {"[DEFAULT]\nmy_ip = $nowhere\n", []string{"cinder.conf:2", "my_ip", "nowhere"}},
		"a line that is none":              {"[DEFAULT]\nthis is no option\n", []string{"cinder.conf:2"}},
		"an option before any section":     {"\nquota_volumes = 5\n", []string{"cinder.conf:2"}},
		"capabilities that are no object":  {"[DEFAULT]\nenabled_backends = a\n[a]\nvolume_driver = file\nextra_capabilities = [1]\n", []string{"cinder.conf:5", "extra_capabilities", "object"}},
		"a ratio that is none":             {"[DEFAULT]\nenabled_backends = a\n[a]\nvolume_driver = file\nmax_over_subscription_ratio = 0.5\n", []string{"max_over_subscription_ratio", "0.5"}},
	} {
		dir := t.TempDir()
		file, state := filepath.Join(dir, "cinder.conf"), filepath.Join(dir, "s")
		must(t, os.WriteFile(file, []byte(wrong.conf), 0o600))
		// Nobody can listen on this address: whoever gets as far as that complains of it instead.
		out, text, status := clinker(t, "clinker", "up", "--bind", "192.0.2.1", "--state-dir", state, "--config-file", file)
		if status != 1 || out != "" {
			t.Errorf("%s: ends with %d, want 1: %s", what, status, out)
		}
		has(t, what, text, wrong.words...)
		if strings.Contains(text, "listen tcp") {
			t.Errorf("%s: it began to listen before it complained", what)
		}
	}
	for what, file := range map[string]string{"a file that is not there": filepath.Join(t.TempDir(), "none.conf"), "a directory": t.TempDir()} {
		_, text, status := clinker(t, "clinker", "up", "--bind", "192.0.2.1", "--state-dir", filepath.Join(t.TempDir(), "s"), "--config-file", file)
		if status != 1 {
			t.Errorf("%s: ends with %d, want 1", what, status)
		}
		has(t, what, text, file)
	}
}

// TestUnknownOptionsAreAllowed: an operator's file has options of parts that are not here; they do not stop the start.
func TestUnknownOptionsAreAllowed(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "[DEFAULT]\nrpc_backend = rabbit\nglance_api_servers = http://glance\n[keystone_authtoken]\npassword = x\n[oslo_messaging_rabbit]\nrabbit_ha_queues = true\n")
	create(t, cloud.Client(t, "0f", latest), volumes.CreateOpts{Size: 1})
}

// TestStartedAsService: each service starts by itself on an operator's file, says what it lacks, and stops when told to.
func TestStartedAsService(t *testing.T) {
	t.Parallel()
	for n, service := range []string{"cinder-api", "cinder-scheduler", "cinder-volume", "cinder-backup", "cinder-all"} {
		t.Run(service, func(t *testing.T) {
			dir, address := t.TempDir(), fmt.Sprintf("127.201.%d.%d", os.Getpid()%250, n+1)
			file, logFile := filepath.Join(dir, "cinder.conf"), filepath.Join(dir, "log")
			must(t, os.WriteFile(file, []byte("[DEFAULT]\ntransport_url = inproc://\nauth_strategy = noauth\nenabled_backends = file\nstate_path = "+
				dir+"\nmy_ip = "+address+"\nosapi_volume_listen = "+address+"\nlog_file = "+logFile+"\n[database]\nconnection = sqlite:///"+
				filepath.Join(dir, "c.sqlite")+"\n[file]\nvolume_driver = file\n"), 0o600))
			command := exec.Command(harness.Binary(t), "--config-file", file)
			command.Args[0] = service
			must(t, command.Start())
			ended := make(chan error, 1)
			go func() { ended <- command.Wait() }()
			logged := func() string {
				text, _ := os.ReadFile(logFile) // not there yet at first
				return string(text)
			}
			harness.Eventually(t, service+" starts", func() (bool, string) {
				return strings.Contains(logged(), "The service has started. service="+service), logged()
			})
			if alone := strings.Contains(logged(), "Messages do not leave this process"); alone != (service != "cinder-all") {
				t.Errorf("warned of being alone: %v\n%s", alone, logged())
			}
			if service == "cinder-api" || service == "cinder-all" {
				request, err := http.NewRequest(http.MethodGet, "http://"+address+":8776/v3/volumes", nil)
				must(t, err)
				request.Header.Set("X-Auth-Token", "u:p")
				response, err := http.DefaultClient.Do(request)
				must(t, err)
				must(t, response.Body.Close())
				if response.StatusCode != http.StatusOK {
					t.Errorf("GET /v3/volumes: %d", response.StatusCode)
				}
			}
			must(t, command.Process.Signal(syscall.SIGTERM))
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("ends with %v\n%s", err, logged())
				}
			case <-time.After(10 * time.Second):
				t.Errorf("does not end within 10 seconds\n%s", logged())
				must(t, command.Process.Kill())
			}
		})
	}
	_, text, status := clinker(t, "cinder-all", "--bind", "127.0.0.1")
	if status != 2 {
		t.Errorf("cinder-all with a flag of clinker up ends with %d, want 2", status)
	}
	has(t, "cinder-all --bind", text, "unknown flag: --bind")
}
