// Package storetest is the suite that every implementation of the image service's store.Store passes.
//
// What must not live here: anything that knows an implementation.
package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
)

// Run runs the suite. open gives an empty store and closes it when the test ends; it is called once for each part, and the
// parts run side by side.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	parts := []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"transactions", testTransactions}, {"image", testImage}, {"image save", testSave}, {"image destroy", testDestroy},
		{"locations", testLocations}, {"usage", testUsage}, {"members", testMembers}, {"visibility", testVisibility},
		{"filters", testFilters}, {"times", testTimes}, {"paging", testPaging}, {"paging mistakes", testPagingMistakes},
		{"tasks", testTasks}, {"task paging", testTaskPaging}, {"flows", testFlows}, {"at once", testAtOnce},
		{"namespaces", testNamespaces}, {"namespace lists", testNamespaceLists}, {"associations", testAssociations}, {"definitions", testDefinitions},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.test(t, open(t))
		})
	}
}

// The projects that the suite's rows belong to.
const mine, theirs, others = "11111111111111111111111111111111", "22222222222222222222222222222222", "33333333333333333333333333333333"

// update runs one transaction that must succeed.
func update(t testing.TB, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := attempt(t, s, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// attempt runs one transaction and gives its error.
func attempt(t testing.TB, s store.Store, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) })
}

func wantFault(t testing.TB, err error, kind fault.Kind, name string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.NameOf(err) != name {
		t.Errorf("got %v %q (%v); want %v %q", fault.KindOf(err), fault.NameOf(err), err, kind, name)
	}
}

// began is when the suite's images were made, the later ones a second later each.
var began = time.Date(2025, 4, 2, 10, 0, 0, 123456000, time.UTC)

// an image that can be created; change may alter it first.
func newImage(n int, change func(i *image.Image)) *image.Image {
	at := began.Add(time.Duration(n) * time.Second)
	i := &image.Image{ID: uuid.NewString(), Name: new(string(rune('a' + n))), Owner: mine, Status: image.Queued, Visibility: image.Shared,
		CreatedAt: at, UpdatedAt: at, Properties: map[string]string{}, Tags: []string{}}
	if change != nil {
		change(i)
	}
	return i
}

