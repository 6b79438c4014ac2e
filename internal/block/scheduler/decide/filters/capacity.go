package filters

import (
	"strconv"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

// capacity wants room for the volume, or for what an extension adds.
//
// Upstream also compares (provisioned + size) / available with the over-subscription ratio although available has the
// ratio in it already; as the ratio is at least 1, that never refuses what the test for room lets pass, so that only the
// latter is here.
func capacity(r *snapshot.Request) (Check, error) {
	needed := r.NeededGiB()
	if needed <= 0 { // to be managed, of a size that is not known yet; or nothing to add
		return nil, nil
	}
	asked := strconv.FormatInt(needed, 10) + " GiB are needed, "
	if r.Operation == snapshot.ExtendVolume {
		asked = strconv.FormatInt(needed, 10) + " GiB more are needed, "
	}
	thin := r.Thin()
	return func(p *snapshot.Pool) string {
		if p.Is(r.ExistsOn) {
			return "" // the volume has its room there
		}
		switch {
		case p.Free.Kind == snapshot.Missing:
			return "it does not report its free capacity"
		case p.Free.Open():
			return "" // if there is no room after all, the attempt fails and the next pool is tried
		case p.Total.Kind == snapshot.Missing:
			return "it does not report its total capacity"
		case p.Total.Open() && p.ReservedPercentage > 0:
			return "it reserves " + snapshot.FormatGiB(p.ReservedPercentage) + "% of a capacity it does not know"
		case p.Total.Open():
			return ""
		case p.Total.GiB <= 0:
			return "its total capacity is " + snapshot.FormatGiB(p.Total.GiB) + " GiB"
		}
		room := p.Room(thin)
		switch {
		case room.Thin && !(p.MaxOverSubscription >= 1):
			return "its max_over_subscription_ratio is " + snapshot.FormatGiB(p.MaxOverSubscription) + ", it must be at least 1"
		case room.Holds(needed):
			return ""
		}
		return asked + shortage(p, room)
	}, nil
}

func shortage(p *snapshot.Pool, room snapshot.Room) string {
	left := snapshot.FormatGiB(max(0, room.VirtualGiB)) + " GiB are left"
	if !room.Thin {
		return left
	}
	return left + " of " + snapshot.FormatGiB(room.AvailableGiB) + " GiB that may be promised (max_over_subscription_ratio " +
		snapshot.FormatGiB(p.MaxOverSubscription) + ")"
}
