package groups

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
)

// FromSource is what a caller asks of a group that is made from a group snapshot or from another group: one of the two.
type FromSource struct {
	Name, Description *string
	GroupSnapshotID   string
	SourceGroupID     string
}

// origin is what a volume of the new group is made from: a volume, or a snapshot of it.
type origin struct {
	volume   *block.Volume
	snapshot *block.Snapshot // nil if it is a clone
}

// CreateFromSource enters a group with a volume for each one in the source, and casts their making. It returns the group as
// entered: creating. Invalid for a source that is empty, not in a state to be copied, or on a back end without room for the
// copies; OverLimit for quota. Nothing is entered then.
func (u *Groups) CreateFromSource(ctx context.Context, r FromSource) (*block.Group, error) {
	if err := u.Authorize(ctx, "group:create"); err != nil {
		return nil, err
	}
	return app.Once(ctx, u.Core, u.Get, func(ctx context.Context) (*block.Group, error) { return u.beginCopying(ctx, r) })
}

func (u *Groups) beginCopying(ctx context.Context, r FromSource) (*block.Group, error) {
	source, err := u.source(ctx, r)
	if err != nil {
		return nil, err
	}
	origins, err := readOrigins(ctx, u.Store, r)
	if err != nil {
		return nil, err
	}
	if err := u.allowCopies(ctx, origins); err != nil {
		return nil, err
	}
	if err := u.RefuseFrozen(ctx, source.Host); err != nil {
		return nil, err
	}
	if err := u.checkRoom(ctx, source.Queue(), origins); err != nil {
		return nil, err
	}
	g := u.newGroup(ctx, r.Name, r.Description)
	g.GroupSnapshotID, g.SourceGroupID = r.GroupSnapshotID, r.SourceGroupID
	g.GroupTypeID, g.AvailabilityZone, g.Host, g.ClusterName = source.GroupTypeID, source.AvailabilityZone, source.Host, source.ClusterName
	g.VolumeTypeIDs = slices.Clone(source.VolumeTypeIDs)
	msg := &rpcapi.CreateGroupFromSource{FlowID: app.NewOperationID(), GroupID: g.ID}
	for _, o := range origins {
		msg.VolumeIDs = append(msg.VolumeIDs, uuid.NewString())
		if !slices.Contains(g.VolumeTypeIDs, o.volume.VolumeTypeID) {
			g.VolumeTypeIDs = append(g.VolumeTypeIDs, o.volume.VolumeTypeID)
		}
	}
	keys, err := u.copyKeys(ctx, origins)
	if err != nil {
		return nil, err
	}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowGroupFromSource, Owner: g.Queue().Backend(),
		ResourceType: "group", ResourceID: g.ID, State: msg}
	err = u.HandOver(ctx, op, func(tx store.Tx) error { return u.enterCopies(ctx, tx, g, r, msg.VolumeIDs, keys) },
		func(ctx context.Context) error {
			return u.VolumeService.Cast(ctx, g.Queue(), "3.0", rpcapi.MethodCreateGroupFromSource, msg)
		})
	if err != nil {
		u.dropKeys(ctx, keys)
		return nil, err
	}
	return g, nil
}

// copyKeys gives the copies of encrypted volumes keys of their own, by the id of what each is made from.
func (u *Groups) copyKeys(ctx context.Context, origins []origin) (keys map[string]string, err error) {
	keys = map[string]string{}
	for _, o := range origins {
		id, key := o.key()
		if key == "" {
			continue
		}
		if keys[id], err = u.CopyKey(ctx, key); err != nil {
			u.dropKeys(ctx, keys)
			return nil, err
		}
	}
	return keys, nil
}

// dropKeys takes the keys back from copies that have not come about.
func (u *Groups) dropKeys(ctx context.Context, keys map[string]string) {
	for _, key := range keys {
		u.DropKey(ctx, key)
	}
}

// key is the id of what a copy is made from, and of its key; that is empty if it is not encrypted.
func (o origin) key() (id, key string) {
	if o.snapshot != nil {
		return o.snapshot.ID, o.snapshot.EncryptionKeyID
	}
	return o.volume.ID, o.volume.EncryptionKeyID
}

// source is the group that is copied, or of which a group snapshot is.
func (u *Groups) source(ctx context.Context, r FromSource) (*block.Group, error) {
	if r.GroupSnapshotID == "" {
		return u.Get(ctx, r.SourceGroupID)
	}
	n, err := u.GetSnapshot(ctx, r.GroupSnapshotID)
	if err != nil {
		return nil, err
	}
	return u.Group(ctx, n.GroupID, "group:get")
}

