// Package managertest is what the tests of the volume service stand on: a store in memory and a target that remembers its
// connections. It is no substitute for the suite of real stores; it has what the volume service asks for and panics
// with a nil pointer at anything else.
package managertest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// Store is a store.Store in memory. Update is serial and commits all or nothing. Make one with NewStore.
type Store struct {
	store.Maintenance // which nobody needs here
	*tx
	mu sync.Mutex

	// Updates counts the transactions that were committed, Reads the reads outside a transaction.
	Updates, Reads int
}

// tx is a transaction, and on the Store itself the committed rows.
type tx struct {
	store.Tx // for the methods that nobody needs here

	root        *Store // nil within a transaction
	volumes     map[string]*block.Volume
	snapshots   map[string]*block.Snapshot
	attachments map[string]*block.Attachment
	types       map[string]*block.VolumeType
	flows       map[string]flow.Record
	images      images
	groups      groups
	backups     backups
	services    []*block.Service
	usage       map[string]map[string]int64
	clock       time.Time
}

// NewStore makes an empty store.
func NewStore() *Store {
	s := &Store{tx: &tx{volumes: map[string]*block.Volume{}, snapshots: map[string]*block.Snapshot{},
		attachments: map[string]*block.Attachment{}, types: map[string]*block.VolumeType{}, flows: map[string]flow.Record{}, images: newImages(), groups: newGroups(),
		backups: backups{}, usage: map[string]map[string]int64{}, clock: time.Unix(900_000_000, 0).UTC()}}
	s.root = s
	return s
}

// UpdateTogether implements store.Store; nobody shares a transaction.
func (s *Store) UpdateTogether(ctx context.Context, _ string, fn func(store.Tx) error) error {
	return s.Update(ctx, fn)
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.clone()
	if err := fn(t); err != nil {
		return err
	}
	s.volumes, s.snapshots, s.attachments = t.volumes, t.snapshots, t.attachments
	s.flows, s.usage, s.clock, s.images, s.groups, s.backups = t.flows, t.usage, t.clock, t.images, t.groups, t.backups
	s.Updates++
	return nil
}

// Ping implements store.Store.
func (s *Store) Ping(context.Context) error { return nil }

// Close implements store.Store.
func (s *Store) Close() error { return nil }

// Usage is what was last written for a project's quota_usages.
func (s *Store) Usage(projectID string) map[string]int64 {
	defer s.reading()()
	return s.usage[projectID]
}

// AddType enters a volume type.
func (s *Store) AddType(t *block.VolumeType) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.types[t.ID] = t
}

func (t *tx) clone() *tx {
	c := *t
	c.root = nil
	c.volumes, c.snapshots, c.attachments = map[string]*block.Volume{}, map[string]*block.Snapshot{}, map[string]*block.Attachment{}
	for id, v := range t.volumes {
		c.volumes[id] = cloneVolume(v)
	}
	for id, s := range t.snapshots {
		c.snapshots[id] = new(*s)
	}
	for id, a := range t.attachments {
		c.attachments[id] = new(*a)
	}
	c.flows, c.usage, c.images, c.groups, c.backups = maps.Clone(t.flows), maps.Clone(t.usage), t.images.clone(), t.groups.clone(), t.backups.clone()
	return &c
}

func cloneVolume(v *block.Volume) *block.Volume {
	c := *v
	c.Metadata, c.AdminMetadata, c.ImageMetadata = maps.Clone(v.Metadata), maps.Clone(v.AdminMetadata), maps.Clone(v.ImageMetadata)
	return &c
}

// reading locks the rows if this is the store itself.
func (t *tx) reading() func() {
	if t.root == nil {
		return func() {}
	}
	t.root.mu.Lock()
	t.root.Reads++
	return t.root.mu.Unlock
}

func (t *tx) Volume(_ context.Context, id, _ string) (*block.Volume, error) {
	defer t.reading()()
	v, ok := t.volumes[id]
	if !ok {
		return nil, block.VolumeNotFound(id)
	}
	return t.filled(v), nil
}

// filled is a copy of v with its attachments, as every read gives.
func (t *tx) filled(v *block.Volume) *block.Volume {
	c := cloneVolume(v)
	for _, a := range t.attachments {
		if a.VolumeID == v.ID {
			c.Attachments = append(c.Attachments, *a)
		}
	}
	slices.SortFunc(c.Attachments, func(a, b block.Attachment) int { return strings.Compare(a.ID, b.ID) })
	return c
}

func (t *tx) Volumes(_ context.Context, q store.VolumeQuery) ([]*block.Volume, error) {
	defer t.reading()()
	if of := q.Equal["group_id"]; len(of) > 0 {
		return t.inGroup(of[0]), nil
	}
	var out []*block.Volume
	for _, id := range slices.Sorted(maps.Keys(t.volumes)) {
		if v := t.volumes[id]; v.Host.Backend() == q.Backend && id > q.Page.Marker && len(out) < q.Page.Limit {
			out = append(out, t.filled(v))
		}
	}
	return out, nil
}

