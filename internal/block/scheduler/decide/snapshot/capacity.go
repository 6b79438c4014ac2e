package snapshot

import (
	"math"
	"strconv"
)

// CapacityKind says how much a report tells about a capacity.
type CapacityKind uint8

// The kinds of capacity.
const (
	Missing  CapacityKind = iota // not reported, or not readable
	Exact                        // a number of GiB
	Infinite                     // "infinite"
	Unknown                      // "unknown"
)

// Capacity is total_capacity_gb or free_capacity_gb: a number of GiB, or a word in its place.
type Capacity struct {
	Kind CapacityKind
	GiB  float64 // if Kind is Exact; never NaN or infinite
}

// GiB is the capacity of so many GiB.
func GiB(n float64) Capacity { return Capacity{Kind: Exact, GiB: n} }

// Open says that the back end promises room without a number: "infinite" or "unknown".
func (c Capacity) Open() bool { return c.Kind == Infinite || c.Kind == Unknown }

// Value is the capacity as a report writes it: a number, a word, or nil.
func (c Capacity) Value() any {
	switch c.Kind {
	case Exact:
		return c.GiB
	case Infinite:
		return wordInfinite
	case Unknown:
		return wordUnknown
	case Missing:
	}
	return nil
}

const (
	wordInfinite = "infinite"
	wordUnknown  = "unknown"
)

// InitialAutoRatio is max_over_subscription_ratio "auto" for a pool on which nothing is provisioned yet (upstream's
// INITIAL_AUTO_MOSR).
const InitialAutoRatio = 20

// Ratio is the option or capability max_over_subscription_ratio: a number, or "auto", which follows how thin the volumes
// of the pool have turned out to be. The zero Ratio is not given.
type Ratio struct {
	Auto  bool
	Value float64 // if not Auto; 0: not given
}

// resolve is the ratio as a number for a pool.
func (r Ratio) resolve(p *Pool) float64 {
	if !p.ThinProvisioning || p.Total.Kind != Exact || p.Free.Kind != Exact {
		return 1 // it is not looked at
	}
	if !r.Auto {
		return r.Value
	}
	if p.ProvisionedGiB == 0 {
		return InitialAutoRatio
	}
	// A pool that reports more free than total has used nothing.
	used := max(0, p.Total.GiB-p.Free.GiB)
	return 1 + p.ProvisionedGiB/(used+1)
}

// Room is how much may still be placed on a pool.
type Room struct {
	Thin         bool    // counted by promises and not by free space
	AvailableGiB float64 // what the pool may hold in all, with over-subscription if Thin
	VirtualGiB   float64 // what is left of it; negative if too much is promised already
}

// Room computes the room on a pool for a thin or a thick volume. Both capacities must be Exact. A thin volume on a pool
// without thin provisioning counts as thick.
//
// It is upstream's calculate_capacity_factors without the rounding to hundredths, which there lets a pool be promised a
// little more than the ratio allows.
func (p *Pool) Room(thin bool) Room {
	reserved := math.Floor(p.Total.GiB * p.ReservedPercentage / 100)
	r := Room{Thin: thin && p.ThinProvisioning, AvailableGiB: p.Total.GiB - reserved}
	if r.Thin {
		r.AvailableGiB *= p.MaxOverSubscription
	}
	r.VirtualGiB = r.AvailableGiB - p.ProvisionedGiB
	if !r.Thin {
		r.VirtualGiB = min(r.VirtualGiB, p.Free.GiB)
	}
	return r
}

// Holds says whether sizeGiB more fit.
func (r Room) Holds(sizeGiB int64) bool { return r.VirtualGiB >= float64(sizeGiB) }

// Rounded is a number of GiB in hundredths, as it is shown and weighed.
func Rounded(gib float64) float64 { return math.Round(gib*100) / 100 }

// FormatGiB writes a number of GiB with at most two decimals, without the unit.
func FormatGiB(gib float64) string { return strconv.FormatFloat(Rounded(gib), 'f', -1, 64) }
