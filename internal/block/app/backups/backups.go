// Package backups is the use cases of backups. What is done with bytes, the backup service does.
package backups

import (
	"context"
	"maps"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/volumes"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// Backups is the use cases of backups. It is safe for concurrent use.
type Backups struct {
	*app.Core
	volumes *volumes.Volumes
}

// New makes the use cases over the shared parts and the use cases of volumes.
func New(core *app.Core, v *volumes.Volumes) *Backups { return &Backups{Core: core, volumes: v} }

// Get reads one backup.
func (u *Backups) Get(ctx context.Context, id string) (*block.Backup, error) {
	return u.Backup(ctx, id, "backup:get")
}

// List reads the backups q chooses; allProjects is for administrators.
func (u *Backups) List(ctx context.Context, q store.BackupQuery, allProjects bool) ([]*block.Backup, error) {
	if err := u.Authorize(ctx, "backup:get_all"); err != nil {
		return nil, err
	}
	return u.Store.Backups(ctx, scoped(ctx, q, allProjects))
}

// Count counts the backups q chooses, as List would list them.
func (u *Backups) Count(ctx context.Context, q store.BackupQuery, allProjects bool) (int64, error) {
	if err := u.Authorize(ctx, "backup:get_all"); err != nil {
		return 0, err
	}
	return u.Store.BackupCount(ctx, scoped(ctx, q, allProjects))
}

func scoped(ctx context.Context, q store.BackupQuery, allProjects bool) store.BackupQuery {
	if r := reqctx.From(ctx); !r.IsAdmin || !allProjects {
		q.ProjectID = r.ProjectID
	}
	return q
}

// Changes is what Update changes: nil fields stay, a pointer to nil writes NULL. Metadata, if not nil, becomes the whole.
type Changes struct {
	Name, Description **string
	Metadata          map[string]string
}

// Update changes name, description and metadata.
func (u *Backups) Update(ctx context.Context, id string, c Changes) (*block.Backup, error) {
	if _, err := u.Backup(ctx, id, "backup:update"); err != nil {
		return nil, err
	}
	if err := app.CheckMetadata(c.Metadata); err != nil {
		return nil, err
	}
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		ok, err := tx.UpdateBackup(ctx, id, store.BackupWhen{}, store.BackupSet{Name: c.Name, Description: c.Description})
		switch {
		case err != nil:
			return err
		case !ok:
			return block.BackupNotFound(id)
		case c.Metadata == nil:
			return nil
		}
		return tx.PutBackupMetadata(ctx, id, maps.Clone(c.Metadata), true)
	})
	if err != nil {
		return nil, err
	}
	return u.Store.Backup(ctx, id, "")
}

// SeesOwners says whether the caller is shown whose backups are.
func (u *Backups) SeesOwners(ctx context.Context) bool {
	return u.Authorize(ctx, "backup:backup_project_attribute") == nil
}
