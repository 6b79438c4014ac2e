package store

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// QoSQuery chooses QoS specs. The columns of Equal are those of upstream's table: id, key, value (the name) and the
// times; name itself is none, as in Cinder.
type QoSQuery struct {
	Equal map[string][]string
	Page  Page
}

// QoSReader reads QoS specs with their keys.
type QoSReader interface {
	// QoSSpecs reads one. NotFound: QoSSpecsNotFound.
	QoSSpecs(ctx context.Context, id string) (*block.QoSSpecs, error)
	QoSSpecsList(ctx context.Context, q QoSQuery) ([]*block.QoSSpecs, error)
	// TypesWithQoS are the volume types that refer to these specs, by id; without extra specs.
	TypesWithQoS(ctx context.Context, id string) ([]*block.VolumeType, error)
}

// QoSWriter changes QoS specs.
type QoSWriter interface {
	// CreateQoSSpecs inserts q; CreatedAt is set if zero. Conflict: QoSSpecsExists, when the name is taken.
	CreateQoSSpecs(ctx context.Context, q *block.QoSSpecs) error
	// PutQoSSpecs merges specs; an empty consumer leaves the consumer alone.
	PutQoSSpecs(ctx context.Context, id, consumer string, specs map[string]*string) error
	// DeleteQoSKey removes one key and says whether it was there.
	DeleteQoSKey(ctx context.Context, id, key string) (bool, error)
	// DestroyQoSSpecs soft-deletes the specs with their keys; whether types refer to them is the caller's to ask.
	DestroyQoSSpecs(ctx context.Context, id string) error
	// SetTypeQoS makes a volume type refer to these specs. NotFound: VolumeTypeNotFound.
	SetTypeQoS(ctx context.Context, typeID, id string) error
	// ClearTypeQoS makes the volume type, or every one if typeID is empty, no longer refer to these specs.
	ClearTypeQoS(ctx context.Context, typeID, id string) error
}
