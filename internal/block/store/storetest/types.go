package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

func testType(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := defaultType(t, s)
	if first.Name != block.DefaultTypeName || !first.IsPublic || len(first.ExtraSpecs) != 0 {
		t.Errorf("the default type is %+v", first)
	}
	gold := &block.VolumeType{ID: "gold", Timestamps: block.Timestamps{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, Name: "Gold",
		Description: new("shiny"), ExtraSpecs: texts{"multiattach": "<is> True"}, ProjectIDs: []string{mine}}
	create := func(v *block.VolumeType) error {
		return attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateVolumeType(ctx, v) })
	}
	if err := create(gold); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "by id", gold, must(s.VolumeType(ctx, "gold", ""))(t))
	wantEqual(t, "by name", gold, must(s.TypeByName(ctx, "Gold", mine))(t))
	_, err := s.VolumeType(ctx, "none", "")
	wantFault(t, err, fault.NotFound, "VolumeTypeNotFound", "Volume type none could not be found.")
	_, err = s.TypeByName(ctx, "gold", "")
	wantFault(t, err, fault.NotFound, "VolumeTypeNotFoundByName", "Volume type with name gold could not be found.")
	wantFault(t, create(&block.VolumeType{ID: "other", Name: "Gold"}), fault.Conflict, "VolumeTypeExists", "Volume Type Gold already exists.")
	wantFault(t, create(&block.VolumeType{ID: "gold", Name: "Other"}), fault.Conflict, "VolumeTypeExists", "Volume Type gold already exists.")

	change := *gold
	change.Name, change.Description, change.IsPublic, change.ProjectIDs = "Silver", nil, true, nil
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateVolumeType(ctx, &change) })
	if diff := cmp.Diff(&change, must(s.VolumeType(ctx, "gold", ""))(t), cmpopts.IgnoreFields(block.VolumeType{}, "UpdatedAt")); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	change.Name = block.DefaultTypeName
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateVolumeType(ctx, &change) }), fault.Conflict, "VolumeTypeExists", "")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateVolumeType(ctx, &block.VolumeType{ID: "none", Name: "x"})
	}), fault.NotFound, "VolumeTypeNotFound", "")

	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutExtraSpecs(ctx, "gold", texts{"a": "b", "multiattach": "no"}); err != nil {
			return err
		}
		return tx.DeleteExtraSpec(ctx, "gold", "a")
	})
	wantEqual(t, "extra specs", texts{"multiattach": "no"}, must(s.VolumeType(ctx, "gold", ""))(t).ExtraSpecs)
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteExtraSpec(ctx, "gold", "a") }),
		fault.NotFound, "VolumeTypeExtraSpecsNotFound", "Volume Type gold has no extra specs with key a.")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutExtraSpecs(ctx, "none", texts{"a": "b"}) }),
		fault.NotFound, "VolumeTypeNotFound", "")

	testTypeEnds(t, s)
}

func testTypeEnds(t *testing.T, s store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, volume("gold", "v", nil)) })
	if !must(s.TypeInUse(ctx, "gold"))(t) || must(s.TypeInUse(ctx, "none"))(t) {
		t.Error("TypeInUse is wrong while a volume has the type")
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyVolume(ctx, "v") })
	if must(s.TypeInUse(ctx, "gold"))(t) {
		t.Error("TypeInUse counts a deleted volume")
	}
	if id := must(s.DefaultTypeID(ctx, mine))(t); id != "" {
		t.Errorf("a default type %q for a project that has none", id)
	}
	destroy := func(ctx context.Context, tx store.Tx) error { return tx.DestroyVolumeType(ctx, "gold") }
	update(t, s, destroy)
	wantFault(t, attempt(t, s, destroy), fault.NotFound, "VolumeTypeNotFound", "")
	_, err := s.VolumeType(ctx, "gold", "")
	wantFault(t, err, fault.NotFound, "VolumeTypeNotFound", "")
	if err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateVolumeType(ctx, &block.VolumeType{ID: "gold2", Name: "Silver"})
	}); err != nil {
		t.Errorf("the name of a deleted type is not free: %v", err)
	}
}

