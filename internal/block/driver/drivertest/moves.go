package drivertest

import (
	"context"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

// retyped: a volume that is given another type where it is keeps its bytes, and one that is gone cannot be given one.
func retyped(f *fixture) {
	if !f.b.Features().Retyper {
		f.t.Skip("the driver cannot retype in place")
	}
	v, want := newVolume(1), empty(1)
	f.create(v)
	f.write(v, want, 1, spread(1)...)
	change := driver.TypeChange{To: driver.Type{ExtraSpecs: map[string]string{"tier": "gold"}, QoS: map[string]string{"iops": "100"}}}
	for range 2 {
		if _, _, err := f.b.Retype(f.t.Context(), v, change); err != nil {
			f.tb.Fatalf("Retype: %v", err)
		}
		f.check("after a retype", v, want)
	}
	_, _, err := f.b.Retype(f.t.Context(), newVolume(1), change)
	f.mustBe("retype of a volume that is gone", err, fault.NotFound)
	f.holds([]string{v.ID}, nil)
}

func (f *fixture) needRenamer() {
	if !f.b.Features().Renamer {
		f.t.Skip("the driver cannot rename volumes")
	}
}

// renamed: a volume under another id has its bytes and is the only one; an id that is taken stays whose it is.
func renamed(f *fixture) {
	f.needRenamer()
	v, as, other, want := newVolume(1), newVolume(1), newVolume(1), empty(1)
	f.create(v)
	f.create(other)
	f.write(v, want, 1, spread(1)...)
	for range 2 {
		done, _, err := f.b.RenameVolume(f.t.Context(), v, as.ID)
		f.must("RenameVolume", err)
		if !done {
			f.tb.Fatalf("RenameVolume to an id that is free says that it is taken")
		}
		f.check("the renamed volume", as, want)
		f.holds([]string{as.ID, other.ID}, nil)
	}
	if done, _, err := f.b.RenameVolume(f.t.Context(), as, other.ID); done || err != nil {
		f.tb.Fatalf("RenameVolume to an id that is taken: %v, %v", done, err)
	}
	f.check("after a rename to what is taken", as, want)
	f.check("whose id it is", other, empty(1))
	_, _, err := f.b.RenameVolume(f.t.Context(), v, newVolume(1).ID)
	f.mustBe("rename of a volume that is gone", err, fault.NotFound)
	_, _, err = f.b.RenameVolume(f.t.Context(), as, as.ID)
	f.mustBe("rename to itself", err, fault.Invalid)
	_, _, err = f.b.RenameVolume(f.t.Context(), as, "../volume")
	f.mustBe("rename to what is no id", err, fault.Invalid)
	done, _, err := f.b.RenameVolume(f.t.Context(), as, v.ID)
	f.must("RenameVolume back", err)
	f.check("under its first id again", v, want)
	f.holds([]string{v.ID, other.ID}, nil)
	if !done {
		f.tb.Fatalf("RenameVolume back says that the id is taken")
	}
}

// renamedKilled: a rename that was killed is done by its repetition, and loses no byte on the way.
func renamedKilled(f *fixture) {
	f.needRenamer()
	verbs := func(c scene) []verb {
		return []verb{{name: "RenameVolume", run: func(ctx context.Context, b *driver.Backend) error {
			_, _, err := b.RenameVolume(ctx, c.source, c.v.ID)
			return err
		}}}
	}
	f.everyKill(verbs, func(c scene, v verb) {
		f.must(v.name+", then repeated", v.run(f.t.Context(), f.b))
		f.check(v.name+", then repeated", c.v, c.want)
		f.holds([]string{c.v.ID}, []string{c.taken.ID})
	})
}
