package maintenance

import (
	"context"
	"fmt"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// journalMost is how many records of one owner are looked at; what is beyond waits for the next time.
const journalMost = 10_000

// HandBack gives what services of ours left in the journal to the Python services in their place: as rows of workers, by which
// they clean up when they start. It leaves alone what belongs to a service of ours that is up. Status 1: something stays in the journal.
func (d Desk) HandBack(ctx context.Context) error {
	given, stay := 0, 0
	for _, binary := range []string{block.BinaryScheduler, block.BinaryVolume, block.BinaryBackup} {
		own, err := d.Store.OwnServices(ctx, binary)
		if err != nil {
			return err
		}
		services, err := d.Store.Services(ctx, store.ServiceQuery{Binary: binary})
		if err != nil {
			return err
		}
		for _, o := range owners(own, services) {
			g, s, err := d.handBackOf(ctx, o)
			if err != nil {
				return err
			}
			given, stay = given+g, stay+s
		}
	}
	d.say("%d operations were given to Python's services, which see to them when they start. %d stay.", given, stay)
	if stay > 0 {
		return Status(1)
	}
	return nil
}

// owner is whose records of the journal there may be.
type owner struct {
	name string
	row  *block.Service // whose successor cleans up; nil if there is none
	ours *block.Service // one of ours that reports under the name; nil if none does
}

// owners are those of services of one kind, each once.
func owners(own []store.OwnService, services []*block.Service) []owner {
	var list []owner
	at := map[string]int{}
	for _, mark := range own {
		i, known := at[mark.Owner]
		if !known {
			i = len(list)
			at[mark.Owner], list = i, append(list, owner{name: mark.Owner})
		}
		for _, s := range services {
			switch {
			case s.Host != mark.Host:
			case mark.Replaced(s):
				list[i].row = s
			default:
				list[i].ours = s
				if list[i].row == nil {
					list[i].row = s
				}
			}
		}
	}
	return list
}

// handBackOf gives the records of one owner.
func (d Desk) handBackOf(ctx context.Context, o owner) (given, stay int, err error) {
	records, err := d.Store.Flows(ctx, o.name, 0, journalMost)
	if err != nil || len(records) == 0 {
		return 0, 0, err
	}
	if o.ours != nil && o.ours.Up(d.Now(), d.DownTime) {
		d.say("%d operations are left to the %s on host %s, which is Clinker's and has reported within %d seconds: stop it, wait, and repeat.",
			len(records), o.ours.Binary, o.ours.Host, int(d.DownTime.Seconds()))
		return 0, len(records), nil
	}
	for _, r := range records {
		why, err := d.handBackOne(ctx, o, r)
		if err != nil {
			return given, stay, err
		}
		if why == "" {
			given++
			continue
		}
		stay++
		d.say("%s of %s %s stays: %s.", r.Name, r.ResourceType, r.ResourceID, why)
	}
	return given, stay, nil
}

// handBackOne gives one record, or says why it stays.
func (d Desk) handBackOne(ctx context.Context, o owner, r flow.Record) (why string, err error) {
	err = d.Store.Update(ctx, func(tx store.Tx) error {
		kind, status, cleaned, err := unfinished(ctx, tx, r)
		switch {
		case fault.Is(err, fault.NotFound): // it is gone, and the record with it
			why = ""
		case err != nil:
			return err
		case !cleaned:
			why = fmt.Sprintf("Python's services do not clean up what is %s; set its state", status)
			return nil
		case kind == "":
			why = ""
		case o.row == nil:
			why = "there is no service in the place of ours; set its state"
			return nil
		default:
			why = ""
			w := store.Worker{ResourceType: kind, ResourceID: r.ResourceID, Status: status, ServiceID: o.row.ID}
			if err := tx.LeaveWorker(ctx, w); err != nil {
				return err
			}
		}
		return tx.DeleteFlow(ctx, r.ID)
	})
	return why, err
}

// unfinished is what a record is about, in the words of workers, and whether Python's services clean it up (cinder/objects/volume.py and
// snapshot.py, _is_cleanable). The kind is empty where they need no row for that.
func unfinished(ctx context.Context, tx store.Tx, r flow.Record) (kind, status string, cleaned bool, err error) {
	switch r.ResourceType {
	case "volume":
		v, err := tx.Volume(ctx, r.ResourceID, "")
		if err != nil {
			return "", "", false, err
		}
		switch v.Status {
		case block.VolumeCreating, block.VolumeDownloading, block.VolumeUploading, block.VolumeDeleting:
			cleaned = true
		}
		return "Volume", string(v.Status), cleaned, nil
	case "snapshot":
		s, err := tx.Snapshot(ctx, r.ResourceID, "")
		if err != nil {
			return "", "", false, err
		}
		return "Snapshot", string(s.Status), s.Status == block.SnapshotCreating, nil
	case "backup":
		b, err := tx.Backup(ctx, r.ResourceID, "")
		if err != nil {
			return "", "", false, err
		}
		switch b.Status {
		case block.BackupCreating, block.BackupRestoring, block.BackupDeleting:
			cleaned = true // by its status (cinder/backup/manager.py, _cleanup_one_backup)
		}
		return "", string(b.Status), cleaned, nil
	}
	return "", "of this kind", false, nil
}
