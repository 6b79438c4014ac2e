package app

import "github.com/clinker/clinker/internal/image/store"

// The words in which lists are asked for are the store's own; these names let the API speak them without seeing the store.
type (
	ImageQuery     = store.ImageQuery     // which images
	TaskQuery      = store.TaskQuery      // which tasks
	NamespaceQuery = store.NamespaceQuery // which namespaces of definitions
	Page           = store.Page           // which part of the list
	Sort           = store.Sort           // in which order
	TimeFilter     = store.TimeFilter     // before or after which moment
)

// AnyVisibility, as an ImageQuery's Visibility, shows community images of others too.
const AnyVisibility = store.AnyVisibility
