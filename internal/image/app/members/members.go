// Package members is the use cases of sharing images with projects.
//
// What must not live here: images' own attributes.
package members

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/store"
)

// Service is the use cases.
type Service struct{ *app.Core }

// Create shares an image with a project, which may then accept or reject it. Conflict: it is shared with it already.
// OverLimit: with too many.
func (s *Service) Create(ctx context.Context, imageID, memberID string) (*image.Member, error) {
	m := &image.Member{ImageID: imageID, MemberID: memberID, Status: image.MemberPending}
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.shared(ctx, tx, imageID, "add_member"); err != nil {
			return plainForbidden(err, "Not allowed to create members for image %s.", imageID)
		}
		all, err := tx.Members(ctx, imageID)
		if err != nil {
			return err
		}
		if n := len(all) + 1; app.Over(n, s.Options.MemberQuota) {
			return fault.New(fault.OverLimit, "ImageMemberLimitExceeded", "Image member limit exceeded for image %s: The limit has been exceeded "+
				"on the number of allowed image members for this image. Attempted: %d, Maximum: %d:", imageID, n, s.Options.MemberQuota)
		}
		err = tx.CreateMember(ctx, m)
		if fault.Is(err, fault.Conflict) {
			return fault.New(fault.Conflict, "Duplicate", "Member %s is duplicated for image %s", memberID, imageID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// List lists the projects an image is shared with.
func (s *Service) List(ctx context.Context, imageID string) ([]*image.Member, error) {
	i, err := s.shared(ctx, s.Store, imageID, "get_members")
	if fault.Is(err, fault.Forbidden) {
		return nil, fault.New(fault.Forbidden, "Forbidden", "Not allowed to list members for image %s: %s", imageID, fault.UserText(err))
	}
	if err != nil {
		return nil, err
	}
	if !s.May(ctx, i, "get_member") {
		return nil, nil
	}
	return s.Store.Members(ctx, imageID)
}

// Show reads one. What the caller may not see is not found.
func (s *Service) Show(ctx context.Context, imageID, memberID string) (*image.Member, error) {
	_, err := s.shared(ctx, s.Store, imageID, "get_member")
	if fault.Is(err, fault.Forbidden) {
		return nil, fault.New(fault.NotFound, "NotFound", "%s", fault.UserText(err))
	}
	if err != nil {
		return nil, err
	}
	return s.Store.Member(ctx, imageID, memberID)
}

// Update accepts or rejects an image on behalf of the member.
func (s *Service) Update(ctx context.Context, imageID, memberID string, status image.MemberStatus) (*image.Member, error) {
	var m *image.Member
	err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if m, err = s.member(ctx, tx, imageID, memberID, "modify_member"); err != nil {
			return plainForbidden(err, "Not allowed to update members for image %s.", imageID)
		}
		if !slices.Contains(image.MemberStatuses(), status) {
			return fault.New(fault.Invalid, "", `Incorrect request: Status must be "pending", "accepted" or "rejected".`)
		}
		m.Status = status
		return tx.SaveMember(ctx, m)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Delete shares an image with a project no longer.
func (s *Service) Delete(ctx context.Context, imageID, memberID string) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.member(ctx, tx, imageID, memberID, "delete_member"); err != nil {
			return plainForbidden(err, "Not allowed to delete members for image %s.", imageID)
		}
		return tx.DestroyMember(ctx, imageID, memberID)
	})
}

// member reads a member in order to do what rule stands for.
func (s *Service) member(ctx context.Context, tx store.Tx, imageID, memberID, rule string) (*image.Member, error) {
	i, err := s.shared(ctx, tx, imageID, "get_member")
	if err != nil {
		return nil, err
	}
	m, err := tx.Member(ctx, imageID, memberID)
	if err != nil {
		return nil, err
	}
	return m, s.Authorize(ctx, i, rule)
}

// shared reads an image that has members, for a caller who may do what rule stands for.
func (s *Service) shared(ctx context.Context, r store.ImageReader, id, rule string) (*image.Image, error) {
	i, err := r.Image(ctx, id)
	if err == nil {
		err = s.Visible(ctx, r, i)
	}
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "ImageNotFound", "Image %s not found.", id)
	}
	if err != nil {
		return nil, err
	}
	if i.Visibility != image.Shared {
		return nil, fault.New(fault.Forbidden, "Forbidden", "Only shared images have members.")
	}
	return i, s.Authorize(ctx, i, rule)
}

// plainForbidden gives a refusal this text, and leaves other errors alone.
func plainForbidden(err error, format string, args ...any) error {
	if fault.Is(err, fault.Forbidden) {
		return fault.New(fault.Forbidden, "Forbidden", format, args...)
	}
	return err
}
