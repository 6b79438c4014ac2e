package image

import (
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Namespace is a set of definitions of metadata: which properties there are, what they may be, which belong together, and what
// they are for. It is for dashboards; nothing is held against it. Upstream: a metadata definition namespace.
type Namespace struct {
	ID                       int64 // of the row; the store sets it
	Name                     string
	DisplayName, Description *string // nil: not said
	Visibility               Visibility
	Protected                bool
	Owner                    string // the project
	CreatedAt, UpdatedAt     time.Time
}

// DefinitionKind is what a definition in a namespace is of.
type DefinitionKind string

// The kinds of definitions.
const (
	DefinedObject   DefinitionKind = "object"   // properties that belong together
	DefinedProperty DefinitionKind = "property" // one property, and what it may be
	DefinedTag      DefinitionKind = "tag"
)

// Definition is one of a namespace's. Its name is its own among those of its kind; tags' do not differ by case alone.
type Definition struct {
	Name                 string
	Description          *string  // of an object
	Required             []string // of an object: which of its properties must be there
	Schema               []byte   // JSON: of a property what it may be, of an object its properties by name; nil is {}
	CreatedAt, UpdatedAt time.Time
}

// Association says that a namespace is for a type of resource, such as OS::Glance::Image.
type Association struct {
	ResourceType             string
	Prefix, PropertiesTarget *string // what properties' names begin with there, and which of its metadata they are in
	CreatedAt, UpdatedAt     time.Time
}

// ResourceType is a type of resource that namespaces are for.
type ResourceType struct {
	Name                 string
	CreatedAt, UpdatedAt time.Time
}

// NamespaceNotFound is the fault of a namespace that is not there.
func NamespaceNotFound(name string) *fault.Error {
	return fault.New(fault.NotFound, "MetadefNamespaceNotFound", "Metadata definition namespace=%s was not found.", name)
}

// NamespaceDuplicate is the fault of a namespace's name that another has.
func NamespaceDuplicate(name string) *fault.Error {
	return fault.New(fault.Conflict, "MetadefDuplicateNamespace", "The metadata definition namespace=%s already exists.", name)
}

// DefinitionNotFound is the fault of a definition that is not there.
func DefinitionNotFound(kind DefinitionKind, name string) *fault.Error {
	return fault.New(fault.NotFound, "NotFound", "Could not find metadata %s %s", kind, name)
}

// DefinitionDuplicate is the fault of a definition's name that another has.
func DefinitionDuplicate(kind DefinitionKind, namespace, name string) *fault.Error {
	if kind == DefinedTag {
		return fault.New(fault.Conflict, "MetadefDuplicateTag",
			"A metadata tag with name=%s already exists in namespace=%s. (Please note that metadata tag names are case insensitive).", name, namespace)
	}
	return fault.New(fault.Conflict, "Duplicate", "A metadata definition %s with name=%s already exists in namespace=%s.", kind, name, namespace)
}

// AssociationDuplicate is the fault of an association that there is already.
func AssociationDuplicate(resourceType, namespace string) *fault.Error {
	return fault.New(fault.Conflict, "MetadefDuplicateResourceTypeAssociation",
		"The metadata definition resource-type association of resource-type=%s to namespace=%s already exists.", resourceType, namespace)
}
