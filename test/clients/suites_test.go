package clients

import (
	"bytes"
	"maps"
	"os"
	"testing"

	"github.com/google/uuid"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/endpoints"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/services"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"

	"github.com/clinker/clinker/test/harness"
)

// authenticated is the conf of a cloud as "clinker up" has it without any: the harness's own has noauth.
const authenticated = "[DEFAULT]\nauth_strategy = keystone\n"

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

// Why a test may fail.
const (
	// administrators: it fails as an ordinary user on every cloud.
	administrators = "it does what only administrators may, and does not ask first"
)

func TestBlockStorage(t *testing.T) {
	eachUser(t, "blockstorage/v3", "blockstorage", nil, map[string]string{
		"TestManageableVolumes":        administrators,
		"TestSnapshotsForceDelete":     administrators,
		"TestSnapshotsResetStatus":     administrators,
		"TestSnapshotsUpdateStatus":    administrators,
		"TestVolumeActionsChangeType":  administrators,
		"TestVolumeActionsResetStatus": administrators,
		"TestBackupsForceDelete":       administrators,
		"TestBackupsResetStatus":       administrators,
	})
}

func TestIdentity(t *testing.T) {
	eachUser(t, "identity/v3", "identity", nil, map[string]string{"TestCredentialsValidateS3": administrators})
}

func TestImage(t *testing.T) {
	eachUser(t, "image/v2", "image", nil, map[string]string{
		"TestTaskCreate": administrators, "TestTasksListAllPages": administrators, "TestTasksListEachPage": administrators,
	})
}

// eachUser runs a suite as the administrator and as an ordinary user. The maps say why a test may fail for either, by its
// name.
func eachUser(t *testing.T, suite, name string, admin, demo map[string]string) {
	cloud := start(t, authenticated)
	env := prepare(t, cloud)
	for user, reasons := range map[string]map[string]string{"admin": admin, "demo": demo} {
		t.Run(user, func(t *testing.T) {
			env := maps.Clone(env)
			maps.Copy(env, cloud.Environment(t, user))
			env["OS_DOMAIN_NAME"] = env["OS_USER_DOMAIN_NAME"]
			check(t, name+"-"+user, runSuite(t, suite, env), reasons)
		})
	}
}

// prepare gives the cloud what gophercloud's suites expect to find: an image, and neighbours in the catalog. The result is
// how the suites are told of it.
func prepare(t *testing.T, cloud *harness.Cloud) map[string]string {
	t.Helper()
	admin := cloud.Environment(t, "admin")
	provider, err := openstack.AuthenticatedClient(t.Context(), gophercloud.AuthOptions{IdentityEndpoint: admin["OS_AUTH_URL"],
		Username: admin["OS_USERNAME"], Password: admin["OS_PASSWORD"], TenantName: admin["OS_PROJECT_NAME"], DomainName: "Default"})
	if err != nil {
		t.Fatal(err)
	}
	region := gophercloud.EndpointOpts{Region: admin["OS_REGION_NAME"]}
	register(t, provider, region)
	return map[string]string{"OS_IMAGE_ID": uploadImage(t, provider, region), "OS_NETWORK_NAME": networkName, "OS_FLAVOR_ID": "1",
		"OS_FLAVOR_ID_RESIZE": "2", "OS_POOL_NAME": "public", "OS_EXTGW_ID": uuid.NewString(), "OS_BRANCH": "master", "HTTP_PROXY": newInternet(t).URL}
}

// register puts the neighbours into the catalog.
func register(t *testing.T, provider *gophercloud.ProviderClient, region gophercloud.EndpointOpts) {
	t.Helper()
	identity, err := openstack.NewIdentityV3(provider, region)
	if err != nil {
		t.Fatal(err)
	}
	neighbours := newNeighbours(t)
	for _, kind := range []string{"compute", "network"} {
		service, err := services.Create(t.Context(), identity, services.CreateOpts{Type: kind}).Extract()
		if err != nil {
			t.Fatal(err)
		}
		_, err = endpoints.Create(t.Context(), identity, endpoints.CreateOpts{Availability: gophercloud.AvailabilityPublic,
			Name: kind, Region: region.Region, ServiceID: service.ID, URL: neighbours.URL + "/" + kind}).Extract()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// uploadImage makes an image of noise that everybody may use, and gives its id.
func uploadImage(t *testing.T, provider *gophercloud.ProviderClient, region gophercloud.EndpointOpts) string {
	t.Helper()
	client, err := openstack.NewImageV2(provider, region)
	if err != nil {
		t.Fatal(err)
	}
	image, err := images.Create(t.Context(), client, images.CreateOpts{Name: "noise", DiskFormat: "raw", ContainerFormat: "bare",
		Visibility: new(images.ImageVisibilityPublic)}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	noise := bytes.Repeat([]byte{0xc1, 0x1a, 0x4e, 0x50}, 256<<10)
	if err := imagedata.Upload(t.Context(), client, image.ID, bytes.NewReader(noise)).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	return image.ID
}
