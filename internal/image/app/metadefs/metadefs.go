// Package metadefs is the use cases of definitions of metadata: which properties there are, for dashboards that let users choose.
// Nothing is held against them.
//
// What must not live here: what a property's schema may say; the API checks it.
package metadefs

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// Service is the use cases.
type Service struct{ *app.Core }

// Content is what is in a namespace.
type Content struct {
	Associations              []*image.Association
	Objects, Properties, Tags []*image.Definition
}

// of are the definitions of a kind.
func (c *Content) of(kind image.DefinitionKind) *[]*image.Definition {
	switch kind {
	case image.DefinedObject:
		return &c.Objects
	case image.DefinedProperty:
		return &c.Properties
	}
	return &c.Tags
}

// kinds lists them all.
var kinds = []image.DefinitionKind{image.DefinedObject, image.DefinedProperty, image.DefinedTag}

// plural is the kind in the names of rules about many of it.
func plural(kind image.DefinitionKind) string {
	if kind == image.DefinedProperty {
		return "properties"
	}
	return string(kind) + "s"
}

// getNamespace is the rule without which a namespace is not there.
const getNamespace = "get_metadef_namespace"

// may asks a rule about a namespace; nil is none in particular.
func (s *Service) may(ctx context.Context, n *image.Namespace, rule string) bool {
	target := map[string]string{"project_id": reqctx.From(ctx).ProjectID}
	if n != nil {
		target = map[string]string{"project_id": n.Owner, "visibility": string(n.Visibility)}
	}
	return s.AuthorizeFor(ctx, rule, target) == nil
}

// authorize refuses what the caller may not do: as forbidden if it may see the namespace, else as not found.
func (s *Service) authorize(ctx context.Context, n *image.Namespace, rules ...string) error {
	for _, rule := range rules {
		switch {
		case s.may(ctx, n, rule):
		case rule == getNamespace, !s.may(ctx, n, getNamespace):
			return fault.New(fault.NotFound, "", "The resource could not be found.")
		default:
			return app.Forbidden(rule)
		}
	}
	return nil
}

// namespace reads one that the caller may know of.
func (s *Service) namespace(ctx context.Context, r store.MetadefReader, name string) (*image.Namespace, error) {
	n, err := r.Namespace(ctx, name)
	if err != nil {
		return nil, err
	}
	if caller := reqctx.From(ctx); !caller.IsAdmin && n.Visibility != image.Public && n.Owner != caller.ProjectID {
		return nil, image.NamespaceNotFound(name)
	}
	return n, nil
}

// within is namespace for what is done in one.
func (s *Service) within(ctx context.Context, r store.MetadefReader, name string, rules ...string) (*image.Namespace, error) {
	n, err := s.namespace(ctx, r, name)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "NotFound", "Namespace %s not found", name)
	}
	if err != nil {
		return nil, err
	}
	return n, s.authorize(ctx, n, rules...)
}

// change does something in a namespace.
func (s *Service) change(ctx context.Context, name, rule string, fn func(tx store.Tx, n *image.Namespace) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		n, err := s.within(ctx, tx, name, rule)
		if err != nil {
			return err
		}
		return fn(tx, n)
	})
}

// List lists the namespaces that q chooses of those the caller sees, with their associations. next is the marker of the next
// page, empty when there is none.
func (s *Service) List(ctx context.Context, q store.NamespaceQuery) (list []*image.Namespace, of map[int64][]*image.Association, next string, err error) {
	if err := s.authorize(ctx, nil, "get_metadef_namespaces", "list_metadef_resource_types"); err != nil {
		return nil, nil, "", err
	}
	caller := reqctx.From(ctx)
	q.Owner, q.All = caller.ProjectID, caller.IsAdmin
	all, err := s.Store.Namespaces(ctx, q)
	if err != nil {
		return nil, nil, "", err
	}
	var ids []int64
	for _, n := range all {
		if s.may(ctx, n, getNamespace) {
			list, ids = append(list, n), append(ids, n.ID)
		}
	}
	if len(list) > 0 && len(all) == q.Page.Limit {
		next = all[len(all)-1].Name
	}
	of, err = s.Store.Associations(ctx, ids...)
	return list, of, next, err
}

