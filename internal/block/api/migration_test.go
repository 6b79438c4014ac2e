package api_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/driver"
	fakedriver "github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

const refusedRetype = "Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active migration or a consistency " +
	"group, requested type has to be different that the one from the volume, and for in-use volumes front-end qos specs cannot change."

func second(o *apitest.Options) { o.Second = true }

func retype(c apitest.Caller, id, newType string, more ...any) apitest.Answer {
	return c.Action("/volumes/"+id, "os-retype", object(append([]any{"new_type", newType}, more...)...))
}

// held says whether a fake storage has a volume.
func held(d *fakedriver.Driver, id string) bool {
	_, there := d.VolumeSizeGiB(id)
	return there
}

func TestRetypeInPlace(t *testing.T) {
	t.Parallel()
	n := &apitest.Notified{}
	c := cloud(t, func(o *apitest.Options) { o.Notified = n })
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p").At("3.71")
	gold := newType(admin, "gold", "extra_specs", object("storage:tier", "gold"))
	id := m.Volume()
	snapshot := m.Snapshot(id)
	plain := m.Row(id).VolumeTypeID
	n.Take()
	retype(m, id, "gold", "migration_policy", "never").Empty(202)
	v := m.Row(id)
	if v.Status != block.VolumeAvailable || v.VolumeTypeID != gold || v.Host != apitest.Pool || v.MigrationStatus != "" {
		t.Errorf("after the retype: %s, type %s, at %s, migration %q", v.Status, v.VolumeTypeName, v.Host, v.MigrationStatus)
	}
	if s := m.SnapshotRow(snapshot); s.VolumeTypeID != gold {
		t.Errorf("the snapshot has type %s", s.VolumeTypeID)
	}
	if !slices.Contains(c.Driver.Calls(), fakedriver.Call{Verb: "retype", ID: id}) {
		t.Error("the driver was not asked")
	}
	if events := n.Take(); len(events) != 1 || events[0].EventType != "volume.retype" || events[0].Payload["status"] != "available" || events[0].Payload["volume_type"] != gold {
		t.Errorf("events %v", events)
	}
	for resource, want := range map[string]int64{"volumes_gold": 1, "gigabytes_gold": 2, "snapshots_gold": 1, "volumes___DEFAULT__": 0} {
		u := object("quota_set", object(resource, object("in_use", want)))
		if got := admin.Get("/os-quota-sets/p?usage=True").OK(200).At("quota_set", resource, "in_use"); got != float64(want) {
			t.Errorf("%s: %v in use, want %v", resource, got, u)
		}
	}
	retype(m, id, plain, "migration_policy", "on-demand").Empty(202)
	if v := m.Row(id); v.VolumeTypeID != plain || v.Status != block.VolumeAvailable {
		t.Errorf("after the way back: %s, type %s", v.Status, v.VolumeTypeName)
	}
}

func TestRetypeRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p").At("3.71")
	gold := newType(admin, "gold", "extra_specs", object("storage:tier", "gold"))
	small := newType(admin, "small", "extra_specs", object("provisioning:max_vol_size", "0"))
	shared := newType(admin, "shared", "extra_specs", object("multiattach", "<is> True"))
	private := newType(admin, "private", "os-volume-type-access:is_public", false)
	secret := newType(admin, "secret")
	admin.Post("/types/"+secret+"/encryption", object("encryption", object("provider", "luks", "control_location", "front-end"))).OK(200)
	id := m.Volume()

	retype(m, id, m.Row(id).VolumeTypeID).Fault(400, refusedRetype)
	retype(m, id, "nosuch").Fault(404, "Volume type with name nosuch could not be found.")
	retype(m, id, nowhere).Fault(404, "Volume type "+nowhere+" could not be found.")
	retype(m, id, "private").Fault(404, "Volume type "+private+" could not be found.")
	retype(m, id, small).Fault(400, "Invalid input received: Specified volume size of '1' is greater than the maximum allowable size of '0' for volume type 'small'.")
	retype(m, id, secret).Fault(501, "the two types encrypt differently")
	retype(m, nowhere, gold).Fault(404, "Volume "+nowhere+" could not be found.")
	retype(c.As(t, apitest.Reader, "p"), id, gold).Fault(403, "volume:retype")
	retype(c.As(t, apitest.Member, "q"), id, gold).Fault(404, "Volume "+id+" could not be found.")
	retype(m, id, gold, "migration_policy", "always").Fault(400, "'always' is not one of ['on-demand', 'never']")
	m.Action("/volumes/"+id, "os-retype", object()).Fault(400, "'new_type' is a required property")

	for what, set := range map[string]store.VolumeSet{
		"in error": {Status: new(block.VolumeError)}, "being moved": {MigrationStatus: new(block.MigrationMigrating)},
		"in a group": {GroupID: new(nowhere)},
	} {
		other := m.Volume()
		if set.GroupID != nil {
			continue // groups have a home of their own
		}
		m.Set(other, set)
		retype(m, other, gold).Fault(400, refusedRetype)
		if v := m.Row(other); v.VolumeTypeID == gold || v.Status == block.VolumeRetyping {
			t.Errorf("a volume %s was changed: %s", what, v.Status)
		}
	}

	// What hypervisors enforce cannot change under them.
	front := admin.Post("/qos-specs", object("qos_specs", object("name", "front", "consumer", "front-end"))).OK(200).Text("qos_specs", "id")
	admin.Get("/qos-specs/" + front + "/associate?vol_type_id=" + gold).OK(202)
	m.SetStatus(id, block.VolumeInUse)
	retype(m, id, gold).Fault(400, refusedRetype)
	retype(m, id, shared).Fault(400, "Invalid input received: Invalid volume_type passed, retypes affecting multiattach are only allowed on "+
		"available volumes, the specified volume however currently has a status of: in-use.")
	admin.Get("/qos-specs/" + front + "/disassociate?vol_type_id=" + gold).OK(202)
	m.SetStatus(id, block.VolumeAvailable)
	retype(m, id, shared).Empty(202)
	if v := m.Row(id); !v.Multiattach || v.Status != block.VolumeAvailable {
		t.Errorf("the volume is %s, multiattach %v", v.Status, v.Multiattach)
	}
}

// TestRetypeQuota: a type's own quota holds for what comes from other types.
func TestRetypeQuota(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p").At("3.71")
	newType(admin, "gold", "extra_specs", object("storage:tier", "gold"))
	limit := func(resource string, n int) {
		admin.Put("/os-quota-sets/p", object("quota_set", object(resource, n))).OK(200)
	}
	first, other := m.Volume(), m.Volume()
	m.Snapshot(other)
	limit("volumes_gold", 1)
	retype(m, first, "gold").Empty(202)
	retype(m, other, "gold").Fault(413, "Maximum number of volumes allowed (1) exceeded for quota 'volumes_gold'.")
	limit("volumes_gold", -1)
	limit("gigabytes_gold", 2)
	retype(m, other, "gold").Fault(413, "Requested volume or snapshot exceeds allowed gigabytes_gold quota. Requested 2G, quota is 2G and 1G has been consumed.")
	if v := m.Row(other); v.Status != block.VolumeAvailable || v.VolumeTypeName == "gold" {
		t.Errorf("a volume beyond the quota is %s of type %s", v.Status, v.VolumeTypeName)
	}
	limit("gigabytes_gold", 3)
	retype(m, other, "gold").Empty(202)
	if v := m.Row(other); v.VolumeTypeName != "gold" {
		t.Errorf("the type is %s", v.VolumeTypeName)
	}
}

// eventOf is the event of the one message about a resource, empty if there is none.
func eventOf(c apitest.Caller, id string) string {
	list := c.Get("/messages?resource_uuid=" + id).OK(200).At("messages").([]any)
	if len(list) != 1 {
		return ""
	}
	return list[0].(map[string]any)["event_id"].(string)
}

// stubborn is a driver that retypes nothing where it is.
type stubborn struct{ *fakedriver.Driver }

func (stubborn) Retype() {}

// TestRetypeFails: a volume that cannot have the type is as it was, and its user is told why.
func TestRetypeFails(t *testing.T) {
	t.Parallel()
	n := &apitest.Notified{}
	c := cloud(t, func(o *apitest.Options) {
		o.Notified = n
		o.Driver = func(d *fakedriver.Driver) driver.Driver { return stubborn{d} }
	})
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p").At("3.71")
	newType(admin, "elsewhere", "extra_specs", object("volume_backend_name", "elsewhere"))
	newType(admin, "here", "extra_specs", object("storage:tier", "gold"))
	for newType, c := range map[string]struct{ detail, event string }{
		"elsewhere": {"003", "scheduler.retype"}, // no pool suits it
		"here":      {"001", ""},                 // the pool does, and the driver cannot
	} {
		id := m.Volume()
		was := m.Row(id)
		n.Take()
		retype(m, id, newType).Empty(202)
		v := m.Row(id)
		if v.Status != block.VolumeAvailable || v.VolumeTypeID != was.VolumeTypeID || v.Host != was.Host || v.MigrationStatus != "" {
			t.Errorf("%s: the volume is %s of type %s at %s, migration %q", newType, v.Status, v.VolumeTypeName, v.Host, v.MigrationStatus)
		}
		if event := eventOf(m, id); event != "VOLUME_VOLUME_001_"+c.detail {
			t.Errorf("%s: the message is %s", newType, event)
		}
		events := n.Take()
		if c.event != "" && (len(events) != 1 || events[0].EventType != c.event || events[0].Priority != "ERROR") {
			t.Errorf("%s: events %v", newType, events)
		}
	}
}

