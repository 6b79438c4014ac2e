package app

import (
	"regexp"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/config"
)

var (
	defaultVolumeType = config.String("DEFAULT", "default_volume_type", block.DefaultTypeName,
		"The volume type of a volume for which none is named. It must exist.")
	defaultGroupType = config.String("DEFAULT", "default_group_type", "",
		"The group type that GET /group_types/default shows.", config.NoDefault())
	defaultAvailabilityZone = config.String("DEFAULT", "default_availability_zone", "",
		"The availability zone of a volume for which none is named; storage_availability_zone if this is not set.", config.NoDefault())
	storageAvailabilityZone = config.String("DEFAULT", "storage_availability_zone", "nova",
		"The availability zone of this node.")
	allowZoneFallback = config.Bool("DEFAULT", "allow_availability_zone_fallback", false,
		"Whether a volume asked for in a zone that does not exist is made in the default zone instead of being refused.")
	clonedVolumeSameZone = config.Bool("DEFAULT", "cloned_volume_same_az", true,
		"Whether a copy of a volume or snapshot must be in the zone of its source.")
	snapshotSameHost = config.Bool("DEFAULT", "snapshot_same_host", true,
		"Whether a volume made from a snapshot must be on the back end of the snapshot.")
	backupSameHost = config.Bool("DEFAULT", "backup_use_same_host", false,
		"Whether a volume is backed up by the backup service of the volume's own host, and by no other.")
	serviceDownTime = config.Seconds("DEFAULT", "service_down_time", time.Minute,
		"How many seconds after its last heartbeat a service counts as down.", config.Min(1))
	transferSaltLength = config.Int("DEFAULT", "volume_transfer_salt_length", 8,
		"How many characters the salt has under which the key of a volume transfer is hashed.", config.Min(1), config.Max(255))
	transferKeyLength = config.Int("DEFAULT", "volume_transfer_key_length", 16,
		"How many characters the key of a volume transfer has.", config.Min(1), config.Max(255))
	idempotentCreates = config.Bool("clinker", "idempotent_creates", true, "Whether a create that repeats the X-OpenStack-Request-ID, the user and the body of an "+
		"earlier one gets what that has made, so that a client may ask again when it has heard no answer. Requests with a service token are exempt: other services use "+
		"one id for several creates.")
	idempotencyWindow = config.Seconds("clinker", "idempotency_window_seconds", 10*time.Minute, "For how many seconds after a create it is not repeated.", config.Min(1))
)

var (
	forceUpload = config.Bool("DEFAULT", "enable_force_upload", false,
		"Whether a volume that is in use can be made an image of by force.")
	coreImageProperties = config.List("DEFAULT", "glance_core_properties",
		[]string{"checksum", "container_format", "disk_format", "image_name", "image_id", "min_disk", "min_ram", "name", "size"},
		"Which properties of the image that a volume was made from are not carried on to an image that is made of the volume.")
	reservedImageNamespaces = config.List("DEFAULT", "reserved_image_namespaces", nil,
		"How properties begin that are not carried on either, beside those that begin with os_glance, img_signature and signature_verified.")
)

// nameTemplate is what a template of names may be: the names are those of files, logical volumes and images.
var nameTemplate = config.Pattern(regexp.MustCompile(`^([A-Za-z0-9_+][A-Za-z0-9_.+-]{0,99})?%s[A-Za-z0-9_.+-]{0,99}$`))

var (
	volumeNames = config.String("DEFAULT", "volume_name_template", string(block.DefaultNames().Volumes),
		"What storage calls a volume; %s stands for its id. It must not change while there are volumes, and is the same for all services.", nameTemplate)
	snapshotNames = config.String("DEFAULT", "snapshot_name_template", string(block.DefaultNames().Snapshots),
		"What storage calls a snapshot; %s stands for its id. It must not change while there are snapshots, and is the same for all services.", nameTemplate)
)

// ConfigOptions are the options the use cases heed.
func ConfigOptions() []config.Option {
	return append(config.Ignored("DEFAULT", "upstream's drivers of backups do not go by it either", "backup_name_template"), volumeNames, snapshotNames, forceUpload, coreImageProperties, reservedImageNamespaces, defaultVolumeType, defaultGroupType, defaultAvailabilityZone, storageAvailabilityZone, allowZoneFallback,
		clonedVolumeSameZone, snapshotSameHost, backupSameHost, serviceDownTime, transferSaltLength, transferKeyLength,
		idempotentCreates, idempotencyWindow)
}

// OptionsFrom reads them.
func OptionsFrom(c *config.Config) Options {
	o := Options{
		DefaultVolumeType: defaultVolumeType.Get(c), DefaultGroupType: defaultGroupType.Get(c), DefaultAvailabilityZone: defaultAvailabilityZone.Get(c),
		StorageAvailabilityZone: storageAvailabilityZone.Get(c), AllowAvailabilityZoneFallback: allowZoneFallback.Get(c),
		ClonedVolumeSameZone: clonedVolumeSameZone.Get(c), SnapshotSameHost: snapshotSameHost.Get(c), BackupUseSameHost: backupSameHost.Get(c),
		ServiceDownTime: serviceDownTime.Get(c), TransferSaltLength: transferSaltLength.Get(c), TransferKeyLength: transferKeyLength.Get(c),
		ForceUpload: forceUpload.Get(c), CoreImageProperties: coreImageProperties.Get(c), ReservedImageNamespaces: reservedImageNamespaces.Get(c),
		Names: block.Names{Volumes: block.NameTemplate(volumeNames.Get(c)), Snapshots: block.NameTemplate(snapshotNames.Get(c))},
	}
	if idempotentCreates.Get(c) {
		o.IdempotencyWindow = idempotencyWindow.Get(c)
	}
	return o
}

// DefaultZone is the availability zone of what is made without one being named.
func (o Options) DefaultZone() string {
	if o.DefaultAvailabilityZone != "" {
		return o.DefaultAvailabilityZone
	}
	return o.StorageAvailabilityZone
}
