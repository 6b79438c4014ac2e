package sqllock_test

import (
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/lock/locktest"
	"github.com/clinker/clinker/internal/lock/sqllock"
	"github.com/clinker/clinker/internal/sqlkit/connect"
	"github.com/clinker/clinker/internal/sqlkit/sqlkittest"
)

const ttl = 3 * time.Second

func open(url string) (*lock.Shared, error) { return sqllock.New(sqllock.Options{URL: url, TTL: ttl}) }

func TestMain(m *testing.M) { locktest.Main(m, open) }

func TestLocks(t *testing.T) {
	sqlkittest.Each(t, func(t *testing.T, s *sqlkittest.Server) {
		url := s.Database(t)
		locktest.Run(t, func(*testing.T) *locktest.Service {
			return &locktest.Service{Open: open, Address: url, TTL: ttl, Lose: func(t *testing.T) {
				s.Stop(t)
				s.Run(t)
			}}
		})
		t.Run("names are tooz's", func(t *testing.T) { testNames(t, s.Kind, url) })
	})
}

// testNames asks as tooz asks, for a lock that we have.
func testNames(t *testing.T, kind, url string) {
	l, err := open(url)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	db, err := connect.Open(t.Context(), connect.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	python, err := db.Line(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer python.Close()
	ask := map[string]string{
		"mysql":      "SELECT GET_LOCK('cinder-volume-attach', 0)",
		"postgresql": "SELECT pg_try_advisory_lock(get_byte(decode(md5('cinder-volume-attach'), 'hex'), 0), get_byte(decode(md5('cinder-volume-attach'), 'hex'), 1))::int",
	}[kind]
	_, unlock, err := l.Lock(t.Context(), "cinder-volume-attach")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{0, 1} {
		if got, err := python.Number(t.Context(), ask); got != want || err != nil {
			t.Errorf("tooz got %d, %v; want %d", got, err, want)
		}
		unlock()
	}
}

func TestRefused(t *testing.T) {
	for _, url := range []string{"sqlite:////tmp/x", "redis://h", "mysql://h", "postgresql://h/d?sslmode=never"} {
		if _, err := sqllock.New(sqllock.Options{URL: url}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
