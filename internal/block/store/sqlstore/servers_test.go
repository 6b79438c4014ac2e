package sqlstore_test

import (
	"testing"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/block/store/storebench"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

// TestServers runs every suite on the databases that are servers.
func TestServers(t *testing.T) {
	sqlkittest.Each(t, func(t *testing.T, s *sqlkittest.Server) {
		empty := s.Prepared(func(t testing.TB, url string) {
			made, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			if err := made.Close(); err != nil {
				t.Fatal(err)
			}
		})
		suites(t, func(t *testing.T) store.Store { return open(t, sqlstore.Config{URL: empty(t)}) })
	})
}

// BenchmarkServers is BenchmarkStore on the databases that are servers, which flush no disk here.
func BenchmarkServers(b *testing.B) {
	for _, kind := range []string{"mysql", "postgresql"} {
		b.Run(kind, func(b *testing.B) {
			server := sqlkittest.Start(b, kind)
			storebench.Bench(b, func(b *testing.B) store.Store { return open(b, sqlstore.Config{URL: server.Database(b)}) })
		})
	}
}
