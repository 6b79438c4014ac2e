package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// stranger is the persona of a member of another project.
const stranger = "stranger"

// matrixColumns are the personas of the matrix: an administrator (of another project), those in the project, and a
// member of another.
var matrixColumns = []string{apitest.Admin, apitest.Manager, apitest.Member, apitest.Reader, apitest.Nobody, stranger}

// TestAuthorization asks for every operation that is implemented as every persona and holds the statuses against a golden.
// Every request is one that is right but for who asks, on resources of project p that are new for it. An operation that
// is missing here fails the test: nothing is added to the API without saying who may use it.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	// Not exercised's: this says nothing about what operations do. One of them moves a volume of a back end that nobody serves,
	// which never settles.
	c := apitest.New(t, nil, unlimited, func(o *apitest.Options) { o.API.Settle = 10 * time.Second })
	var b strings.Builder
	fmt.Fprintf(&b, "%-60s %s\n", "# status by persona", strings.Join(matrixColumns, " "))
	done := map[string]bool{}
	for _, r := range inventory(t) {
		name := operationName(r)
		if r.Status == 501 || r.Status >= 400 && len(r.Policy) == 0 || done[name] {
			continue
		}
		done[name] = true
		request, known := matrixRequests[name]
		if !known {
			t.Errorf("%s is not in the authorization matrix: add a request that is right to matrixRequests in authorization_requests_test.go", name)
			continue
		}
		fmt.Fprintf(&b, "%-60s", name)
		for _, persona := range matrixColumns {
			fmt.Fprintf(&b, " %*d", len(persona), ask(t, c, r, persona, request))
		}
		b.WriteByte('\n')
	}
	for name := range matrixRequests {
		if !done[name] {
			t.Errorf("%s is in the authorization matrix, and the API has no such operation", name)
		}
	}
	golden(t, "testdata/authorization.txt", b.String())
}

// ask sends one request of the matrix and gives the status.
func ask(t *testing.T, c *apitest.Cloud, r wsgi.RouteInfo, persona string, request func(*fixture) (path string, body any)) int {
	t.Helper()
	var as apitest.Caller
	switch persona {
	case apitest.Admin:
		as = c.As(t, apitest.Admin, "ops")
	case stranger:
		as = c.As(t, apitest.Member, "q")
	default:
		as = c.As(t, persona, "p")
	}
	path, body := request(&fixture{c.As(t, apitest.Member, "p")})
	as.Bare = path == "/"
	answer := as.At("3.71").Do(r.Method, path, body)
	if answer.Status >= 500 || answer.Status == 400 && !neverDone(operationName(r)) {
		t.Errorf("%s as %s: the request is not right: %d %s", operationName(r), persona, answer.Status, answer.Body)
	}
	return answer.Status
}

// neverDone says whether an operation is refused whatever is asked: failing over, as long as no driver replicates, what
// is about one cluster, as long as there are none, and actions on services that there are not.
func neverDone(operation string) bool {
	return operation == "PUT /os-services/{action}" || strings.HasPrefix(operation, "PUT /os-services/failover") || strings.HasSuffix(operation, " /clusters/{id}")
}

// fixture makes resources of project p right in the database, which is quick; the storage does not know of them.
type fixture struct{ apitest.Caller }

func (f *fixture) newVolume(change ...func(v *block.Volume)) string {
	f.TB.Helper()
	t, err := f.Store.TypeByName(f.TB.Context(), block.DefaultTypeName, "")
	if err != nil {
		f.TB.Fatal(err)
	}
	v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", UserID: "user-of-p", SizeGiB: 1, Status: block.VolumeAvailable, AttachStatus: block.AttachDetached,
		Host: apitest.Pool, VolumeTypeID: t.ID, AvailabilityZone: apitest.Zone, Metadata: map[string]string{"k": "v"}}
	for _, fn := range change {
		fn(v)
	}
	f.Change(func(tx store.Tx) error { return tx.CreateVolume(f.TB.Context(), v) })
	return v.ID
}

func inStatus(status block.VolumeStatus) func(*block.Volume) {
	return func(v *block.Volume) { v.Status = status }
}

func (f *fixture) newSnapshot(status block.SnapshotStatus) string {
	f.TB.Helper()
	volume := f.newVolume()
	s := &block.Snapshot{ID: uuid.NewString(), VolumeID: volume, VolumeTypeID: f.Row(volume).VolumeTypeID, ProjectID: "p", UserID: "user-of-p", VolumeSizeGiB: 1, Status: status,
		Metadata: map[string]string{"k": "v"}}
	f.Change(func(tx store.Tx) error { return tx.CreateSnapshot(f.TB.Context(), s) })
	return s.ID
}

func (f *fixture) newAttachment() string {
	f.TB.Helper()
	a := &block.Attachment{ID: uuid.NewString(), VolumeID: f.realVolume(inStatus(block.VolumeReserved)), InstanceUUID: server, AttachStatus: block.AttachReserved, AttachMode: "rw"}
	f.Change(func(tx store.Tx) error { return tx.CreateAttachment(f.TB.Context(), a) })
	return a.ID
}

// realVolume is one that the storage knows of: for what exports it.
func (f *fixture) realVolume(change ...func(v *block.Volume)) string {
	f.TB.Helper()
	id := f.newVolume(change...)
	if _, err := f.Driver.CreateVolume(f.TB.Context(), driver.Volume{ID: id, SizeGiB: 1}); err != nil {
		f.TB.Fatal(err)
	}
	return id
}

func (f *fixture) newType(public bool) string {
	f.TB.Helper()
	id := uuid.NewString()
	t := &block.VolumeType{ID: id, Name: id, IsPublic: public, ExtraSpecs: map[string]string{"multiattach": "<is> True"}, ProjectIDs: []string{"p"}}
	f.Change(func(tx store.Tx) error { return tx.CreateVolumeType(f.TB.Context(), t) })
	return id
}

// unlimited is a cloud in which a project may hold any number of everything.
func unlimited(o *apitest.Options) {
	o.Quota = quota.Options{Volumes: block.Unlimited, Snapshots: block.Unlimited, Gigabytes: block.Unlimited, Backups: block.Unlimited,
		BackupGigabytes: block.Unlimited, Groups: block.Unlimited, PerVolumeGigabytes: block.Unlimited}
}
