package maintenance

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// backupLocks begins the names of the locks that Python's backup services take while they start.
const backupLocks = "cinder-cleanup_incomplete_backups_"

var resourceID = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// CleanLocks removes the lock files that Python's services leave in directories (util clean_locks): all of them if the
// services are offline, else those of volumes and snapshots that are no more, and of backup services that do not run. A file
// that cannot be removed is said and does not stop the rest.
func (d Desk) CleanLocks(ctx context.Context, directories []string, offline bool) error {
	for _, dir := range directories {
		files, err := filepath.Glob(filepath.Join(dir, "cinder-*"))
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "", "The directory %s cannot be looked into.", dir)
		}
		for _, file := range files {
			stale, err := d.stale(ctx, filepath.Base(file), offline)
			if err != nil {
				return err
			}
			if !stale {
				continue
			}
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				d.say("Failed to cleanup lock %s: %v", file, err)
			}
		}
	}
	return nil
}

// stale says whether nobody can want a lock any more. What is neither a resource's nor a backup service's is left alone.
func (d Desk) stale(ctx context.Context, name string, offline bool) (bool, error) {
	id := resourceID.FindString(name)
	group, ofBackup := strings.CutPrefix(name, backupLocks)
	switch {
	case id == "" && !ofBackup:
		return false, nil
	case offline:
		return true, nil
	case id == "":
		return !runsBackup(group), nil
	}
	var err error
	if strings.Contains(name, "snapshot") {
		_, err = d.Store.Snapshot(ctx, strings.ToLower(id), "")
	} else {
		_, err = d.Store.Volume(ctx, strings.ToLower(id), "")
	}
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	return false, err
}

// runsBackup says whether the process of this number is a backup service, or may be one.
func runsBackup(process string) bool {
	line, err := os.ReadFile(filepath.Join("/proc", filepath.Base(process), "cmdline"))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return strings.Contains(string(line), "cinder-backup")
}
