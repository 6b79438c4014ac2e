package tempest

import (
	"fmt"
	"os"
	"strings"
	"testing"

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
	cloud := harness.Start(t, "[DEFAULT]\nauth_strategy = keystone\n")
	env := cloud.Environment(t, "admin")
	conf := cloud.WriteFile(t, "tempest.conf", configuration(env, uploadImage(t, env)))
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

// configuration is the tempest.conf for a cloud that has block storage, identity and images.
func configuration(env map[string]string, image string) string {
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
		"nbd")
}
