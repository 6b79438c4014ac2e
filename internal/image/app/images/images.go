// Package images is the use cases of images' own attributes: creating, listing, changing, tagging, taking out of use, deleting.
//
// What must not live here: how data comes and goes; that is package data's and package imports'.
package images

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// Service is the use cases.
type Service struct{ *app.Core }

// NewImage is what a client says of an image it creates. Nil is not said.
type NewImage struct {
	ID                          string // a UUID; empty: one is made
	Name                        *string
	Owner                       *string // empty: nobody
	Visibility                  image.Visibility
	ContainerFormat, DiskFormat string
	Protected, Hidden           bool
	MinDiskGiB, MinRAMMiB       int64
	Properties                  map[string]string
	Tags                        []string
}

// Create enters an image without data. Conflict: Duplicate, when the id was ever used. OverLimit: too many properties or tags.
func (s *Service) Create(ctx context.Context, n NewImage) (*image.Image, error) {
	owner := reqctx.From(ctx).ProjectID
	if n.Owner != nil {
		owner = *n.Owner
	}
	if err := s.authorizeCreate(ctx, owner, n.Visibility); err != nil {
		return nil, err
	}
	i := &image.Image{ID: n.ID, Name: n.Name, Owner: owner, Status: image.Queued, Visibility: n.Visibility, ContainerFormat: n.ContainerFormat,
		DiskFormat: n.DiskFormat, Protected: n.Protected, Hidden: n.Hidden, MinDiskGiB: n.MinDiskGiB, MinRAMMiB: n.MinRAMMiB, Properties: n.Properties}
	if i.ID == "" {
		i.ID = uuid.NewString()
	}
	if i.Visibility == "" {
		i.Visibility = image.Shared
	}
	i.SetTags(n.Tags)
	if err := s.check(i); err != nil {
		return nil, err
	}
	err := s.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateImage(ctx, i) })
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "an image was created", "image_id", i.ID)
	return i, nil
}

func (s *Service) authorizeCreate(ctx context.Context, owner string, v image.Visibility) error {
	target := map[string]string{"project_id": owner, "owner": owner, "visibility": string(image.Private)}
	if v != "" {
		target["visibility"] = string(v)
	}
	if err := s.AuthorizeFor(ctx, "add_image", target); err != nil {
		if owner != reqctx.From(ctx).ProjectID {
			return fault.New(fault.Forbidden, "Forbidden", "You are not permitted to create images owned by '%s'", owner)
		}
		return err
	}
	if rule := app.VisibilityRule(v); rule != "" {
		return s.AuthorizeFor(ctx, rule, target)
	}
	return nil
}

// maxInteger is what the columns of min_disk and min_ram hold.
const maxInteger = 1<<31 - 1

// check refuses an image that cannot be kept as it is.
func (s *Service) check(i *image.Image) error {
	for _, n := range []struct {
		name  string
		value int64
	}{{"min_disk", i.MinDiskGiB}, {"min_ram", i.MinRAMMiB}} {
		if n.value < 0 {
			return fault.New(fault.Invalid, "InvalidParameterValue", "Invalid value '%d' for parameter '%s': Cannot be a negative value", n.value, n.name)
		}
		if n.value > maxInteger {
			return fault.New(fault.Invalid, "Invalid", "'%s' value out of range, must not exceed %d.", n.name, maxInteger)
		}
	}
	if app.Over(len(i.Tags), s.Options.TagQuota) {
		return tooMany("tags", len(i.Tags), s.Options.TagQuota)
	}
	if n := i.UserProperties(); app.Over(n, s.Options.PropertyQuota) {
		return tooMany("properties", n, s.Options.PropertyQuota)
	}
	return nil
}

func tooMany(what string, attempted, maximum int) error {
	return fault.New(fault.OverLimit, "LimitExceeded", "The limit has been exceeded on the number of allowed image %s. Attempted: %d, Maximum: %d",
		what, attempted, maximum)
}

// Show reads one.
func (s *Service) Show(ctx context.Context, id string) (*image.Image, error) {
	i, err := s.Image(ctx, id)
	if err != nil {
		return nil, err
	}
	return i, s.Authorize(ctx, i, "get_image")
}

// List lists what the caller sees of what q chooses; q's viewer is filled in here, but for the member status. next is the
// marker of the next page, empty when there is none.
func (s *Service) List(ctx context.Context, q store.ImageQuery) (list []*image.Image, next string, err error) {
	caller := reqctx.From(ctx)
	if err := s.AuthorizeOperator(ctx, "get_images"); err != nil {
		return nil, "", err
	}
	q.Viewer.ProjectID, q.Viewer.All = caller.ProjectID, caller.IsAdmin
	list, err = s.Store.Images(ctx, q)
	if fault.Is(err, fault.NotFound) { // the marker
		return nil, "", fault.New(fault.Invalid, "", "%s", fault.UserText(err))
	}
	if err != nil {
		return nil, "", err
	}
	full := len(list) == q.Page.Limit
	list = slices.DeleteFunc(list, func(i *image.Image) bool { return !s.May(ctx, i, "get_image") })
	if full && len(list) > 0 {
		next = list[len(list)-1].ID
	}
	return list, next, nil
}

// AddTag tags an image; one that has the tag keeps it.
func (s *Service) AddTag(ctx context.Context, id, tag string) error {
	return s.retag(ctx, id, "update", func(i *image.Image) error {
		i.SetTags(append(i.Tags, tag))
		if app.Over(len(i.Tags), s.Options.TagQuota) {
			return fault.New(fault.OverLimit, "ImageTagLimitExceeded", "Image tag limit exceeded for image %s: %s:", id,
				fault.UserText(tooMany("tags", len(i.Tags), s.Options.TagQuota)))
		}
		return nil
	})
}

// RemoveTag removes a tag. One that it has not is NotFound.
func (s *Service) RemoveTag(ctx context.Context, id, tag string) error {
	return s.retag(ctx, id, "delete", func(i *image.Image) error {
		n := slices.Index(i.Tags, tag)
		if n < 0 {
			return fault.New(fault.NotFound, "", "The resource could not be found.")
		}
		i.Tags = slices.Delete(i.Tags, n, n+1)
		return nil
	})
}

func (s *Service) retag(ctx context.Context, id, verb string, change func(i *image.Image) error) error {
	err := s.change(ctx, id, "modify_image", change)
	switch {
	case fault.Is(err, fault.NotFound) && fault.NameOf(err) == "ImageNotFound":
		return fault.New(fault.NotFound, "ImageNotFound", "Image %s not found.", id)
	case fault.Is(err, fault.Forbidden):
		return fault.New(fault.Forbidden, "Forbidden", "Not allowed to %s tags for image %s.", verb, id)
	}
	return err
}

// Deactivate takes an image out of use.
func (s *Service) Deactivate(ctx context.Context, id string) error {
	return s.change(ctx, id, "deactivate", (*image.Image).Deactivate)
}

// Reactivate takes it back into use.
func (s *Service) Reactivate(ctx context.Context, id string) error {
	return s.change(ctx, id, "reactivate", (*image.Image).Reactivate)
}

// change changes an image that the caller may do what rule stands for to.
func (s *Service) change(ctx context.Context, id, rule string, fn func(i *image.Image) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		i, err := s.ImageForUpdate(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := s.Authorize(ctx, i, rule); err != nil {
			return err
		}
		if err := fn(i); err != nil {
			return err
		}
		return tx.SaveImage(ctx, i)
	})
}
