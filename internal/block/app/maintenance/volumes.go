package maintenance

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// messageTimeout bounds the sending of a message.
const messageTimeout = time.Minute

// DeleteVolume has a volume deleted whatever its status (volume delete), unless it is in use, which is only said: by the
// service of its back end, or its row alone if it has none. It needs Messages for the former. NotFound: VolumeNotFound.
func (d Desk) DeleteVolume(ctx context.Context, id string) error {
	v, err := d.Store.Volume(ctx, id, "")
	if err != nil {
		return err
	}
	if v.Host == "" {
		d.say("Volume not yet assigned to host.")
		d.say("Deleting volume from database and skipping rpc.")
		return d.Store.Update(ctx, func(tx store.Tx) error {
			if err := tx.DestroyVolume(ctx, id); err != nil {
				return err
			}
			return d.Quota.Record(ctx, tx, v.ProjectID, v.VolumeTypeID, v.VolumeTypeName)
		})
	}
	if v.Status == block.VolumeInUse {
		d.say("Volume is in-use.")
		d.say("Detach volume from instance and then try again.")
		return nil
	}
	client, err := d.Messages()
	if err != nil {
		return err
	}
	// Python's services read their rows as whoever asks, who has to be an administrator.
	ctx, cancel := context.WithTimeout(reqctx.Internal(ctx), messageTimeout)
	defer cancel()
	return rpcapi.Volume{Client: client}.Cast(ctx, v.Host, "3.0", rpcapi.MethodDeleteVolume, &rpcapi.DeleteVolume{VolumeID: id})
}

// MoveVolumes sets the host of volumes (volume update_host), as MoveBackups does for backups (backup update_backup_host) and
// MoveConsistencyGroups for consistency groups (cg update_cg_host); see store.RepairWriter.
func (d Desk) MoveVolumes(ctx context.Context, from, to string) error {
	return d.change(ctx, "The host of volumes was changed.", func(tx store.Tx) (int64, error) { return tx.MoveVolumes(ctx, from, to) })
}

// MoveBackups is like MoveVolumes.
func (d Desk) MoveBackups(ctx context.Context, from, to string) error {
	return d.change(ctx, "The host of backups was changed.", func(tx store.Tx) (int64, error) { return tx.MoveBackups(ctx, from, to) })
}

// MoveConsistencyGroups is like MoveVolumes.
func (d Desk) MoveConsistencyGroups(ctx context.Context, from, to string) error {
	return d.change(ctx, "The host of consistency groups was changed.", func(tx store.Tx) (int64, error) { return tx.MoveConsistencyGroups(ctx, from, to) })
}

// AdoptVolumes gives volumes the UUID of the service that is now on their host (volume update_service).
func (d Desk) AdoptVolumes(ctx context.Context) error {
	return d.change(ctx, "The service of volumes was changed.", func(tx store.Tx) (int64, error) { return tx.AdoptVolumes(ctx) })
}

// change runs a transaction and logs of how many rows it was; upstream's commands say nothing of it.
func (d Desk) change(ctx context.Context, what string, fn func(tx store.Tx) (int64, error)) error {
	var n int64
	err := d.Store.Update(ctx, func(tx store.Tx) (err error) {
		n, err = fn(tx)
		return err
	})
	if err == nil {
		d.Log.InfoContext(ctx, what, "rows", n)
	}
	return err
}

// backupsAtOnce is how many backups are read in one go.
const backupsAtOnce = 1000

// Backups lists all backups (backup list).
func (d Desk) Backups(ctx context.Context) error {
	const head, format = "%-32s\t%-32s\t%-32s\t%-24s\t%-24s\t%-12s\t%-12s\t%-12s\t%-12s", "%-32s\t%-32s\t%-32s\t%-24s\t%-24s\t%-12s\t%-12s\t%-12d\t%-12d"
	d.say(head, "ID", "User ID", "Project ID", "Host", "Name", "Container", "Status", "Size", "Object Count")
	for marker := ""; ; {
		backups, err := d.Store.Backups(ctx, store.BackupQuery{Page: store.Page{Limit: backupsAtOnce, Marker: marker}})
		if err != nil {
			return err
		}
		for _, b := range backups {
			d.say(format, b.ID, orNone(b.UserID), orNone(b.ProjectID), orNone(b.Host), text(b.Name), text(b.Container), orNone(string(b.Status)), b.SizeGiB, b.ObjectCount)
			marker = b.ID
		}
		if len(backups) < backupsAtOnce {
			return nil
		}
	}
}

func text(p *string) string {
	if p == nil {
		return "None"
	}
	return *p
}