func testTypeAccess(t *testing.T, s store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateVolumeType(ctx, &block.VolumeType{ID: "private", Name: "private"})
	})
	add := func(ctx context.Context, tx store.Tx) error { return tx.AddTypeAccess(ctx, "private", mine) }
	remove := func(ctx context.Context, tx store.Tx) error { return tx.RemoveTypeAccess(ctx, "private", mine) }
	for range 3 { // given, taken, given again
		_, err := s.VolumeType(ctx, "private", mine)
		wantFault(t, err, fault.NotFound, "VolumeTypeNotFound", "")
		wantFault(t, attempt(t, s, remove), fault.NotFound, "VolumeTypeAccessNotFound", "Volume type access not found for private / "+mine+" combination.")
		update(t, s, add)
		wantFault(t, attempt(t, s, add), fault.Conflict, "VolumeTypeAccessExists", "Volume type access for private / "+mine+" combination already exists.")
		wantEqual(t, "projects", []string{mine}, must(s.VolumeType(ctx, "private", mine))(t).ProjectIDs)
		_, err = s.TypeByName(ctx, "private", theirs)
		wantFault(t, err, fault.NotFound, "VolumeTypeNotFoundByName", "")
		update(t, s, remove)
	}
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.AddTypeAccess(ctx, "none", mine) }), fault.NotFound, "VolumeTypeNotFound", "")
}