func create(t testing.TB, s store.Store, images ...*image.Image) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, i := range images {
			if err := tx.CreateImage(ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

func read(t testing.TB, s store.Reader, id string) *image.Image {
	t.Helper()
	i, err := s.Image(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// save changes an image as use cases do.
func save(t testing.TB, s store.Store, id string, change func(i *image.Image)) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		i, err := tx.ImageForUpdate(ctx, id)
		if err != nil {
			return err
		}
		change(i)
		return tx.SaveImage(ctx, i)
	})
}

func testTransactions(t *testing.T, s store.Store) {
	i := newImage(0, nil)
	stop := errors.New("stop")
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateImage(ctx, i); err != nil {
			return err
		}
		if _, err := tx.Image(ctx, i.ID); err != nil {
			t.Errorf("a transaction does not see its own writes: %v", err)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
	_, err = s.Image(t.Context(), i.ID)
	wantFault(t, err, fault.NotFound, "ImageNotFound")
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// full is an image with something in every field.
func full(n int) *image.Image {
	return newImage(n, func(i *image.Image) {
		i.Status, i.Visibility, i.ContainerFormat, i.DiskFormat = image.Active, image.Public, "bare", "qcow2"
		i.Protected, i.Hidden, i.MinDiskGiB, i.MinRAMMiB = true, true, 3, 512
		i.SizeBytes, i.VirtualSizeBytes = new(int64(1<<40)), new(int64(1<<41))
		i.Checksum, i.HashAlgorithm, i.HashValue = "d41d8cd98f00b204e9800998ecf8427e", "sha512", "cf83e1"
		i.Properties = map[string]string{"os_distro": "debian", "empty": "", "with'quote": `"x"`}
		i.Tags = []string{"blue", "Blue", "grün"}
		i.SetTags(i.Tags)
		i.Locations = []image.Location{{URL: "file:///a", Metadata: map[string]any{"store": "fast"}}, {URL: "s3://b", Metadata: map[string]any{}}}
	})
}

func testImage(t *testing.T, s store.Store) {
	want := full(0)
	empty := newImage(1, func(i *image.Image) { i.Name, i.Owner = nil, "" })
	create(t, s, want, empty)
	if diff := cmp.Diff(want, read(t, s, want.ID)); diff != "" {
		t.Errorf("the image read (-made +read):\n%s", diff)
	}
	if diff := cmp.Diff(empty, read(t, s, empty.ID)); diff != "" {
		t.Errorf("the empty image read (-made +read):\n%s", diff)
	}
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateImage(ctx, newImage(2, func(i *image.Image) { i.ID = want.ID }))
	})
	wantFault(t, err, fault.Conflict, "Duplicate")
	_, err = s.Image(t.Context(), uuid.NewString())
	wantFault(t, err, fault.NotFound, "ImageNotFound")
	unset := newImage(3, func(i *image.Image) { i.CreatedAt, i.UpdatedAt = time.Time{}, time.Time{} })
	create(t, s, unset)
	if got := read(t, s, unset.ID); time.Since(got.CreatedAt).Abs() > time.Minute || got.UpdatedAt != got.CreatedAt {
		t.Errorf("made at %v, changed at %v", got.CreatedAt, got.UpdatedAt)
	}
}

func testSave(t *testing.T, s store.Store) {
	i := full(0)
	create(t, s, i)
	save(t, s, i.ID, func(i *image.Image) {
		i.Name, i.Status, i.Visibility, i.Owner = nil, image.Deactivated, image.Private, theirs
		i.ContainerFormat, i.DiskFormat, i.Protected, i.Hidden, i.MinDiskGiB, i.MinRAMMiB = "", "", false, false, 0, 0
		i.SizeBytes, i.VirtualSizeBytes, i.Checksum, i.HashAlgorithm, i.HashValue = nil, nil, "", "", ""
		i.Properties = map[string]string{"os_distro": "fedora", "new": "1"}
		i.Tags = []string{"blue", "red"}
		i.Locations = nil
	})
	got := read(t, s, i.ID)
	if !got.UpdatedAt.After(i.UpdatedAt) {
		t.Error("updated_at did not change")
	}
	want := &image.Image{ID: i.ID, CreatedAt: i.CreatedAt, UpdatedAt: got.UpdatedAt, Owner: theirs, Status: image.Deactivated,
		Visibility: image.Private, Properties: map[string]string{"os_distro": "fedora", "new": "1"}, Tags: []string{"blue", "red"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after the change (-want +got):\n%s", diff)
	}
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SaveImage(ctx, newImage(1, nil)) })
	wantFault(t, err, fault.NotFound, "ImageNotFound")
}

func testLocations(t *testing.T, s store.Store) {
	i := newImage(0, nil)
	create(t, s, i)
	for _, want := range [][]image.Location{
		{{URL: "b", Metadata: map[string]any{"n": "1"}}, {URL: "a", Metadata: map[string]any{}}},
		{{URL: "a", Metadata: map[string]any{}}, {URL: "b", Metadata: map[string]any{"n": "1"}}}, // only the order
		{{URL: "a", Metadata: map[string]any{"deep": map[string]any{"x": true}}}},                // only what is said of it
	} {
		save(t, s, i.ID, func(i *image.Image) { i.Locations = want })
		if diff := cmp.Diff(want, read(t, s, i.ID).Locations); diff != "" {
			t.Errorf("locations (-want +got):\n%s", diff)
		}
	}
}

func testDestroy(t *testing.T, s store.Store) {
	i := full(0)
	create(t, s, i)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateMember(ctx, &image.Member{ImageID: i.ID, MemberID: theirs, Status: image.MemberPending}); err != nil {
			return err
		}
		return tx.DestroyImage(ctx, i.ID)
	})
	_, err := s.Image(t.Context(), i.ID)
	wantFault(t, err, fault.NotFound, "ImageNotFound")
	if members, err := s.Members(t.Context(), i.ID); err != nil || len(members) != 0 {
		t.Errorf("members %v, %v", members, err)
	}
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateImage(ctx, i) })
	wantFault(t, err, fault.Conflict, "Duplicate")
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyImage(ctx, i.ID) })
	if all := ids(t, s, store.ImageQuery{Viewer: store.Viewer{All: true}, Visibility: store.AnyVisibility}); len(all) != 0 {
		t.Errorf("the list still has %v", all)
	}
}