const refusedMigration = " status must be available or in-use, must not be migrating, have snapshots, be replicated, be part of a group and " +
	"destination host/cluster must be different than the current one"

// atFirst makes a volume on the first back end, of the default type.
func atFirst(c apitest.Caller) string {
	id := c.Volume("volume_type", "first")
	plain, err := c.Store.TypeByName(c.TB.Context(), block.DefaultTypeName, "")
	if err != nil {
		c.TB.Fatal(err)
	}
	c.Set(id, store.VolumeSet{VolumeTypeID: &plain.ID})
	return id
}

func migrate(c apitest.Caller, id string, pairs ...any) apitest.Answer {
	return c.Action("/volumes/"+id, "os-migrate_volume", object(pairs...))
}

// moved checks that a volume has come to the pool and serves there under its own name, and that nothing else is left of it.
func moved(t *testing.T, m apitest.Caller, id string, pool block.Host, to, from *fakedriver.Driver) {
	t.Helper()
	v := m.Row(id)
	if v.Host != pool || v.Status != block.VolumeAvailable || v.MigrationStatus != block.MigrationSuccess || v.NameID != "" {
		t.Errorf("the volume is at %s, %s, migration %q, name %q", v.Host, v.Status, v.MigrationStatus, v.NameID)
	}
	if !held(to, id) || held(from, id) {
		t.Errorf("it is held where it is: %v, where it was: %v", held(to, id), held(from, id))
	}
	all, err := m.Store.Volumes(t.Context(), store.VolumeQuery{})
	if err != nil || len(all) != 1 {
		t.Errorf("%d volumes, %v", len(all), err)
	}
	if services, err := m.Store.Services(t.Context(), store.ServiceQuery{Host: pool.Backend(), Binary: block.BinaryVolume}); err != nil || v.ServiceUUID != services[0].UUID {
		t.Errorf("its service is %s, %v", v.ServiceUUID, err)
	}
	for _, owner := range []string{apitest.Backend, apitest.SecondBackend, "scheduler"} {
		if recs, err := m.Store.Flows(t.Context(), owner, 0, 10); err != nil || len(recs) != 0 {
			t.Errorf("%s has %+v in the journal, %v", owner, recs, err)
		}
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	c := cloud(t, second)
	admin, m := c.As(t, apitest.Admin, "ops").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	newType(admin, "first", "extra_specs", object("volume_backend_name", "fake"))
	id := atFirst(m)
	migrate(admin, id, "host", apitest.SecondPool).Empty(202)
	moved(t, m, id, apitest.SecondPool, c.Second, c.Driver)
	migrate(admin.At("3.0"), id, "host", apitest.Backend, "lock_volume", "true", "force_host_copy", false).Empty(202)
	moved(t, m, id, apitest.Pool, c.Driver, c.Second)
	if usage := admin.Get("/os-quota-sets/p?usage=True").OK(200).At("quota_set", "volumes", "in_use"); usage != 1.0 {
		t.Errorf("%v volumes in use", usage)
	}
}

// TestRetypeMigrates: where only another back end suits the new type, the volume goes there with it.
func TestRetypeMigrates(t *testing.T) {
	t.Parallel()
	n := &apitest.Notified{}
	c := cloud(t, second, func(o *apitest.Options) { o.Notified = n })
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p").At("3.71")
	newType(admin, "first", "extra_specs", object("volume_backend_name", "fake"))
	there := newType(admin, "second", "extra_specs", object("volume_backend_name", "other"))
	id := m.Volume("volume_type", "first")
	retype(m, id, "second").Empty(202)
	if v := m.Row(id); v.VolumeTypeName != "first" || v.Host != apitest.Pool || v.Status != block.VolumeAvailable {
		t.Errorf("without leave to move: %s of type %s at %s", v.Status, v.VolumeTypeName, v.Host)
	}
	n.Take()
	retype(m, id, "second", "migration_policy", "on-demand").Empty(202)
	moved(t, m, id, apitest.SecondPool, c.Second, c.Driver)
	if v := m.Row(id); v.VolumeTypeID != there {
		t.Errorf("its type is %s", v.VolumeTypeName)
	}
	retyped := 0
	for _, e := range n.Take() {
		if e.EventType == "volume.retype" && e.Payload["volume_id"] == id {
			retyped++
		}
	}
	if retyped != 1 {
		t.Errorf("%d events of the retype", retyped)
	}
}

func TestMigrateRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t, second)
	admin, m := c.As(t, apitest.Admin, "ops").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	newType(admin, "first", "extra_specs", object("volume_backend_name", "fake"))
	id := atFirst(m)
	migrate(admin, id).Fault(400, "Invalid input received: One and only one of cluster and host must be set.")
	migrate(admin, id, "host", apitest.Pool, "cluster", "c").Fault(400, "Invalid input received: One and only one of cluster and host must be set.")
	migrate(admin.At("3.15"), id).Fault(400, "'host' is a required property")
	migrate(admin, id, "host", "nosuch@nosuch#nosuch").Fault(400, "Invalid host: No available service named 'nosuch@nosuch#nosuch'")
	migrate(admin, id, "cluster", "nosuch").Fault(400, "Invalid host: No available service named 'nosuch'")
	migrate(admin, id, "host", apitest.Pool).Fault(400, "Invalid volume: Volume "+id+refusedMigration)
	migrate(m, id, "host", apitest.SecondPool).Fault(403, "volume_extension:volume_admin_actions:migrate_volume")
	migrate(admin, nowhere, "host", apitest.SecondPool).Fault(404, "Volume "+nowhere+" could not be found.")
	for what, set := range map[string]store.VolumeSet{
		"in error": {Status: new(block.VolumeError)}, "migrating": {MigrationStatus: new(block.MigrationStarting)},
		"replicated": {ReplicationStatus: new("enabled")},
	} {
		other := atFirst(m)
		m.Set(other, set)
		migrate(admin, other, "host", apitest.SecondPool).Fault(400, "Invalid volume: Volume "+other+refusedMigration)
		if v := m.Row(other); v.Host != apitest.Pool || v.MigrationStatus != "" && v.MigrationStatus != block.MigrationStarting {
			t.Errorf("%s: the volume is at %s, migration %q", what, v.Host, v.MigrationStatus)
		}
	}
	m.Snapshot(id)
	migrate(admin, id, "host", apitest.SecondPool).Fault(400, "Invalid volume: Volume "+id+refusedMigration)

	// The second back end takes nothing of this type any more.
	id = atFirst(m)
	migrate(admin, id, "host", apitest.SecondBackend+"#nopool").Empty(202)
	if v := m.Row(id); v.MigrationStatus != block.MigrationError || v.Status != block.VolumeAvailable || v.Host != apitest.Pool {
		t.Errorf("to a pool that is not there: %s at %s, migration %q", v.Status, v.Host, v.MigrationStatus)
	}
}

