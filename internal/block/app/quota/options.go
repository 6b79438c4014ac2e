package quota

import "github.com/clinker/clinker/internal/oslo/config"

func limit(name string, fallback int, what string) config.Handle[int] {
	return config.Int("DEFAULT", name, fallback, "How many "+what+" a project may hold; -1 means any number.", config.Min(-1))
}

var (
	volumes         = limit("quota_volumes", 10, "volumes")
	snapshots       = limit("quota_snapshots", 10, "snapshots")
	gigabytes       = limit("quota_gigabytes", 1000, "gigabytes of volumes and snapshots")
	backups         = limit("quota_backups", 10, "backups")
	backupGigabytes = limit("quota_backup_gigabytes", 1000, "gigabytes of backups")
	groups          = limit("quota_groups", 10, "groups")
	perVolume       = config.Int("DEFAULT", "per_volume_size_limit", -1, "How large, in gigabytes, one volume may be; -1 means any size.", config.Min(-1))
	useDefaultClass = config.Bool("DEFAULT", "use_default_quota_class", true,
		"Whether the limits of the quota class \"default\", where they are set, come before those configured here.")
	noSnapshotGigabytes = config.Bool("DEFAULT", "no_snapshot_gb_quota", false, "Whether snapshots do not count towards gigabytes.")
)

// ConfigOptions are the configured limits.
func ConfigOptions() []config.Option {
	return []config.Option{volumes, snapshots, gigabytes, backups, backupGigabytes, groups, perVolume, useDefaultClass, noSnapshotGigabytes}
}

// OptionsFrom reads them.
func OptionsFrom(c *config.Config) Options {
	return Options{
		Volumes: int64(volumes.Get(c)), Snapshots: int64(snapshots.Get(c)), Gigabytes: int64(gigabytes.Get(c)),
		Backups: int64(backups.Get(c)), BackupGigabytes: int64(backupGigabytes.Get(c)), Groups: int64(groups.Get(c)),
		PerVolumeGigabytes: int64(perVolume.Get(c)), UseDefaultQuotaClass: useDefaultClass.Get(c),
		NoSnapshotGigabytes: noSnapshotGigabytes.Get(c),
	}
}
