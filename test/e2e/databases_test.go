package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"

	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
	"github.com/clinker/clinker/test/harness"
)

// TestDatabases: on MariaDB and PostgreSQL a volume lives and dies as it does on SQLite, a quota is taken right by many at
// once, and a server that comes back finds us again within seconds.
func TestDatabases(t *testing.T) {
	sqlkittest.Each(t, func(t *testing.T, s *sqlkittest.Server) {
		cloud := harness.Start(t, "[database]\nconnection = "+s.Database(t)+"\n")
		c := cloud.Client(t, "admin", latest)
		v := create(t, c, volumes.CreateOpts{Size: 1, Name: "first", Metadata: map[string]string{"k": "v"}})
		n := snapshot(t, c, v.ID, "of the first")
		copied := create(t, c, volumes.CreateOpts{Size: 2, SnapshotID: n.ID})
		must(t, volumes.Delete(t.Context(), c, copied.ID, nil).ExtractErr())
		awaitGone(t, c, copied.ID)

		answers := atOnce(t, cloud, 64, func(int) harness.Request {
			return harness.Request{Path: "/v3/volumes", Project: "many", Body: map[string]any{"volume": map[string]any{"size": 1}}}
		})
		if by := count(t, answers, "Maximum number of volumes allowed (10) exceeded"); by[202] != 10 || by[413] != 54 {
			t.Errorf("64 creates at once for a quota of 10: %v", by)
		}
		wantUsage(t, cloud, "many", 10, 10, 0)

		s.Stop(t)
		asked := time.Now()
		if r := cloud.Do(t, harness.Request{Path: "/v3/volumes/" + v.ID}); r.Status != http.StatusServiceUnavailable || time.Since(asked) > 15*time.Second {
			t.Errorf("without a database: %d after %v", r.Status, time.Since(asked))
		}
		s.Run(t)
		back := time.Now()
		if got := get(t, c, v.ID); got.Name != "first" || got.Metadata["k"] != "v" {
			t.Errorf("after the database came back: %+v", got)
		}
		create(t, c, volumes.CreateOpts{Size: 1})
		if took := time.Since(back); took > 15*time.Second {
			t.Errorf("it took %v to work again", took)
		}
		cloud.Stop(t)
		cloud.Run(t)
		wantStatus(t, c, "after a restart", v.ID, "available")
		testAllDatabases(t, s)
	})
}

// testAllDatabases: the identity and the image service keep their rows on the same server, and find them again.
func testAllDatabases(t *testing.T, s *sqlkittest.Server) {
	cloud := harness.Start(t, "[DEFAULT]\nauth_strategy = keystone\n[database]\nconnection = "+s.Database(t)+
		"\n[clinker]\nidentity_connection = "+s.Database(t)+"\nimage_connection = "+s.Database(t)+"\n")
	list := func() []projects.Project {
		c, err := openstack.NewIdentityV3(login(t, cloud, "admin"), gophercloud.EndpointOpts{})
		must(t, err)
		pages, err := projects.List(c, nil).AllPages(t.Context())
		must(t, err)
		all, err := projects.ExtractProjects(pages)
		must(t, err)
		return all
	}
	before := list()
	c, err := openstack.NewImageV2(login(t, cloud, "admin"), gophercloud.EndpointOpts{})
	must(t, err)
	i, err := images.Create(t.Context(), c, images.CreateOpts{Name: "an image"}).Extract()
	must(t, err)
	for _, file := range []string{"keystone.sqlite", "glance.sqlite", "cinder.sqlite"} {
		if _, err := os.Stat(filepath.Join(cloud.StateDir, file)); err == nil {
			t.Errorf("there is a %s", file)
		}
	}
	cloud.Stop(t)
	cloud.Run(t)
	if after := list(); len(before) == 0 || len(after) != len(before) {
		t.Errorf("%d projects before the restart, %d after it", len(before), len(after))
	}
	c, err = openstack.NewImageV2(login(t, cloud, "admin"), gophercloud.EndpointOpts{})
	must(t, err)
	if got, err := images.Get(t.Context(), c, i.ID).Extract(); err != nil || got.Name != "an image" {
		t.Errorf("the image after the restart: %+v, %v", got, err)
	}
}
