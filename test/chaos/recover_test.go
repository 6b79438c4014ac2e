package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// lookAround compares what the service has after a restart with what the client asked for and was told, and settles what
// was left open. A request that was cut off may have taken effect or not, as a whole; one that was answered has.
func (c *client) lookAround(ctx context.Context) error {
	found, err := c.listing(ctx, "volumes")
	if err != nil {
		return err
	}
	snapshots, err := c.listing(ctx, "snapshots")
	if err != nil {
		return err
	}
	for _, v := range slices.Clone(c.volumes) {
		o, there := found[v.name]
		delete(found, v.name)
		if !there && v.id != "" && !v.deleted && !v.perhapsGone {
			return fmt.Errorf("volume %s (%s) is lost: its create was accepted and nobody deleted it", v.id, v.name)
		}
		if there && v.deleted {
			return fmt.Errorf("volume %s (%s) is %s, but its delete was accepted", v.id, v.name, o.text("status"))
		}
		if there {
			err = c.settleVolume(v, o)
		} else {
			c.forget(v)
		}
		if err == nil {
			err = c.settleSnapshots(v, there, snapshots)
		}
		if err != nil {
			return err
		}
	}
	for name, o := range found {
		return fmt.Errorf("volume %s (%s, %s) has come from nowhere", o.text("id"), name, o.text("status"))
	}
	for name, o := range snapshots {
		return fmt.Errorf("snapshot %s (%s, %s) has come from nowhere", o.text("id"), name, o.text("status"))
	}
	return nil
}

// listing is what of a kind there is of the client's, by name. Two of one name are an error: a request was done twice.
func (c *client) listing(ctx context.Context, kind string) (map[string]object, error) {
	_, answer, err := c.ask(ctx, "GET", "/"+kind+"/detail", nil, 200)
	if err != nil {
		return nil, err
	}
	all := map[string]object{}
	for _, o := range answer.list(kind) {
		name := o.text("name")
		if !strings.HasPrefix(name, c.name+"-") {
			continue
		}
		if other, twice := all[name]; twice {
			return nil, fmt.Errorf("one create of %s made two: %s and %s", name, other.text("id"), o.text("id"))
		}
		all[name] = o
	}
	return all, nil
}

// backend is the back end that a volume is on.
func backend(o object) string {
	_, after, _ := strings.Cut(o.text("os-vol-host-attr:host"), "@")
	name, _, _ := strings.Cut(after, "#")
	return name
}

func (c *client) settleVolume(v *volume, o object) error {
	if v.id != "" && v.id != o.text("id") {
		return fmt.Errorf("%s was promised as %s and is %s", v.name, v.id, o.text("id"))
	}
	v.id, v.perhapsGone = o.text("id"), false
	if got := o.number("size"); got == v.perhapsGiB && got != 0 {
		v.sizeGiB = got
	} else if got != v.sizeGiB {
		return fmt.Errorf("volume %s has %d GiB, want %d", v.id, got, v.sizeGiB)
	}
	v.perhapsGiB = 0
	if got := o.object("metadata").text("label"); got == v.perhapsText && got != "" {
		v.label = got
	} else if got != v.label {
		return fmt.Errorf("volume %s is labelled %q, want %q", v.id, got, v.label)
	}
	v.perhapsText = ""
	v.backend = backend(o)
	return c.compareFile(v.backend, "volume", v.id, v.sizeGiB, &v.contents)
}

// settleSnapshots does for the snapshots of a volume what lookAround does for volumes, and takes them off the list.
func (c *client) settleSnapshots(v *volume, there bool, found map[string]object) error {
	for _, s := range slices.Clone(v.snapshots) {
		o, alive := found[s.name]
		delete(found, s.name)
		switch {
		case alive && !there:
			return fmt.Errorf("snapshot %s has outlived its volume %s", s.id, v.id)
		case alive && s.deleted:
			return fmt.Errorf("snapshot %s is %s, but its delete was accepted", s.id, o.text("status"))
		case alive && (s.id == "" || s.id == o.text("id")):
			s.id, s.perhapsGone = o.text("id"), false
			if err := c.compareFile(v.backend, "snapshot", s.id, s.sizeGiB, &s.contents); err != nil {
				return err
			}
		case alive:
			return fmt.Errorf("%s was promised as %s and is %s", s.name, s.id, o.text("id"))
		case there && s.id != "" && !s.deleted && !s.perhapsGone:
			return fmt.Errorf("snapshot %s (%s) is lost", s.id, s.name)
		default:
			v.snapshots = slices.DeleteFunc(v.snapshots, func(other *snapshot) bool { return other == s })
		}
	}
	return nil
}

// resume does what the client owes to the steps it was cut off in.
func (c *client) resume(ctx context.Context) error {
	for _, v := range c.volumes {
		_, answer, err := c.ask(ctx, "GET", "/volumes/"+v.id, nil, 200)
		if err != nil {
			return err
		}
		if err := c.resumeUse(ctx, v, answer.object("volume").text("status")); err != nil {
			return err
		}
	}
	return nil
}
