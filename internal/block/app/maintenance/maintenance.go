// Package maintenance is what operators type: the commands of cinder-manage that look at the database and put it right.
// Each is a method of Desk that writes what Cinder's command writes, word for word where scripts may read it.
//
// What must not live here: command lines, which are cmd's; SQL; and what the API does with the same rows.
package maintenance

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Desk is where the commands are carried out. All fields are needed, but for those a command says it needs.
type Desk struct {
	Store store.Store
	Quota *quota.Quota
	// Messages gives the way to the services. Only DeleteVolume needs it.
	Messages func() (messaging.Client, error)
	Out      io.Writer // what the commands say
	Log      *slog.Logger
	Now      func() time.Time
	DownTime time.Duration // service_down_time
}

// Status is how a command ended that has said all there is to say: the process exits with it. 0 is never an error.
type Status int

// Error names the status.
func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// say writes a line.
func (d Desk) say(format string, args ...any) { fmt.Fprintf(d.Out, format+"\n", args...) }

// state is upstream's drawing of a service that is up or not.
func state(up bool) string {
	if up {
		return ":-)"
	}
	return "XXX"
}

func enabled(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}

// moment is a time as Python prints it.
func moment(t time.Time) string {
	if t.IsZero() {
		return "None"
	}
	if t.Nanosecond() != 0 {
		return t.Format("2006-01-02 15:04:05.000000")
	}
	return t.Format(time.DateTime)
}

// orNone is a text as Python prints one that may be missing.
func orNone(text string) string {
	if text == "" {
		return "None"
	}
	return text
}