func (t *tx) CreateVolume(_ context.Context, v *block.Volume) error {
	t.volumes[v.ID] = cloneVolume(v)
	t.volumes[v.ID].Attachments = nil
	return nil
}

func (t *tx) UpdateVolume(_ context.Context, id string, when store.VolumeWhen, set store.VolumeSet) (bool, error) {
	v, ok := t.volumes[id]
	if !ok || len(when.Status) != 0 && !slices.Contains(when.Status, v.Status) || when.Host != "" && when.Host != v.Host {
		return false, nil
	}
	if set.StatusToPrevious {
		v.PreviousStatus = v.Status
	}
	put(&v.PreviousStatus, set.PreviousStatus)
	put(&v.Status, set.Status)
	put(&v.Name, set.Name)
	put(&v.Description, set.Description)
	put(&v.AttachStatus, set.AttachStatus)
	put(&v.SizeGiB, set.SizeGiB)
	put(&v.Host, set.Host)
	put(&v.ServiceUUID, set.ServiceUUID)
	put(&v.GroupID, set.GroupID)
	put(&v.ReplicationStatus, set.ReplicationStatus)
	put(&v.Bootable, set.Bootable)
	put(&v.SharedTargets, set.SharedTargets)
	put(&v.ProviderID, set.ProviderID)
	put(&v.ProviderLocation, set.ProviderLocation)
	put(&v.ProviderAuth, set.ProviderAuth)
	put(&v.ScheduledAt, set.ScheduledAt)
	put(&v.LaunchedAt, set.LaunchedAt)
	return true, nil
}

func put[V any](field, value *V) {
	if value != nil {
		*field = *value
	}
}

func (t *tx) PutVolumeAdminMetadata(_ context.Context, id string, md map[string]string) error {
	v, ok := t.volumes[id]
	if !ok {
		return block.VolumeNotFound(id)
	}
	if v.AdminMetadata == nil {
		v.AdminMetadata = map[string]string{}
	}
	maps.Copy(v.AdminMetadata, md)
	return nil
}

func (t *tx) DeleteVolumeAdminMetadata(_ context.Context, id, key string) error {
	if v, ok := t.volumes[id]; ok {
		delete(v.AdminMetadata, key)
	}
	return nil
}

func (t *tx) DestroyVolume(_ context.Context, id string) error {
	delete(t.volumes, id)
	maps.DeleteFunc(t.attachments, func(_ string, a *block.Attachment) bool { return a.VolumeID == id })
	return nil
}

func (t *tx) Snapshot(_ context.Context, id, _ string) (*block.Snapshot, error) {
	defer t.reading()()
	s, ok := t.snapshots[id]
	if !ok {
		return nil, block.SnapshotNotFound(id)
	}
	return new(*s), nil
}

func (t *tx) Snapshots(_ context.Context, q store.SnapshotQuery) ([]*block.Snapshot, error) {
	defer t.reading()()
	if of := q.Equal["group_snapshot_id"]; len(of) > 0 {
		return t.inPicture(of[0]), nil
	}
	var out []*block.Snapshot
	for _, id := range slices.Sorted(maps.Keys(t.snapshots)) {
		if s := t.snapshots[id]; s.VolumeID == q.VolumeID {
			out = append(out, new(*s))
		}
	}
	return out, nil
}

func (t *tx) CreateSnapshot(_ context.Context, s *block.Snapshot) error {
	t.snapshots[s.ID] = new(*s)
	return nil
}

func (t *tx) UpdateSnapshot(_ context.Context, id string, when store.SnapshotWhen, set store.SnapshotSet) (bool, error) {
	s, ok := t.snapshots[id]
	if !ok || len(when.Status) != 0 && !slices.Contains(when.Status, s.Status) {
		return false, nil
	}
	put(&s.Status, set.Status)
	put(&s.Progress, set.Progress)
	put(&s.VolumeSizeGiB, set.VolumeSizeGiB)
	put(&s.ProviderID, set.ProviderID)
	put(&s.ProviderLocation, set.ProviderLocation)
	put(&s.ProviderAuth, set.ProviderAuth)
	return true, nil
}

func (t *tx) DestroySnapshot(_ context.Context, id string) error {
	delete(t.snapshots, id)
	return nil
}

func (t *tx) Attachment(_ context.Context, id, _ string) (*block.Attachment, error) {
	defer t.reading()()
	a, ok := t.attachments[id]
	if !ok {
		return nil, block.AttachmentNotFound(id)
	}
	return new(*a), nil
}

func (t *tx) CreateAttachment(_ context.Context, a *block.Attachment) error {
	t.attachments[a.ID] = new(*a)
	return nil
}

