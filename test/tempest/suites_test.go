package tempest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/imageformat/imageformattest"
	"github.com/clinker/clinker/test/harness"
	"github.com/clinker/clinker/test/lab"
)

// regexVariable narrows a suite to some of its tests, for who works on one. What came of it is then not compared.
const regexVariable = "CLINKER_TEMPEST_REGEX"

func TestVolume(t *testing.T) { runSuite(t, "volume", "^tempest.api.volume", nil) }

func TestIdentity(t *testing.T) {
	runSuite(t, "identity", `^tempest\.api\.identity\.(admin\.)?v3`, map[string]string{
		"tempest.api.identity.admin.v3.test_credentials.CredentialsTestJSON.test_credentials_create_get_update_delete": "it changes the project of a " +
			"credential, which Keystone refuses too since LP#2159643",
	})
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
	conf := cloud.WriteFile(t, "tempest.conf", lab.TempestConf(env, lab.UploadImage(t, env), "nbd", true)+"[image]\nhttp_qcow2_image = "+web.JoinPath("image.img").String()+"\n")
	if one := os.Getenv(regexVariable); one != "" {
		t.Log(lab.Tempest(t, env, conf, one))
		return
	}
	lab.Check(t, filepath.Join("testdata", name+".txt"), lab.Tempest(t, env, conf, regex), reasons, *update)
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
