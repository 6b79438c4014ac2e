package catalogtest

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

func testEncryption(t *testing.T, s store.Store) {
	ctx := t.Context()
	id := volumeType(t, s, "secret")
	e := &block.TypeEncryption{ID: "e", TypeID: id, Timestamps: block.Timestamps{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Provider: "luks", ControlLocation: "front-end", Cipher: new("aes-xts-plain64"), KeySizeBits: new(int64(256))}
	_, err := s.TypeEncryption(ctx, id)
	const name, text = "VolumeTypeEncryptionNotFound", "Volume type encryption for type secret does not exist."
	wantFault(t, err, fault.NotFound, name, text)
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateTypeEncryption(ctx, e) }), fault.NotFound, name, text)
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyTypeEncryption(ctx, id) }), fault.NotFound, name, text)

	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateTypeEncryption(ctx, e) })
	wantEqual(t, "what was made", e, must(s.TypeEncryption(ctx, id))(t))
	wantEqual(t, "the type is encrypted", true, must(s.VolumeType(ctx, id, ""))(t).Encrypted)
	e.Cipher, e.KeySizeBits, e.Provider = nil, nil, "plain"
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateTypeEncryption(ctx, e) })
	got := must(s.TypeEncryption(ctx, id))(t)
	if d := cmp.Diff(e, got, cmpopts.IgnoreFields(block.TypeEncryption{}, "UpdatedAt")); d != "" || got.UpdatedAt.IsZero() {
		t.Errorf("after the update at %v (-want +got):\n%s", got.UpdatedAt, d)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.DestroyTypeEncryption(ctx, id); err != nil {
			return err
		}
		wantEqual(t, "the type is encrypted no more", false, must(tx.VolumeType(ctx, id, ""))(t).Encrypted)
		return tx.CreateTypeEncryption(ctx, &block.TypeEncryption{ID: "f", TypeID: id, Provider: "luks", ControlLocation: "back-end"})
	})
	wantEqual(t, "the next", "f", must(s.TypeEncryption(ctx, id))(t).ID)
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyVolumeType(ctx, id) })
	_, err = s.TypeEncryption(ctx, id)
	wantFault(t, err, fault.NotFound, name, text)
}

func testDefaultTypes(t *testing.T, s store.Store) {
	ctx := t.Context()
	one, two := volumeType(t, s, "one"), volumeType(t, s, "two")
	wantEqual(t, "none", map[string]string{}, must(s.DefaultTypeIDs(ctx))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, set := range [][2]string{{mine, one}, {theirs, two}, {mine, two}} {
			if err := tx.SetDefaultType(ctx, set[0], set[1]); err != nil {
				return err
			}
		}
		return nil
	})
	wantEqual(t, "all", map[string]string{mine: two, theirs: two}, must(s.DefaultTypeIDs(ctx))(t))
	wantEqual(t, "one project's", two, must(s.DefaultTypeID(ctx, mine))(t))
	wantEqual(t, "for one project", two, must(s.DefaultType(ctx, mine, "one"))(t).ID)
	wantEqual(t, "for another", one, must(s.DefaultType(ctx, "nobody", "one"))(t).ID)
	_, err := s.DefaultType(ctx, "nobody", "none")
	wantFault(t, err, fault.NotFound, "VolumeTypeNotFoundByName", "")
	wantEqual(t, "projects", []string{mine, theirs}, must(s.ProjectsWithDefaultType(ctx, two))(t))
	wantEqual(t, "projects of another", []string(nil), must(s.ProjectsWithDefaultType(ctx, one))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.UnsetDefaultType(ctx, mine); err != nil {
			return err
		}
		return tx.UnsetDefaultType(ctx, mine)
	})
	wantEqual(t, "the other", map[string]string{theirs: two}, must(s.DefaultTypeIDs(ctx))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SetDefaultType(ctx, mine, one) })
	wantEqual(t, "set anew", one, must(s.DefaultTypeID(ctx, mine))(t))
}