func testUsage(t *testing.T, s store.Store) {
	at := func(url string) image.Location { return image.Location{URL: url, Metadata: map[string]any{}} }
	two := newImage(0, func(i *image.Image) { i.SizeBytes, i.Locations = new(int64(10)), []image.Location{at("a"), at("b")} })
	one := newImage(1, func(i *image.Image) { i.SizeBytes, i.Locations = new(int64(5)), []image.Location{at("c")} })
	create(t, s, two, one,
		newImage(2, func(i *image.Image) { i.SizeBytes = new(int64(1000)) }), // staged: takes no store
		newImage(3, func(i *image.Image) {
			i.Owner, i.SizeBytes, i.Locations = theirs, new(int64(100)), []image.Location{at("d")}
		}))
	for _, c := range []struct {
		owner, except string
		want          int64
	}{{mine, "", 25}, {mine, two.ID, 5}, {mine, one.ID, 20}, {theirs, "", 100}, {others, "", 0}} {
		if got, err := s.StorageUsage(t.Context(), c.owner, c.except); err != nil || got != c.want {
			t.Errorf("usage of %s without %q is %d, %v; want %d", c.owner, c.except, got, err, c.want)
		}
	}
}

func testMembers(t *testing.T, s store.Store) {
	i := newImage(0, nil)
	create(t, s, i)
	m := &image.Member{ImageID: i.ID, MemberID: theirs, Status: image.MemberPending}
	other := &image.Member{ImageID: i.ID, MemberID: others, Status: image.MemberPending}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateMember(ctx, m), tx.CreateMember(ctx, other))
	})
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateMember(ctx, &image.Member{ImageID: i.ID, MemberID: theirs})
	})
	wantFault(t, err, fault.Conflict, "Duplicate")
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		m.Status = image.MemberAccepted
		return tx.SaveMember(ctx, m)
	})
	got, err := s.Member(t.Context(), i.ID, theirs)
	if diff := cmp.Diff(m, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	members, err := s.Members(t.Context(), i.ID)
	if err != nil || len(members) != 2 || members[0].MemberID != theirs || members[1].MemberID != others {
		t.Errorf("members %v, %v", members, err)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyMember(ctx, i.ID, theirs) })
	_, err = s.Member(t.Context(), i.ID, theirs)
	wantFault(t, err, fault.NotFound, "NotFound")
	for name, fn := range map[string]func(ctx context.Context, tx store.Tx) error{
		"save":    func(ctx context.Context, tx store.Tx) error { return tx.SaveMember(ctx, m) },
		"destroy": func(ctx context.Context, tx store.Tx) error { return tx.DestroyMember(ctx, i.ID, theirs) },
	} {
		if err := attempt(t, s, fn); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s of a member that is gone: %v", name, err)
		}
	}
}

// testAtOnce: two who change the same image do not lose each other's change.
func testAtOnce(t *testing.T, s store.Store) {
	i := newImage(0, func(i *image.Image) { i.MinDiskGiB = 0 })
	create(t, s, i)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { save(t, s, i.ID, func(i *image.Image) { i.MinDiskGiB++ }) })
	}
	all.Wait()
	if got := read(t, s, i.ID).MinDiskGiB; got != 8 {
		t.Errorf("8 changes made %d", got)
	}
}

