package store

import (
	"context"
	"time"
)

// CreationReader reads what creates have made that are carried out only once.
type CreationReader interface {
	// Creation is the id of what the create with this key has made since then, empty if that is nothing.
	Creation(ctx context.Context, key string, since time.Time) (id string, err error)
}

// CreationWriter remembers it. The rows go with the transaction that makes the resource.
type CreationWriter interface {
	// EnterCreation enters id as what the create with this key has made now. What it made before since then goes, and so
	// does instead, which it made later. Conflict: it has made something else since then.
	EnterCreation(ctx context.Context, key, id string, since time.Time, instead string) error
	// DeleteCreations removes what was entered before then, at most limit rows, and says how many.
	DeleteCreations(ctx context.Context, before time.Time, limit int) (int64, error)
}
