package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Zone is an availability zone; it is available while one of its volume services is not disabled.
type Zone struct {
	Name      string
	Available bool
}

// zoneLifetime is how long the zones are remembered: a service that joins a new zone is seen after at most that.
const zoneLifetime = 10 * time.Second

// Zones knows the availability zones of the volume services, from their rows, remembered for a few seconds.
type Zones struct {
	store store.ServiceReader
	now   func() time.Time

	mu    sync.Mutex
	zones []Zone
	at    time.Time
}

// NewZones makes a Zones over the services table.
func NewZones(s store.ServiceReader, now func() time.Time) *Zones { return &Zones{store: s, now: now} }

// List gives the zones in the order of their names.
func (z *Zones) List(ctx context.Context) ([]Zone, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if !z.at.IsZero() && z.now().Sub(z.at) < zoneLifetime && len(z.zones) > 0 {
		return z.zones, nil
	}
	services, err := z.store.Services(ctx, store.ServiceQuery{Topic: block.BinaryVolume})
	if err != nil {
		return nil, err
	}
	available := map[string]bool{}
	for _, s := range services {
		available[s.AvailabilityZone] = available[s.AvailabilityZone] || !s.Disabled
	}
	zones := make([]Zone, 0, len(available))
	for name, ok := range available {
		zones = append(zones, Zone{Name: name, Available: ok})
	}
	slices.SortFunc(zones, func(a, b Zone) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	z.zones, z.at = zones, z.now()
	return zones, nil
}