func testTasks(t *testing.T, s store.Store) {
	k := &image.Task{ID: uuid.NewString(), Type: image.TaskImport, Status: image.TaskPending, Owner: mine, ImageID: uuid.NewString(),
		RequestID: "req-1", UserID: "me", Input: []byte(`{"a":1}`)}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateTask(ctx, k) })
	k.Status, k.Result, k.Message = image.TaskSuccess, []byte(`{"b":2}`), "done"
	k.ExpiresAt = k.CreatedAt.Add(time.Hour)
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SaveTask(ctx, k) })
	got, err := s.Task(t.Context(), k.ID)
	if diff := cmp.Diff(k, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = s.Task(t.Context(), uuid.NewString())
	wantFault(t, err, fault.NotFound, "TaskNotFound")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.SaveTask(ctx, &image.Task{ID: uuid.NewString()})
	})
	wantFault(t, err, fault.NotFound, "TaskNotFound")

	expire := func() (n int64) {
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			n, err = tx.DestroyExpiredTasks(ctx)
			return err
		})
		return n
	}
	if n := expire(); n != 0 {
		t.Errorf("%d tasks expired early", n)
	}
	k.ExpiresAt = k.CreatedAt.Add(-time.Hour)
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SaveTask(ctx, k) })
	if n := expire(); n != 1 {
		t.Errorf("%d tasks expired", n)
	}
	_, err = s.Task(t.Context(), k.ID)
	wantFault(t, err, fault.NotFound, "TaskNotFound")
}

func testTaskPaging(t *testing.T, s store.Store) {
	var want []string
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for n := range 5 {
			k := &image.Task{ID: uuid.NewString(), Type: image.TaskImport, Status: image.TaskPending, Owner: mine, ImageID: "an-image",
				CreatedAt: began.Add(time.Duration(n) * time.Second)}
			want = append([]string{k.ID}, want...)
			if err := tx.CreateTask(ctx, k); err != nil {
				return err
			}
		}
		return tx.CreateTask(ctx, &image.Task{ID: uuid.NewString(), Type: "other", Status: image.TaskFailure, Owner: theirs})
	})
	list := func(q store.TaskQuery) (found []string) {
		tasks, err := s.Tasks(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range tasks {
			found = append(found, k.ID)
		}
		return found
	}
	first := list(store.TaskQuery{Owner: mine, Page: store.Page{Limit: 2}})
	rest := list(store.TaskQuery{Owner: mine, Page: store.Page{Limit: 10, Marker: first[1]}})
	if got := slices.Concat(first, rest); !slices.Equal(got, want) {
		t.Errorf("pages %v, want %v", got, want)
	}
	for name, q := range map[string]store.TaskQuery{"type": {Type: "other"}, "status": {Status: image.TaskFailure}, "owner": {Owner: theirs}} {
		q.Page.Limit = 10
		if got := list(q); len(got) != 1 {
			t.Errorf("by %s: %v", name, got)
		}
	}
	if got := list(store.TaskQuery{ImageID: "an-image", Page: store.Page{Limit: 10}}); len(got) != 5 {
		t.Errorf("of the image: %v", got)
	}
	_, err := s.Tasks(t.Context(), store.TaskQuery{Page: store.Page{Limit: 1, Marker: uuid.NewString()}})
	wantFault(t, err, fault.NotFound, "TaskNotFound")
}

func testFlows(t *testing.T, s store.Store) {
	r := flow.Record{ID: uuid.NewString(), Name: "import", Owner: "images", ResourceType: "image", ResourceID: "x", State: []byte(`{}`)}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutFlow(ctx, r) })
	flows, err := s.Flows(t.Context(), "images", 0, 10)
	if err != nil || len(flows) != 1 || flows[0].ID != r.ID || string(flows[0].State) != "{}" {
		t.Fatalf("%+v, %v", flows, err)
	}
	if old, err := s.Flows(t.Context(), "images", time.Hour, 10); err != nil || len(old) != 0 {
		t.Errorf("%+v, %v", old, err)
	}
	claim := func(r flow.Record) (ok bool) {
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			ok, err = tx.ClaimFlow(ctx, r)
			return err
		})
		return ok
	}
	if !claim(flows[0]) || claim(flows[0]) {
		t.Error("a record is claimed once")
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteFlow(ctx, r.ID) })
	if left, err := s.Flows(t.Context(), "images", 0, 10); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
}
