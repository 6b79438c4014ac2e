package storetest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
)

func newNamespace(t testing.TB, s store.Store, name string, change func(n *image.Namespace)) *image.Namespace {
	t.Helper()
	n := &image.Namespace{Name: name, Visibility: image.Private, Owner: mine}
	if change != nil {
		change(n)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateNamespace(ctx, n) })
	return n
}

func testNamespaces(t *testing.T, s store.Store) {
	n := newNamespace(t, s, "one", func(n *image.Namespace) {
		n.DisplayName, n.Description, n.Protected = new("One"), new(""), true
	})
	got, err := s.Namespace(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(n, got); d != "" || n.ID == 0 || n.CreatedAt.IsZero() {
		t.Errorf("namespace (-created +read):\n%s", d)
	}
	other := newNamespace(t, s, "two", nil)
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateNamespace(ctx, &image.Namespace{Name: "one"})
	}),
		fault.Conflict, "MetadefDuplicateNamespace")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		other.Name = "one"
		return tx.SaveNamespace(ctx, other)
	}), fault.Conflict, "MetadefDuplicateNamespace")
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		other.Name, other.Owner, other.Visibility = "renamed", theirs, image.Public
		return tx.SaveNamespace(ctx, other)
	})
	if got, err = s.Namespace(t.Context(), "renamed"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(other, got); d != "" {
		t.Errorf("namespace (-saved +read):\n%s", d)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyNamespace(ctx, other) })
	_, err = s.Namespace(t.Context(), "renamed")
	wantFault(t, err, fault.NotFound, "MetadefNamespaceNotFound")
	wantFault(t, attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SaveNamespace(ctx, other) }), fault.NotFound, "MetadefNamespaceNotFound")
}

func testNamespaceLists(t *testing.T, s store.Store) {
	a := newNamespace(t, s, "a", nil)
	newNamespace(t, s, "b", func(n *image.Namespace) { n.Owner = theirs })
	c := newNamespace(t, s, "c", func(n *image.Namespace) { n.Owner, n.Visibility = theirs, image.Public })
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, one := range []struct {
			n *image.Namespace
			a image.Association
		}{{a, image.Association{ResourceType: "X::Y"}}, {a, image.Association{ResourceType: "X::Z", Prefix: new("p:"), PropertiesTarget: new("image")}},
			{c, image.Association{ResourceType: "X::Z"}}} {
			if err := tx.CreateAssociation(ctx, one.n, &one.a); err != nil {
				return err
			}
		}
		return nil
	})
	page := func(limit int, marker string, sort ...store.Sort) store.Page {
		return store.Page{Limit: limit, Marker: marker, Sort: sort}
	}
	byName := store.Sort{Key: "namespace"}
	for name, c := range map[string]struct {
		q    store.NamespaceQuery
		want []string
	}{
		"all":          {store.NamespaceQuery{All: true, Page: page(9, "")}, []string{"c", "b", "a"}},
		"mine":         {store.NamespaceQuery{Owner: mine, Page: page(9, "", byName)}, []string{"a", "c"}},
		"nobody's":     {store.NamespaceQuery{Page: page(9, "")}, []string{"c"}},
		"private":      {store.NamespaceQuery{All: true, Visibility: image.Private, Page: page(9, "", byName)}, []string{"a", "b"}},
		"a page":       {store.NamespaceQuery{All: true, Page: page(1, "a", byName)}, []string{"b"}},
		"the last":     {store.NamespaceQuery{All: true, Page: page(9, "a")}, nil},
		"none":         {store.NamespaceQuery{All: true, Page: page(0, "")}, nil},
		"of a type":    {store.NamespaceQuery{All: true, ResourceTypes: []string{"X::Z", "nothing"}, Page: page(9, "", byName)}, []string{"a", "c"}},
		"of two types": {store.NamespaceQuery{All: true, ResourceTypes: []string{"X::Y", "X::Z"}, Page: page(9, "", byName)}, []string{"a", "c"}},
		"of no type":   {store.NamespaceQuery{All: true, ResourceTypes: []string{"nothing"}, Page: page(9, "")}, nil},
	} {
		list, err := s.Namespaces(t.Context(), c.q)
		var names []string
		for _, n := range list {
			names = append(names, n.Name)
		}
		if d := cmp.Diff(c.want, names); d != "" || err != nil {
			t.Errorf("%s (-want +got): %v\n%s", name, err, d)
		}
	}
	_, err := s.Namespaces(t.Context(), store.NamespaceQuery{All: true, Page: page(1, "gone")})
	wantFault(t, err, fault.NotFound, "MetadefNamespaceNotFound")
	_, err = s.Namespaces(t.Context(), store.NamespaceQuery{All: true, Page: page(1, "", store.Sort{Key: "secret"})})
	wantFault(t, err, fault.Invalid, "InvalidSortKey")
}

