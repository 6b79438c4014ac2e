package api_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
)

// window is for how long the clouds of these tests repeat no create.
const window = 10 * time.Minute

func idempotent(t *testing.T, change ...func(*apitest.Options)) *apitest.Cloud {
	return apitest.New(t, nil, append(change, func(o *apitest.Options) { o.App.IdempotencyWindow = window })...)
}

// under is the caller asking under a request id of its own.
func under(c apitest.Caller, n int) apitest.Caller {
	c.Request.GlobalRequestID = fmt.Sprintf("req-00000000-0000-4000-8000-%012d", n)
	return c
}

func volumeNamed(c apitest.Caller, name string) string {
	c.TB.Helper()
	return c.Post("/volumes", object("volume", object("size", 1, "name", name))).OK(202).Text("volume", "id")
}

func volumesOf(c apitest.Caller) int {
	c.TB.Helper()
	list, err := c.Store.Volumes(c.TB.Context(), store.VolumeQuery{ProjectID: c.Request.ProjectID})
	if err != nil {
		c.TB.Fatal(err)
	}
	return len(list)
}

// TestRepeatedCreate: a create under the same request id and with the same body gets what the first has made, whatever
// has become of quota and source; everything else makes a new one.
func TestRepeatedCreate(t *testing.T) {
	t.Parallel()
	c := idempotent(t, func(o *apitest.Options) { o.Quota.Volumes, o.Quota.UseDefaultQuotaClass = 5, false })
	m := under(c.As(t, apitest.Member, "p"), 1)
	first := volumeNamed(m, "a")
	if again := volumeNamed(m, "a"); again != first {
		t.Errorf("repeated: %s, want %s", again, first)
	}
	m.At("3.71").Post("/volumes", object("volume", object("size", 1, "name", "a"))).OK(202) // 2: another version sees another body
	other := m
	other.Request.UserID = "somebody else"
	service := m
	service.Request.ServiceRoles = []string{"service"}
	distinct := map[string]bool{first: true}
	for what, id := range map[string]string{
		"another body":       volumeNamed(m, "b"),
		"another id":         volumeNamed(under(m, 2), "a"),
		"another user":       volumeNamed(other, "a"),
		"another project":    volumeNamed(under(c.As(t, apitest.Member, "q"), 1), "a"),
		"without an id":      volumeNamed(c.As(t, apitest.Member, "r"), "a"),
		"without an id too":  volumeNamed(c.As(t, apitest.Member, "r"), "a"),
		"of a service":       volumeNamed(serviceOf(service, "s"), "a"),
		"of a service again": volumeNamed(serviceOf(service, "s"), "a"),
	} {
		if distinct[id] {
			t.Errorf("%s: %s was there already", what, id)
		}
		distinct[id] = true
	}
	if n := volumesOf(m); n != 5 {
		t.Errorf("%d volumes", n)
	}
	m.Post("/volumes", object("volume", object("size", 1, "name", "one too many"))).Fault(413, "VolumeLimitExceeded")
	if again := volumeNamed(m, "a"); again != first {
		t.Errorf("repeated without quota: %s, want %s", again, first)
	}
}

func serviceOf(c apitest.Caller, project string) apitest.Caller {
	c.Request.ProjectID = project
	return c
}

// TestRepeatedCreateFromWhatIsGone: the source of the first create need not be there for the second; what the first has
// made must be, or it is made anew.
func TestRepeatedCreateFromWhatIsGone(t *testing.T) {
	t.Parallel()
	c := idempotent(t)
	m := under(c.As(t, apitest.Member, "p"), 1)
	source := volumeNamed(m, "source")
	take := func() string {
		t.Helper()
		return m.Post("/snapshots", object("snapshot", object("volume_id", source))).OK(202).Text("snapshot", "id")
	}
	snapshot := take()
	if again := take(); again != snapshot {
		t.Errorf("the snapshot again: %s, want %s", again, snapshot)
	}
	save := func() string {
		t.Helper()
		return m.Post("/backups", object("backup", object("volume_id", source))).OK(202).Text("backup", "id")
	}
	backup := save()
	if again := save(); again != backup {
		t.Errorf("the backup again: %s, want %s", again, backup)
	}
	copied := func() string {
		t.Helper()
		return m.Post("/volumes", object("volume", object("snapshot_id", snapshot))).OK(202).Text("volume", "id")
	}
	first := copied()
	m.Delete("/snapshots/" + snapshot).Empty(202)
	if again := copied(); again != first {
		t.Errorf("without its source: %s, want %s", again, first)
	}
	m.Delete("/volumes/" + first).Empty(202)
	m.Post("/volumes", object("volume", object("snapshot_id", snapshot))).Fault(404, "Snapshot "+snapshot)
	anew := take()
	if anew == snapshot {
		t.Errorf("a snapshot that is gone is answered")
	}
	if again := take(); again != anew {
		t.Errorf("the new snapshot again: %s, want %s", again, anew)
	}
}

