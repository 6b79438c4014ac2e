package images

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// Operation is what a change does.
type Operation string

// The operations of a JSON patch that images take.
const (
	Add     Operation = "add"
	Remove  Operation = "remove"
	Replace Operation = "replace"
)

// Change is one operation of a patch. The API has checked the name and, against the schema, the value.
type Change struct {
	Operation Operation
	// Name is an attribute or a property; Position, behind it in the pointer, is for locations alone: an index, or "-".
	Name, Position string
	Value          any // decoded JSON, as bodyschema.Decode gives it; nil for Remove
	// MustBeNew refuses to add what is there, as the oldest form of patches does.
	MustBeNew bool
}

// Update applies changes one after the other, all or none. Conflict: a property that is not there, or must be new and is.
// Forbidden: what the caller may not change, or nobody may.
func (s *Service) Update(ctx context.Context, id string, changes []Change) (*image.Image, error) {
	var changed *image.Image
	removeData := func(context.Context) {}
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		i, err := s.ImageForUpdate(ctx, tx, id)
		if err != nil {
			return err
		}
		changed = i
		before := i.Clone()
		for _, c := range changes {
			if err := s.apply(ctx, i, c); err != nil {
				return err
			}
		}
		if len(changes) == 0 {
			return nil
		}
		if err := s.checkChange(i, before); err != nil {
			return err
		}
		if removeData, err = s.RemoveData(ctx, tx, id, gone(before, i)); err != nil {
			return err
		}
		return tx.SaveImage(ctx, i)
	})
	if err != nil {
		return nil, err
	}
	removeData(ctx)
	return changed, nil
}

// checkChange is check for an image that was there before: one that has more properties than are allowed may lose some.
func (s *Service) checkChange(i, before *image.Image) error {
	err := s.check(i)
	if fault.Is(err, fault.OverLimit) && !hasNew(i.Properties, before.Properties) && len(i.Tags) <= len(before.Tags) {
		return nil
	}
	return err
}

func hasNew(properties, before map[string]string) bool {
	for name := range maps.Keys(properties) {
		if _, there := before[name]; !there {
			return true
		}
	}
	return false
}

// apply makes one change.
func (s *Service) apply(ctx context.Context, i *image.Image, c Change) error {
	if c.Name == "locations" {
		return s.changeLocations(ctx, i, c)
	}
	if c.Operation == Replace && c.Name == "owner" && !reqctx.From(ctx).IsAdmin {
		return fault.New(fault.Forbidden, "Forbidden", "Owner can't be updated by non admin.")
	}
	if c.Name == "visibility" {
		v, _ := c.Value.(string)
		if rule := app.VisibilityRule(image.Visibility(v)); rule != "" && !s.May(ctx, i, rule) {
			return app.Forbidden(rule)
		}
	}
	if err := s.Authorize(ctx, i, "modify_image"); err != nil {
		return err
	}
	set, isAttribute := attributes()[c.Name]
	_, isProperty := i.Properties[c.Name]
	value, _ := c.Value.(string)
	switch {
	case c.Operation == Remove && isAttribute:
		return fault.New(fault.Forbidden, "Forbidden", "Property %s may not be removed.", c.Name)
	case c.Operation != Add && !isAttribute && !isProperty:
		return fault.New(fault.Conflict, "", "Property %s does not exist.", c.Name)
	case c.Operation == Add && c.MustBeNew && (isAttribute || isProperty):
		return fault.New(fault.Conflict, "", "Property %s already present.", c.Name)
	case c.Operation == Remove:
		delete(i.Properties, c.Name)
	case isAttribute:
		return set(i, c.Value)
	default:
		i.Properties[c.Name] = value
	}
	return nil
}

// attributes are the members of an image that a patch may set, and how. Values have the types that the schema asks for.
func attributes() map[string]func(i *image.Image, value any) error {
	text := func(set func(i *image.Image, text string)) func(*image.Image, any) error {
		return func(i *image.Image, value any) error {
			s, _ := value.(string) // null is the empty one
			set(i, s)
			return nil
		}
	}
	number := func(set func(i *image.Image, n int64)) func(*image.Image, any) error {
		return func(i *image.Image, value any) error {
			n, _ := value.(json.Number)
			v, err := n.Int64()
			if err != nil {
				return fault.New(fault.Invalid, "Invalid", "%s is no whole number that can be kept.", n)
			}
			set(i, v)
			return nil
		}
	}
	truth := func(set func(i *image.Image, b bool)) func(*image.Image, any) error {
		return func(i *image.Image, value any) error {
			b, _ := value.(bool)
			set(i, b)
			return nil
		}
	}
	return map[string]func(i *image.Image, value any) error{
		"name": func(i *image.Image, value any) error {
			i.Name = nil
			if s, ok := value.(string); ok {
				i.Name = &s
			}
			return nil
		},
		"owner":            text(func(i *image.Image, s string) { i.Owner = s }),
		"visibility":       text(func(i *image.Image, s string) { i.Visibility = image.Visibility(s) }),
		"container_format": format("container_format", func(i *image.Image) *string { return &i.ContainerFormat }),
		"disk_format":      format("disk_format", func(i *image.Image) *string { return &i.DiskFormat }),
		"protected":        truth(func(i *image.Image, b bool) { i.Protected = b }),
		"os_hidden":        truth(func(i *image.Image, b bool) { i.Hidden = b }),
		"min_disk":         number(func(i *image.Image, n int64) { i.MinDiskGiB = n }),
		"min_ram":          number(func(i *image.Image, n int64) { i.MinRAMMiB = n }),
		"tags": func(i *image.Image, value any) error {
			list, _ := value.([]any)
			tags := make([]string, len(list))
			for n, t := range list {
				tags[n], _ = t.(string)
			}
			i.SetTags(tags)
			return nil
		},
	}
}

func format(name string, field func(i *image.Image) *string) func(*image.Image, any) error {
	return func(i *image.Image, value any) error {
		if i.FormatsFixed() {
			return fault.New(fault.Forbidden, "Forbidden", "Attribute %s can be only replaced for a queued image.", name)
		}
		*field(i), _ = value.(string)
		return nil
	}
}
