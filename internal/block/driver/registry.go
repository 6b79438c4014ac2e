package driver

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/fault"
)

// Registry is the drivers of this build by name. cmd makes one, registers what it was built with and seals it; after
// that it is safe for concurrent use.
type Registry struct {
	entries map[string]*Entry
	sealed  bool
}

// Entry is one driver of a Registry.
type Entry struct {
	// Names are what volume_driver may say for it: the short name first, then Cinder's dotted class paths.
	Names []string
	// Summary says in one line what it keeps volumes in.
	Summary string
	// Options are the options of its section, beyond those of every back end.
	Options []Option
	// ActiveActive says that services on several hosts may work on the same storage at once, if locks between processes keep them
	// from the same volume: upstream's SUPPORTS_ACTIVE_ACTIVE.
	ActiveActive bool
	// New makes the driver. It only looks at its Config; storage is first touched by Setup. An option that cannot be
	// is a fault.Invalid that names it.
	New func(Config) (Driver, error)
}

// Option is an option of a driver, as data: the same list parses, validates and documents.
type Option struct {
	Name    string // as it stands in cinder.conf
	Default string // as it would stand in cinder.conf
	Help    string // a sentence or more, ends with a full stop
}

// Config is what a driver is made from.
type Config struct {
	// Backend is the name of the back end's section, for logs and messages.
	Backend string
	// Names is what volumes and snapshots are called in storage; what is not said is as upstream. A driver whose storage gives them
	// other names has no use for it.
	Names block.Names
	// StateDir is the directory of the whole service; a driver keeps what it has to keep itself under a name of its own.
	StateDir string
	// Options are the options of the entry, as text. Registry.New sees to it that every declared option is there and no
	// other.
	Options map[string]string
	// Run runs the storage's tools; nil in builds and tests that need none.
	Run execx.Runner
	// Freeze holds back writes to a volume that is being copied; nil means that nobody writes to volumes in use but
	// through the storage itself.
	Freeze Freezer
	// Log is where a driver says what an operator should know; nil means slog.Default.
	Log *slog.Logger
}

// Freezer holds back writes to a volume. When it returns, every write that was acknowledged is in the volume's bytes, and
// no further one arrives until resume is called; reads go on. resume never fails and may be called again. A volume that
// nobody uses freezes at once. A Freezer that cannot freeze within ctx's time says so and holds nothing back.
//
// The target that serves the volume implements it; a driver calls it around a copy that is not atomic by itself.
type Freezer func(ctx context.Context, volumeID string) (resume func(), err error)

// NewRegistry makes an empty Registry.
func NewRegistry() *Registry { return &Registry{entries: map[string]*Entry{}} }

// Register adds a driver. A name that is taken, an entry without names or constructor, and a sealed registry are
// programming errors: fault.Internal.
func (r *Registry) Register(e Entry) error {
	if r.sealed {
		return fault.New(fault.Internal, "", "The registry of drivers is sealed.")
	}
	if len(e.Names) == 0 || e.New == nil {
		return fault.New(fault.Internal, "", "A driver needs a name and a constructor.")
	}
	for _, name := range e.Names {
		if r.entries[name] != nil || name == "" {
			return fault.New(fault.Internal, "", "The driver name %q is empty or taken.", name)
		}
	}
	for _, name := range e.Names {
		r.entries[name] = &e
	}
	return nil
}

// Seal ends registration.
func (r *Registry) Seal() { r.sealed = true }

// Names are the short names of all drivers, sorted.
func (r *Registry) Names() []string {
	names := map[string]bool{}
	for _, e := range r.entries {
		names[e.Names[0]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Entry finds a driver by any of its names. A name that is unknown is a fault.Invalid that lists those that are known.
func (r *Registry) Entry(name string) (Entry, error) {
	e := r.entries[name]
	if e == nil {
		return Entry{}, fault.New(fault.Invalid, "", "volume_driver %.100q is not in this build; it has: %s.", name, strings.Join(r.Names(), ", "))
	}
	return *e, nil
}

// New makes the driver that name stands for. c.Options may leave options out, which then have their defaults; one that
// the driver does not have is a fault.Invalid.
func (r *Registry) New(name string, c Config) (Driver, error) {
	e, err := r.Entry(name)
	if err != nil {
		return nil, err
	}
	options := make(map[string]string, len(e.Options))
	for _, o := range e.Options {
		options[o.Name] = o.Default
	}
	for key, value := range c.Options {
		if _, known := options[key]; !known {
			return nil, fault.New(fault.Invalid, "", "The driver %s has no option %.100q.", e.Names[0], key)
		}
		options[key] = value
	}
	c.Options = options
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return e.New(c)
}
