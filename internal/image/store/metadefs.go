package store

import (
	"context"

	"github.com/clinker/clinker/internal/image"
)

// MetadefReader reads definitions of metadata. A list that is not paged is in the order its rows were made.
type MetadefReader interface {
	// Namespace reads one, whoever it belongs to. NotFound: MetadefNamespaceNotFound.
	Namespace(ctx context.Context, name string) (*image.Namespace, error)
	// Namespaces lists those that q chooses. A marker that is not the name of a namespace is a MetadefNamespaceNotFound.
	Namespaces(ctx context.Context, q NamespaceQuery) ([]*image.Namespace, error)
	// Associations are those of namespaces, by the namespaces' IDs, in one query.
	Associations(ctx context.Context, namespaces ...int64) (map[int64][]*image.Association, error)
	// ResourceTypes are all that were ever associated with a namespace, and those every service knows.
	ResourceTypes(ctx context.Context) ([]*image.ResourceType, error)
	// Definitions lists a namespace's of one kind. A marker that is not the name of one is a NotFound.
	Definitions(ctx context.Context, namespace int64, kind image.DefinitionKind, p Page) ([]*image.Definition, error)
	// Definition reads one. NotFound: NotFound.
	Definition(ctx context.Context, namespace int64, kind image.DefinitionKind, name string) (*image.Definition, error)
}

// NamespaceQuery chooses namespaces. Zero fields do not restrict, but for the page, whose marker is a name.
type NamespaceQuery struct {
	// Owner sees its own namespaces and public ones only; All sees those of all.
	Owner         string
	All           bool
	Visibility    image.Visibility
	ResourceTypes []string // any of which it is associated with; nil is no such condition
	Page          Page
}

// MetadefWriter changes definitions of metadata. Times of rows are set by it.
type MetadefWriter interface {
	// CreateNamespace inserts n and sets its ID. Conflict: MetadefDuplicateNamespace.
	CreateNamespace(ctx context.Context, n *image.Namespace) error
	// SaveNamespace writes all of n, by its ID. Conflict: MetadefDuplicateNamespace.
	SaveNamespace(ctx context.Context, n *image.Namespace) error
	// DestroyNamespace removes n with all that is in it.
	DestroyNamespace(ctx context.Context, n *image.Namespace) error
	// CreateDefinition inserts d. Conflict: Duplicate, MetadefDuplicateTag.
	CreateDefinition(ctx context.Context, n *image.Namespace, kind image.DefinitionKind, d *image.Definition) error
	// SaveDefinition writes d over the one called name. Conflict as with CreateDefinition; NotFound: NotFound.
	SaveDefinition(ctx context.Context, n *image.Namespace, kind image.DefinitionKind, name string, d *image.Definition) error
	// DestroyDefinition removes the one called name. NotFound: NotFound.
	DestroyDefinition(ctx context.Context, n *image.Namespace, kind image.DefinitionKind, name string) error
	// DestroyDefinitions removes all of a kind.
	DestroyDefinitions(ctx context.Context, n *image.Namespace, kind image.DefinitionKind) error
	// CreateAssociation inserts a, and its resource type if there is none of that name. Conflict:
	// MetadefDuplicateResourceTypeAssociation.
	CreateAssociation(ctx context.Context, n *image.Namespace, a *image.Association) error
	// DestroyAssociation removes it, if it is there, and reports whether it was.
	DestroyAssociation(ctx context.Context, n *image.Namespace, resourceType string) (bool, error)
}
