package rpcapi

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Methods about what services have left unfinished.
const (
	MethodWorkCleanup = "work_cleanup" // to a scheduler, which asks the services
	MethodDoCleanup   = "do_cleanup"   // to the service that is to clean up
)

// CleanupRequest chooses services and what they left unfinished; zero fields do not restrict. In a do_cleanup ServiceID is the row
// of the service whose work it is.
type CleanupRequest struct {
	ServiceID                 int64
	ClusterName, Host, Binary string
	Up, Disabled              *bool
	ResourceID, ResourceType  string
	Until                     time.Time // what was begun or changed after this is left alone
}

// WorkCleanup is the answer to work_cleanup: the services that clean up, and those for which nobody can.
type WorkCleanup struct{ Cleaning, Unavailable []*block.Service }

// WorkCleanup calls work_cleanup.
func (s Scheduler) WorkCleanup(ctx context.Context, m *CleanupRequest) (WorkCleanup, error) {
	var r WorkCleanup
	err := s.Client.Call(ctx, messaging.Target{Topic: SchedulerTopic, Version: "3.4"}, messaging.Message{Method: MethodWorkCleanup, Args: m}, &r)
	return r, err
}

// DoCleanup casts do_cleanup to any scheduler.
func (s Scheduler) DoCleanup(ctx context.Context, m *CleanupRequest) error {
	return s.cast(ctx, "3.4", MethodDoCleanup, m)
}

// DoCleanup casts do_cleanup to the back end of the service that m names, or to its cluster.
func (v Volume) DoCleanup(ctx context.Context, m *CleanupRequest) error {
	to := m.Host
	if m.ClusterName != "" {
		to = m.ClusterName
	}
	return v.Cast(ctx, block.Host(to), "3.7", MethodDoCleanup, m)
}
