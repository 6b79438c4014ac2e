package clients

import (
	"os"
	"testing"

	"github.com/clinker/clinker/test/harness"
)

// start starts a cloud for a suite, or skips the test unless the suites are wanted.
func start(t *testing.T, conf string) *harness.Cloud {
	t.Helper()
	if os.Getenv(wanted) == "" {
		t.Skip("make test-clients runs it")
	}
	return harness.Start(t, conf)
}

func TestBlockStorageNoAuth(t *testing.T) {
	cloud := start(t, "[DEFAULT]\nauth_strategy = noauth\n")
	check(t, "blockstorage-noauth", runSuite(t, "blockstorage/noauth", map[string]string{
		"OS_USERNAME": "admin", "OS_TENANT_NAME": "admin", "CINDER_ENDPOINT": cloud.URL("/v3")}), nil)
}
