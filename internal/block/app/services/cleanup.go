package services

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
)

// CleanupRequest chooses the services whose work is to be cleaned up; zero fields do not restrict.
type CleanupRequest = rpcapi.CleanupRequest

// Cleanup has a scheduler ask the services that it chooses to clean up, and says which do and for which nobody can. Ours also clean
// up by themselves, by the journal; what this is for is what Python's left. Invalid InvalidInput for a resource that nobody has in hand.
func (u *Services) Cleanup(ctx context.Context, r CleanupRequest) (cleaning, unavailable []*block.Service, err error) {
	if err := u.Authorize(ctx, "workers:cleanup"); err != nil {
		return nil, nil, err
	}
	if r.ResourceID != "" && r.ServiceID == 0 && r.ClusterName == "" && r.Host == "" {
		// Only who has it in hand has to be asked.
		found, err := u.Store.Workers(ctx, store.WorkerQuery{ResourceID: r.ResourceID, ResourceType: r.ResourceType, Limit: 2})
		switch {
		case err != nil:
			return nil, nil, err
		case len(found) == 0:
			return nil, nil, block.InvalidInput("There is no resource with UUID %s pending cleanup.", r.ResourceID)
		case len(found) > 1:
			return nil, nil, block.InvalidInput("There are multiple resources with UUID %s pending cleanup.  Please be more specific.", r.ResourceID)
		}
		r.ServiceID, r.ResourceType = found[0].ServiceID, found[0].ResourceType
	}
	r.Until = u.Now()
	answer, err := u.Scheduler.WorkCleanup(ctx, &r)
	return answer.Cleaning, answer.Unavailable, err
}
