// Package apitest is a whole Block Storage in one process for the API's tests: the API over a SQLite database in a
// temporary directory, the scheduler and a volume service with a driver and a target that store nothing, and messages that
// stay in the process. An answer waits until all that its request set off is done, so that a test sees what came of it
// without waiting for anything.
//
// It is imported by tests only. There is no authentication: a test says who asks with a persona of a project.
package apitest

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/messages"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/backup"
	fakerepository "github.com/clinker/clinker/internal/block/backup/repository/fake"
	"github.com/clinker/clinker/internal/block/driver"
	fakedriver "github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/loglevels"
	"github.com/clinker/clinker/internal/block/manager"
	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/block/membership"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/policies"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	faketarget "github.com/clinker/clinker/internal/block/target/fake"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/flow"
	fakeimages "github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/keymanager"
	fakenova "github.com/clinker/clinker/internal/nova/fake"
	oslolog "github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
	"github.com/clinker/clinker/internal/oslo/policy"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/run"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Names of what every Cloud is made of.
const (
	Backend = "node@fake"      // the back end's address; its one pool is the same with "#fake"
	Pool    = "node@fake#fake" // where every volume lands
	// SecondBackend and SecondPool are the addresses of the second back end, if there is one.
	SecondBackend = "node@other"
	SecondPool    = "node@other#other"
	Zone          = "nova" // the only availability zone

	Repository = "cinder.backup.drivers.posix.PosixBackupDriver" // what the backup service says its repository is
)

// Options is what a test may change of a Cloud before it is made; New fills in the defaults first.
type Options struct {
	App   app.Options
	Quota quota.Options
	API   api.Options
	// Driver makes the back end's driver of the one that stores nothing, which it may be in part; nil takes that.
	Driver func(*fakedriver.Driver) driver.Driver
	// Second adds a second back end, whose storage volumes can be moved to and from by the driver.
	Second bool
	// Statement is told of every statement the database is sent; it may be called by several goroutines. nil: nobody is.
	Statement func(text string)
	// Unattachable has the backup service fail to attach volumes.
	Unattachable bool
	// Idle leaves scheduler and volume service out: what is cast is lost, and every row stays as the use case left it.
	Idle bool
	// Nova is the compute service; nil leaves the cloud without one.
	Nova *fakenova.Nova
	// Keys is the key manager; nil leaves the cloud without one.
	Keys keymanager.Manager
	// Images changes what the volume services do with images; nil leaves it as it is by default.
	Images func(*image.Settings)
	// Notified is told of what happens; nil leaves notifications off.
	Notified *Notified
}

// Cloud is a Block Storage at work.
type Cloud struct {
	Core   *app.Core
	API    *wsgi.API
	Store  *sqlstore.Store
	Driver *fakedriver.Driver
	Second *fakedriver.Driver // of the second back end; nil unless there is one
	Target *faketarget.Target
	Images *fakeimages.Images // takes no more than a MiB of what is uploaded
	// Repository is where the backup service keeps backups.
	Repository *fakerepository.Repository
	handler    http.Handler
	seen       func(Exchange)
}

// settle is how long an answer waits at most for what its request set off: long enough for a busy machine whose qemu-img
// measures for seconds of processor time how fast it can derive a key.
const settle = time.Minute

