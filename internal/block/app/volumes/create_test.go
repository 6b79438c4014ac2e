package volumes

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

// anyone is a policy under which everyone may do everything.
type anyone struct{}

func (anyone) Check(context.Context, string, func(string) (string, bool)) error { return nil }

// dropped is a client whose messages get lost.
type dropped struct{ err error }

func (d dropped) Cast(context.Context, messaging.Target, messaging.Message) error      { return d.err }
func (d dropped) Call(context.Context, messaging.Target, messaging.Message, any) error { return d.err }

// newVolumes makes the use cases over a database that has the volume services given, "host zone" each.
func newVolumes(t *testing.T, o app.Options, services ...string) *Volumes {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Update(t.Context(), func(tx store.Tx) error {
		for _, service := range services {
			host, zone, _ := strings.Cut(service, " ")
			if _, err := tx.RegisterService(t.Context(), &block.Service{Host: host, Binary: block.BinaryVolume, Topic: block.BinaryVolume, AvailabilityZone: zone}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.DefaultVolumeType == "" {
		o.DefaultVolumeType = block.DefaultTypeName
	}
	if o.StorageAvailabilityZone == "" {
		o.StorageAvailabilityZone = "nova"
	}
	client := dropped{}
	return New(&app.Core{Store: s, Flows: flow.NewEngine(journal.New(s), flow.Options{}), Scheduler: rpcapi.Scheduler{Client: client},
		VolumeService: rpcapi.Volume{Client: client}, Policy: anyone{}, Quota: quota.New(quota.Options{Volumes: 1, Gigabytes: 100, Snapshots: 1, PerVolumeGigabytes: -1}),
		Zones: app.NewZones(s, time.Now), Options: o, Now: func() time.Time { return time.Now().UTC() }})
}

// as is a context of a member of a project.
func as(ctx context.Context, project string) context.Context {
	return reqctx.With(ctx, reqctx.Request{ProjectID: project, UserID: "u", Roles: []string{"member"}})
}

// TestCreateFlow: wherever a create is cut short, the volume is either entered, with its record for the scheduler and its
// quota taken, or there is no trace of it.
func TestCreateFlow(t *testing.T) {
	u := newVolumes(t, app.Options{}, "node@a nova")
	flowtest.Check(t, flowtest.Case[creation, store.Tx]{
		Faults: []error{fault.New(fault.Internal, "", "an injected fault"), fault.New(fault.OverLimit, "VolumeLimitExceeded", "no")},
		New: func(t *testing.T) flowtest.World[creation, store.Tx] {
			project, id := uuid.NewString(), uuid.NewString()
			s := &creation{asked: CreateRequest{SizeGiB: 3, Metadata: map[string]string{"k": "v"}}, volume: &block.Volume{ID: id}}
			s.message.FlowID, s.message.VolumeID = app.NewOperationID(), id
			f := *u.createFlow()
			for i, step := range f.Steps { // the caller's context is not the test's to give
				if step.Do != nil {
					f.Steps[i].Do = func(ctx context.Context, s *creation) error { return step.Do(as(ctx, project), s) }
				}
			}
			mine := func(t *testing.T, owner string) (list []flow.Record) {
				all, err := u.Store.Flows(t.Context(), owner, 0, 1000)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range all {
					if r.ResourceID == id {
						list = append(list, r)
					}
				}
				return list
			}
			usage := func(t *testing.T) *block.QuotaUsage {
				usage, err := u.Store.QuotaUsage(t.Context(), project)
				if err != nil {
					t.Fatal(err)
				}
				return usage
			}
			return flowtest.World[creation, store.Tx]{
				Journal: journal.New(u.Store), Flow: &f, State: s,
				Record:  flow.Record{ID: s.message.FlowID, Name: rpcapi.FlowVolumeCreate, Owner: "api", ResourceType: "volume", ResourceID: id},
				Records: func(t *testing.T) []flow.Record { return mine(t, "api") },
				Done: func(t *testing.T) {
					v, err := u.Store.Volume(t.Context(), id, project)
					if err != nil || v.Status != block.VolumeCreating || v.SizeGiB != 3 || v.Metadata["k"] != "v" || v.AvailabilityZone != "nova" {
						t.Errorf("the volume is %+v, %v", v, err)
					}
					if left := mine(t, rpcapi.SchedulerOwner); len(left) != 1 || left[0].Name != rpcapi.FlowVolumeCreate {
						t.Errorf("the scheduler has %+v", left)
					}
					if got := usage(t); got.Volumes != 1 || got.VolumeGigabytes != 3 {
						t.Errorf("usage %+v", got)
					}
				},
				Undone: func(t *testing.T, _ error) {
					if _, err := u.Store.Volume(t.Context(), id, ""); !fault.Is(err, fault.NotFound) {
						t.Errorf("the volume: %v", err)
					}
					if left := mine(t, rpcapi.SchedulerOwner); len(left) != 0 {
						t.Errorf("the scheduler has %+v", left)
					}
					if got := usage(t); got.Volumes != 0 {
						t.Errorf("usage %+v", got)
					}
				},
			}
		},
	})
}

// TestLostMessage: a volume whose message gets lost is entered all the same; the journal has it.
func TestLostMessage(t *testing.T) {
	u := newVolumes(t, app.Options{}, "node@a nova")
	u.Scheduler.Client = dropped{errors.New("the broker is away")}
	v, err := u.Create(as(t.Context(), "p"), CreateRequest{SizeGiB: 1})
	if err != nil {
		t.Fatal(err)
	}
	left, err := u.Store.Flows(t.Context(), rpcapi.SchedulerOwner, 0, 10)
	if err != nil || len(left) != 1 || left[0].ResourceID != v.ID {
		t.Errorf("the scheduler has %+v, %v", left, err)
	}
	_, err = u.Create(as(t.Context(), "p"), CreateRequest{SizeGiB: 1})
	if fault.NameOf(err) != "VolumeLimitExceeded" {
		t.Errorf("a second volume: %v", err)
	}
}

func TestZones(t *testing.T) {
	typed := func(zones string) *block.VolumeType {
		if zones == "" {
			return &block.VolumeType{}
		}
		return &block.VolumeType{ExtraSpecs: map[string]string{"RESKEY:availability_zones": zones}}
	}
	for name, tc := range map[string]struct {
		options        app.Options
		asked, ofType  string
		source, snap   string // zone of the source
		zones, refused string
	}{
		"storage zone":                      {zones: "nova"},
		"default zone":                      {options: app.Options{DefaultAvailabilityZone: "east"}, zones: "east"},
		"asked":                             {asked: "west", zones: "west"},
		"unknown":                           {asked: "mars", refused: "InvalidAvailabilityZone"},
		"unknown, falls back":               {options: app.Options{AllowAvailabilityZoneFallback: true}, asked: "mars", zones: "nova"},
		"falls back to default":             {options: app.Options{AllowAvailabilityZoneFallback: true, DefaultAvailabilityZone: "east"}, asked: "mars", zones: "east"},
		"type's":                            {ofType: "east,west,mars", zones: "east west"},
		"type's, asked":                     {ofType: "east, west", asked: "west", zones: "west"},
		"type's, asked another":             {ofType: "east", asked: "west", refused: "InvalidAvailabilityZone"},
		"type of nowhere":                   {ofType: "mars", refused: "InvalidTypeAvailabilityZones"},
		"source's":                          {source: "west", zones: "west"},
		"another than the source's":         {options: app.Options{ClonedVolumeSameZone: true}, source: "west", asked: "east", refused: "InvalidInput"},
		"another than the snapshot's":       {options: app.Options{ClonedVolumeSameZone: true}, snap: "west", asked: "east", refused: "InvalidInput"},
		"another than the source's, let be": {source: "west", asked: "east", zones: "east"},
	} {
		t.Run(name, func(t *testing.T) {
			u := &Volumes{Core: &app.Core{Options: tc.options, Zones: app.NewZones(places{"east", "west"}, time.Now)}}
			u.Options.StorageAvailabilityZone = "nova"
			s := &creation{asked: CreateRequest{AvailabilityZone: tc.asked}, volType: typed(tc.ofType), volume: new(block.Volume)}
			if zone := tc.source + tc.snap; zone != "" {
				s.source = &block.Volume{AvailabilityZone: zone}
			}
			if tc.snap != "" {
				s.snapshot = new(block.Snapshot)
			}
			err := u.extractZones(t.Context(), s)
			if fault.NameOf(err) != tc.refused || err == nil && strings.Join(s.zones, " ") != tc.zones {
				t.Errorf("zones %v, error %v", s.zones, err)
			}
		})
	}
}

// places is a services table with one volume service in each zone.
type places []string

func (p places) Services(context.Context, store.ServiceQuery) ([]*block.Service, error) {
	var list []*block.Service
	for _, zone := range p {
		list = append(list, &block.Service{Host: "node@" + zone, AvailabilityZone: zone})
	}
	return list, nil
}

func (places) BackendVolumes(context.Context, string) (map[block.Host]store.PoolTotals, error) {
	return nil, nil
}

// TestTypeChange: a copy stays on its back end, so another type than the source's must be one of the same back end.
func TestTypeChange(t *testing.T) {
	u := newVolumes(t, app.Options{}, "node@a nova", "node@b nova")
	alone := newVolumes(t, app.Options{}, "node@a nova")
	source := &block.VolumeType{ID: uuid.NewString(), Name: "source", IsPublic: true, ExtraSpecs: map[string]string{"volume_backend_name": "a"}}
	for _, v := range []*Volumes{u, alone} {
		if err := v.Store.Update(t.Context(), func(tx store.Tx) error { return tx.CreateVolumeType(t.Context(), source) }); err != nil {
			t.Fatal(err)
		}
	}
	named := func(backend string) *block.VolumeType {
		return &block.VolumeType{ID: uuid.NewString(), ExtraSpecs: map[string]string{"volume_backend_name": backend}}
	}
	for name, tc := range map[string]struct {
		uses     *Volumes
		asked    *block.VolumeType
		snapshot bool
		refused  string
	}{
		"same":                             {uses: u, asked: source},
		"same back end":                    {uses: u, asked: named("a")},
		"other back end":                   {uses: u, asked: named("b"), refused: "either match source volume, or omit type argument"},
		"other back end, of snapshot":      {uses: u, asked: named("b"), snapshot: true, refused: "recommend omitting the type argument"},
		"no back end":                      {uses: u, asked: &block.VolumeType{ID: "x"}, refused: "requested type is not compatible"},
		"other back end, where but one is": {uses: alone, asked: named("b")},
	} {
		t.Run(name, func(t *testing.T) {
			s := &creation{source: &block.Volume{VolumeTypeID: source.ID}, volType: tc.asked}
			if tc.snapshot {
				s.snapshot = &block.Snapshot{VolumeTypeID: source.ID}
			}
			err := tc.uses.checkTypeChange(t.Context(), s)
			if (err == nil) != (tc.refused == "") || err != nil && !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("%v", err)
			}
		})
	}
	if err := u.checkTypeChange(t.Context(), &creation{volType: named("b")}); err != nil {
		t.Errorf("without a source: %v", err)
	}
}

func TestSize(t *testing.T) {
	source, snapshot := &block.Volume{SizeGiB: 5}, &block.Snapshot{VolumeSizeGiB: 3}
	for name, tc := range map[string]struct {
		s    creation
		want int64 // 0: refused
	}{
		"asked":                    {creation{asked: CreateRequest{SizeGiB: 1}}, 1},
		"most":                     {creation{asked: CreateRequest{SizeGiB: block.MaxSizeGiB}}, block.MaxSizeGiB},
		"too much":                 {creation{asked: CreateRequest{SizeGiB: block.MaxSizeGiB + 1}}, 0},
		"negative":                 {creation{asked: CreateRequest{SizeGiB: -1}}, 0},
		"none":                     {creation{}, 0},
		"of the source":            {creation{source: source}, 5},
		"larger than the source":   {creation{source: source, asked: CreateRequest{SizeGiB: 6}}, 6},
		"smaller than the source":  {creation{source: source, asked: CreateRequest{SizeGiB: 4}}, 0},
		"of the snapshot":          {creation{source: source, snapshot: snapshot}, 3},
		"between snapshot, volume": {creation{source: source, snapshot: snapshot, asked: CreateRequest{SizeGiB: 4}}, 4},
		"smaller than a snapshot":  {creation{source: source, snapshot: snapshot, asked: CreateRequest{SizeGiB: 2}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tc.s.volume = new(block.Volume)
			err := extractSize(&tc.s)
			if tc.want == 0 && fault.NameOf(err) != "InvalidInput" || tc.want != 0 && (err != nil || tc.s.volume.SizeGiB != tc.want) {
				t.Errorf("%d GiB, %v", tc.s.volume.SizeGiB, err)
			}
		})
	}
	bounded := &block.VolumeType{Name: "t", ExtraSpecs: map[string]string{"provisioning:min_vol_size": "2", "provisioning:max_vol_size": "4"}}
	for size, ok := range map[int64]bool{1: false, 2: true, 4: true, 5: false} {
		if err := CheckProvisionedSize(bounded, size); (err == nil) != ok {
			t.Errorf("%d GiB of a type for 2 to 4: %v", size, err)
		}
	}
	if err := CheckProvisionedSize(&block.VolumeType{ExtraSpecs: map[string]string{"provisioning:max_vol_size": "much"}}, 5); err != nil {
		t.Errorf("a limit that is no number: %v", err)
	}
}
