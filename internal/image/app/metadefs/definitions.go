package metadefs

import (
	"context"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
)

// Definitions lists a namespace's of one kind; p nil is all of them.
func (s *Service) Definitions(ctx context.Context, namespace string, kind image.DefinitionKind, p *store.Page) ([]*image.Definition, error) {
	n, err := s.within(ctx, s.Store, namespace, "get_metadef_"+plural(kind))
	if err != nil {
		return nil, err
	}
	page := order(kind)
	if p != nil {
		page = *p
	}
	return s.Store.Definitions(ctx, n.ID, kind, page)
}

// Definition reads one. A property may be named as it is called in a type of resource.
func (s *Service) Definition(ctx context.Context, namespace string, kind image.DefinitionKind, name, resourceType string) (*image.Definition, error) {
	n, err := s.within(ctx, s.Store, namespace, "get_metadef_"+string(kind))
	if err != nil {
		return nil, err
	}
	if resourceType != "" {
		if name, err = s.withoutPrefix(ctx, n, name, resourceType); err != nil {
			return nil, err
		}
	}
	return s.Store.Definition(ctx, n.ID, kind, name)
}

// withoutPrefix is the name of a property that is called name in a type of resource.
func (s *Service) withoutPrefix(ctx context.Context, n *image.Namespace, name, resourceType string) (string, error) {
	if err := s.authorize(ctx, n, getAssociation); err != nil {
		return "", err
	}
	of, err := s.Store.Associations(ctx, n.ID)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(of[n.ID], func(a *image.Association) bool { return a.ResourceType == resourceType })
	if i < 0 {
		return "", fault.New(fault.NotFound, "NotFound", "The metadata definition resource-type association of resource-type=%s to namespace=%s, was not found.",
			resourceType, n.Name)
	}
	prefix := ""
	if p := of[n.ID][i].Prefix; p != nil {
		prefix = *p
	}
	bare, has := strings.CutPrefix(name, prefix)
	if prefix == "" || !has {
		return "", fault.New(fault.NotFound, "NotFound", "Property %s does not start with the expected resource type association prefix of '%s'.", name, prefix)
	}
	return bare, nil
}

// Define adds a definition, which gets its times. Conflict: there is one of that name.
func (s *Service) Define(ctx context.Context, namespace string, kind image.DefinitionKind, d *image.Definition) error {
	return s.change(ctx, namespace, "add_metadef_"+string(kind), func(tx store.Tx, n *image.Namespace) error {
		return tx.CreateDefinition(ctx, n, kind, d)
	})
}

// DefineTags adds tags, in the place of those there are unless they are to be kept.
func (s *Service) DefineTags(ctx context.Context, namespace string, tags []*image.Definition, keep bool) error {
	return s.change(ctx, namespace, "add_metadef_tags", func(tx store.Tx, n *image.Namespace) error {
		if len(tags) > 0 && !keep {
			if err := tx.DestroyDefinitions(ctx, n, image.DefinedTag); err != nil {
				return err
			}
		}
		for _, d := range tags {
			if err := tx.CreateDefinition(ctx, n, image.DefinedTag, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// Redefine makes a definition what d says; d gets its times. Conflict: another has d's name.
func (s *Service) Redefine(ctx context.Context, namespace string, kind image.DefinitionKind, name string, d *image.Definition) error {
	return s.change(ctx, namespace, "modify_metadef_"+string(kind), func(tx store.Tx, n *image.Namespace) error {
		return tx.SaveDefinition(ctx, n, kind, name, d)
	})
}

// Undefine removes a definition. Forbidden: its namespace is protected.
func (s *Service) Undefine(ctx context.Context, namespace string, kind image.DefinitionKind, name string) error {
	rule := "delete_metadef_" + string(kind)
	if kind == image.DefinedProperty {
		rule = "remove_metadef_property"
	}
	return s.change(ctx, namespace, rule, func(tx store.Tx, n *image.Namespace) error {
		if n.Protected {
			return fault.New(fault.Forbidden, "Forbidden", "Metadata definition %s %s is protected and cannot be deleted.", kind, name)
		}
		return tx.DestroyDefinition(ctx, n, kind, name)
	})
}

// UndefineAll removes all definitions of a kind. Forbidden: their namespace is protected.
func (s *Service) UndefineAll(ctx context.Context, namespace string, kind image.DefinitionKind) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		rules := []string{deleteNamespace}
		if kind == image.DefinedTag {
			rules = append(rules, "delete_metadef_tags")
		}
		n, err := s.within(ctx, tx, namespace, rules...)
		if err != nil {
			return err
		}
		if err := protected(n); err != nil {
			return err
		}
		return tx.DestroyDefinitions(ctx, n, kind)
	})
}
