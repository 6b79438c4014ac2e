package etcdlock_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/lock/etcdlock"
	"github.com/clinker/clinker/internal/lock/locktest"
)

const ttl = 3 * time.Second

func open(endpoint string) (*lock.Shared, error) {
	return etcdlock.New(etcdlock.Options{Endpoint: endpoint, TTL: ttl})
}

func TestMain(m *testing.M) { locktest.Main(m, open) }

func TestLocks(t *testing.T) {
	endpoint := locktest.Etcd(t)
	locktest.Run(t, func(*testing.T) *locktest.Service {
		return &locktest.Service{Open: open, Address: endpoint, TTL: ttl, Lose: func(t *testing.T) {
			var all struct{ Leases []struct{ ID string } }
			post(t, endpoint+"/v3/lease/leases", map[string]any{}, &all)
			for _, l := range all.Leases {
				post(t, endpoint+"/v3/lease/revoke", map[string]any{"ID": l.ID}, new(struct{}))
			}
		}}
	})
	t.Run("keys are tooz's", func(t *testing.T) { testKeys(t, endpoint) })
}

func post(t *testing.T, url string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(got, answer) != nil {
		t.Fatalf("%s: %v %s", url, err, got)
	}
}

// testKeys does by hand what tooz's etcd3gw driver does: who finds the key does not get the lock, and a key of Python's keeps us
// out until its lease ends.
func testKeys(t *testing.T, endpoint string) {
	l, err := open(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	python := func() bool {
		var lease struct{ ID string }
		post(t, endpoint+"/v3/lease/grant", map[string]any{"TTL": 1}, &lease)
		key := []byte("/tooz/lockscinder-x-delete_volume")
		var answer struct{ Succeeded bool }
		post(t, endpoint+"/v3/kv/txn", map[string]any{
			"compare": []any{map[string]any{"key": key, "result": "EQUAL", "target": "CREATE", "create_revision": 0}},
			"success": []any{map[string]any{"request_put": map[string]any{"key": key, "value": []byte("python"), "lease": lease.ID}}},
			"failure": []any{map[string]any{"request_range": map[string]any{"key": key}}},
		}, &answer)
		return answer.Succeeded
	}
	name := "cinder-x-delete_volume"
	_, unlock, err := l.Lock(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if python() {
		t.Error("Python got a lock that we have")
	}
	unlock()
	if !python() {
		t.Fatal("Python did not get a free lock")
	}
	began := time.Now()
	if _, unlock, err = l.Lock(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	unlock()
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("we got Python's lock after %v", took)
	}
}

func TestRefused(t *testing.T) {
	for name, o := range map[string]etcdlock.Options{
		"too short":    {Endpoint: "http://127.0.0.1:1", TTL: time.Second},
		"no authority": {Endpoint: "https://127.0.0.1:1", Authority: "/nonexistent"},
		"no key":       {Endpoint: "https://127.0.0.1:1", Certificate: "/nonexistent"},
	} {
		if _, err := etcdlock.New(o); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
