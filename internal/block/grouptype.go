package block

import "github.com/clinker/clinker/internal/fault"

// GroupType is a named class of groups with the specs that a back end has to meet.
type GroupType struct {
	ID string
	Timestamps
	Name        string
	Description *string
	IsPublic    bool
	Specs       map[string]*string // a nil value is a JSON null
}

// GroupTypeNotFound: there is no group type with this id, or none the caller may know of.
func GroupTypeNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "GroupTypeNotFound", "Group type %s could not be found.", id)
}
