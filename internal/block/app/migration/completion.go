package migration

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app/volumes"
	"github.com/clinker/clinker/internal/block/rpcapi"
)

// Complete ends a migration whose bytes Nova has moved: the volume newID takes the place of id, or with failed is removed
// again. It gives the id that stays. Where neither volume migrates, the consumers of the first are recorded at the second,
// as Cinder does after a swap that Nova made by itself. For administrators. Invalid InvalidVolume if the two volumes do
// not belong to one migration.
func (u *Migration) Complete(ctx context.Context, id, newID string, failed bool) (string, error) {
	const rule = "volume_extension:volume_admin_actions:migrate_volume_completion"
	v, err := u.Volume(ctx, id, rule)
	if err != nil {
		return "", err
	}
	made, err := u.Volume(ctx, newID, "volume:get")
	if err != nil {
		return "", err
	}
	switch {
	case v.MigrationStatus == "" && made.MigrationStatus == "":
		if failed {
			return made.ID, nil
		}
		return made.ID, u.moveConsumers(ctx, v, made)
	case v.MigrationStatus == "":
		return "", block.InvalidVolume("Source volume not mid-migration.")
	case made.MigrationStatus == "":
		return "", block.InvalidVolume("Destination volume not mid-migration.")
	case made.MigrationStatus != "target:"+v.ID:
		return "", block.InvalidVolume("Destination has migration_status %s, expected target:%s.", made.MigrationStatus, v.ID)
	}
	var kept string
	err = u.VolumeService.Call(ctx, v.Queue(), "3.0", rpcapi.MethodMigrateVolumeCompletion,
		&rpcapi.MigrateVolumeCompletion{VolumeID: v.ID, NewVolumeID: made.ID, Failed: failed}, &kept)
	return kept, err
}

// moveConsumers records that whoever used one volume uses another now.
func (u *Migration) moveConsumers(ctx context.Context, from, to *block.Volume) error {
	for _, a := range from.Attachments {
		if err := u.volumes.DetachVolume(ctx, from.ID, a.ID); err != nil {
			return err
		}
		err := u.volumes.Attach(ctx, to.ID, volumes.AttachRequest{InstanceUUID: a.InstanceUUID, HostName: a.AttachedHost,
			Mountpoint: a.Mountpoint, Mode: "rw"})
		if err != nil {
			return err
		}
	}
	return nil
}