// TestRepeatedCreateAtOnce: of many that come at once, one makes the volume.
func TestRepeatedCreateAtOnce(t *testing.T) {
	t.Parallel()
	c := idempotent(t)
	m := under(c.As(t, apitest.Member, "p"), 1)
	var mu sync.Mutex
	ids := map[string]bool{}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			a := m.Post("/volumes", object("volume", object("size", 1)))
			mu.Lock()
			defer mu.Unlock()
			if a.Status != 202 {
				t.Errorf("%d %s", a.Status, a.Body)
				return
			}
			ids[a.Text("volume", "id")] = true
		})
	}
	wg.Wait()
	if n := volumesOf(m); len(ids) != 1 || n != 1 {
		t.Errorf("answered with %v, and there are %d volumes", ids, n)
	}
	if u, err := c.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Volumes != 1 {
		t.Errorf("quota %+v, %v", u, err)
	}
}

// TestRepeatedCreateAfterACrash: a process that died after the first transaction has told nobody, neither the scheduler nor
// the client. The volume is in the journal, and the repeat gets it.
func TestRepeatedCreateAfterACrash(t *testing.T) {
	t.Parallel()
	c := idempotent(t, func(o *apitest.Options) { o.Idle = true })
	m := under(c.As(t, apitest.Member, "p"), 1)
	first := volumeNamed(m, "a")
	c.Core.Options = app.Options{IdempotencyWindow: window, DefaultVolumeType: c.Core.Options.DefaultVolumeType} // of the next process
	a := m.Post("/volumes", object("volume", object("size", 1, "name", "a"))).OK(202)
	if a.Text("volume", "id") != first || a.Text("volume", "status") != "creating" || volumesOf(m) != 1 {
		t.Errorf("repeated: %s, want %s; %d volumes", a.Body, first, volumesOf(m))
	}
}

// TestRepeatedCreateExpires: after the window the same request makes a new volume, and what was known of the old one is
// forgotten.
func TestRepeatedCreateExpires(t *testing.T) {
	t.Parallel()
	c := idempotent(t)
	m := under(c.As(t, apitest.Member, "p"), 1)
	first := volumeNamed(m, "a")
	begin := time.Now().UTC()
	after := func(d time.Duration) { c.Core.Now = func() time.Time { return begin.Add(d) } }
	after(window - time.Minute)
	if err := c.Core.ForgetCreations(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := volumeNamed(m, "a"); again != first {
		t.Errorf("within the window: %s, want %s", again, first)
	}
	after(window + time.Minute)
	if again := volumeNamed(m, "a"); again == first {
		t.Error("after the window: the same volume")
	}
	after(3 * window)
	if err := c.Core.ForgetCreations(t.Context()); err != nil {
		t.Fatal(err)
	}
	var n int64
	m.Change(func(tx store.Tx) (err error) {
		n, err = tx.DeleteCreations(t.Context(), begin.Add(time.Hour), 10)
		return err
	})
	if n != 0 {
		t.Errorf("%d creations are still known", n)
	}
}

// TestRepeatedCreateSwitchedOff: without a window every create makes a volume.
func TestRepeatedCreateSwitchedOff(t *testing.T) {
	t.Parallel()
	m := under(apitest.New(t, nil).As(t, apitest.Member, "p"), 1)
	if a, b := volumeNamed(m, "a"), volumeNamed(m, "a"); a == b {
		t.Errorf("%s twice", a)
	}
}