// readOrigins reads what the volumes of the new group are to be made from, in a fixed order, and checks that it is in a state
// to be copied. It is done again under the transaction that enters the copies.
func readOrigins(ctx context.Context, r store.Reader, asked FromSource) ([]origin, error) {
	if asked.GroupSnapshotID == "" {
		return readSourceGroup(ctx, r, asked.SourceGroupID)
	}
	snapshots, err := snapshotsOf(ctx, r, asked.GroupSnapshotID)
	if err != nil {
		return nil, err
	}
	if len(snapshots) == 0 {
		return nil, block.InvalidGroup("Group snapshot is empty. No group will be created.")
	}
	origins := make([]origin, 0, len(snapshots))
	for _, s := range snapshots {
		if s.Status != block.SnapshotAvailable {
			return nil, block.InvalidGroup("Cannot create group because snapshot %s is not in a valid state. Valid states are: ('available',).", s.ID)
		}
		v, err := r.Volume(ctx, s.VolumeID, "")
		if err != nil {
			return nil, err
		}
		origins = append(origins, origin{volume: v, snapshot: s})
	}
	return origins, nil
}

func readSourceGroup(ctx context.Context, r store.Reader, id string) ([]origin, error) {
	g, err := r.Group(ctx, id, "")
	if err != nil {
		return nil, err
	}
	switch g.Status {
	case block.GroupCreating, block.GroupUpdating, block.GroupDeleting:
		return nil, block.InvalidGroup("Source group %s is %s. No group will be created.", id, g.Status)
	}
	volumes, err := members(ctx, r, id)
	if err != nil {
		return nil, err
	}
	if len(volumes) == 0 {
		return nil, block.InvalidGroup("Source Group is empty. No group will be created.")
	}
	origins := make([]origin, 0, len(volumes))
	for _, v := range volumes {
		if v.Status != block.VolumeAvailable {
			return nil, block.InvalidGroup("Cannot create group because source volume %s is not in a valid state. Valid states are: ('available',).", v.ID)
		}
		origins = append(origins, origin{volume: v})
	}
	return origins, nil
}

// allowCopies checks that the caller may make volumes such as these.
func (u *Groups) allowCopies(ctx context.Context, origins []origin) error {
	rules := []string{"volume:create"}
	for _, o := range origins {
		if o.volume.Multiattach && len(rules) == 1 {
			rules = append(rules, "volume:multiattach")
		}
	}
	for _, rule := range rules {
		if err := u.Authorize(ctx, rule); err != nil {
			return err
		}
	}
	return nil
}

// sizeGiB is that of the copy.
func (o origin) sizeGiB() int64 {
	if o.snapshot != nil {
		return o.snapshot.VolumeSizeGiB
	}
	return o.volume.SizeGiB
}

// checkRoom asks a scheduler whether the back end has room for all copies.
func (u *Groups) checkRoom(ctx context.Context, host block.Host, origins []origin) error {
	m := &rpcapi.ValidateHostCapacity{Host: host}
	for _, o := range origins {
		m.SizeGiB += o.sizeGiB()
	}
	room, err := u.Scheduler.ValidateHostCapacity(ctx, m)
	if err == nil && !room.Enough {
		err = block.InvalidGroup("No valid host to create the group. %s", room.Reason)
	}
	return err
}

// enterCopies takes quota and inserts the group and its volumes, which get these ids, and keys by the id of what each is made
// from.
func (u *Groups) enterCopies(ctx context.Context, tx store.Tx, g *block.Group, r FromSource, ids []string, keys map[string]string) error {
	origins, err := readOrigins(ctx, tx, r)
	if err != nil {
		return err
	}
	if len(origins) != len(ids) {
		return block.InvalidGroup("The source of the group has changed. Try again.")
	}
	if err := u.enter(ctx, tx, g); err != nil {
		return err
	}
	for i, o := range origins {
		delta := quota.Delta{Volumes: 1, VolumeGiB: o.sizeGiB(), TypeID: o.volume.VolumeTypeID, TypeName: o.volume.VolumeTypeName}
		if err := u.Quota.Take(ctx, tx, g.ProjectID, delta, o.sizeGiB()); err != nil {
			return err
		}
		copied := o.copy(g, ids[i])
		if id, key := o.key(); key != "" {
			if copied.EncryptionKeyID = keys[id]; copied.EncryptionKeyID == "" {
				return block.InvalidGroup("The source of the group has changed. Try again.")
			}
		}
		if err := tx.CreateVolume(ctx, copied); err != nil {
			return err
		}
	}
	return nil
}

// copy is the volume that is made from o. It lands in the pool where o is: upstream says the group's, which a copy need not
// be able to reach.
func (o origin) copy(g *block.Group, id string) *block.Volume {
	v := &block.Volume{ID: id, UserID: g.UserID, ProjectID: g.ProjectID, UseQuota: true, SizeGiB: o.sizeGiB(), AvailabilityZone: g.AvailabilityZone,
		VolumeTypeID: o.volume.VolumeTypeID, Status: block.VolumeCreating, AttachStatus: block.AttachDetached, Host: o.volume.Host,
		ClusterName: o.volume.ClusterName, GroupID: g.ID, Bootable: o.volume.Bootable, Multiattach: o.volume.Multiattach,
		SharedTargets: new(true)} // until the back end says otherwise
	v.CreatedAt, v.ScheduledAt = g.CreatedAt, g.CreatedAt
	if o.snapshot != nil {
		v.SnapshotID = o.snapshot.ID
	} else {
		v.SourceVolumeID = o.volume.ID
	}
	return v
}