// TestMigrateFails: a volume whose move comes to nothing is where it was, unlocked, and nothing is left of what was made.
func TestMigrateFails(t *testing.T) {
	t.Parallel()
	c := cloud(t, second)
	admin, m := c.As(t, apitest.Admin, "ops").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	newType(admin, "first", "extra_specs", object("volume_backend_name", "fake"))
	id := atFirst(m)
	c.Driver.FailNext("migrate_volume", fault.New(fault.Internal, "", "it broke"))
	migrate(admin, id, "host", apitest.SecondPool, "lock_volume", true).Empty(202)
	v := m.Row(id)
	if v.Host != apitest.Pool || v.Status != block.VolumeAvailable || v.MigrationStatus != block.MigrationError || !held(c.Driver, id) {
		t.Errorf("the volume is at %s, %s, migration %q", v.Host, v.Status, v.MigrationStatus)
	}
	if all, err := c.Store.Volumes(t.Context(), store.VolumeQuery{}); err != nil || len(all) != 1 {
		t.Errorf("%d volumes, %v", len(all), err)
	}
	if event := eventOf(m, id); event != "VOLUME_VOLUME_001_001" {
		t.Errorf("the message is %s", event)
	}
	c.Driver.SetHook(nil)
	migrate(admin, id, "host", apitest.SecondPool).Empty(202) // an error does not stand against another try
	moved(t, m, id, apitest.SecondPool, c.Second, c.Driver)
}

