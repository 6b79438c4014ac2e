package scheduler

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/groups"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// memory is the parts of a store that the scheduler uses, in memory. Rows are replaced, never changed.
type memory struct {
	groups.Store // for what package groups alone asks for

	mu      sync.Mutex
	rows    rows
	failing error // what Update and Services answer with, if set

	look   sync.Once
	looked chan struct{} // closed when the journal has been looked at for the first time
}

type rows struct {
	volumes   map[string]*block.Volume
	snapshots map[string]*block.Snapshot
	types     map[string]*block.VolumeType
	services  map[int64]*block.Service
	flows     map[string]flow.Record
}

func (r rows) clone() rows {
	return rows{maps.Clone(r.volumes), maps.Clone(r.snapshots), maps.Clone(r.types), maps.Clone(r.services), maps.Clone(r.flows)}
}

func newMemory() *memory {
	return &memory{looked: make(chan struct{}), rows: rows{map[string]*block.Volume{}, map[string]*block.Snapshot{}, map[string]*block.VolumeType{},
		map[int64]*block.Service{}, map[string]flow.Record{}}}
}

// memoryTx is a transaction; what it lacks would panic, and is what the scheduler must not use.
type memoryTx struct {
	store.Tx
	rows
}

func (m *memory) UpdateTogether(ctx context.Context, _ string, fn func(tx store.Tx) error) error {
	return m.Update(ctx, fn)
}

func (m *memory) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := cmp.Or(m.failing, ctx.Err()); err != nil {
		return err
	}
	tx := memoryTx{rows: m.rows.clone()}
	if err := fn(tx); err != nil {
		return err
	}
	m.rows = tx.rows
	return nil
}

func (m *memory) read() memoryTx {
	m.mu.Lock()
	defer m.mu.Unlock()
	return memoryTx{rows: m.rows}
}

// put changes rows as somebody else would.
func (m *memory) put(change func(r rows)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = m.rows.clone()
	change(m.rows)
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = err
}

func (m *memory) Volume(ctx context.Context, id, project string) (*block.Volume, error) {
	return m.read().Volume(ctx, id, project)
}

func (m *memory) Backup(_ context.Context, id, _ string) (*block.Backup, error) {
	return nil, block.BackupNotFound(id)
}

func (m *memory) Snapshot(ctx context.Context, id, project string) (*block.Snapshot, error) {
	return m.read().Snapshot(ctx, id, project)
}

func (m *memory) Volumes(_ context.Context, q store.VolumeQuery) (found []*block.Volume, err error) {
	for _, v := range m.read().volumes {
		if slices.Contains(q.IDs, v.ID) && (q.ProjectID == "" || q.ProjectID == v.ProjectID) {
			found = append(found, v)
		}
	}
	return found, nil
}

func (m *memory) VolumeType(_ context.Context, id, _ string) (*block.VolumeType, error) {
	if t := m.read().types[id]; t != nil {
		return t, nil
	}
	return nil, block.VolumeTypeNotFound(id)
}

