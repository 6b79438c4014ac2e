package block

import (
	"slices"
	"time"
)

// Cluster is one row of the clusters table: volume services that serve the same storage, with what their rows say.
type Cluster struct {
	ID int64
	Timestamps
	Name              string // "cluster" or "cluster@backend"
	Binary            string
	Disabled          bool
	DisabledReason    string
	ReplicationStatus string
	ActiveBackendID   string
	Frozen            bool
	Hosts, DownHosts  int64     // its services, and those of them that give no sign of life
	LastHeartbeat     time.Time // the latest of its services; zero if it has none
}

// Up says whether a service of the cluster gave a sign of life at most downTime ago.
func (c *Cluster) Up(now time.Time, downTime time.Duration) bool {
	return !c.LastHeartbeat.IsZero() && now.Sub(c.LastHeartbeat) <= downTime
}

// Clustered says whether any of the services is in a cluster.
func Clustered(services []*Service) bool {
	return slices.ContainsFunc(services, func(s *Service) bool { return s.ClusterName != "" })
}

// HeedClusters makes the services that are in a cluster disabled or frozen if the cluster is, and not by themselves, as upstream has
// it (cinder/db/api.py).
func HeedClusters(services []*Service, clusters []*Cluster) {
	for _, c := range clusters {
		for _, s := range services {
			if s.ClusterName == c.Name && s.Binary == c.Binary {
				s.Disabled, s.DisabledReason, s.Frozen = c.Disabled, c.DisabledReason, c.Frozen
			}
		}
	}
}

// Distinct is the volume services that stand for a back end: every one without a cluster, and of a cluster the first that is up
// (Service.Up) and neither disabled nor frozen, or else its first.
func Distinct(services []*Service, now time.Time, downTime time.Duration) []*Service {
	list := make([]*Service, 0, len(services))
	of := make(map[string]int)
	usable := func(s *Service) bool { return !s.Disabled && !s.Frozen && s.Up(now, downTime) }
	for _, s := range services {
		if s.ClusterName == "" {
			list = append(list, s)
			continue
		}
		i, ok := of[s.ClusterName]
		switch {
		case !ok:
			of[s.ClusterName] = len(list)
			list = append(list, s)
		case !usable(list[i]) && usable(s):
			list[i] = s
		}
	}
	return list
}
