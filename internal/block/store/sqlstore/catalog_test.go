package sqlstore_test

import (
	"testing"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/block/store/storetest/catalogtest"
)

func TestCatalog(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) store.Store { return open(t, sqlstore.Config{}) })
}