func (m *memory) TypeByName(_ context.Context, name, _ string) (*block.VolumeType, error) {
	for _, t := range m.read().types {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, block.VolumeTypeNotFound(name)
}

func (m *memory) QoSSpecs(_ context.Context, id string) (*block.QoSSpecs, error) {
	return nil, block.QoSSpecsNotFound(id)
}

func (m *memory) Services(_ context.Context, q store.ServiceQuery) (found []*block.Service, err error) {
	m.mu.Lock()
	failing := m.failing
	m.mu.Unlock()
	for _, s := range m.read().services {
		if s.Topic == q.Topic {
			found = append(found, s)
		}
	}
	return found, failing
}

func (m *memory) Clusters(context.Context, time.Time) ([]*block.Cluster, error) { return nil, nil }

func (m *memory) BackendVolumes(_ context.Context, backend string) (map[block.Host]store.PoolTotals, error) {
	totals := map[block.Host]store.PoolTotals{}
	for _, v := range m.read().volumes {
		if v.Host.Backend() == backend {
			t := totals[v.Host]
			totals[v.Host] = store.PoolTotals{Volumes: t.Volumes + 1, SizeGiB: t.SizeGiB + v.SizeGiB}
		}
	}
	return totals, nil
}

func (m *memory) Flows(_ context.Context, owner string, minAge time.Duration, limit int) (found []flow.Record, err error) {
	all := m.read().flows
	m.look.Do(func() { close(m.looked) })
	for _, r := range all {
		if r.Owner == owner && time.Since(r.UpdatedAt) >= minAge {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(x, y flow.Record) int { return x.UpdatedAt.Compare(y.UpdatedAt) })
	return found[:min(limit, len(found))], nil
}

func (tx memoryTx) Volume(_ context.Context, id, _ string) (*block.Volume, error) {
	if v := tx.volumes[id]; v != nil {
		return v, nil
	}
	return nil, block.VolumeNotFound(id)
}

func (tx memoryTx) Snapshot(_ context.Context, id, _ string) (*block.Snapshot, error) {
	if s := tx.snapshots[id]; s != nil {
		return s, nil
	}
	return nil, block.SnapshotNotFound(id)
}

func (tx memoryTx) UpdateVolume(_ context.Context, id string, when store.VolumeWhen, set store.VolumeSet) (bool, error) {
	v := tx.volumes[id]
	if v == nil || !slices.Contains(when.Status, v.Status) || when.Unscheduled && v.Host != "" {
		return false, nil
	}
	v = new(*v)
	assign(&v.Status, set.Status)
	assign(&v.PreviousStatus, set.PreviousStatus)
	assign(&v.SizeGiB, set.SizeGiB)
	assign(&v.Host, set.Host)
	assign(&v.ClusterName, set.ClusterName)
	assign(&v.AvailabilityZone, set.AvailabilityZone)
	assign(&v.ScheduledAt, set.ScheduledAt)
	tx.volumes[id] = v
	return true, nil
}

func assign[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func (tx memoryTx) MarkOwn(context.Context, store.OwnService) error { return nil }

func (tx memoryTx) ForgetWorker(context.Context, string, string) error { return nil }

func (m *memory) Workers(context.Context, store.WorkerQuery) ([]store.Worker, error) { return nil, nil }

func (tx memoryTx) ReleaseReservations(context.Context, []string) error { return nil }

func (tx memoryTx) UpdateSnapshot(_ context.Context, id string, when store.SnapshotWhen, set store.SnapshotSet) (bool, error) {
	s := tx.snapshots[id]
	if s == nil || !slices.Contains(when.Status, s.Status) {
		return false, nil
	}
	s = new(*s)
	assign(&s.Status, set.Status)
	tx.snapshots[id] = s
	return true, nil
}

func (tx memoryTx) RegisterService(_ context.Context, s *block.Service) (*block.Service, error) {
	s = new(*s)
	s.ID, s.UpdatedAt = int64(len(tx.services)+1), time.Now()
	tx.services[s.ID] = s
	return s, nil
}

func (tx memoryTx) Heartbeat(_ context.Context, id int64) error {
	s := new(*tx.services[id])
	s.UpdatedAt = time.Now()
	tx.services[id] = s
	return nil
}

func (tx memoryTx) PutFlow(_ context.Context, r flow.Record) error {
	r.UpdatedAt = time.Now()
	tx.flows[r.ID] = r
	return nil
}

func (tx memoryTx) ClaimFlow(_ context.Context, r flow.Record) (bool, error) {
	have, ok := tx.flows[r.ID]
	if !ok || have.Owner != r.Owner || have.Attempts != r.Attempts || !have.UpdatedAt.Equal(r.UpdatedAt) {
		return false, nil
	}
	have.Attempts++
	have.UpdatedAt = time.Now()
	tx.flows[r.ID] = have
	return true, nil
}

func (tx memoryTx) DeleteFlow(_ context.Context, id string) error {
	delete(tx.flows, id)
	return nil
}
