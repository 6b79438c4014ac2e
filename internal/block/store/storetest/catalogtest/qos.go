package catalogtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

func qos(id string) *block.QoSSpecs {
	return &block.QoSSpecs{ID: id, Timestamps: block.Timestamps{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, Name: "n" + id,
		Consumer: block.QoSBoth, Specs: map[string]*string{"iops": new("10"), "nothing": nil, "empty": new("")}}
}

func testQoS(t *testing.T, s store.Store) {
	ctx := t.Context()
	create := func(q *block.QoSSpecs) error {
		return attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateQoSSpecs(ctx, q) })
	}
	want := qos("a")
	if err := create(want); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "what was made", want, must(s.QoSSpecs(ctx, "a"))(t))
	wantFault(t, create(&block.QoSSpecs{ID: "b", Name: "na", Consumer: block.QoSBackEnd}), fault.Conflict, "QoSSpecsExists", "QoS Specs na already exists.")
	_, err := s.QoSSpecs(ctx, "none")
	wantFault(t, err, fault.NotFound, "QoSSpecsNotFound", "No such QoS spec none.")

	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutQoSSpecs(ctx, "a", block.QoSFrontEnd, map[string]*string{"iops": nil, "nothing": new("x"), "new": new("y")}); err != nil {
			return err
		}
		return tx.PutQoSSpecs(ctx, "a", "", map[string]*string{"new": new("z")})
	})
	got := must(s.QoSSpecs(ctx, "a"))(t)
	wantEqual(t, "after the change", map[string]*string{"iops": nil, "nothing": new("x"), "empty": new(""), "new": new("z")}, got.Specs)
	wantEqual(t, "the consumer", block.QoSFrontEnd, got.Consumer)
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutQoSSpecs(ctx, "none", "", nil) }), fault.NotFound, "QoSSpecsNotFound", "")

	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for key, there := range map[string]bool{"iops": true, "none": false, "consumer": false} {
			if got, err := tx.DeleteQoSKey(ctx, "a", key); err != nil || got != there {
				t.Errorf("DeleteQoSKey(%q) = %v, %v", key, got, err)
			}
		}
		if again, err := tx.DeleteQoSKey(ctx, "a", "iops"); err != nil || again {
			t.Errorf("a key could be deleted twice: %v, %v", again, err)
		}
		return tx.PutQoSSpecs(ctx, "a", "", map[string]*string{"empty": new("e")})
	})
	wantEqual(t, "keys that are left", map[string]*string{"nothing": new("x"), "empty": new("e"), "new": new("z")}, must(s.QoSSpecs(ctx, "a"))(t).Specs)

	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyQoSSpecs(ctx, "a") })
	_, err = s.QoSSpecs(ctx, "a")
	wantFault(t, err, fault.NotFound, "QoSSpecsNotFound", "")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyQoSSpecs(ctx, "a") }), fault.NotFound, "QoSSpecsNotFound", "")
	if err := create(&block.QoSSpecs{ID: "c", Name: "na", Consumer: block.QoSBackEnd}); err != nil {
		t.Errorf("the name of deleted specs is not free: %v", err)
	}
}

func testTypeQoS(t *testing.T, s store.Store) {
	ctx := t.Context()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateQoSSpecs(ctx, qos("a")); err != nil {
			return err
		}
		return tx.CreateQoSSpecs(ctx, qos("b"))
	})
	one, two, three := volumeType(t, s, "one"), volumeType(t, s, "two"), volumeType(t, s, "three")
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for id, specs := range map[string]string{one: "a", two: "a", three: "b"} {
			if err := tx.SetTypeQoS(ctx, id, specs); err != nil {
				return err
			}
		}
		return nil
	})
	with := func(id string) (ids []string) {
		for _, ty := range must(s.TypesWithQoS(ctx, id))(t) {
			ids = append(ids, ty.ID+"="+ty.Name+"="+ty.QoSSpecsID)
		}
		return ids
	}
	wantEqual(t, "types with a", []string{"one=one=a", "two=two=a"}, with("a"))
	wantEqual(t, "the type itself", "b", must(s.VolumeType(ctx, three, ""))(t).QoSSpecsID)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.ClearTypeQoS(ctx, three, "a"); err != nil { // it has b
			return err
		}
		return tx.ClearTypeQoS(ctx, one, "a")
	})
	wantEqual(t, "types with a, but one", []string{"two=two=a"}, with("a"))
	wantEqual(t, "types with b", []string{"three=three=b"}, with("b"))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.ClearTypeQoS(ctx, "", "a") })
	wantEqual(t, "types with a, none left", []string(nil), with("a"))
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetTypeQoS(ctx, "none", "a") }), fault.NotFound, "VolumeTypeNotFound", "")
}

func testQoSPaging(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for i := range 5 {
			q := qos(fmt.Sprint(i))
			q.CreatedAt = q.CreatedAt.Add(time.Duration(i%2) * time.Second)
			if err := tx.CreateQoSSpecs(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	list := func(q store.QoSQuery) string {
		ids := ""
		for _, v := range must(s.QoSSpecsList(t.Context(), q))(t) {
			ids += v.ID
		}
		return ids
	}
	for want, q := range map[string]store.QoSQuery{
		"31420": {},
		"42":    {Page: store.Page{Marker: "1", Limit: 2}},
		"01234": {Page: store.Page{Sort: []store.Sort{{Key: "id"}}}},
		"3":     {Equal: map[string][]string{"value": {"n3"}}},
		"":      {Equal: map[string][]string{"name": {"n3"}}},
	} {
		wantEqual(t, "the list", want, list(q))
	}
	_, err := s.QoSSpecsList(t.Context(), store.QoSQuery{Page: store.Page{Marker: "none"}})
	wantFault(t, err, fault.NotFound, "QoSSpecsNotFound", "")
	_, err = s.QoSSpecsList(t.Context(), store.QoSQuery{Page: store.Page{Sort: []store.Sort{{Key: "name"}}}})
	wantFault(t, err, fault.Invalid, "InvalidInput", "Invalid input received: Invalid sort key")
}

func testQuotaClass(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutQuotaClassLimits(ctx, "gold", map[string]int64{"volumes": 5, "gigabytes": -1}); err != nil {
			return err
		}
		return tx.PutQuotaClassLimits(ctx, "gold", map[string]int64{"volumes": 6})
	})
	wantEqual(t, "the class", map[string]int64{"volumes": 6, "gigabytes": -1}, must(s.QuotaClassLimits(t.Context(), "gold"))(t))
	if _, there := must(s.QuotaClassLimits(t.Context(), "default"))(t)["volumes"]; !there {
		t.Error("the default class lost its limits")
	}
}
