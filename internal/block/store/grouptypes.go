package store

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// GroupTypeQuery chooses group types. ProjectID, if set, shows public types and the private ones this project may use.
type GroupTypeQuery struct {
	ProjectID string
	IsPublic  *bool
	Page      Page
}

// GroupTypeReader reads group types with their specs.
type GroupTypeReader interface {
	// GroupType reads one by id; GroupTypeByName by name. NotFound: GroupTypeNotFound, GroupTypeNotFoundByName. A
	// projectID that is not empty hides private types this project may not use.
	GroupType(ctx context.Context, id, projectID string) (*block.GroupType, error)
	GroupTypeByName(ctx context.Context, name, projectID string) (*block.GroupType, error)
	GroupTypes(ctx context.Context, q GroupTypeQuery) ([]*block.GroupType, error)
	// GroupTypeInUse says whether a group that is not deleted has this type.
	GroupTypeInUse(ctx context.Context, id string) (bool, error)
}

// GroupTypeWriter changes group types.
type GroupTypeWriter interface {
	// CreateGroupType inserts t with its specs; CreatedAt is set if zero. Conflict: GroupTypeExists.
	CreateGroupType(ctx context.Context, t *block.GroupType) error
	// UpdateGroupType writes name, description and is_public of t. Conflict: GroupTypeExists.
	UpdateGroupType(ctx context.Context, t *block.GroupType) error
	// DestroyGroupType soft-deletes it with its specs; whether it is in use is the caller's to ask.
	DestroyGroupType(ctx context.Context, id string) error
	// PutGroupSpecs merges specs. NotFound: GroupTypeNotFound.
	PutGroupSpecs(ctx context.Context, id string, specs map[string]*string) error
	// DeleteGroupSpec removes one. NotFound: GroupTypeSpecsNotFound.
	DeleteGroupSpec(ctx context.Context, id, key string) error
}
