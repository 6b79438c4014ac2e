package fake_test

import (
	"context"
	"testing"

	"github.com/clinker/clinker/internal/nova"
	"github.com/clinker/clinker/internal/nova/fake"
	"github.com/clinker/clinker/internal/nova/novatest"
)

func TestSuite(t *testing.T) {
	novatest.Run(t, func(t *testing.T, behind *fake.Nova) (nova.Service, context.Context) { return behind, t.Context() })
}
