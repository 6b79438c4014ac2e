package flow_test

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/flow"
)

// memory is a journal and a set of rows that commit together, or not at all.
type memory struct {
	mu sync.Mutex
	tx memoryTx
	n  int // commits
}

// memoryTx is a transaction: copies of everything, thrown away when it fails.
type memoryTx struct {
	rows  map[string]string
	flows map[string]flow.Record
}

func newMemory() *memory {
	return &memory{tx: memoryTx{rows: map[string]string{}, flows: map[string]flow.Record{}}}
}

func (m *memory) Update(ctx context.Context, fn func(tx memoryTx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	tx := memoryTx{rows: maps.Clone(m.tx.rows), flows: maps.Clone(m.tx.flows)}
	if err := fn(tx); err != nil {
		return err
	}
	m.n++
	m.tx = tx
	return nil
}

func (m *memory) PutFlow(_ context.Context, tx memoryTx, r flow.Record) error {
	r.UpdatedAt = time.Now()
	tx.flows[r.ID] = r
	return nil
}

func (m *memory) TouchFlow(_ context.Context, tx memoryTx, r flow.Record) (there, mine bool, err error) {
	have, there := tx.flows[r.ID]
	if mine = there && have.Owner == r.Owner && have.Attempts == r.Attempts; mine {
		have.UpdatedAt = time.Now()
		tx.flows[r.ID] = have
	}
	return there, mine, nil
}

func (m *memory) ClaimFlow(_ context.Context, tx memoryTx, r flow.Record) (bool, error) {
	have, ok := tx.flows[r.ID]
	if !ok || have.Owner != r.Owner || have.Attempts != r.Attempts || !have.UpdatedAt.Equal(r.UpdatedAt) {
		return false, nil
	}
	have.Attempts++
	have.UpdatedAt = time.Now()
	tx.flows[r.ID] = have
	return true, nil
}

func (m *memory) DeleteFlow(_ context.Context, tx memoryTx, id string) error {
	delete(tx.flows, id)
	return nil
}

func (m *memory) row(id string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tx.rows[id]
}

func (m *memory) record(id string) (flow.Record, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.tx.flows[id]
	return r, ok
}