func (t *tx) UpdateAttachment(_ context.Context, id string, from []block.AttachStatus, set store.AttachmentSet) (bool, error) {
	a, ok := t.attachments[id]
	if !ok || len(from) != 0 && !slices.Contains(from, a.AttachStatus) {
		return false, nil
	}
	put(&a.AttachStatus, set.AttachStatus)
	put(&a.AttachMode, set.AttachMode)
	put(&a.AttachedHost, set.AttachedHost)
	put(&a.InstanceUUID, set.InstanceUUID)
	put(&a.Mountpoint, set.Mountpoint)
	put(&a.AttachTime, set.AttachTime)
	put(&a.Connection, set.Connection)
	put(&a.Connector, set.Connector)
	return true, nil
}

func (t *tx) DestroyAttachment(_ context.Context, id string) error {
	delete(t.attachments, id)
	return nil
}

func (t *tx) VolumeType(_ context.Context, id, _ string) (*block.VolumeType, error) {
	defer t.reading()()
	vt, ok := t.types[id]
	if !ok {
		return nil, block.VolumeTypeNotFound(id)
	}
	return vt, nil
}

// ClusterVolumes implements store.ClusterReader.
func (t *tx) ClusterVolumes(_ context.Context, cluster string) (map[block.Host]store.PoolTotals, error) {
	defer t.reading()()
	totals := make(map[block.Host]store.PoolTotals)
	for _, v := range t.volumes {
		if block.Host(v.ClusterName).Backend() == cluster {
			sum := totals[v.Host]
			totals[v.Host] = store.PoolTotals{Volumes: sum.Volumes + 1, SizeGiB: sum.SizeGiB + v.SizeGiB}
		}
	}
	return totals, nil
}

func (t *tx) BackendVolumes(_ context.Context, backend string) (map[block.Host]store.PoolTotals, error) {
	defer t.reading()()
	out := map[block.Host]store.PoolTotals{}
	for _, v := range t.volumes {
		if v.Host.Backend() == backend {
			p := out[v.Host]
			p.Volumes++
			p.SizeGiB += v.SizeGiB
			out[v.Host] = p
		}
	}
	return out, nil
}

func (t *tx) QuotaUsage(_ context.Context, projectID string) (*block.QuotaUsage, error) {
	u := &block.QuotaUsage{}
	for _, v := range t.volumes {
		if v.ProjectID == projectID && v.UseQuota {
			u.Volumes++
			u.VolumeGigabytes += v.SizeGiB
		}
	}
	for _, g := range t.groups.groups {
		if g.ProjectID == projectID {
			u.Groups++
		}
	}
	for _, s := range t.snapshots {
		if s.ProjectID == projectID && s.UseQuota {
			u.Snapshots++
			u.SnapshotGigabytes += s.VolumeSizeGiB
		}
	}
	return u, nil
}

// LockQuota implements store.QuotaWriter: one transaction runs at a time.
func (t *tx) LockQuota(context.Context, string) error { return nil }

// VolumeUsage implements store.QuotaReader.
func (t *tx) VolumeUsage(ctx context.Context, projectID string) (*block.QuotaUsage, error) {
	return t.QuotaUsage(ctx, projectID)
}

func (t *tx) Reserve(context.Context, string, map[string]int64, time.Time) ([]string, error) {
	return nil, nil
}

func (t *tx) MarkOwn(context.Context, store.OwnService) error { return nil }

func (t *tx) OwnServices(context.Context, string) ([]store.OwnService, error) { return nil, nil }

func (t *tx) ForgetWorker(context.Context, string, string) error { return nil }

func (t *tx) Workers(context.Context, store.WorkerQuery) ([]store.Worker, error) { return nil, nil }

func (t *tx) ReleaseReservations(context.Context, []string) error { return nil }

func (t *tx) PutQuotaUsage(_ context.Context, projectID string, inUse map[string]int64) error {
	t.usage[projectID] = inUse
	return nil
}

func (t *tx) Flows(_ context.Context, owner string, _ time.Duration, limit int) ([]flow.Record, error) {
	defer t.reading()()
	var out []flow.Record
	for _, r := range t.flows {
		if r.Owner == owner {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b flow.Record) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	return out[:min(limit, len(out))], nil
}

// tick is a time later than every one before it.
func (t *tx) tick() time.Time {
	t.clock = t.clock.Add(time.Second)
	return t.clock
}

func (t *tx) PutFlow(_ context.Context, r flow.Record) error {
	if r.ID == "" || r.Owner == "" || r.Name == "" {
		return fault.New(fault.Internal, "", "a journal record without id, owner or name: %+v", r)
	}
	r.UpdatedAt = t.tick()
	t.flows[r.ID] = r
	return nil
}

func (t *tx) ClaimFlow(_ context.Context, r flow.Record) (bool, error) {
	have, ok := t.flows[r.ID]
	if !ok || have.Owner != r.Owner || have.Attempts != r.Attempts || !have.UpdatedAt.Equal(r.UpdatedAt) {
		return false, nil
	}
	have.Attempts++
	have.UpdatedAt = t.tick()
	t.flows[r.ID] = have
	return true, nil
}

func (t *tx) DeleteFlow(_ context.Context, id string) error {
	delete(t.flows, id)
	return nil
}
