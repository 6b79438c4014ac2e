// Package keymanagertest has a key manager in memory, for tests of what uses one: it has as many keys as are made, and each
// belongs to a project, or to the service. It is imported by tests only.
package keymanagertest

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/reqctx"
)

// Service is the owner of keys that were made AsService.
const Service = "the service"

// Memory is the key manager. It is safe for concurrent use; the zero value is ready.
type Memory struct {
	mu   sync.Mutex
	keys map[string]held
	fail error
}

type held struct {
	key    keymanager.Key
	owner  string
	reader string // a user who may fetch it too
}

var (
	_ keymanager.Manager = (*Memory)(nil)
	_ keymanager.Sharer  = (*Memory)(nil)
)

type serviceKey struct{}

func owner(ctx context.Context) string {
	if ctx.Value(serviceKey{}) != nil {
		return Service
	}
	return reqctx.From(ctx).ProjectID
}

// Fail has everything fail with err from now on; nil ends it.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// Owners is whose the keys are that there are, by id.
func (m *Memory) Owners() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]string{}
	for id, h := range m.keys {
		all[id] = h.owner
	}
	return all
}

// Same says whether two ids stand for the same key.
func (m *Memory) Same(a, b string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[a].key.Equal(m.keys[b].key)
}

// Create implements keymanager.Manager.
func (m *Memory) Create(ctx context.Context, algorithm string, bits int64) (string, error) {
	b := make([]byte, max(bits/8, 1))
	_, _ = rand.Read(b) // never fails
	return m.Store(ctx, keymanager.NewKey(algorithm, b))
}

// Get implements keymanager.Manager.
func (m *Memory) Get(ctx context.Context, id string) (keymanager.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.keys[id]
	switch {
	case m.fail != nil:
		return keymanager.Key{}, m.fail
	case !ok || h.owner != owner(ctx) && (h.reader == "" || h.reader != reqctx.From(ctx).UserID):
		return keymanager.Key{}, fault.New(fault.NotFound, "", "no key %s of %s", id, owner(ctx))
	}
	return h.key, nil
}

// Store implements keymanager.Manager.
func (m *Memory) Store(ctx context.Context, k keymanager.Key) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return "", m.fail
	}
	if m.keys == nil {
		m.keys = map[string]held{}
	}
	id := uuid.NewString()
	m.keys[id] = held{key: k, owner: owner(ctx)}
	return id, nil
}

// Delete implements keymanager.Manager.
func (m *Memory) Delete(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.keys[id]
	switch {
	case m.fail != nil:
		return m.fail
	case ok && h.owner != owner(ctx):
		return fault.New(fault.Forbidden, "", "the key %s is not of %s", id, owner(ctx))
	}
	delete(m.keys, id)
	return nil
}

// Share implements keymanager.Sharer.
func (m *Memory) Share(ctx context.Context, id, userID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.keys[id]
	switch {
	case m.fail != nil:
		return m.fail
	case !ok:
		return fault.New(fault.NotFound, "", "no key %s", id)
	case h.owner != owner(ctx):
		return fault.New(fault.Forbidden, "", "the key %s is not of %s", id, owner(ctx))
	}
	h.reader = userID
	m.keys[id] = h
	return nil
}

// AsService implements keymanager.Manager.
func (m *Memory) AsService(ctx context.Context) context.Context {
	return context.WithValue(ctx, serviceKey{}, true)
}