func testTypeFilters(t *testing.T, s store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, v := range []*block.VolumeType{
			{ID: "a", Name: "alpha", IsPublic: true, ExtraSpecs: texts{"k": "1", "RESKEY:availability_zones": "az1,az2"}},
			{ID: "b", Name: "beta", ProjectIDs: []string{mine}, Description: new("d"), ExtraSpecs: texts{"k": "2"}},
			{ID: "c", Name: "gamma"},
		} {
			if err := tx.CreateVolumeType(ctx, v); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tt := range []struct {
		name string
		q    store.TypeQuery
		want []string
	}{
		{"all", store.TypeQuery{}, []string{block.DefaultTypeName, "alpha", "beta", "gamma"}},
		{"public", store.TypeQuery{IsPublic: new(true)}, []string{block.DefaultTypeName, "alpha"}},
		{"private", store.TypeQuery{IsPublic: new(false)}, []string{"beta", "gamma"}},
		{"mine", store.TypeQuery{ProjectID: mine}, []string{block.DefaultTypeName, "alpha", "beta"}},
		{"mine, public", store.TypeQuery{ProjectID: mine, IsPublic: new(true)}, []string{block.DefaultTypeName, "alpha", "beta"}},
		{"mine, private", store.TypeQuery{ProjectID: mine, IsPublic: new(false)}, []string{"beta"}},
		{"theirs", store.TypeQuery{ProjectID: theirs}, []string{block.DefaultTypeName, "alpha"}},
		{"name", store.TypeQuery{Equal: one("name", "beta")}, []string{"beta"}},
		{"description", store.TypeQuery{Equal: one("description", "d")}, []string{"beta"}},
		{"like", store.TypeQuery{Like: texts{"name": "mm"}}, []string{"gamma"}},
		{"spec", store.TypeQuery{ExtraSpecs: texts{"k": "1"}}, []string{"alpha"}},
		{"zone among zones", store.TypeQuery{ExtraSpecs: texts{"RESKEY:availability_zones": "az2"}}, []string{"alpha"}},
		{"page", store.TypeQuery{Page: store.Page{Limit: 1, Marker: "b", Sort: []store.Sort{{Key: "name"}}}}, []string{"gamma"}},
	} {
		var names []string
		for _, v := range must(s.VolumeTypes(ctx, tt.q))(t) {
			names = append(names, v.Name)
			if v.Name == "beta" && v.ExtraSpecs["k"] != "2" {
				t.Errorf("%s: extra specs %v of beta", tt.name, v.ExtraSpecs)
			}
		}
		wantSet(t, tt.name, tt.want, names)
	}
}

func testService(t *testing.T, s store.Store) {
	ctx := t.Context()
	register := func(v *block.Service) (row *block.Service) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			row, err = tx.RegisterService(ctx, v)
			return err
		})
		return row
	}
	me := &block.Service{Host: "h@b", Binary: block.BinaryVolume, Topic: "cinder-volume", AvailabilityZone: "nova", RPCCurrentVersion: "3.19", ObjectCurrentVersion: "1.38"}
	row := register(me)
	if row.ID == 0 || len(row.UUID) != 36 || row.CreatedAt.IsZero() || row.UpdatedAt.IsZero() || row.ReplicationStatus != "not-capable" {
		t.Errorf("a new service's row is %+v", row)
	}
	register(&block.Service{Host: "h@c", Binary: block.BinaryVolume, Topic: "cinder-volume", ClusterName: "cl"})
	register(&block.Service{Host: "h", Binary: block.BinaryScheduler, Topic: "cinder-scheduler"})
	register(&block.Service{Host: "hh", Binary: block.BinaryScheduler, Topic: "cinder-scheduler"})

	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.UpdateService(ctx, row.ID, store.ServiceSet{Disabled: new(true), DisabledReason: new("broken"), Frozen: new(true)}); err != nil {
			return err
		}
		return tx.Heartbeat(ctx, row.ID)
	})
	me.RPCCurrentVersion, me.AvailabilityZone = block.VolumeRPCVersion, "az"
	again := register(me)
	want := *row
	want.RPCCurrentVersion, want.AvailabilityZone, want.Disabled, want.DisabledReason, want.Frozen, want.ReportCount = block.VolumeRPCVersion, "az", true, "broken", true, 1
	if diff := cmp.Diff(&want, again, cmpopts.IgnoreFields(block.Service{}, "UpdatedAt")); diff != "" {
		t.Errorf("registered again (-want +got):\n%s", diff)
	}
	if again.UpdatedAt.Before(row.UpdatedAt) {
		t.Error("updated_at went back")
	}
	for _, tt := range []struct {
		name string
		q    store.ServiceQuery
		want []string
	}{
		{"all", store.ServiceQuery{}, []string{"h@b", "h@c", "h", "hh"}},
		{"binary", store.ServiceQuery{Binary: block.BinaryVolume}, []string{"h@b", "h@c"}},
		{"topic", store.ServiceQuery{Topic: "cinder-scheduler"}, []string{"h", "hh"}},
		{"back end", store.ServiceQuery{Host: "h@b"}, []string{"h@b"}},
		{"host", store.ServiceQuery{Host: "h"}, []string{"h@b", "h@c", "h"}},
		{"cluster", store.ServiceQuery{ClusterName: "cl"}, []string{"h@c"}},
		{"disabled", store.ServiceQuery{Disabled: new(true)}, []string{"h@b"}},
		{"enabled", store.ServiceQuery{Disabled: new(false), Binary: block.BinaryVolume}, []string{"h@c"}},
	} {
		var hosts []string
		for _, v := range must(s.Services(ctx, tt.q))(t) {
			hosts = append(hosts, v.Host)
		}
		wantEqual(t, tt.name, tt.want, hosts)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteService(ctx, row.ID) })
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Heartbeat(ctx, row.ID) }), fault.NotFound, "ServiceNotFound", "")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateService(ctx, row.ID, store.ServiceSet{}) }),
		fault.NotFound, "ServiceNotFound", "")
	if fresh := register(me); fresh.ID == row.ID || fresh.Disabled {
		t.Errorf("after its deletion the service got %+v; want a new row", fresh)
	}
}

func testBackendVolumes(t *testing.T, s store.Store) {
	ty := defaultType(t, s)
	on := func(id string, host block.Host, sizeGiB int64) *block.Volume {
		return volume(ty.ID, id, func(v *block.Volume) { v.Host, v.SizeGiB = host, sizeGiB })
	}
	create(t, s, on("a", "h@b#p", 1), on("b", "h@b#p", 2), on("c", "h@b#q", 4), on("d", "h@b", 8), on("e", "h@bb#p", 16), on("f", "", 32), on("g", "h@b#p", 64))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyVolume(ctx, "g") })
	got := must(s.BackendVolumes(t.Context(), "h@b"))(t)
	wantEqual(t, "totals", map[block.Host]store.PoolTotals{"h@b#p": {Volumes: 2, SizeGiB: 3}, "h@b#q": {Volumes: 1, SizeGiB: 4}, "h@b": {Volumes: 1, SizeGiB: 8}}, got)
}
