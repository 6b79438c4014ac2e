package projects

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
)

// MaxTags is how many tags a project may have.
const MaxTags = 80

// Tags lists the tags of a project.
func (u *Projects) Tags(ctx context.Context, id string) ([]string, error) {
	p, err := u.authorized(ctx, "identity:list_project_tags", id)
	if err != nil {
		return nil, err
	}
	return p.Tags, nil
}

// HasTag says, by a fault.NotFound, whether the project lacks a tag.
func (u *Projects) HasTag(ctx context.Context, id, tag string) error {
	p, err := u.authorized(ctx, "identity:get_project_tag", id)
	if err == nil && !slices.Contains(p.Tags, tag) {
		err = identity.NotFound(identity.TheProjectTag, tag)
	}
	return err
}

// retag changes the tags of a project.
func (u *Projects) retag(ctx context.Context, rule, id string, change func(tags []string) ([]string, error)) (tags []string, err error) {
	if _, err := u.authorized(ctx, rule, id); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		p, err := tx.Project(ctx, id)
		if err != nil {
			return err
		}
		if p.Immutable() {
			return identity.Immutable(identity.TheProject, id)
		}
		if p.Tags, err = change(p.Tags); err != nil {
			return err
		}
		if len(p.Tags) > MaxTags {
			return identity.Invalid("a project has at most %d tags", MaxTags)
		}
		err = tx.UpdateProject(ctx, p)
		tags = p.Tags
		return err
	})
	return tags, err
}

// SetTags replaces the tags of a project.
func (u *Projects) SetTags(ctx context.Context, id string, tags []string) ([]string, error) {
	return u.retag(ctx, "identity:update_project_tags", id, func([]string) ([]string, error) { return tags, nil })
}

// AddTag gives a project one more tag; one it has already does no harm.
func (u *Projects) AddTag(ctx context.Context, id, tag string) error {
	_, err := u.retag(ctx, "identity:create_project_tag", id, func(tags []string) ([]string, error) {
		if slices.Contains(tags, tag) {
			return tags, nil
		}
		return append(tags, tag), nil
	})
	return err
}

// RemoveTag takes a tag off a project.
func (u *Projects) RemoveTag(ctx context.Context, id, tag string) error {
	_, err := u.retag(ctx, "identity:delete_project_tag", id, func(tags []string) ([]string, error) {
		if !slices.Contains(tags, tag) {
			return nil, identity.NotFound(identity.TheProjectTag, tag)
		}
		return slices.DeleteFunc(tags, func(t string) bool { return t == tag }), nil
	})
	return err
}

// RemoveTags takes all tags off a project.
func (u *Projects) RemoveTags(ctx context.Context, id string) error {
	_, err := u.retag(ctx, "identity:delete_project_tags", id, func([]string) ([]string, error) { return nil, nil })
	return err
}