func testAssociations(t *testing.T, s store.Store) {
	n := newNamespace(t, s, "a", nil)
	a := &image.Association{ResourceType: "X::Z", Prefix: new("p:"), PropertiesTarget: new("image")}
	associate := func(a *image.Association) error {
		return attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateAssociation(ctx, n, a) })
	}
	if err := associate(a); err != nil {
		t.Fatal(err)
	}
	wantFault(t, associate(&image.Association{ResourceType: "X::Z"}), fault.Conflict, "MetadefDuplicateResourceTypeAssociation")
	all, err := s.Associations(t.Context(), n.ID, n.ID+1)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[int64][]*image.Association{n.ID: {a}}, all); d != "" {
		t.Errorf("associations (-want +got):\n%s", d)
	}
	types, err := s.ResourceTypes(t.Context())
	if err != nil || len(types) < 2 || types[len(types)-1].Name != "X::Z" {
		t.Errorf("resource types %v, %v", types, err)
	}
	for _, want := range []bool{true, false} {
		update(t, s, func(ctx context.Context, tx store.Tx) error {
			there, err := tx.DestroyAssociation(ctx, n, "X::Z")
			if there != want {
				t.Errorf("it was there: %v", there)
			}
			return err
		})
	}
	if none, err := s.Associations(t.Context()); err != nil || len(none) != 0 {
		t.Errorf("of no namespaces: %v, %v", none, err)
	}
}

func testDefinitions(t *testing.T, s store.Store) {
	n, other := newNamespace(t, s, "a", nil), newNamespace(t, s, "b", nil)
	for kind, d := range map[image.DefinitionKind]*image.Definition{
		image.DefinedObject:   {Name: "x", Description: new("d"), Required: []string{"p", "q"}, Schema: []byte(`{"p": {}}`)},
		image.DefinedProperty: {Name: "x", Schema: []byte(`{"type": "string"}`)},
		image.DefinedTag:      {Name: "x"},
	} {
		t.Run(string(kind), func(t *testing.T) { testDefinition(t, s, n, other, kind, d) })
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyNamespace(ctx, n) })
}

func testDefinition(t *testing.T, s store.Store, n, other *image.Namespace, kind image.DefinitionKind, d *image.Definition) {
	create := func(in *image.Namespace, d *image.Definition) error {
		return attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateDefinition(ctx, in, kind, d) })
	}
	duplicate := fault.NameOf(image.DefinitionDuplicate(kind, "", ""))
	copied := *d
	if err := create(n, d); err != nil {
		t.Fatal(err)
	}
	if err := create(other, &copied); err != nil { // the name is another's there
		t.Fatal(err)
	}
	same := &image.Definition{Name: "x", Schema: []byte("{}")}
	if kind == image.DefinedTag {
		same.Name = "X"
	}
	wantFault(t, create(n, same), fault.Conflict, duplicate)
	second := &image.Definition{Name: "second", Required: []string{}, Schema: []byte("{}")}
	if err := create(n, second); err != nil {
		t.Fatal(err)
	}
	got, err := s.Definition(t.Context(), n.ID, kind, "x")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("definition (-created +read):\n%s", diff)
	}
	list, err := s.Definitions(t.Context(), n.ID, kind, store.Page{Limit: 9, Sort: []store.Sort{{Key: "name"}}, Marker: "second"})
	if err != nil || len(list) != 1 || list[0].Name != "x" {
		t.Errorf("after the second: %v, %v", list, err)
	}
	_, err = s.Definitions(t.Context(), n.ID, kind, store.Page{Limit: 9, Marker: "gone"})
	wantFault(t, err, fault.NotFound, "NotFound")
	save := func(name string, d *image.Definition) error {
		return attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.SaveDefinition(ctx, n, kind, name, d) })
	}
	wantFault(t, save("x", second), fault.Conflict, duplicate)
	wantFault(t, save("gone", second), fault.NotFound, "NotFound")
	changed := &image.Definition{Name: "y", Description: d.Description, Required: d.Required, Schema: d.Schema}
	if err := save("x", changed); err != nil {
		t.Fatal(err)
	}
	if got, err = s.Definition(t.Context(), n.ID, kind, "y"); err != nil || !cmp.Equal(changed, got, cmpopts.EquateEmpty()) || got.CreatedAt != d.CreatedAt {
		t.Errorf("saved %v, read %v, %v", changed, got, err)
	}
	destroy := func(name string) error {
		return attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyDefinition(ctx, n, kind, name) })
	}
	if err := destroy("y"); err != nil {
		t.Error(err)
	}
	wantFault(t, destroy("y"), fault.NotFound, "NotFound")
	_, err = s.Definition(t.Context(), n.ID, kind, "y")
	wantFault(t, err, fault.NotFound, "NotFound")
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DestroyDefinitions(ctx, n, kind) })
	if list, err := s.Definitions(t.Context(), n.ID, kind, store.Page{Limit: 9}); err != nil || len(list) != 0 {
		t.Errorf("after all were destroyed: %v, %v", list, err)
	}
	if _, err := s.Definition(t.Context(), other.ID, kind, "x"); err != nil {
		t.Errorf("the other namespace's: %v", err)
	}
}