func testGroupType(t *testing.T, s store.Store) {
	ctx := t.Context()
	gold := &block.GroupType{ID: "gold", Timestamps: block.Timestamps{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, Name: "Gold",
		Description: new("shiny"), IsPublic: true, Specs: map[string]*string{"consistent_group_snapshot_enabled": new("<is> True"), "nothing": nil}}
	create := func(v *block.GroupType) error {
		return attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateGroupType(ctx, v) })
	}
	if err := create(gold); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "by id", gold, must(s.GroupType(ctx, "gold", mine))(t))
	wantEqual(t, "by name", gold, must(s.GroupTypeByName(ctx, "Gold", mine))(t))
	wantFault(t, create(&block.GroupType{ID: "x", Name: "Gold"}), fault.Conflict, "GroupTypeExists", "Group Type Gold already exists.")
	_, err := s.GroupType(ctx, "none", "")
	wantFault(t, err, fault.NotFound, "GroupTypeNotFound", "Group type none could not be found.")
	_, err = s.GroupTypeByName(ctx, "none", "")
	wantFault(t, err, fault.NotFound, "GroupTypeNotFoundByName", "Group type with name none could not be found.")

	change := *gold
	change.Name, change.Description, change.IsPublic = "Silver", nil, false
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateGroupType(ctx, &change) })
	if d := cmp.Diff(&change, must(s.GroupType(ctx, "gold", ""))(t), cmpopts.IgnoreFields(block.GroupType{}, "UpdatedAt")); d != "" {
		t.Errorf("after the update (-want +got):\n%s", d)
	}
	change.Name = "default_cgsnapshot_type"
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateGroupType(ctx, &change) }), fault.Conflict, "GroupTypeExists", "")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.UpdateGroupType(ctx, &block.GroupType{ID: "none", Name: "x"})
	}), fault.NotFound, "GroupTypeNotFound", "")

	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutGroupSpecs(ctx, "gold", map[string]*string{"a": new("b"), "nothing": new("c")}); err != nil {
			return err
		}
		return tx.DeleteGroupSpec(ctx, "gold", "a")
	})
	wantEqual(t, "specs", map[string]*string{"consistent_group_snapshot_enabled": new("<is> True"), "nothing": new("c")}, must(s.GroupType(ctx, "gold", ""))(t).Specs)
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteGroupSpec(ctx, "gold", "a") }),
		fault.NotFound, "GroupTypeSpecsNotFound", "Group Type gold has no specs with key a.")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutGroupSpecs(ctx, "none", nil) }), fault.NotFound, "GroupTypeNotFound", "")
	if must(s.GroupTypeInUse(ctx, "gold"))(t) {
		t.Error("a type is in use by no group")
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyGroupType(ctx, "gold") })
	_, err = s.GroupType(ctx, "gold", "")
	wantFault(t, err, fault.NotFound, "GroupTypeNotFound", "")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyGroupType(ctx, "gold") }), fault.NotFound, "GroupTypeNotFound", "")
}

func testGroupTypeList(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateGroupType(ctx, &block.GroupType{ID: "open", Name: "open", IsPublic: true}); err != nil {
			return err
		}
		return tx.CreateGroupType(ctx, &block.GroupType{ID: "closed", Name: "closed"})
	})
	names := func(q store.GroupTypeQuery) (list []string) {
		q.Page.Sort = []store.Sort{{Key: "name"}}
		for _, v := range must(s.GroupTypes(t.Context(), q))(t) {
			list = append(list, v.Name)
		}
		return list
	}
	wantEqual(t, "all", []string{"closed", "default_cgsnapshot_type", "open"}, names(store.GroupTypeQuery{}))
	wantEqual(t, "public", []string{"default_cgsnapshot_type", "open"}, names(store.GroupTypeQuery{IsPublic: new(true)}))
	wantEqual(t, "private", []string{"closed"}, names(store.GroupTypeQuery{IsPublic: new(false)}))
	wantEqual(t, "a project's", []string{"default_cgsnapshot_type", "open"}, names(store.GroupTypeQuery{ProjectID: mine}))
	wantEqual(t, "a page", []string{"default_cgsnapshot_type"}, names(store.GroupTypeQuery{Page: store.Page{Limit: 1, Marker: "closed"}}))
	_, err := s.GroupType(t.Context(), "closed", mine)
	wantFault(t, err, fault.NotFound, "GroupTypeNotFound", "")
	_, err = s.GroupTypes(t.Context(), store.GroupTypeQuery{Page: store.Page{Marker: "none"}})
	wantFault(t, err, fault.NotFound, "GroupTypeNotFound", "")
}