// New makes a Cloud and takes it down when the test ends. seen, if not nil, is told of every exchange.
func New(t testing.TB, seen func(Exchange), change ...func(*Options)) *Cloud {
	t.Helper()
	o := Options{
		App: app.Options{ServiceTokenRoles: []string{"service"}, DefaultVolumeType: block.DefaultTypeName, StorageAvailabilityZone: Zone, ClonedVolumeSameZone: true,
			SnapshotSameHost: true, ServiceDownTime: time.Minute, CoreImageProperties: []string{"checksum", "container_format", "disk_format",
				"image_name", "image_id", "min_disk", "min_ram", "name", "size"}},
		Quota: quota.Options{Volumes: 10, Snapshots: 10, Gigabytes: 1000, Backups: 10, BackupGigabytes: 1000, Groups: 10,
			PerVolumeGigabytes: block.Unlimited, UseDefaultQuotaClass: true},
		API: api.Options{Settle: settle, ProjectIDRegex: `[0-9a-z\-]+`, Log: slog.New(slog.DiscardHandler)},
	}
	for _, f := range change {
		f(&o)
	}
	if o.Idle {
		o.API.Settle = 0
	}
	path, err := writeDatabase(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: path, Synchronous: "OFF", Observer: o.observer()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := &Cloud{Store: s, Driver: fakedriver.New(), Target: faketarget.New(), Images: fakeimages.New(), Repository: fakerepository.New(Repository), seen: seen}
	c.Images.SetUploadLimit(1 << 20)
	c.Driver.SetDirectory(t.TempDir())
	transport := inproc.New(inproc.Options{})
	t.Cleanup(func() { _ = transport.Close(context.Background()) })
	now := func() time.Time { return time.Now().UTC() }
	enforcer, err := policy.New(policy.Options{Defaults: policies.Defaults(), EnforceNewDefaults: true})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	c.Core = &app.Core{Store: s, Flows: flow.NewEngine(journal.New(s), flowOptions(log)), Scheduler: rpcapi.Scheduler{Client: transport},
		VolumeService: rpcapi.Volume{Client: transport}, BackupService: rpcapi.Backup{Client: transport}, Policy: enforcer,
		Quota: quota.New(o.Quota), Zones: app.NewZones(s, now), Messages: messages.NewWriter(s, time.Hour), Keys: o.Keys,
		Images: c.Images, Options: o.App, Log: log, LogLevel: new(oslolog.Threshold), Host: "node", Now: now}
	if o.Nova != nil {
		c.Core.Compute = o.Nova
	}
	if o.Notified != nil {
		c.Core.Events = notify.New(o.Notified, "node")
	}
	if c.API, err = api.New(c.Core, o.API); err != nil {
		t.Fatal(err)
	}
	c.handler = c.API
	if !o.Idle {
		c.start(t, transport, log, o)
	}
	return c
}

// observer tells Statement of what the database is sent.
func (o Options) observer() sqlkit.Observer {
	if o.Statement == nil {
		return nil
	}
	return func(_ context.Context, text string, _ time.Duration, _ error) { o.Statement(text) }
}

func flowOptions(log *slog.Logger) flow.Options {
	return flow.Options{Stopping: run.ErrStopping, Log: log}
}

// start starts the services, and returns when volumes can be scheduled.
func (c *Cloud) start(t testing.TB, transport *inproc.Transport, log *slog.Logger, o Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), settle)
	defer cancel()
	backend := driver.Driver(c.Driver)
	if o.Driver != nil {
		backend = o.Driver(c.Driver)
	}
	c.serve(ctx, t, Backend, backend, transport, log, o)
	if o.Second {
		c.Second = fakedriver.New()
		c.Driver.SetReach("second", c.Second)
		c.Second.SetReach("first", c.Driver)
		c.serve(ctx, t, SecondBackend, c.Second, transport, log, o)
	}
	s, err := scheduler.New(scheduler.Options{Host: "node", AvailabilityZone: Zone, Events: c.Core.Events, Methods: c.logMethods(), Log: log}, c.Store, transport, messages.NewWriter(c.Store, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s.Stop) })
	c.startBackup(ctx, t, transport, log, o)
	for ctx.Err() == nil {
		if r, err := c.Core.Scheduler.GetPools(ctx, nil); err == nil && len(r.Pools) > 0 && (len(r.Pools) > 1 || !o.Second) {
			return
		}
	}
	t.Fatal("the scheduler knows no pool")
}

// serve starts the volume service of a back end.
func (c *Cloud) serve(ctx context.Context, t testing.TB, host string, d driver.Driver, transport *inproc.Transport, log *slog.Logger, o Options) {
	t.Helper()
	storage, err := driver.NewBackend(d, driver.Options{BackendName: block.Host(host).BackendName(), StorageProtocol: c.Target.Protocol()})
	if err != nil {
		t.Fatal(err)
	}
	member, err := membership.Join(ctx, c.Store, block.Service{Host: host, Binary: block.BinaryVolume, Topic: block.BinaryVolume,
		AvailabilityZone: Zone, RPCCurrentVersion: block.VolumeRPCVersion, ObjectCurrentVersion: block.ObjectVersion,
		ReplicationStatus: "disabled"}, membership.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	mo := manager.Options{Host: host, ServiceUUID: member.Row().UUID, Store: c.Store, Backend: storage, Target: c.Target, Quota: c.Core.Quota,
		Transport: transport, Messages: messages.NewWriter(c.Store, time.Hour), Log: log, Flows: flow.NewEngine(journal.New(c.Store), flowOptions(log)),
		Methods: c.logMethods(),
		Images:  image.Settings{Images: c.Images, Run: execx.System{}, Keys: o.Keys, UnlockTimeMS: 10, ConversionDir: t.TempDir(), VerifySignatures: true}}
	if o.Images != nil {
		o.Images(&mo.Images)
	}
	if o.Nova != nil {
		mo.Compute = o.Nova
	}
	if o.Notified != nil {
		mo.Notifier = notify.New(o.Notified, host)
	}
	m := manager.New(mo)
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, m.Stop) })
}

// startBackup starts the backup service.
func (c *Cloud) startBackup(ctx context.Context, t testing.TB, transport *inproc.Transport, log *slog.Logger, o Options) {
	t.Helper()
	bo := backup.Options{Host: "node", AvailabilityZone: Zone, Store: c.Store, Flows: flow.NewEngine(journal.New(c.Store), flowOptions(log)),
		Repository: c.Repository, Open: fakerepository.Open, Transport: transport, Methods: c.logMethods(),
		Messages: messages.NewWriter(c.Store, time.Hour), Keys: o.Keys, Log: log}
	if o.Unattachable {
		bo.Open = nil // what opens a real connection knows nothing of the target
	}
	if o.Notified != nil {
		bo.Events = notify.New(o.Notified, "node")
	}
	b := backup.New(bo)
	if err := b.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, b.Stop) })
}

// logMethods are what every service serves about its log, which is that of all.
func (c *Cloud) logMethods() map[string]messaging.Method {
	return loglevels.Methods(oslolog.Levels{Level: c.Core.LogLevel, Log: c.Core.Log})
}

// stop stops a service.
func stop(t testing.TB, how func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), settle)
	defer cancel()
	if err := how(ctx); err != nil {
		t.Error(err)
	}
}
