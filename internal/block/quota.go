package block

// Quota resources every project has. Beside them stand three for each volume type, "volumes_<type>",
// "gigabytes_<type>" and "snapshots_<type>".
const (
	QuotaVolumes            = "volumes"
	QuotaPerVolumeGigabytes = "per_volume_gigabytes"
	QuotaSnapshots          = "snapshots"
	QuotaGigabytes          = "gigabytes"
	QuotaBackups            = "backups"
	QuotaBackupGigabytes    = "backup_gigabytes"
	QuotaGroups             = "groups"
)

// Unlimited is the limit that allows everything.
const Unlimited = -1

// QuotaUsage counts what a project holds, by resource name; a missing name means none. Gigabytes include snapshots
// unless no_snapshot_gb_quota is set, which is the caller's business: VolumeGigabytes and SnapshotGigabytes are apart.
type QuotaUsage struct {
	Volumes, VolumeGigabytes     int64
	Snapshots, SnapshotGigabytes int64
	Backups, BackupGigabytes     int64
	Groups                       int64
	ByType                       map[string]TypeUsage // by volume type id
	// Reserved is what Python services are about to take, by resource: it is not in the rows yet. nil is nothing.
	Reserved map[string]int64
}

// TypeUsage is the share of one volume type in a QuotaUsage.
type TypeUsage struct {
	Volumes, VolumeGigabytes     int64
	Snapshots, SnapshotGigabytes int64
}

// InUse is the usage in the words of the quota_usages table, with the per-type resources of one volume type when
// typeName is not empty. Gigabytes include those of snapshots if countSnapshots is set (no_snapshot_gb_quota is off).
func (u *QuotaUsage) InUse(countSnapshots bool, typeID, typeName string) map[string]int64 {
	m := map[string]int64{
		QuotaVolumes:   u.Volumes,
		QuotaGigabytes: u.VolumeGigabytes,
		QuotaSnapshots: u.Snapshots,
	}
	t := u.ByType[typeID]
	typeGigabytes := t.VolumeGigabytes
	if countSnapshots {
		m[QuotaGigabytes] += u.SnapshotGigabytes
		typeGigabytes += t.SnapshotGigabytes
	}
	if typeName != "" {
		m[QuotaVolumes+"_"+typeName] = t.Volumes
		m[QuotaGigabytes+"_"+typeName] = typeGigabytes
		m[QuotaSnapshots+"_"+typeName] = t.Snapshots
	}
	return m
}
