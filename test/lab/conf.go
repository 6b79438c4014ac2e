package lab

import (
	"fmt"
	"strings"
	"testing"
)

// UploadImage makes an image of noise that everybody may use, with the openstack command, and gives its id.
func UploadImage(t testing.TB, settings map[string]string) string {
	t.Helper()
	lines := strings.Fields(Do(t, settings, "run", "sh", "-ec",
		`f=$(mktemp); head -c 4194304 /dev/urandom >"$f"
		openstack image create --disk-format raw --container-format bare --public --file "$f" -f value -c id noise; rm "$f"`))
	return lines[len(lines)-1]
}

// TempestConf is the tempest.conf for a cloud that has block storage, identity and images, and whose administrator settings
// names: with the id of an image, the protocol that the storage speaks, and whether there is a backup service.
func TempestConf(settings map[string]string, image, protocol string, backup bool) string {
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
backup = %[7]t
manage_volume = true
manage_snapshot = true
volume_revert = true
[oslo_concurrency]
lock_path = /var/lock
`, settings["OS_USERNAME"], settings["OS_PASSWORD"], settings["OS_PROJECT_NAME"], settings["OS_AUTH_URL"], image, protocol, backup)
}
