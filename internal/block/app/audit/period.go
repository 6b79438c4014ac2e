package audit

import (
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
)

var auditPeriod = config.String("DEFAULT", "volume_usage_audit_period", "month", "The period of cinder-volume-usage-audit: hour, day, month or year. "+
	"day@18 begins at 18:00 UTC, month@15 on the 15th, year@3 in March, hour@30 at half past.")

// ConfigOptions are the options of the audit.
func ConfigOptions() []config.Option { return []config.Option{auditPeriod} }

// LastPeriod is the newest period that is over at now, of the length that the configuration says.
func LastPeriod(c *config.Config, now time.Time) (store.Period, error) {
	p, err := lastPeriod(auditPeriod.Get(c), now)
	if err != nil {
		return p, auditPeriod.Refuse(c, "", "it is no period", "hour, day, month or year, each with an offset if need be: day@18")
	}
	return p, nil
}

// lastPeriod reads "unit" or "unit@offset" (last_completed_audit_period in cinder/utils.py).
func lastPeriod(text string, now time.Time) (store.Period, error) {
	unit, offsetText, given := strings.Cut(text, "@")
	offset, err := strconv.Atoi(offsetText)
	if given && (err != nil || offset < 0) {
		return store.Period{}, fault.New(fault.Invalid, "", "%q is no offset", offsetText)
	}
	now = now.UTC()
	// begins gives the beginning of the n-th period from the one that now is in, and most the largest offset there is.
	var begins func(n int) time.Time
	var most int
	switch unit {
	case "year": // the offset is the month
		most = 12
		begins = func(n int) time.Time { return date(now.Year()+n, max(offset, 1), 1, 0, 0) }
	case "month": // the day, which every month must have
		most = 28
		begins = func(n int) time.Time { return date(now.Year(), int(now.Month())+n, max(offset, 1), 0, 0) }
	case "day":
		most = 23
		begins = func(n int) time.Time { return date(now.Year(), int(now.Month()), now.Day()+n, offset, 0) }
	case "hour":
		most = 59
		begins = func(n int) time.Time { return date(now.Year(), int(now.Month()), now.Day(), now.Hour()+n, offset) }
	default:
		return store.Period{}, fault.New(fault.Invalid, "", "%q is no period", unit)
	}
	if offset > most {
		return store.Period{}, fault.New(fault.Invalid, "", "the offset of a period of one %s is at most %d", unit, most)
	}
	last := 0
	if !begins(0).Before(now) { // the one that now is in began one earlier
		last = -1
	}
	return store.Period{From: begins(last - 1), Until: begins(last)}, nil
}

func date(year, month, day, hour, minute int) time.Time {
	return time.Date(year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
}
