package images

import (
	"context"
	"slices"
	"strconv"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
)

// changeLocations applies a change of where an image's data is.
//
// Only removing is done: a location that somebody says would have to be one that a store of ours can read, and all that
// those keep they have put there themselves. Upstream takes http:// URLs where it has a store for them; we have none.
func (s *Service) changeLocations(ctx context.Context, i *image.Image, c Change) error {
	rule, verb := "set_image_location", "update"
	switch c.Operation {
	case Remove:
		rule, verb = "delete_image_location", "remove"
	case Add:
		verb = "add"
	case Replace:
		if list, ok := c.Value.([]any); ok && len(list) == 0 {
			return fault.New(fault.Forbidden, "Forbidden", "Cannot set locations to empty list.")
		}
	}
	if err := s.Authorize(ctx, i, rule); err != nil {
		return err
	}
	if !s.Options.ShowMultipleLocations {
		return fault.New(fault.Forbidden, "Forbidden", "It's not allowed to %s locations if locations are invisible.", verb)
	}
	if c.Operation != Remove {
		return fault.New(fault.Invalid, "BadStoreUri", "Invalid location")
	}
	return removeLocation(i, c.Position)
}

func removeLocation(i *image.Image, position string) error {
	if i.Status != image.Active {
		return fault.New(fault.Conflict, "", "It's not allowed to remove locations if image status is %s.", i.Status)
	}
	if len(i.Locations) == 1 {
		return fault.New(fault.Forbidden, "Forbidden", "Cannot remove last location in the image.")
	}
	n := len(i.Locations) - 1
	if position != "-" {
		var err error
		if n, err = strconv.Atoi(position); err != nil || n < 0 || n >= len(i.Locations) {
			return fault.New(fault.Invalid, "", "Invalid position for removing a location.")
		}
	}
	i.Locations = slices.Delete(i.Locations, n, n+1)
	return nil
}

// gone are the locations that an image no longer has.
func gone(before, after *image.Image) (list []image.Location) {
	for _, l := range before.Locations {
		if !slices.ContainsFunc(after.Locations, func(kept image.Location) bool { return kept.URL == l.URL }) {
			list = append(list, l)
		}
	}
	return list
}

// Locations are where an image's data is, for services.
func (s *Service) Locations(ctx context.Context, id string) ([]image.Location, error) {
	i, err := s.Image(ctx, id)
	if err != nil {
		return nil, err
	}
	return i.Locations, s.Authorize(ctx, i, "fetch_image_location")
}

// Delete removes an image and its data. Forbidden: it is protected.
func (s *Service) Delete(ctx context.Context, id string) error {
	removeData := func(context.Context) {}
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		i, err := s.ImageForUpdate(ctx, tx, id)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "ImageNotFound", "Failed to find image %s to delete", id)
		}
		if err != nil {
			return err
		}
		if err := s.Authorize(ctx, i, "delete_image"); err != nil {
			return err
		}
		if i.Protected {
			return fault.New(fault.Forbidden, "ProtectedImageDelete", "Image %s is protected and cannot be deleted.", id)
		}
		if removeData, err = s.RemoveData(ctx, tx, id, i.Locations); err != nil {
			return err
		}
		return tx.DestroyImage(ctx, id)
	})
	if err != nil {
		return err
	}
	removeData(ctx)
	if err := s.Stores.Staging.Delete(ctx, s.Stores.Staging.URL(id)); err != nil {
		s.Log.WarnContext(ctx, "the staged data of a deleted image could not be removed; the next start does", "image_id", id, "error", err)
	}
	s.Log.InfoContext(ctx, "an image was deleted", "image_id", id)
	return nil
}

// DeleteFromStore removes an image's data from one of the stores that have it. Forbidden: it is the only one. NotFound: it has
// no data there.
func (s *Service) DeleteFromStore(ctx context.Context, id, storeID string) error {
	if _, err := s.Stores.Get(storeID); err != nil {
		return fault.New(fault.Conflict, "", "The selected store %s is not available on this node.", storeID)
	}
	removeData := func(context.Context) {}
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		i, err := s.ImageForUpdate(ctx, tx, id)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "ImageNotFound", "Failed to find image %s", id)
		}
		if err != nil {
			return err
		}
		for _, rule := range []string{"get_image_location", "delete_image_location"} {
			if err := s.Authorize(ctx, i, rule); err != nil {
				return err
			}
		}
		if i.Status != image.Active {
			return fault.New(fault.Conflict, "", "It's not allowed to remove image data from store if image status is not 'active'")
		}
		if len(i.Locations) == 1 {
			return fault.New(fault.Forbidden, "Forbidden", "Cannot delete image data from the only store containing it. "+
				"Consider deleting the image instead.")
		}
		n := slices.IndexFunc(i.Locations, func(l image.Location) bool { return l.Store() == storeID })
		if n < 0 {
			return fault.New(fault.NotFound, "", "Image %s is not stored in store %s.", id, storeID)
		}
		if removeData, err = s.RemoveData(ctx, tx, id, i.Locations[n:n+1]); err != nil {
			return err
		}
		i.Locations = slices.Delete(i.Locations, n, n+1)
		return tx.SaveImage(ctx, i)
	})
	if err == nil {
		removeData(ctx)
	}
	return err
}

// AddLocation refuses, after asking whether the caller may do it at all: see changeLocations.
func (s *Service) AddLocation(ctx context.Context, id string) error {
	i, err := s.Image(ctx, id)
	if err != nil {
		return err
	}
	if i.Status != image.Queued {
		return fault.New(fault.Conflict, "", "It's not allowed to add locations if image status is %s.", i.Status)
	}
	if err := s.Authorize(ctx, i, "add_image_location"); err != nil {
		return err
	}
	return fault.New(fault.Forbidden, "Forbidden", "http store must be enabled to use location API by normal user.")
}
