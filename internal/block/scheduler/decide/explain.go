package decide

import (
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/fault"
)

// Bounds of the text for the user, in bytes.
const (
	maxText   = 1000
	maxReason = 200
	maxName   = 80
)

const (
	noValidBackend = "NoValidBackend"
	opening        = "No valid backend was found. "
)

// NoneValid says whether an error is a decision's that no pool will do.
func NoneValid(err error) bool { return fault.NameOf(err) == noValidBackend }

func attemptsExceeded(maxAttempts int, r *snapshot.Request) error {
	id := r.VolumeID
	if id == "" {
		id = "of the request"
	}
	text := opening + "Exceeded max scheduling attempts " + strconv.Itoa(maxAttempts) + " for resource " + shorten(id, maxName)
	if r.Retry.LastError != "" {
		text += "; the last attempt failed: " + shorten(r.Retry.LastError, maxReason)
	}
	return fault.New(fault.Unavailable, noValidBackend, "%s", text)
}

// noValidBackend makes the error when no candidate is left; because stands before the summary.
func (d *Decision) noValidBackend(because string, pools []snapshot.Pool, r *snapshot.Request) error {
	text := opening + because
	if r.Backend != "" && !slices.ContainsFunc(pools, func(p snapshot.Pool) bool { return p.At(r.Backend) }) {
		text += "The scheduler knows no pool at " + shorten(string(r.Backend), maxName) + ". "
	}
	text += d.Summary()
	return fault.New(fault.Unavailable, noValidBackend, "%s", shorten(strings.TrimSpace(text), maxText))
}

// Summary says for each filter how many pools it refused, with one of them and the reason as example. It is at most a
// thousand bytes long, whatever the number of pools.
func (d *Decision) Summary() string {
	if len(d.Refusals) == 0 {
		if len(d.Candidates) == 0 {
			return "No volume service has reported to the scheduler."
		}
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(d.Refusals); {
		first := d.Refusals[i]
		count := 1
		for i+count < len(d.Refusals) && d.Refusals[i+count].Filter == first.Filter {
			count++
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(first.Filter + " refused ")
		if count > 1 {
			b.WriteString(strconv.Itoa(count) + " pools, such as ")
		}
		b.WriteString(shorten(string(first.Pool.ID()), maxName) + ": " + shorten(first.Reason, maxReason))
		i += count
	}
	return shorten(b.String(), maxText-1) + "."
}

// shorten cuts a text at a whole character.
func shorten(s string, length int) string {
	if len(s) <= length {
		return s
	}
	return strings.ToValidUTF8(s[:length-len("...")], "") + "..."
}
