// Package quota decides how much a project may hold. Usage is counted from the rows in the transaction that takes it, so
// it cannot drift; limits come from the project, the default class and the configuration, in that order.
//
// What must not live here: policy (the use cases check it) and any stored sum that is read back.
package quota

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Options are the configured limits; names are the options'. A limit of block.Unlimited allows everything.
type Options struct {
	Volumes, Snapshots, Gigabytes             int64 // quota_volumes, quota_snapshots, quota_gigabytes
	Backups, BackupGigabytes, Groups          int64 // quota_backups, quota_backup_gigabytes, quota_groups
	PerVolumeGigabytes                        int64 // per_volume_size_limit
	UseDefaultQuotaClass, NoSnapshotGigabytes bool  // use_default_quota_class, no_snapshot_gb_quota
}

// Limits are the configured limits by resource.
func (o Options) Limits() map[string]int64 {
	return map[string]int64{
		block.QuotaVolumes: o.Volumes, block.QuotaSnapshots: o.Snapshots, block.QuotaGigabytes: o.Gigabytes,
		block.QuotaBackups: o.Backups, block.QuotaBackupGigabytes: o.BackupGigabytes,
		block.QuotaGroups: o.Groups, block.QuotaPerVolumeGigabytes: o.PerVolumeGigabytes,
	}
}

// DefaultClass is the quota class whose limits stand for every project that has none of its own.
const DefaultClass = "default"

// Quota takes quota. It is safe for concurrent use.
type Quota struct {
	opts      Options
	unlimited unlimited
}

// New makes a Quota with the configured limits.
func New(o Options) *Quota { return &Quota{opts: o} }

// Reader is what limits and usage are read from; a store.Store or a store.Tx.
type Reader interface {
	store.QuotaReader
}

// Delta is what is to be taken: all of it, or nothing.
type Delta struct {
	Volumes, Snapshots int64
	VolumeGiB          int64 // of a volume made or grown
	SnapshotGiB        int64 // of a snapshot made; free when no_snapshot_gb_quota is set
	Groups             int64
	TypeID, TypeName   string
	// Entered says that the rows are there already, and counted. The lock is then held for a shorter time.
	Entered bool
}

// Defaults are the limits of a project that has none of its own, for the fixed resources and the named types'.
func (q *Quota) Defaults(ctx context.Context, r Reader, typeNames []string) (map[string]int64, error) {
	class, err := q.defaultClass(ctx, r)
	if err != nil {
		return nil, err
	}
	return q.limits(class, nil, typeNames), nil
}

// defaultClass reads the limits of the default class, if they count.
func (q *Quota) defaultClass(ctx context.Context, r Reader) (map[string]int64, error) {
	if !q.opts.UseDefaultQuotaClass {
		return nil, nil
	}
	return r.QuotaClassLimits(ctx, DefaultClass)
}

// limits are those that are configured, but for what the default class says where it counts, but for what a project's own say.
func (q *Quota) limits(class, own map[string]int64, typeNames []string) map[string]int64 {
	m := q.opts.Limits()
	for _, name := range typeNames {
		for _, res := range typeResources {
			m[res+"_"+name] = block.Unlimited
		}
	}
	if !q.opts.UseDefaultQuotaClass {
		class = nil
	}
	for _, some := range []map[string]int64{class, own} {
		for name, limit := range some {
			if _, known := m[name]; known {
				m[name] = limit
			}
		}
	}
	return m
}

// ClassLimits are the limits of a quota class: its own, and for what it does not limit those of the default class, which
// here count whether or not use_default_quota_class lets them count for projects.
func (q *Quota) ClassLimits(ctx context.Context, r Reader, class string, typeNames []string) (map[string]int64, error) {
	always := Quota{opts: q.opts}
	always.opts.UseDefaultQuotaClass = true
	standard, err := r.QuotaClassLimits(ctx, DefaultClass)
	if err != nil {
		return nil, err
	}
	own, err := r.QuotaClassLimits(ctx, class)
	if err != nil {
		return nil, err
	}
	return always.limits(standard, own, typeNames), nil
}

// typeResources are the resources that exist once more for each volume type.
var typeResources = [...]string{block.QuotaVolumes, block.QuotaSnapshots, block.QuotaGigabytes}

// Limits are the limits in force for a project.
func (q *Quota) Limits(ctx context.Context, r Reader, projectID string, typeNames []string) (map[string]int64, error) {
	class, err := q.defaultClass(ctx, r)
	if err != nil {
		return nil, err
	}
	own, err := r.QuotaLimits(ctx, projectID)
	if err != nil {
		return nil, err
	}
	return q.limits(class, own, typeNames), nil
}

// InUse is a project's usage in the words of quota sets, with the resources of the types given as id to name.
func (q *Quota) InUse(u *block.QuotaUsage, types map[string]string) map[string]int64 {
	m := u.InUse(!q.opts.NoSnapshotGigabytes, "", "")
	m[block.QuotaBackups], m[block.QuotaBackupGigabytes], m[block.QuotaGroups] = u.Backups, u.BackupGigabytes, u.Groups
	m[block.QuotaPerVolumeGigabytes] = 0
	for id, name := range types {
		for key, n := range u.InUse(!q.opts.NoSnapshotGigabytes, id, name) {
			m[key] = n
		}
	}
	return m
}

// CheckVolumeSize refuses a volume larger than per_volume_gigabytes with a fault.OverLimit VolumeSizeExceedsLimit.
func (q *Quota) CheckVolumeSize(ctx context.Context, r Reader, projectID string, sizeGiB int64) error {
	limits, err := q.Limits(ctx, r, projectID, nil)
	if err != nil {
		return err
	}
	return checkSize(limits, sizeGiB)
}

