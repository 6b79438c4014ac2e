// Package backuptest is the part of the store's suite about backups.
//
// What must not live here: anything that knows an implementation.
package backuptest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

const mine, theirs = "mine", "theirs"

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(t *testing.T, s store.Store){
		"backup": testBackup, "backup conditions": testConditions, "backup lists": testLists, "backup metadata": testMetadata,
		"backup dependents": testDependents, "backup destroyed": testDestroyed, "backup revived": testRevived, "backup quota": testQuota,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func update(t *testing.T, s store.Store, fn func(tx store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// backup makes one of mine.
func backup(t *testing.T, s store.Store, change func(b *block.Backup)) *block.Backup {
	t.Helper()
	b := &block.Backup{ID: uuid.NewString(), VolumeID: uuid.NewString(), UserID: "user", ProjectID: mine, Status: block.BackupAvailable, SizeGiB: 1,
		Metadata: map[string]string{}}
	if change != nil {
		change(b)
	}
	update(t, s, func(tx store.Tx) error { return tx.CreateBackup(t.Context(), b) })
	return b
}

func read(t *testing.T, s store.Store, id string) *block.Backup {
	t.Helper()
	b, err := s.Backup(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantNotFound(t *testing.T, err error, id string) {
	t.Helper()
	if !fault.Is(err, fault.NotFound) || fault.NameOf(err) != "BackupNotFound" || fault.UserText(err) != "Backup "+id+" could not be found." {
		t.Errorf("%v", err)
	}
}

// full is a backup with every field filled.
func full() *block.Backup {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &block.Backup{ID: uuid.NewString(), VolumeID: "v", Timestamps: block.Timestamps{CreatedAt: at, UpdatedAt: at.Add(time.Second)},
		UserID: "u", ProjectID: mine, Name: new("n"), Description: new("d"), Status: block.BackupError, FailReason: "no", SizeGiB: 3,
		ObjectCount: 4, AvailabilityZone: "z", Metadata: map[string]string{"a": "b"}, Host: "h", Container: new("c"), Service: "s",
		ServiceMetadata: "m", ParentID: "p", Dependents: 5, SnapshotID: "n", DataTimestamp: at.Add(-time.Hour), RestoreVolume: "r",
		TempVolumeID: "tv", TempSnapshotID: "ts", EncryptionKeyID: "k"}
}

func testBackup(t *testing.T, s store.Store) {
	b := full()
	update(t, s, func(tx store.Tx) error { return tx.CreateBackup(t.Context(), b) })
	for _, project := range []string{"", mine} {
		got, err := s.Backup(t.Context(), b.ID, project)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(b, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	_, err := s.Backup(t.Context(), b.ID, theirs)
	wantNotFound(t, err, b.ID)

	bare := backup(t, s, func(b *block.Backup) { b.UserID = "" })
	if bare.CreatedAt.IsZero() {
		t.Error("created_at was not set")
	}
	if d := cmp.Diff(bare, read(t, s, bare.ID)); d != "" {
		t.Errorf("a bare one (-want +got):\n%s", d)
	}
}

func testConditions(t *testing.T, s store.Store) {
	b := backup(t, s, func(b *block.Backup) { b.Status, b.Host = block.BackupCreating, "h" })
	apply := func(when store.BackupWhen, set store.BackupSet) (done bool) {
		t.Helper()
		update(t, s, func(tx store.Tx) (err error) {
			done, err = tx.UpdateBackup(t.Context(), b.ID, when, set)
			return err
		})
		return done
	}
	for name, when := range map[string]store.BackupWhen{
		"status": {Status: []block.BackupStatus{block.BackupAvailable, block.BackupError}}, "host": {Host: "i"},
	} {
		if apply(when, store.BackupSet{Status: new(block.BackupError)}) {
			t.Errorf("changed in spite of its %s", name)
		}
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if !apply(store.BackupWhen{Status: []block.BackupStatus{block.BackupCreating}, Host: "h", NoDependents: true}, store.BackupSet{
		VolumeID: new("v"), Status: new(block.BackupAvailable), FailReason: new("f"), Name: new(new("n")), Description: new(new("d")), SizeGiB: new(int64(2)),
		ObjectCount: new(int64(3)), AvailabilityZone: new("z"), Host: new("j"), Container: new(new("")), Service: new("s"), ServiceMetadata: new("m"),
		ParentID: new("p"), SnapshotID: new("n"), DataTimestamp: &at, RestoreVolume: new("r"), TempVolumeID: new("tv"), TempSnapshotID: new("ts"),
		EncryptionKeyID: new("k"),
	}) {
		t.Fatal("not changed")
	}
	want := &block.Backup{ID: b.ID, VolumeID: "v", Timestamps: block.Timestamps{CreatedAt: b.CreatedAt}, UserID: "user", ProjectID: mine,
		Name: new("n"), Description: new("d"), Status: block.BackupAvailable, FailReason: "f", SizeGiB: 2, ObjectCount: 3, AvailabilityZone: "z",
		Metadata: map[string]string{}, Host: "j", Container: new(""), Service: "s", ServiceMetadata: "m", ParentID: "p", SnapshotID: "n",
		DataTimestamp: at, RestoreVolume: "r", TempVolumeID: "tv", TempSnapshotID: "ts", EncryptionKeyID: "k"}
	got := read(t, s, b.ID)
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(block.Backup{}, "UpdatedAt")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got.UpdatedAt.IsZero() {
		t.Error("updated_at was not written")
	}
	apply(store.BackupWhen{}, store.BackupSet{TempVolumeID: new(""), Name: new((*string)(nil)), FailReason: new(strings.Repeat("ü", 300))})
	got = read(t, s, b.ID)
	if got.TempVolumeID != "" || got.Name != nil || got.FailReason != strings.Repeat("ü", 254)+"…" {
		t.Errorf("%+v", got)
	}
	if updated := updateMissing(t, s); updated {
		t.Error("a backup that is not there was changed")
	}
}

func updateMissing(t *testing.T, s store.Store) (done bool) {
	update(t, s, func(tx store.Tx) (err error) {
		done, err = tx.UpdateBackup(t.Context(), uuid.NewString(), store.BackupWhen{}, store.BackupSet{})
		return err
	})
	return done
}

func testLists(t *testing.T, s store.Store) {
	var ids []string
	for i := range 5 {
		b := backup(t, s, func(b *block.Backup) {
			b.CreatedAt = time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC) // a database may keep no fractions
			b.Name, b.VolumeID, b.SizeGiB = new(fmt.Sprint("name", i%2)), fmt.Sprint("volume", i), int64(i)
			b.Metadata = map[string]string{"k": fmt.Sprint(i % 3)}
		})
		ids = append(ids, b.ID)
	}
	other := backup(t, s, func(b *block.Backup) { b.ProjectID, b.Status = theirs, block.BackupError })
	rising := []store.Sort{{Key: "created_at"}, {Key: "id"}}
	for name, tc := range map[string]struct {
		q    store.BackupQuery
		want []string
	}{
		"of a project":   {store.BackupQuery{ProjectID: mine}, ids},
		"of all":         {store.BackupQuery{}, append(ids[:5:5], other.ID)},
		"by ids":         {store.BackupQuery{IDs: ids[1:3]}, ids[1:3]},
		"by name":        {store.BackupQuery{ProjectID: mine, Equal: map[string][]string{"name": {"name1"}}}, []string{ids[1], ids[3]}},
		"like a name":    {store.BackupQuery{Like: map[string]string{"name": "E1"}}, []string{ids[1], ids[3]}},
		"by status":      {store.BackupQuery{Equal: map[string][]string{"status": {"error"}}}, []string{other.ID}},
		"by size":        {store.BackupQuery{Equal: map[string][]string{"size": {"3"}}}, ids[3:4]},
		"by no column":   {store.BackupQuery{Equal: map[string][]string{"nothing": {"name1"}}}, []string{}},
		"by no size":     {store.BackupQuery{Equal: map[string][]string{"size": {"x"}}}, []string{}},
		"by metadata":    {store.BackupQuery{Metadata: map[string]string{"k": "0"}}, []string{ids[0], ids[3]}},
		"by time":        {store.BackupQuery{Times: []store.TimeFilter{{Key: "created_at", Op: "gt", At: time.Now().Add(time.Hour)}}}, []string{}},
		"of two volumes": {store.BackupQuery{Equal: map[string][]string{"volume_id": {"volume0", "volume4"}}}, []string{ids[0], ids[4]}},
	} {
		n, err := s.BackupCount(t.Context(), tc.q)
		if err != nil || n != int64(len(tc.want)) {
			t.Errorf("%s: counted %d, %v", name, n, err)
		}
		tc.q.Page.Sort = rising
		if d := cmp.Diff(tc.want, list(t, s, tc.q)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if d := cmp.Diff(ids[2:4], list(t, s, store.BackupQuery{ProjectID: mine, Page: store.Page{Sort: rising, Limit: 2, Marker: ids[1]}})); d != "" {
		t.Errorf("a page (-want +got):\n%s", d)
	}
	_, err := s.Backups(t.Context(), store.BackupQuery{ProjectID: mine, Page: store.Page{Marker: other.ID}})
	wantNotFound(t, err, other.ID)
	_, err = s.Backups(t.Context(), store.BackupQuery{Page: store.Page{Sort: []store.Sort{{Key: "nothing"}}}})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("sorted by no column: %v", err)
	}
}

func list(t *testing.T, s store.Store, q store.BackupQuery) []string {
	t.Helper()
	found, err := s.Backups(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, b := range found {
		ids = append(ids, b.ID)
	}
	return ids
}

func testMetadata(t *testing.T, s store.Store) {
	b := backup(t, s, func(b *block.Backup) { b.Metadata = map[string]string{"a": "1", "b": "2"} })
	put := func(md map[string]string, replace bool) {
		t.Helper()
		update(t, s, func(tx store.Tx) error { return tx.PutBackupMetadata(t.Context(), b.ID, md, replace) })
	}
	put(map[string]string{"b": "3", "c": "4"}, false)
	if d := cmp.Diff(map[string]string{"a": "1", "b": "3", "c": "4"}, read(t, s, b.ID).Metadata); d != "" {
		t.Errorf("merged (-want +got):\n%s", d)
	}
	put(map[string]string{"c": "4"}, true)
	if d := cmp.Diff(map[string]string{"c": "4"}, read(t, s, b.ID).Metadata); d != "" {
		t.Errorf("replaced (-want +got):\n%s", d)
	}
	id := uuid.NewString()
	wantNotFound(t, s.Update(t.Context(), func(tx store.Tx) error { return tx.PutBackupMetadata(t.Context(), id, nil, true) }), id)
}

func testDependents(t *testing.T, s store.Store) {
	parent := backup(t, s, func(b *block.Backup) { b.Dependents = 7 })
	child := backup(t, s, func(b *block.Backup) { b.ParentID = parent.ID })
	for _, status := range []block.BackupStatus{block.BackupCreating, block.BackupError} {
		backup(t, s, func(b *block.Backup) { b.ParentID, b.Status = parent.ID, status })
	}
	backup(t, s, nil)
	count := func() int64 {
		t.Helper()
		update(t, s, func(tx store.Tx) error { return tx.CountBackupDependents(t.Context(), parent.ID) })
		return read(t, s, parent.ID).Dependents
	}
	if n := count(); n != 1 {
		t.Errorf("%d dependents", n)
	}
	deletable := func() (done bool) {
		t.Helper()
		update(t, s, func(tx store.Tx) (err error) {
			done, err = tx.UpdateBackup(t.Context(), parent.ID, store.BackupWhen{NoDependents: true}, store.BackupSet{})
			return err
		})
		return done
	}
	update(t, s, func(tx store.Tx) error { return tx.DestroyBackup(t.Context(), child.ID) })
	if n := count(); n != 0 {
		t.Errorf("%d dependents", n)
	}
	if deletable() {
		t.Error("a backup with children that failed counts as one without")
	}
	for _, one := range list(t, s, store.BackupQuery{Equal: map[string][]string{"parent_id": {parent.ID}}}) {
		update(t, s, func(tx store.Tx) error { return tx.DestroyBackup(t.Context(), one) })
	}
	if !deletable() {
		t.Error("children that are gone still count")
	}
	update(t, s, func(tx store.Tx) error { return tx.CountBackupDependents(t.Context(), uuid.NewString()) })
}

func testDestroyed(t *testing.T, s store.Store) {
	b := backup(t, s, func(b *block.Backup) { b.Metadata = map[string]string{"a": "1"} })
	for range 2 {
		update(t, s, func(tx store.Tx) error { return tx.DestroyBackup(t.Context(), b.ID) })
	}
	_, err := s.Backup(t.Context(), b.ID, "")
	wantNotFound(t, err, b.ID)
	if ids := list(t, s, store.BackupQuery{}); len(ids) != 0 {
		t.Errorf("still listed: %v", ids)
	}
}

func testRevived(t *testing.T, s store.Store) {
	revive := func(b *block.Backup) error {
		return s.Update(t.Context(), func(tx store.Tx) error { return tx.ReviveBackup(t.Context(), b) })
	}
	old := backup(t, s, func(b *block.Backup) { b.Metadata, b.Host = map[string]string{"a": "1"}, "h" })
	again := &block.Backup{ID: old.ID, VolumeID: block.ImportedVolumeID, ProjectID: theirs, UserID: "v", Status: block.BackupCreating,
		Metadata: map[string]string{"b": "2"}}
	if err := revive(new(*again)); !fault.Is(err, fault.Conflict) || fault.NameOf(err) != "BackupExists" {
		t.Errorf("of a live one: %v", err)
	}
	update(t, s, func(tx store.Tx) error { return tx.DestroyBackup(t.Context(), old.ID) })
	if err := revive(again); err != nil {
		t.Fatal(err)
	}
	if !again.CreatedAt.Equal(old.CreatedAt) {
		t.Errorf("created at %v, want %v", again.CreatedAt, old.CreatedAt)
	}
	if d := cmp.Diff(again, read(t, s, old.ID)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	fresh := &block.Backup{ID: uuid.NewString(), VolumeID: block.ImportedVolumeID, ProjectID: mine, Status: block.BackupCreating, Metadata: map[string]string{}}
	if err := revive(fresh); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(fresh, read(t, s, fresh.ID)); d != "" {
		t.Errorf("one that never was (-want +got):\n%s", d)
	}
}

func testQuota(t *testing.T, s store.Store) {
	backup(t, s, func(b *block.Backup) { b.SizeGiB = 2 })
	gone := backup(t, s, func(b *block.Backup) { b.SizeGiB = 3 })
	backup(t, s, func(b *block.Backup) { b.SizeGiB, b.Status = 4, block.BackupError })
	backup(t, s, func(b *block.Backup) { b.SizeGiB, b.ProjectID = 5, theirs })
	update(t, s, func(tx store.Tx) error { return tx.DestroyBackup(t.Context(), gone.ID) })
	u, err := s.QuotaUsage(t.Context(), mine)
	if err != nil || u.Backups != 2 || u.BackupGigabytes != 6 {
		t.Errorf("%+v, %v", u, err)
	}
}
