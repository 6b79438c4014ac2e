package volumes

import (
	"context"
	"fmt"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// Get reads one volume. Another project's is a fault.NotFound for everyone but an administrator.
func (u *Volumes) Get(ctx context.Context, id string) (*block.Volume, error) {
	return u.Volume(ctx, id, "volume:get")
}

// List reads the volumes q chooses: the caller's own, or for an administrator who says allProjects those of all, among
// which q.ProjectID may then choose. Only an administrator sees the volumes that others are being moved to. The volumes are to be
// read only: callers who ask for the same while the database is busy with it share an answer.
func (u *Volumes) List(ctx context.Context, q store.VolumeQuery, allProjects bool) ([]*block.Volume, error) {
	if err := u.Authorize(ctx, "volume:get_all"); err != nil {
		return nil, err
	}
	q = scoped(ctx, q, allProjects)
	return u.pages.Get(ctx, fmt.Sprintf("%#v", q), func(ctx context.Context) ([]*block.Volume, error) { return u.Store.Volumes(ctx, q) })
}

// Totals counts the volumes q chooses, those that others are being moved to among them, and adds up their sizes in GiB.
func (u *Volumes) Totals(ctx context.Context, q store.VolumeQuery, allProjects bool) (count, sizeGiB int64, err error) {
	if err := u.Authorize(ctx, "volume:get_all"); err != nil {
		return 0, 0, err
	}
	return u.Store.VolumeTotals(ctx, scoped(ctx, q, allProjects))
}

// scoped also hides from everybody but administrators the volumes that migrations are making.
func scoped(ctx context.Context, q store.VolumeQuery, allProjects bool) store.VolumeQuery {
	r := reqctx.Look(ctx)
	if !r.IsAdmin || !allProjects {
		q.ProjectID = r.ProjectID
	}
	q.NoMigrationTargets = !r.IsAdmin
	return q
}