func checkSize(limits map[string]int64, sizeGiB int64) error {
	if limit := limits[block.QuotaPerVolumeGigabytes]; limit >= 0 && sizeGiB > limit {
		return fault.New(fault.OverLimit, "VolumeSizeExceedsLimit",
			"Requested volume size %dG is larger than maximum allowed limit %dG.", sizeGiB, limit)
	}
	return nil
}

// Take checks that the project may hold d more, under a lock that lasts until tx ends, and writes the new usage to the
// quota_usages table; the caller changes the rows accordingly in the same transaction, later or (d.Entered) before. What
// Python services have reserved counts too. newSizeGiB, if not 0, is checked against the limit for a single volume. It refuses with a fault.OverLimit that names the resource, what was
// asked, the limit and what is used.
func (q *Quota) Take(ctx context.Context, tx store.Tx, projectID string, d Delta, newSizeGiB int64) error {
	if done, err := q.takeUncounted(ctx, tx, projectID, d, newSizeGiB); done || err != nil {
		return err
	}
	used, more, err := q.check(ctx, tx, projectID, d, newSizeGiB)
	if err != nil {
		return err
	}
	for name, amount := range more {
		used[name] += amount
	}
	return tx.PutQuotaUsage(ctx, projectID, used)
}

// check is what is used, and how much of what d takes more. It refuses as Take does.
func (q *Quota) check(ctx context.Context, tx store.Tx, projectID string, d Delta, newSizeGiB int64) (used, more map[string]int64, err error) {
	if err := tx.LockQuota(ctx, projectID); err != nil {
		return nil, nil, err
	}
	sheet, err := tx.QuotaSheet(ctx, projectID, DefaultClass)
	if err != nil {
		return nil, nil, err
	}
	limits, usage := q.limits(sheet.Class, sheet.Own, []string{d.TypeName}), sheet.Usage
	if err := checkSize(limits, newSizeGiB); err != nil {
		return nil, nil, err
	}
	more = map[string]int64{}
	q.unlimited.note(projectID, q.meetsNone(limits, d))
	used = usage.InUse(!q.opts.NoSnapshotGigabytes, d.TypeID, d.TypeName)
	if d.Groups > 0 {
		all, err := tx.QuotaUsage(ctx, projectID)
		if err != nil {
			return nil, nil, err
		}
		used[block.QuotaGroups] = all.Groups
	}
	for _, c := range q.claims(d) {
		for _, name := range []string{c.resource, c.resource + "_" + d.TypeName} {
			limit, known := limits[name]
			if c.amount == 0 || !known { // groups have no type
				continue
			}
			if d.Entered {
				used[name] -= c.amount
			}
			if consumed := used[name] + usage.Reserved[name]; c.amount > 0 && limit >= 0 && consumed+c.amount > limit {
				return nil, nil, overQuota(c, name, limit, consumed)
			}
			more[name] += c.amount
		}
	}
	return used, more, nil
}

// TakeGigabytes is Take for gigabytes alone: of v, or of a snapshot of it, whose number the project has taken already.
func (q *Quota) TakeGigabytes(ctx context.Context, tx store.Tx, v *block.Volume, projectID string, volumeGiB, snapshotGiB int64) error {
	newSizeGiB := int64(0)
	if volumeGiB > 0 {
		newSizeGiB = v.SizeGiB + volumeGiB
	}
	return q.Take(ctx, tx, projectID, Delta{VolumeGiB: volumeGiB, SnapshotGiB: snapshotGiB, TypeID: v.VolumeTypeID, TypeName: v.VolumeTypeName}, newSizeGiB)
}

// TakeVolume is Take for one more volume, v, of its own project.
func (q *Quota) TakeVolume(ctx context.Context, tx store.Tx, v *block.Volume) error {
	return q.Take(ctx, tx, v.ProjectID, Delta{Volumes: 1, VolumeGiB: v.SizeGiB, TypeID: v.VolumeTypeID, TypeName: v.VolumeTypeName}, v.SizeGiB)
}

type claim struct {
	resource string
	amount   int64
}

// claims lists what d takes of each resource, gigabytes first, as upstream reports them.
func (q *Quota) claims(d Delta) []claim {
	gib := d.VolumeGiB
	if !q.opts.NoSnapshotGigabytes {
		gib += d.SnapshotGiB
	}
	return []claim{{block.QuotaGigabytes, gib}, {block.QuotaVolumes, d.Volumes}, {block.QuotaSnapshots, d.Snapshots}, {block.QuotaGroups, d.Groups}}
}

func overQuota(c claim, name string, limit, used int64) error {
	switch c.resource {
	case block.QuotaGigabytes:
		return fault.New(fault.OverLimit, "VolumeSizeExceedsAvailableQuota",
			"Requested volume or snapshot exceeds allowed %s quota. Requested %dG, quota is %dG and %dG has been consumed.",
			name, c.amount, limit, used)
	case block.QuotaVolumes:
		return fault.New(fault.OverLimit, "VolumeLimitExceeded",
			"Maximum number of volumes allowed (%d) exceeded for quota '%s'.", limit, name)
	case block.QuotaGroups:
		return fault.New(fault.OverLimit, "GroupLimitExceeded", "Maximum number of groups allowed (%d) exceeded", limit)
	}
	return fault.New(fault.OverLimit, "SnapshotLimitExceeded", "Maximum number of snapshots allowed (%d) exceeded", limit)
}

// Record writes the project's usage, counted afresh, to the quota_usages table for those who read it there. It is called
// last in each transaction that destroys something that counts.
func (q *Quota) Record(ctx context.Context, tx store.Tx, projectID, typeID, typeName string) error {
	return store.RecordUsage(ctx, tx, projectID, typeID, typeName, !q.opts.NoSnapshotGigabytes)
}
