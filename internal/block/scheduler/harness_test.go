package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a scheduler with all it stands on, in memory.
type house struct {
	*testing.T
	store     *memory
	transport *inproc.Transport
	scheduler *Scheduler
	messages  *told
	api       rpcapi.Scheduler

	mu   sync.Mutex
	got  []messaging.Message // what the volume services were sent
	news chan struct{}
}

// told keeps user messages.
type told struct {
	mu   sync.Mutex
	list []Message
}

func (m *told) Create(_ context.Context, msg Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, msg)
	return nil
}

func (*told) DeleteExpired(context.Context) error { return nil }

func (m *told) all() []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Message(nil), m.list...)
}

// newHouse builds a scheduler that has not started.
func newHouse(t *testing.T, o Options) *house {
	t.Helper()
	h := &house{T: t, store: newMemory(), transport: inproc.New(inproc.Options{}), messages: &told{}, news: make(chan struct{}, 1000)}
	h.api = rpcapi.Scheduler{Client: h.transport}
	o.Host, o.AvailabilityZone, o.Log = "control", "nova", slog.New(slog.DiscardHandler)
	var err error
	if h.scheduler, err = New(o, h.store, h.transport, h.messages); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.scheduler.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := h.transport.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

func (h *house) start() {
	h.Helper()
	if err := h.scheduler.Start(h.Context()); err != nil {
		h.Fatal(err)
	}
}

// up starts a scheduler with these pools, one back end each, all reported, and with its first recovery behind it: what
// is put into the journal from now on is the message's that brings it.
func up(t *testing.T, o Options, pools ...pool) *house {
	t.Helper()
	h := newHouse(t, o)
	for _, p := range pools {
		h.backend(p)
	}
	h.start()
	<-h.scheduler.ready
	<-h.store.looked
	return h
}

// pool is a back end "node@<name>" with one pool of that name.
type pool struct {
	name                 string
	totalGiB             int
	freeGiB              int
	thin                 bool
	zone                 string
	disabled, down, mute bool
}

// backend adds the back end: its row, and a service that reports when asked and keeps what it is sent.
func (h *house) backend(p pool) {
	h.Helper()
	host := block.Host("node@" + p.name)
	seen := time.Now()
	if p.down {
		seen = seen.Add(-time.Hour)
	}
	h.store.put(func(r rows) {
		id := int64(len(r.services) + 1)
		r.services[id] = &block.Service{ID: id, Host: string(host), Binary: block.BinaryVolume, Topic: rpcapi.VolumeTopic,
			Disabled: p.disabled, AvailabilityZone: p.zone, Timestamps: block.Timestamps{UpdatedAt: seen}}
	})
	keep := func(method string) messaging.Method {
		return messaging.Method{New: func() any { return nil }, Do: func(_ context.Context, args any) (any, error) {
			h.mu.Lock()
			h.got = append(h.got, messaging.Message{Method: method, Args: args})
			h.mu.Unlock()
			h.news <- struct{}{}
			return nil, nil
		}}
	}
	methods := map[string]messaging.Method{
		rpcapi.MethodCreateVolume:   keep(rpcapi.MethodCreateVolume),
		rpcapi.MethodExtendVolume:   keep(rpcapi.MethodExtendVolume),
		rpcapi.MethodCreateSnapshot: keep(rpcapi.MethodCreateSnapshot),
		rpcapi.MethodPublishCapabilities: {New: func() any { return new(struct{}) }, Do: func(ctx context.Context, _ any) (any, error) {
			if !p.mute {
				h.report(p)
			}
			return nil, nil
		}},
	}
	for _, s := range []messaging.Server{
		{Topic: rpcapi.VolumeTopic, Server: string(host)},
		{Topic: rpcapi.VolumeTopic + "." + string(host), Server: host.Node()},
	} {
		s.Version, s.Methods = block.VolumeRPCVersion, methods
		if _, err := h.transport.Serve(h.Context(), s); err != nil {
			h.Fatal(err)
		}
	}
}

// report sends what the pool can do.
func (h *house) report(p pool) {
	h.Helper()
	err := h.api.UpdateCapabilities(context.Background(), &rpcapi.ServiceCapabilities{
		ServiceName: "volume", Host: "node@" + p.name, Timestamp: time.Now(),
		Capabilities: map[string]any{
			"volume_backend_name": p.name, "vendor_name": "Clinker", "driver_version": "1", "storage_protocol": "iSCSI",
			"pools": []map[string]any{{"pool_name": p.name, "total_capacity_gb": p.totalGiB, "free_capacity_gb": p.freeGiB,
				"allocated_capacity_gb": p.totalGiB - p.freeGiB, "thin_provisioning_support": p.thin,
				"thick_provisioning_support": !p.thin, "max_over_subscription_ratio": "2.0", "reserved_percentage": 0}},
		}})
	if err != nil && h.Context().Err() == nil { // a report may come when the test is over
		h.Error(err)
	}
}

// volume adds a volume that waits to be scheduled, with its journal record, and gives the message for it.
func (h *house) volume(id string, sizeGiB int64, change ...func(v *block.Volume, r *rpcapi.CreateRequest)) *rpcapi.CreateVolume {
	h.Helper()
	v := &block.Volume{ID: id, ProjectID: "project", UserID: "user", SizeGiB: sizeGiB, Status: block.VolumeCreating, AttachStatus: block.AttachDetached}
	m := &rpcapi.CreateVolume{FlowID: "flow-" + id, VolumeID: id, Request: rpcapi.CreateRequest{VolumeID: id}}
	for _, c := range change {
		c(v, &m.Request)
	}
	h.put(v, flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeCreate, Owner: rpcapi.SchedulerOwner, ResourceType: "volume", ResourceID: id}, m.Request)
	return m
}

func (h *house) put(v *block.Volume, rec flow.Record, state any) {
	h.Helper()
	var err error
	if rec.State, err = json.Marshal(state); err != nil {
		h.Fatal(err)
	}
	rec.UpdatedAt = time.Now()
	h.store.put(func(r rows) {
		if v != nil {
			r.volumes[v.ID] = v
		}
		r.flows[rec.ID] = rec
	})
}

// settled runs send with a tracker and waits until everything it set off is over.
func (h *house) settled(send func(ctx context.Context) error) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 10*time.Second)
	defer cancel()
	ctx, tracker := messaging.WithTracker(ctx)
	if err := send(ctx); err != nil {
		h.Fatal(err)
	}
	if err := tracker.Wait(ctx); err != nil {
		h.Fatalf("the messages did not settle: %v", err)
	}
}

func (h *house) create(m *rpcapi.CreateVolume) {
	h.Helper()
	h.settled(func(ctx context.Context) error { return h.api.CreateVolume(ctx, m) })
}

// sent is what the volume services got so far.
func (h *house) sent() []messaging.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]messaging.Message(nil), h.got...)
}

// row and record read what became of a volume and of an operation.
func (h *house) row(id string) block.Volume {
	h.Helper()
	v, err := h.store.Volume(h.Context(), id, "")
	if err != nil {
		h.Fatal(err)
	}
	return *v
}

func (h *house) record(id string) (flow.Record, bool) {
	r, ok := h.store.read().flows[id]
	return r, ok
}

func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
