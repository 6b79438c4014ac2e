package tempest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/imageformat/imageformattest"
	"github.com/clinker/clinker/test/harness"
)

// regexVariable narrows a suite to some of its tests, for who works on one. What came of it is then not compared.
const regexVariable = "CLINKER_TEMPEST_REGEX"

func TestVolume(t *testing.T) { runSuite(t, "volume", "^tempest.api.volume", nil) }

func TestIdentity(t *testing.T) {
	runSuite(t, "identity", `^tempest\.api\.identity\.(admin\.)?v3`, nil)
}

func TestImage(t *testing.T) { runSuite(t, "image", "^tempest.api.image", nil) }

// runSuite runs one of Tempest's suites against a cloud of its own.
func runSuite(t *testing.T, name, regex string, reasons map[string]string) {
	if os.Getenv(wanted) == "" {
		t.Skip("make test-tempest runs it")
	}
	web := serveImage(t)
	// It is on this machine, where no import may reach unless the operator says so.
	cloud := harness.Start(t, "[DEFAULT]\nauth_strategy = keystone\n[clinker]\nimport_internal_hosts = "+web.Hostname()+"\n"+
		"[import_filtering_opts]\nallowed_ports = 80,"+web.Port()+"\n")
	env := cloud.Environment(t, "admin")
	conf := cloud.WriteFile(t, "tempest.conf", configuration(env, uploadImage(t, env), web.JoinPath("image.img").String()))
	if one := os.Getenv(regexVariable); one != "" {
		out, err := labCommand(t.Context(), suiteTimeout, env, "tempest", conf, "--concurrency", "2", "--regex", one)
		t.Logf("%v\n%s", err, out)
		return
	}
	// Tempest's own exit status says no more than the tests do.
	out, _ := labCommand(t.Context(), suiteTimeout, env, "tempest", conf, "--concurrency", "2", "--regex", regex)
	check(t, name, out, reasons)
}

// uploadImage makes an image of noise that everybody may use, with the openstack command.
func uploadImage(t *testing.T, env map[string]string) string {
	t.Helper()
	out, err := labCommand(t.Context(), clientTimeout, env, "run", "sh", "-ec",
		`f=$(mktemp); head -c 4194304 /dev/urandom >"$f"
		openstack image create --disk-format raw --container-format bare --public --file "$f" -f value -c id noise; rm "$f"`)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Fields(out)
	return lines[len(lines)-1]
}

// serveImage is where the tests may fetch an image from: an empty one in qcow2, whatever the path.
func serveImage(t *testing.T) *url.URL {
	t.Helper()
	image := imageformattest.QCOW2(3, 1<<20)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(image))
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// configuration is the tempest.conf for a cloud that has block storage, identity and images.
// image is the id of one there is, web the address of one that can be fetched.
func configuration(env map[string]string, image, web string) string {
	return fmt.Sprintf(`[auth]
use_dynamic_credentials = true
admin_username = %s
admin_password = %s
admin_project_name = %s
admin_domain_name = Default
create_isolated_networks = false
tempest_roles = member
[identity]
uri_v3 = %s
auth_version = v3
[service_available]
cinder = true
nova = false
neutron = false
swift = false
glance = true
horizon = false
[compute]
image_ref = %[5]s
image_ref_alt = %[5]s
[image]
http_qcow2_image = %[7]s
[volume]
build_timeout = 60
build_interval = 1
min_microversion = 3.0
max_microversion = latest
catalog_type = volumev3
storage_protocol = %[6]s
[volume-feature-enabled]
backup = true
manage_volume = true
manage_snapshot = true
volume_revert = true
[oslo_concurrency]
lock_path = /var/lock
`, env["OS_USERNAME"], env["OS_PASSWORD"], env["OS_PROJECT_NAME"], env["OS_AUTH_URL"], image,
		"nbd", web)
}