// Create makes a namespace with all that is in it. Without an owner it is the caller's project's.
func (s *Service) Create(ctx context.Context, n *image.Namespace, c Content) error {
	rules := []string{"add_metadef_namespace"}
	if len(c.Associations) > 0 {
		rules = append(rules, addAssociation)
	}
	for _, kind := range kinds {
		if len(*c.of(kind)) > 0 {
			rules = append(rules, "add_metadef_"+string(kind))
		}
	}
	if err := s.authorize(ctx, nil, rules...); err != nil {
		return err
	}
	s.fill(ctx, n)
	return s.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.CreateNamespace(ctx, n); err != nil {
			return err
		}
		for _, a := range c.Associations {
			if err := tx.CreateAssociation(ctx, n, a); err != nil {
				return err
			}
		}
		for _, kind := range kinds {
			for _, d := range *c.of(kind) {
				if err := tx.CreateDefinition(ctx, n, kind, d); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// fill says what a client has not.
func (s *Service) fill(ctx context.Context, n *image.Namespace) {
	if n.Owner == "" {
		n.Owner = reqctx.From(ctx).ProjectID
	}
	if n.Visibility == "" {
		n.Visibility = image.Private
	}
}

// everything is a page of all definitions, newest first; more of a namespace are not shown at once.
var everything = store.Page{Limit: 10_000}

// Show reads a namespace with all that is in it.
func (s *Service) Show(ctx context.Context, name string) (*image.Namespace, Content, error) {
	n, err := s.namespace(ctx, s.Store, name)
	if err != nil {
		return nil, Content{}, err
	}
	if err := s.authorize(ctx, n, getNamespace, "list_metadef_resource_types", "get_metadef_objects", "get_metadef_properties", "get_metadef_tags"); err != nil {
		return nil, Content{}, err
	}
	var c Content
	of, err := s.Store.Associations(ctx, n.ID)
	if err != nil {
		return nil, c, err
	}
	c.Associations = of[n.ID]
	for _, kind := range kinds {
		if *c.of(kind), err = s.Store.Definitions(ctx, n.ID, kind, order(kind)); err != nil {
			return nil, c, err
		}
	}
	return n, c, nil
}

// order is how all definitions of a kind are listed.
func order(kind image.DefinitionKind) store.Page {
	p := everything
	if kind != image.DefinedTag {
		p.Sort = []store.Sort{{Key: "id"}}
	}
	return p
}

// Update makes a namespace what n says, but for what is in it: what n does not say is what it is when it is created. n is filled.
func (s *Service) Update(ctx context.Context, name string, n *image.Namespace) error {
	return s.change(ctx, name, "modify_metadef_namespace", func(tx store.Tx, before *image.Namespace) error {
		s.fill(ctx, n)
		n.ID, n.CreatedAt = before.ID, before.CreatedAt
		err := tx.SaveNamespace(ctx, n)
		if fault.Is(err, fault.Conflict) {
			return fault.New(fault.Conflict, "MetadefDuplicateNamespace",
				"Invalid update. It would result in a duplicate metadata definition namespace with the same name of %s", n.Name)
		}
		return err
	})
}

const deleteNamespace = "delete_metadef_namespace"

// protected refuses to delete a namespace, or all of something in it.
func protected(n *image.Namespace) error {
	if !n.Protected {
		return nil
	}
	return fault.New(fault.Forbidden, "ProtectedMetadefNamespaceDelete", "Metadata definition namespace %s is protected and cannot be deleted.", n.Name)
}

// Delete removes a namespace with all that is in it. Forbidden: it is protected.
func (s *Service) Delete(ctx context.Context, name string) error {
	return s.change(ctx, name, deleteNamespace, func(tx store.Tx, n *image.Namespace) error {
		if err := protected(n); err != nil {
			return err
		}
		return tx.DestroyNamespace(ctx, n)
	})
}

// ResourceTypes lists all types of resources that namespaces can be for.
func (s *Service) ResourceTypes(ctx context.Context) ([]*image.ResourceType, error) {
	if err := s.authorize(ctx, nil, "list_metadef_resource_types"); err != nil {
		return nil, err
	}
	return s.Store.ResourceTypes(ctx)
}

// Associations lists what a namespace is for.
func (s *Service) Associations(ctx context.Context, namespace string) ([]*image.Association, error) {
	n, err := s.within(ctx, s.Store, namespace, "list_metadef_resource_types")
	if err != nil || !s.may(ctx, n, getAssociation) {
		return nil, err
	}
	of, err := s.Store.Associations(ctx, n.ID)
	return of[n.ID], err
}

const (
	getAssociation = "get_metadef_resource_type"
	addAssociation = "add_metadef_resource_type_association"
)

// Associate says that a namespace is for a type of resource. a gets its times. Conflict: that is said.
func (s *Service) Associate(ctx context.Context, namespace string, a *image.Association) error {
	return s.change(ctx, namespace, addAssociation, func(tx store.Tx, n *image.Namespace) error { return tx.CreateAssociation(ctx, n, a) })
}

// Dissociate takes that back.
func (s *Service) Dissociate(ctx context.Context, namespace, resourceType string) error {
	return s.change(ctx, namespace, "remove_metadef_resource_type_association", func(tx store.Tx, n *image.Namespace) error {
		if n.Protected {
			return fault.New(fault.Forbidden, "ProtectedMetadefResourceTypeAssociationDelete",
				"Metadata definition resource-type-association %s is protected and cannot be deleted.", resourceType)
		}
		there, err := tx.DestroyAssociation(ctx, n, resourceType)
		if err == nil && !there {
			err = fault.New(fault.NotFound, "NotFound", "Failed to find resource type %s to delete", resourceType)
		}
		return err
	})
}
