package app

import (
	"slices"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/storage"
)

// NamedStore is one of the stores that data can go to.
type NamedStore struct {
	storage.Store

	ID, Description string
	Weight          int // the data of an image that is in several stores is read from the heaviest
}

// Stores are the stores that are configured, in the order they were written, and where data is staged. It is immutable.
type Stores struct {
	all     []NamedStore
	initial string
	// Staging keeps data that is to be imported.
	Staging storage.Staging
}

// NewStores makes Stores; initial is the one that data goes to when nobody says where, and must be among them.
func NewStores(all []NamedStore, initial string, staging storage.Staging) *Stores {
	return &Stores{all: slices.Clone(all), initial: initial, Staging: staging}
}

// All are the stores in their order.
func (s *Stores) All() []NamedStore { return slices.Clone(s.all) }

// IDs are the names of the stores in their order.
func (s *Stores) IDs() []string {
	ids := make([]string, len(s.all))
	for n, one := range s.all {
		ids[n] = one.ID
	}
	return ids
}

// Default is the name of the store that data goes to when nobody says where.
func (s *Stores) Default() string { return s.initial }

// Get is the store of that name, "" being the default. There is no other: fault.Invalid UnknownScheme.
func (s *Stores) Get(id string) (NamedStore, error) {
	if id == "" {
		id = s.initial
	}
	n := slices.IndexFunc(s.all, func(one NamedStore) bool { return one.ID == id })
	if n < 0 {
		return NamedStore{}, fault.New(fault.Invalid, "UnknownScheme", "Unknown scheme '%s' found in URI", id)
	}
	return s.all[n], nil
}

// Readable are the locations of an image that are in a store of ours, best first.
func (s *Stores) Readable(i *image.Image) []Copy {
	var list []Copy
	for _, l := range i.Locations {
		if one, err := s.Get(l.Store()); err == nil && l.Store() != "" {
			list = append(list, Copy{l.URL, one})
		}
	}
	slices.SortStableFunc(list, func(a, b Copy) int { return b.Store.Weight - a.Store.Weight })
	return list
}

// Copy is the data of an image in one store.
type Copy struct {
	URL   string
	Store NamedStore
}
