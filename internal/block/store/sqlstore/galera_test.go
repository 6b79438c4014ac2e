package sqlstore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/schema"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/connect"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

// waiting is the configuration for a cluster in which what is written on one node is read on another.
func waiting(url string) sqlstore.Config {
	return sqlstore.Config{URL: url, Server: connect.Options{SyncWait: 7, SetSyncWait: true, Options: sqlkit.Options{WriteAttempts: 100}}}
}

// TestGalera runs every suite on a cluster each connection to which is to another node, and services that start at once.
func TestGalera(t *testing.T) {
	g := sqlkittest.StartGalera(t)
	t.Run("made at once", func(t *testing.T) {
		at, _ := g.Database(t)
		testMadeAtOnce(t, at)
	})
	empty := g.Nodes[0].Prepared(func(t testing.TB, url string) {
		made, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if err := made.Close(); err != nil {
			t.Fatal(err)
		}
	})
	suites(t, func(t *testing.T) store.Store { return open(t, waiting(g.URL(empty(t)))) })
}

// testMadeAtOnce: services that start at the same moment on different nodes all come up, and the tables have been made once.
func testMadeAtOnce(t *testing.T, at func(node int) string) {
	var all sync.WaitGroup
	for node := range 3 {
		all.Go(func() {
			s, err := sqlstore.Open(context.WithoutCancel(t.Context()), waiting(at(node)))
			if err != nil {
				t.Errorf("node %d: %v", node, err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := open(t, waiting(at(1)))
	types, err := s.VolumeTypes(t.Context(), store.TypeQuery{})
	if err != nil || len(types) != 1 || s.Outcome != schema.Ready {
		t.Errorf("outcome %v, %d types: %v", s.Outcome, len(types), err)
	}
}
