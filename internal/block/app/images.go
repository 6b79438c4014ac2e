package app

import (
	"context"

	"github.com/clinker/clinker/internal/glance"
)

// Images is the image service as use cases need it; glance.Service has the contract, and more.
type Images interface {
	Image(ctx context.Context, id string) (*glance.Image, error)
	ImagesByName(ctx context.Context, name string) ([]*glance.Image, error)
	Create(ctx context.Context, i glance.NewImage) (*glance.Image, error)
	Delete(ctx context.Context, id string) error
}
