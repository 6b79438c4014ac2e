package block

import "time"

// Service is one row of the services table: a scheduler, or one back end of a volume service.
type Service struct {
	ID   int64
	UUID string
	Timestamps
	Host                 string // "host" or "host@backend"
	Binary               string
	Topic                string
	ReportCount          int64
	Disabled             bool
	DisabledReason       string
	AvailabilityZone     string
	RPCCurrentVersion    string
	ObjectCurrentVersion string
	ClusterName          string
	ReplicationStatus    string
	ActiveBackendID      string
	Frozen               bool
}

// Versions a service writes into its row, so that Python services beside it are not capped (facts §4.5).
const (
	ObjectVersion       = "1.39"
	VolumeRPCVersion    = "3.20"
	SchedulerRPCVersion = "3.12"
	BackupRPCVersion    = "2.4"
)

// Queue is where work for the service's back end goes: to its cluster, or to it alone.
func (s *Service) Queue() Host { return queue(s.ClusterName, Host(s.Host)) }

// Up says whether the service's last heartbeat, or its making, is at most downTime ago.
func (s *Service) Up(now time.Time, downTime time.Duration) bool {
	last := s.UpdatedAt
	if last.IsZero() {
		last = s.CreatedAt
	}
	d := now.Sub(last)
	return d <= downTime && d >= -downTime
}
