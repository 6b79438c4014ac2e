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
}

// TypeUsage is the share of one volume type in a QuotaUsage.
type TypeUsage struct {
	Volumes, VolumeGigabytes     int64
	Snapshots, SnapshotGigabytes int64
}
