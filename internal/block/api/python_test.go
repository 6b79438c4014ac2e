package api_test

import (
	"context"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// pythons are a scheduler and a volume service that do what Python's do, and leave to the API what they leave to it.
type pythons struct {
	store store.Store
	down  bool // messages are not taken
}

func (p *pythons) Kept(context.Context, store.Reader, string) (bool, error) { return false, nil }

func (p *pythons) Cast(ctx context.Context, _ messaging.Target, m messaging.Message) error {
	if p.down {
		return fault.New(fault.Unavailable, "", "The broker is away.")
	}
	switch a := m.Args.(type) {
	case *rpcapi.CreateVolume:
		return p.set(ctx, a.VolumeID, store.VolumeSet{Status: new(block.VolumeAvailable), Host: new(block.Host("n@b#p"))})
	case *rpcapi.ExtendVolume:
		if len(a.Reservations) != 2 { // gigabytes, and those of the type
			return fault.New(fault.Internal, "", "reserved: %v", a.Reservations)
		}
		return p.set(ctx, a.VolumeID, store.VolumeSet{Status: new(block.VolumeErrorExtending)}) // and the size is left alone
	case *rpcapi.Retype:
		if len(a.Reservations) != 2 || len(a.OldReservations) != 2 {
			return fault.New(fault.Internal, "", "reserved: %v, %v", a.Reservations, a.OldReservations)
		}
		return p.set(ctx, a.VolumeID, store.VolumeSet{Status: new(block.VolumeAvailable)}) // and so is the type
	}
	return nil
}

func (p *pythons) Call(ctx context.Context, _ messaging.Target, m messaging.Message, reply any) error {
	if a, ok := m.Args.(*rpcapi.AttachmentUpdate); ok {
		*reply.(*map[string]any) = map[string]any{"driver_volume_type": "rbd"}
		return p.store.Update(ctx, func(tx store.Tx) error {
			_, err := tx.UpdateAttachment(ctx, a.AttachmentID, nil, store.AttachmentSet{AttachStatus: new(block.AttachAttaching), Connector: &a.Connector})
			return err
		})
	}
	return nil
}

func (p *pythons) set(ctx context.Context, id string, set store.VolumeSet) error {
	return p.store.Update(ctx, func(tx store.Tx) error {
		_, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{}, set)
		return err
	})
}

// TestBesidePythonServices: the API does what Python's services leave to it, and does not count on what they do not do.
func TestBesidePythonServices(t *testing.T) {
	t.Parallel()
	c := apitest.New(t, nil, func(o *apitest.Options) { o.Idle = true })
	p := &pythons{store: c.Store}
	c.Core.Keepers = p
	c.Core.Scheduler, c.Core.VolumeService = rpcapi.Scheduler{Client: p}, rpcapi.Volume{Client: p}
	m := c.As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume()

	id := attach(m, volume, server)
	m.Put("/attachments/"+id, object("attachment", object("connector", connector))).OK(200)
	if row := m.AttachmentRow(id); row.Connection["driver_volume_type"] != "rbd" {
		t.Errorf("the connection is not kept: %+v", row)
	}
	m.Action("/attachments/"+id, "os-complete", nil).Empty(204)
	m.Delete("/attachments/" + id).OK(200)
	expectStates(m, volume, "available/detached")

	m.Action("/volumes/"+volume, "os-extend", object("new_size", 5)).Empty(202)
	if row := m.Row(volume); row.SizeGiB != 1 || row.Status != block.VolumeErrorExtending {
		t.Errorf("after an extend that failed: %d GiB, %s", row.SizeGiB, row.Status)
	}
	if err := p.set(t.Context(), volume, store.VolumeSet{Status: new(block.VolumeAvailable)}); err != nil {
		t.Fatal(err)
	}
	admin := c.As(t, apitest.Admin, "p").At("3.71")
	gold := admin.Post("/types", object("volume_type", object("name", "gold"))).OK(200).Text("volume_type", "id")
	m.Action("/volumes/"+volume, "os-retype", object("new_type", "gold", "migration_policy", "never")).Empty(202)
	if row := m.Row(volume); row.VolumeTypeID == gold || row.Status != block.VolumeAvailable {
		t.Errorf("after a retype that came to nothing: type %s, %s", row.VolumeTypeID, row.Status)
	}

	p.down = true
	m.Delete("/volumes/"+volume).Fault(503, "The broker is away.")
	expectStates(m, volume, "deleting/detached")
}

// ours keeps every record: the services are all ours, but not of this process.
type ours struct{}

func (ours) Kept(context.Context, store.Reader, string) (bool, error) { return true, nil }

// TestRetypeOverABroker: where an answer does not wait for the work, nobody sees the new type before the retype is done; its
// quota is held meanwhile.
func TestRetypeOverABroker(t *testing.T) {
	t.Parallel()
	c := apitest.New(t, nil)
	c.Core.Keepers = ours{}
	admin, m := c.As(t, apitest.Admin, "p").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	gold := admin.Post("/types", object("volume_type", object("name", "gold", "extra_specs", object("fake:tier", "gold")))).OK(200).Text("volume_type", "id")
	volume := m.Volume()
	before := m.Row(volume).VolumeTypeID
	reserved := func() any {
		return admin.Get("/os-quota-sets/p?usage=true").OK(200).At("quota_set", "volumes_gold", "reserved")
	}
	seen := make(chan string, 1)
	c.Driver.SetHook(func(_ context.Context, call fake.Call) error {
		if call.Verb == "retype" {
			v, err := c.Store.Volume(context.WithoutCancel(t.Context()), volume, "")
			if err != nil {
				return err
			}
			seen <- v.VolumeTypeID
		}
		return nil
	})
	m.Action("/volumes/"+volume, "os-retype", object("new_type", "gold", "migration_policy", "never")).Empty(202)
	select {
	case during := <-seen:
		if during != before {
			t.Errorf("while it was retyped the volume had the type %s, want %s", during, before)
		}
	default:
		t.Error("the driver was not asked")
	}
	if row := m.Row(volume); row.VolumeTypeID != gold || row.Status != block.VolumeAvailable {
		t.Errorf("after the retype: type %s, %s", row.VolumeTypeID, row.Status)
	}
	if n := reserved(); n != float64(0) {
		t.Errorf("after the retype %v are reserved", n)
	}
}