func TestMigrationTargetsAreHidden(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "p").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	id, made := m.Volume(), m.Volume()
	m.Set(made, store.VolumeSet{MigrationStatus: new("target:" + id)})
	count := func(c apitest.Caller) int { return len(c.Get("/volumes").OK(200).At("volumes").([]any)) }
	if count(m) != 1 || count(admin) != 2 {
		t.Errorf("the user sees %d volumes, the administrator %d", count(m), count(admin))
	}
	m.Delete("/volumes/"+made).Fault(400, "must not be migrating")
}

// TestUsingAbortsMigration: whoever begins to use a volume that is being moved has it, and the move is off.
func TestUsingAbortsMigration(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	for what, use := range map[string]func(id string){
		"attachment": func(id string) {
			m.Post("/attachments", object("attachment", object("volume_uuid", id, "instance_uuid", uuid.NewString()))).OK(200)
		},
		"os-reserve": func(id string) { m.Action("/volumes/"+id, "os-reserve", object()).Empty(202) },
		"os-initialize_connection": func(id string) {
			m.Action("/volumes/"+id, "os-initialize_connection", object("connector", object("host", "h"))).OK(200)
		},
	} {
		id := m.Volume()
		m.Set(id, store.VolumeSet{MigrationStatus: new(block.MigrationMigrating)})
		use(id)
		if v := m.Row(id); v.MigrationStatus != block.MigrationError {
			t.Errorf("%s: the migration is %q", what, v.MigrationStatus)
		}
	}
}

func TestMigrationCompletion(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "p").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	complete := func(c apitest.Caller, id, newID string, more ...any) apitest.Answer {
		return c.Action("/volumes/"+id, "os-migrate_volume_completion", object(append([]any{"new_volume", newID}, more...)...))
	}
	id, made := m.Volume(), m.Volume()
	complete(m, id, made).Fault(403, "volume_extension:volume_admin_actions:migrate_volume_completion")
	complete(admin, id, nowhere).Fault(404, "Volume "+nowhere+" could not be found.")
	complete(admin, id, "x").Fault(400, "'x' is not a 'uuid'")
	complete(admin, id, made, "error", true).Is(200, `{"save_volume_id": "`+made+`"}`)
	m.Set(made, store.VolumeSet{MigrationStatus: new("target:" + id)})
	complete(admin, id, made).Fault(400, "Invalid volume: Source volume not mid-migration.")
	m.Set(id, store.VolumeSet{MigrationStatus: new(block.MigrationMigrating)})
	m.Set(made, store.VolumeSet{MigrationStatus: new("")})
	complete(admin, id, made).Fault(400, "Invalid volume: Destination volume not mid-migration.")
	m.Set(made, store.VolumeSet{MigrationStatus: new("target:" + nowhere)})
	complete(admin, id, made).Fault(400, "Invalid volume: Destination has migration_status target:"+nowhere+", expected target:"+id+".")
	m.Set(made, store.VolumeSet{MigrationStatus: new("target:" + id)})
	complete(admin, id, made).Fault(400, "Invalid volume: Volume "+id+" is being moved by its volume service, which ends the migration itself.")
	complete(admin, id, made, "error", "yes").Is(200, `{"save_volume_id": "`+id+`"}`)
	if v := m.Row(id); v.MigrationStatus != block.MigrationError {
		t.Errorf("the migration is %q", v.MigrationStatus)
	}

	// Nova has moved an instance from one volume to another by itself.
	server := uuid.NewString()
	from, to := m.Volume(), m.Volume()
	m.Action("/volumes/"+from, "os-reserve", object()).Empty(202)
	m.Action("/volumes/"+from, "os-attach", object("instance_uuid", server, "mountpoint", "/dev/vdb")).Empty(202)
	m.Action("/volumes/"+to, "os-reserve", object()).Empty(202)
	complete(admin, from, to, "error", false).Is(200, `{"save_volume_id": "`+to+`"}`)
	if a, b := m.Row(from), m.Row(to); a.Status != block.VolumeAvailable || b.Status != block.VolumeInUse || len(b.Attachments) != 1 || b.Attachments[0].InstanceUUID != server {
		t.Errorf("the volume it left is %s, the one it came to %s with %+v", a.Status, b.Status, b.Attachments)
	}
}
