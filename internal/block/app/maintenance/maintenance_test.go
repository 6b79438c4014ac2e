package maintenance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
)

// room is a desk with what it writes, and a way into its database.
type room struct {
	Desk

	out   *bytes.Buffer
	path  string
	sent  []messaging.Message
	asked reqctx.Request // who sent last
}

// at is when everything happens.
var at = time.Date(2026, 11, 26, 16, 0, 0, 0, time.UTC)

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{out: new(bytes.Buffer), path: filepath.Join(t.TempDir(), "cinder.db")}
	now := func() time.Time { return at }
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: r.path, Synchronous: "OFF", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	r.Desk = Desk{Store: s, Quota: quota.New(quota.Options{}), Out: r.out, Log: slog.New(slog.DiscardHandler), Now: now, DownTime: time.Minute,
		Messages: func() (messaging.Client, error) { return r, nil }}
	return r
}

// Cast implements messaging.Client.
func (r *room) Cast(ctx context.Context, _ messaging.Target, m messaging.Message) error {
	r.sent, r.asked = append(r.sent, m), reqctx.From(ctx)
	return nil
}

// Call implements messaging.Client.
func (r *room) Call(context.Context, messaging.Target, messaging.Message, any) error {
	return errors.New("nothing is called")
}

// sql runs a statement that no part of the store makes.
func (r *room) sql(t *testing.T, text string) {
	t.Helper()
	db, err := connect.Open(t.Context(), connect.Options{URL: connect.SQLiteURL(r.path), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(s *sqlkit.Session) error {
		_, err := s.Exec(t.Context(), text)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// says runs a command and compares what it writes, spaces at line ends aside, and how it ends.
func (r *room) says(t *testing.T, what string, run func(ctx context.Context) error, status Status, lines ...string) {
	t.Helper()
	r.out.Reset()
	err := run(t.Context())
	var got Status
	if err != nil && !errors.As(err, &got) {
		t.Fatalf("%s: %v", what, err)
	}
	if got != status {
		t.Errorf("%s: status %d; want %d", what, got, status)
	}
	var said []string
	for line := range strings.Lines(r.out.String()) {
		said = append(said, strings.TrimRight(line, " \n"))
	}
	if diff := cmp.Diff(lines, said); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (r *room) update(t *testing.T, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := r.Store.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func (r *room) service(t *testing.T, s *block.Service) *block.Service {
	t.Helper()
	r.update(t, func(ctx context.Context, tx store.Tx) (err error) {
		s, err = tx.RegisterService(ctx, s)
		return err
	})
	return s
}

func (r *room) volume(t *testing.T, id string, change func(v *block.Volume)) {
	t.Helper()
	kind, err := r.Store.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	v := &block.Volume{ID: id, ProjectID: "p", SizeGiB: 2, UseQuota: true, VolumeTypeID: kind.ID, Status: block.VolumeAvailable, AttachStatus: block.AttachDetached}
	if change != nil {
		change(v)
	}
	r.update(t, func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, v) })
}

func TestServices(t *testing.T) {
	r := newRoom(t)
	r.service(t, &block.Service{Host: "lab", Binary: block.BinaryScheduler, AvailabilityZone: "nova", RPCCurrentVersion: "3.12", ObjectCurrentVersion: "1.39"})
	old := r.service(t, &block.Service{Host: "lab@b", Binary: block.BinaryVolume, AvailabilityZone: "far", RPCCurrentVersion: "3.19", ClusterName: "c@b", Disabled: true})
	r.service(t, &block.Service{Host: "lab", Binary: block.BinaryBackup, AvailabilityZone: "nova", RPCCurrentVersion: "2.4", ObjectCurrentVersion: "1.39"})
	r.sql(t, fmt.Sprintf("UPDATE services SET updated_at = '2026-11-26 15:58:00.000000' WHERE id = %d", old.ID))
	const head = "Binary           Host                                 Zone             Status     State Updated At           RPC Version  Object Version  Cluster"
	r.says(t, "service list", r.Services, 0, head,
		"cinder-scheduler lab                                  nova             enabled    :-)   2026-11-26 16:00:00  3.12         1.39",
		"cinder-volume    lab@b                                far              disabled   XXX   2026-11-26 15:58:00  3.19         None            c@b",
		"cinder-backup    lab                                  nova             enabled    :-)   2026-11-26 16:00:00  2.4          1.39")
	r.says(t, "host list", func(ctx context.Context) error { return r.Hosts(ctx, "") }, 0,
		"host                     \tzone", "lab                      \tnova", "lab@b                    \tfar")
	r.says(t, "host list far", func(ctx context.Context) error { return r.Hosts(ctx, "far") }, 0, "host                     \tzone", "lab@b                    \tfar")
	if err := r.BumpVersions(t.Context()); err != nil {
		t.Fatal(err)
	}
	remove := func(binary, host string) func(context.Context) error {
		return func(ctx context.Context) error { return r.RemoveService(ctx, binary, host) }
	}
	r.says(t, "remove what only a back end has", remove(block.BinaryVolume, "lab"), 2,
		"Host not found. Failed to remove cinder-volume on lab.", "Service cinder-volume could not be found on host lab.")
	r.says(t, "remove", remove(block.BinaryScheduler, "lab"), 0, "Service cinder-scheduler on host lab removed.")
	r.says(t, "service list then", r.Services, 0, head,
		"cinder-volume    lab@b                                far              disabled   XXX   2026-11-26 15:58:00  3.20         1.39            c@b",
		"cinder-backup    lab                                  nova             enabled    :-)   2026-11-26 16:00:00  2.4          1.39")
}

func TestClusters(t *testing.T) {
	r := newRoom(t)
	r.service(t, &block.Service{Host: "lab@b", Binary: block.BinaryVolume, ClusterName: "c@b"})
	r.sql(t, `INSERT INTO clusters (created_at, deleted, name, "binary", disabled, race_preventer) VALUES ('2026-11-26 15:00:00', 0, 'c@b', 'cinder-volume', 0, 0)`)
	r.sql(t, `INSERT INTO clusters (created_at, deleted, name, "binary", disabled, race_preventer) VALUES ('2026-11-26 15:00:00', 0, 'empty', 'cinder-volume', 1, 0)`)
	const head = "Name                                 Binary           Status     State Heartbeat            Hosts   Down Hosts   Updated At"
	r.says(t, "cluster list", r.Clusters, 0, head,
		"c@b                                  cinder-volume    enabled    :-)   2026-11-26 16:00:00  1       0            None",
		"empty                                cinder-volume    disabled   XXX   None                 0       0            None")
	remove := func(name string, recursive bool) func(context.Context) error {
		return func(ctx context.Context) error {
			return r.RemoveCluster(ctx, block.BinaryVolume, name, recursive)
		}
	}
	r.says(t, "remove nothing", remove("nope", false), 2, "Couldn't remove cluster nope because it doesn't exist.")
	r.says(t, "remove one with hosts", remove("c@b", false), 2, "Couldn't remove cluster c@b because it still has hosts.")
	r.says(t, "remove", remove("empty", false), 0, "Cluster empty successfully removed.")
	r.says(t, "remove with hosts", remove("c@b", true), 0, "Cluster c@b successfully removed. And 1 services from the cluster were also removed.")
	r.says(t, "cluster list then", r.Clusters, 0, head)
	r.volume(t, "v", func(v *block.Volume) { v.ClusterName = "c@b#p" })
	rename := func(from, to string) func(context.Context) error {
		return func(ctx context.Context) error { return r.RenameCluster(ctx, from, to, false) }
	}
	r.says(t, "rename", rename("c", "d"), 0, "Successfully renamed 1 volumes and 0 consistency groups from cluster c to d")
	r.says(t, "rename nothing", rename("c", "d"), 2, "No volumes or consistency groups exist in cluster c.")
	r.says(t, "rename nobody", rename("", "d"), 2, "No volumes or consistency groups exist in cluster None.")
}

func TestResetActiveBackend(t *testing.T) {
	r := newRoom(t)
	s := r.service(t, &block.Service{Host: "lab@b", Binary: block.BinaryVolume, Topic: "cinder-volume", Disabled: true, ActiveBackendID: "second"})
	reset := func(host string) func(context.Context) error {
		return func(ctx context.Context) error { return r.ResetActiveBackend(ctx, host, "") }
	}
	r.says(t, "unknown", reset("lab"), 1, "Service cinder-volume could not be found on host lab, or is not disabled.")
	r.says(t, "not frozen", reset("lab@b"), 1, "Service for host lab@b must first be frozen.")
	r.update(t, func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateService(ctx, s.ID, store.ServiceSet{Frozen: new(true)})
	})
	r.says(t, "frozen", reset("lab@b"), 0)
	if list, err := r.Store.Services(t.Context(), store.ServiceQuery{}); err != nil || list[0].Disabled || list[0].ActiveBackendID != "" {
		t.Errorf("after the reset: %+v, %v", list[0], err)
	}
}

func TestPurge(t *testing.T) {
	r := newRoom(t)
	used := r.service(t, &block.Service{Host: "lab@b", Binary: block.BinaryVolume})
	r.volume(t, "v", func(v *block.Volume) { v.ServiceUUID = used.UUID })
	r.volume(t, "gone", nil)
	r.update(t, func(ctx context.Context, tx store.Tx) error {
		if err := tx.DeleteService(ctx, used.ID); err != nil {
			return err
		}
		return tx.DestroyVolume(ctx, "gone")
	})
	purge := func(days int) func(context.Context) error {
		return func(ctx context.Context) error { return r.Purge(ctx, days) }
	}
	r.says(t, "negative", purge(-1), 1, "Must supply a positive value for age")
	r.says(t, "before the epoch", purge(20784), 1, "Maximum age is count of days since epoch.")
	r.says(t, "just deleted", purge(0), 0)
	r.Now = func() time.Time { return at.AddDate(0, 0, 30) }
	r.says(t, "not old enough", purge(30), 0)
	r.says(t, "old enough", purge(29), 0, "Left 1 deleted rows of services, to which rows of volumes still refer.")
	if n, _, err := r.Store.VolumeTotals(t.Context(), store.VolumeQuery{}); err != nil || n != 1 {
		t.Errorf("%d volumes, %v", n, err)
	}
}

func TestMigrateData(t *testing.T) {
	r := newRoom(t)
	for i := range 120 {
		r.volume(t, strconv.Itoa(i), func(v *block.Volume) { v.AdminMetadata = map[string]string{"temporary": "True"} })
	}
	const name = "remove_temporary_admin_metadata_data_migration"
	table := func(needed, done string) []string {
		return []string{
			"+------------------------------------------------+----------------+-------------+",
			"| Migration                                      |   Total Needed |   Completed |",
			"|------------------------------------------------+----------------+-------------|",
			"| " + name + " |" + fmt.Sprintf("%15s |%12s |", needed, done),
			"+------------------------------------------------+----------------+-------------+",
		}
	}
	limited := func(n int) func(context.Context) error {
		return func(ctx context.Context) error { return r.MigrateData(ctx, &n) }
	}
	all := func(ctx context.Context) error { return r.MigrateData(ctx, nil) }
	r.says(t, "none", limited(0), 127, "Must supply a positive value for max_count.")
	r.says(t, "ten", limited(10), 1, append([]string{"120 rows matched query " + name + ", 10 migrated"}, table("120", "10")...)...)
	r.says(t, "the rest", all, 0, append([]string{"Running batches of 50 until complete.", "110 rows matched query " + name + ", 50 migrated",
		"60 rows matched query " + name + ", 50 migrated", "10 rows matched query " + name + ", 10 migrated"}, table("110", "110")...)...)
	r.says(t, "nothing", limited(10), 0, table("0", "0")...)
}

func TestCheckQuota(t *testing.T) {
	r := newRoom(t)
	r.volume(t, "v", nil)
	r.update(t, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutQuotaUsage(ctx, "good", map[string]int64{"volumes": 0, "unheard of": 7}); err != nil {
			return err
		}
		return tx.PutQuotaUsage(ctx, "p", map[string]int64{"volumes": 5, "gigabytes": 2, "volumes_" + block.DefaultTypeName: 3, "gigabytes_no longer": 1})
	})
	r.sql(t, `INSERT INTO quota_usages (deleted, project_id, resource, in_use, reserved) VALUES (0, 'p', 'volumes', 1, 1)`)
	r.sql(t, `INSERT INTO reservations (deleted, uuid, usage_id, project_id, resource, delta)
		SELECT 0, 'u', id, 'p', 'volumes', 1 FROM quota_usages WHERE reserved = 1`)
	command := func(project string, fix bool) func(context.Context) error {
		return func(ctx context.Context) error { return r.CheckQuota(ctx, project, fix) }
	}
	const done = "Action successfully completed"
	good, bad := "Processing quota usage for project good", "Processing quota usage for project p"
	r.says(t, "nobody", command("nobody", false), 0, "Project id nobody has no quota usage. Nothing to do.", done)
	r.says(t, "good", command("good", false), 0, good, done)
	r.says(t, "check", command("", false), 1, good, bad, "\tvolumes: 1 duplicated usage entries - ignored", "\tgigabytes_no longer: invalid usage saved=1 actual=0",
		"\tvolumes: invalid usage saved=5 actual=1", "\tvolumes___DEFAULT__: invalid usage saved=3 actual=1", done)
	r.says(t, "sync", command("", true), 0, good, bad, "\tvolumes: 1 duplicated usage entries - duplicates removed & 1 reservations reassigned",
		"\tgigabytes_no longer: invalid usage saved=1 actual=0 - fixed", "\tvolumes: invalid usage saved=6 actual=1 - fixed",
		"\tvolumes___DEFAULT__: invalid usage saved=3 actual=1 - fixed", done)
	r.says(t, "check again", command("", false), 0, good, bad, done)
	rows, err := r.Store.StoredUsage(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rows, func(u store.StoredUsage) bool { return u.Resource == "volumes" })
	if i < 0 || rows[i].InUse != 1 || rows[i].Reserved != 1 || rows[i].Reservations != 1 {
		t.Errorf("stored: %+v", rows)
	}
}

func TestDeleteVolume(t *testing.T) {
	r := newRoom(t)
	r.volume(t, "unplaced", nil)
	r.volume(t, "used", func(v *block.Volume) { v.Host, v.Status = "h@b#p", block.VolumeInUse })
	r.volume(t, "stuck", func(v *block.Volume) { v.Host, v.Status = "h@b#p", block.VolumeCreating })
	remove := func(id string) func(context.Context) error {
		return func(ctx context.Context) error { return r.DeleteVolume(ctx, id) }
	}
	r.says(t, "unplaced", remove("unplaced"), 0, "Volume not yet assigned to host.", "Deleting volume from database and skipping rpc.")
	r.says(t, "used", remove("used"), 0, "Volume is in-use.", "Detach volume from instance and then try again.")
	r.says(t, "stuck", remove("stuck"), 0)
	if len(r.sent) != 1 || r.sent[0].Method != rpcapi.MethodDeleteVolume || r.sent[0].Args.(*rpcapi.DeleteVolume).VolumeID != "stuck" || !r.asked.IsAdmin {
		t.Errorf("sent: %+v", r.sent)
	}
	if _, err := r.Store.Volume(t.Context(), "unplaced", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("the unplaced volume: %v", err)
	}
	if err := r.DeleteVolume(t.Context(), "nope"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a volume that is not there: %v", err)
	}
}

func TestBackups(t *testing.T) {
	r := newRoom(t)
	r.update(t, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateBackup(ctx, &block.Backup{ID: "f36d9559-a4d6-417b-a1ae-10646a2c4a11", ProjectID: "p", VolumeID: "v", Host: "lab", SizeGiB: 3, Status: block.BackupError})
	})
	if err := r.MoveBackups(t.Context(), "lab", "other"); err != nil {
		t.Fatal(err)
	}
	r.says(t, "backup list", r.Backups, 0,
		"ID                              \tUser ID                         \tProject ID                      \tHost                    \tName                    "+
			"\tContainer   \tStatus      \tSize        \tObject Count",
		"f36d9559-a4d6-417b-a1ae-10646a2c4a11\tNone                            \tp                               \tother                   \tNone                    "+
			"\tNone        \terror       \t3           \t0")
}

func TestCleanLocks(t *testing.T) {
	r := newRoom(t)
	const there, gone = "f36d9559-a4d6-417b-a1ae-10646a2c4a11", "00000000-a4d6-417b-a1ae-10646a2c4a11"
	r.volume(t, there, nil)
	dir := t.TempDir()
	names := []string{"cinder-" + there + "-detach_volume", "cinder-" + gone + "-detach_volume", "cinder-snapshot-" + there,
		"cinder-cleanup_incomplete_backups_" + strconv.Itoa(os.Getpid()), "cinder-service", "other-" + gone}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left := func() (list []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			list = append(list, e.Name())
		}
		return list
	}
	clean := func(offline bool) func(context.Context) error {
		return func(ctx context.Context) error {
			return r.CleanLocks(ctx, []string{dir, filepath.Join(dir, "nope")}, offline)
		}
	}
	r.says(t, "online", clean(false), 0)
	if diff := cmp.Diff([]string{"cinder-" + there + "-detach_volume", "cinder-service", "other-" + gone}, left()); diff != "" {
		t.Errorf("left while services run (-want +got):\n%s", diff)
	}
	r.says(t, "offline", clean(true), 0)
	if diff := cmp.Diff([]string{"cinder-service", "other-" + gone}, left()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// TestRevision: what the commands say is what the store makes.
func TestRevision(t *testing.T) {
	r := newRoom(t)
	r.says(t, "db version", r.DatabaseVersion, 0, Revision)
}
