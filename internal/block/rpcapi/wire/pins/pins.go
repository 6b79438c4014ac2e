// Package pins knows how new a message may be: what the oldest service of a kind understands, by the versions that each
// writes into its row of the services table (facts §4.1, §4.5; cinder/rpc.py, cinder/objects/service.py).
//
// What must not live here: how a message is made older, which is the codec's affair.
package pins

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Pin is the newest that all services of a kind understand. A field that is empty pins nothing.
type Pin struct {
	RPC    string // of messages: rpc_current_version
	Object string // of the objects in them, all together: object_current_version
}

// Takes says whether a message that needs an RPC version may be sent: one of the pin's major, and of no newer minor.
func (p Pin) Takes(version string) bool {
	if p.RPC == "" {
		return true
	}
	most, ok := parse(p.RPC)
	needed, good := parse(version)
	return ok && good && most.major == needed.major && needed.minor <= most.minor
}

// Services is the part of a store.Reader that is asked.
type Services interface {
	Services(ctx context.Context, q store.ServiceQuery) ([]*block.Service, error)
}

const (
	kept  = time.Minute      // how long what was read counts; Cinder keeps it until a SIGHUP
	retry = 10 * time.Second // when it is read again after the database failed
)

// Pins keeps the pin of each kind of service. A message costs no query: what is older than a minute is read again by one of
// those that come then, and the others go on with what there is. It is safe for concurrent use. A nil Pins pins nothing.
type Pins struct {
	services Services
	log      *slog.Logger
	now      func() time.Time

	mu    sync.Mutex
	known map[string]*entry
}

type entry struct {
	pin   Pin
	read  bool      // pin is what the table said at some time
	until time.Time // when it is to be read again
}

// New makes one. A nil now means time.Now.
func New(s Services, log *slog.Logger, now func() time.Time) *Pins {
	if now == nil {
		now = time.Now
	}
	return &Pins{services: s, log: log, now: now, known: map[string]*entry{}}
}

// Of gives the pin of the services of a binary ("cinder-volume"), or of all services for an empty one. All rows count, also
// those of services that are down: they come back as old as they went. If there is none, nothing is pinned. ServiceTooOld,
// if one has written no versions; a failing database is an error only if it never answered.
func (p *Pins) Of(ctx context.Context, binary string) (Pin, error) {
	if p == nil {
		return Pin{}, nil
	}
	now := p.now()
	p.mu.Lock()
	e := p.known[binary]
	if e == nil {
		e = &entry{}
		p.known[binary] = e
	}
	if before := *e; before.read && now.Before(before.until) {
		p.mu.Unlock()
		return before.pin, nil
	}
	e.until = now.Add(retry) // until then others use what there is
	before := *e
	p.mu.Unlock()

	pin, err := p.read(ctx, binary)
	if err != nil && before.read && !fault.Is(err, fault.Invalid) {
		p.log.WarnContext(ctx, "the versions of the services could not be read; the last ones count", "binary", binary, "error", err)
		return before.pin, nil
	}
	if err != nil {
		return Pin{}, err
	}
	if pin != before.pin {
		p.log.InfoContext(ctx, "messages are as new as the oldest service takes them", "binary", binary, "rpc_version", pin.RPC, "object_version", pin.Object)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[binary] == e { // it was not reset meanwhile
		*e = entry{pin, true, now.Add(kept)}
	}
	return pin, nil
}

// Reset forgets what was read: the next message asks anew.
func (p *Pins) Reset() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.known)
}

func (p *Pins) read(ctx context.Context, binary string) (pin Pin, err error) {
	rows, err := p.services.Services(ctx, store.ServiceQuery{Binary: binary})
	if err != nil {
		return pin, err
	}
	for _, s := range rows {
		if s.RPCCurrentVersion == "" || s.ObjectCurrentVersion == "" {
			return Pin{}, fault.New(fault.Invalid, "ServiceTooOld", "The %s of host %s has written no versions into its row of services. Upgrade it, or "+
				"remove the row with cinder-manage service remove.", s.Binary, s.Host)
		}
		if binary != "" { // versions of different services' messages say nothing of each other
			pin.RPC = lower(pin.RPC, s.RPCCurrentVersion)
		}
		pin.Object = lower(pin.Object, s.ObjectCurrentVersion)
	}
	return pin, nil
}

// lower is the older of two versions, the second if the first is empty.
func lower(a, b string) string {
	v, ok := parse(a)
	w, good := parse(b)
	if !ok || good && (w.major < v.major || w.major == v.major && w.minor < v.minor) {
		return b
	}
	return a
}

type version struct{ major, minor int }

// parse reads "3.20". What comes after the minor does not count.
func parse(text string) (version, bool) {
	major, rest, found := strings.Cut(text, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err := strconv.ParseUint(major, 10, 16)
	b, err2 := strconv.ParseUint(minor, 10, 16)
	return version{int(a), int(b)}, found && err == nil && err2 == nil
}
