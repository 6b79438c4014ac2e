package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// patience is how long a client waits for a volume to leave a state that the service must end by itself.
const patience = 10 * time.Second

// volume is what a client knows of a volume of its own.
type volume struct {
	id, name    string // id is empty while a create is unanswered
	sizeGiB     int64
	perhapsGiB  int64 // what an extend that was cut off may have made of the size; else 0
	contents    contents
	backend     string // where it was when the client last looked around
	label       string // the metadata item that the client keeps
	perhapsText string // as perhapsGiB, for the label
	deleted     bool   // a delete was acknowledged
	perhapsGone bool   // a delete was cut off
	use         use
	snapshots   []*snapshot
}

// use is who uses the volume: nobody, a consumer by attachment, or one in the old way.
type use struct {
	attachmentID string // of the new way; empty while its create is unanswered
	uri          string // where its bytes are
	held         bool   // the consumer was told that it has the volume, and has not asked to let it go
}

// snapshot is what a client knows of a snapshot.
type snapshot struct {
	id, name    string
	sizeGiB     int64
	contents    contents
	deleted     bool
	perhapsGone bool
}

// client uses the service as a careful program does: it works on its volumes one step at a time, knows what it asked for
// and what it was told, and after a crash looks how far its last request came. Nobody else touches its volumes, so that
// whatever differs from what it knows is the service's doing.
type client struct {
	api     api
	name    string // begins the names of what is the client's
	state   string // the service's state directory
	random  *rand.Rand
	volumes []*volume
	made    uint64 // names and numbers given so far
	done    map[string]int
}

// ask sends a request and refuses any status but those wanted. 413 is an ordinary answer where quota is taken: the
// clients of a project compete for it.
func (c *client) ask(ctx context.Context, method, path string, body any, want ...int) (int, object, error) {
	status, answer, err := c.api.call(ctx, method, path, body)
	if err == nil && !slices.Contains(want, status) {
		err = fmt.Errorf("%s %s: status %d (%s), want %v", method, path, status, answer.fault(), want)
	}
	return status, answer, err
}

func (c *client) act(ctx context.Context, v *volume, action string, argument any, want ...int) (int, object, error) {
	status, answer, err := c.ask(ctx, "POST", "/volumes/"+v.id+"/action", object{action: argument}, want...)
	if err != nil {
		err = fmt.Errorf("%s: %w", action, err)
	}
	return status, answer, err
}

func (c *client) next() uint64 { c.made++; return c.made }

func (c *client) nextName() string { return fmt.Sprintf("%s-%d", c.name, c.next()) }

// await polls a resource until its status is one of want. Error states and a missing resource end it at once.
func (c *client) await(ctx context.Context, kind, id string, want ...string) error {
	for end := time.Now().Add(patience); ; {
		_, answer, err := c.ask(ctx, "GET", "/"+kind+"s/"+id, nil, 200)
		if err != nil {
			return err
		}
		status := answer.object(kind).text("status")
		if slices.Contains(want, status) {
			return nil
		}
		if len(status) >= 5 && status[:5] == "error" {
			return fmt.Errorf("%s %s became %s, want %v", kind, id, status, want)
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s %s is still %s after %s, want %v", kind, id, status, patience, want)
		}
		select {
		case <-ctx.Done():
			return errCut
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// mine are the volumes that can be worked with.
func (c *client) mine() []*volume {
	return slices.DeleteFunc(slices.Clone(c.volumes), func(v *volume) bool { return v.deleted || v.perhapsGone || v.id == "" })
}

func (c *client) forget(v *volume) {
	c.volumes = slices.DeleteFunc(c.volumes, func(o *volume) bool { return o == v })
}

// create makes a volume: raw, from a snapshot of source, or as a clone of it.
func (c *client) create(ctx context.Context, source *volume, from *snapshot) error {
	v := &volume{name: c.nextName(), sizeGiB: 1 + c.random.Int64N(2), contents: fresh()}
	body := object{"name": v.name, "metadata": object{"label": "new"}}
	v.label = "new"
	switch {
	case from != nil:
		v.sizeGiB, v.contents, body["snapshot_id"] = from.sizeGiB, from.contents, from.id
	case source != nil:
		v.sizeGiB, v.contents, body["source_volid"] = source.sizeGiB, source.contents, source.id
	}
	if (from != nil || source != nil) && c.random.IntN(4) == 0 {
		v.sizeGiB++
	}
	body["size"] = v.sizeGiB
	c.volumes = append(c.volumes, v)
	status, answer, err := c.ask(ctx, "POST", "/volumes", object{"volume": body}, 202, 413)
	if status == 413 {
		c.forget(v)
		return nil
	}
	if err != nil {
		return err
	}
	v.id = answer.object("volume").text("id")
	if source == nil && from == nil && c.random.IntN(3) == 0 {
		return nil // whoever uses it next waits
	}
	return c.await(ctx, "volume", v.id, "available") // a source must not change before the copy is made
}

func (c *client) snapshot(ctx context.Context, v *volume) error {
	s := &snapshot{name: c.nextName(), sizeGiB: v.sizeGiB, contents: v.contents}
	v.snapshots = append(v.snapshots, s)
	status, answer, err := c.ask(ctx, "POST", "/snapshots", object{"snapshot": object{"volume_id": v.id, "name": s.name, "force": true}}, 202, 413)
	if status == 413 {
		v.snapshots = v.snapshots[:len(v.snapshots)-1]
		return nil
	}
	if err != nil {
		return err
	}
	s.id = answer.object("snapshot").text("id")
	return c.await(ctx, "snapshot", s.id, "available")
}

func (c *client) deleteSnapshot(ctx context.Context, v *volume) error {
	s := v.snapshots[c.random.IntN(len(v.snapshots))]
	if s.deleted {
		return c.awaitGone(ctx, "/snapshots/"+s.id, func() {
			v.snapshots = slices.DeleteFunc(v.snapshots, func(o *snapshot) bool { return o == s })
		})
	}
	s.perhapsGone = true
	_, _, err := c.ask(ctx, "DELETE", "/snapshots/"+s.id, nil, 202)
	s.deleted = err == nil
	return err
}

// awaitGone polls until a resource answers 404 and then calls gone.
func (c *client) awaitGone(ctx context.Context, path string, gone func()) error {
	for end := time.Now().Add(patience); ; {
		status, _, err := c.ask(ctx, "GET", path, nil, 200, 404)
		if err != nil {
			return err
		}
		if status == 404 {
			gone()
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is still there %s after its delete was accepted", path, patience)
		}
		select {
		case <-ctx.Done():
			return errCut
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// delete deletes a volume, with its snapshots if it has any; or asks for what must be refused.
func (c *client) delete(ctx context.Context, v *volume) error {
	path := "/volumes/" + v.id
	if v.use.held {
		_, _, err := c.ask(ctx, "DELETE", path, nil, 400)
		return err
	}
	live := slices.ContainsFunc(v.snapshots, func(s *snapshot) bool { return !s.deleted })
	switch {
	case live && c.random.IntN(3) == 0:
		_, _, err := c.ask(ctx, "DELETE", path, nil, 400)
		return err
	case len(v.snapshots) > 0:
		path += "?cascade=true"
	}
	v.perhapsGone = true
	_, _, err := c.ask(ctx, "DELETE", path, nil, 202)
	v.deleted = err == nil
	return err
}

func (c *client) extend(ctx context.Context, v *volume) error {
	if v.sizeGiB >= 4 {
		return nil
	}
	v.perhapsGiB = v.sizeGiB + 1
	status, _, err := c.act(ctx, v, "os-extend", object{"new_size": v.perhapsGiB}, 202, 413)
	if err != nil {
		return err
	}
	if status == 202 {
		v.sizeGiB = v.perhapsGiB
	}
	v.perhapsGiB = 0
	return nil
}

func (c *client) setLabel(ctx context.Context, v *volume) error {
	v.perhapsText = c.nextName()
	_, _, err := c.ask(ctx, "POST", "/volumes/"+v.id+"/metadata", object{"metadata": object{"label": v.perhapsText}}, 200)
	if err == nil {
		v.label, v.perhapsText = v.perhapsText, ""
	}
	return err
}

// write puts a new block into a volume that is in use, or checks all of its blocks.
func (c *client) write(v *volume) error {
	d, err := openDisk(v.use.uri)
	if err != nil {
		return fmt.Errorf("volume %s at %s: %w", v.id, v.use.uri, err)
	}
	defer d.close()
	if c.random.IntN(3) == 0 {
		return v.contents.compare(v.sizeGiB, d.read)
	}
	at := c.random.IntN(len(v.contents.numbers))
	if places()[at] >= v.sizeGiB*gib {
		return nil
	}
	v.contents.open, v.contents.perhaps = at, c.next()<<16|uint64(c.random.IntN(1<<16))
	if err := d.write(places()[at], block(v.contents.perhaps)); err != nil {
		return err
	}
	v.contents.numbers[at], v.contents.open = v.contents.perhaps, -1
	return nil
}

// step does one random thing.
func (c *client) step(ctx context.Context) error {
	mine := c.mine()
	if len(mine) == 0 || len(mine) < 6 && c.random.IntN(5) == 0 {
		return c.counted("create", c.create(ctx, nil, nil))
	}
	v := mine[c.random.IntN(len(mine))]
	if v.use.held || v.use.uri == "" {
		if err := c.await(ctx, "volume", v.id, "available", "in-use"); err != nil {
			return err
		}
	}
	usable := slices.DeleteFunc(slices.Clone(v.snapshots), func(s *snapshot) bool { return s.deleted || s.perhapsGone })
	switch n := c.random.IntN(20); {
	case n < 2 && len(mine) < 6:
		return c.counted("clone", c.create(ctx, v, nil))
	case n < 4 && len(mine) < 6 && len(usable) > 0:
		return c.counted("create from snapshot", c.create(ctx, v, usable[c.random.IntN(len(usable))]))
	case n < 6 && len(v.snapshots) < 3:
		return c.counted("snapshot", c.snapshot(ctx, v))
	case n < 7 && len(v.snapshots) > 0:
		return c.counted("delete snapshot", c.deleteSnapshot(ctx, v))
	case n < 9:
		return c.counted("extend", c.extend(ctx, v))
	case n < 10:
		return c.counted("metadata", c.setLabel(ctx, v))
	case n < 13:
		return c.counted("delete", c.delete(ctx, v))
	case n < 16 && v.use.held:
		return c.counted("write", c.write(v))
	case v.use.held:
		return c.counted("detach", c.detach(ctx, v))
	case n < 18:
		return c.counted("attach", c.attach(ctx, v))
	default:
		return c.counted("attach, the old way", c.attachOldWay(ctx, v))
	}
}

func (c *client) counted(what string, err error) error {
	if errors.Is(err, errCut) {
		what += " (cut off)"
	}
	c.done[what]++
	return err
}

// compareFile checks the file of a volume ("volume") or snapshot at a back end: its length and its blocks.
func (c *client) compareFile(backend, kind, id string, sizeGiB int64, want *contents) error {
	f, err := os.Open(filepath.Join(c.state, "volumes", backend, kind+"s", kind+"-"+id))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != sizeGiB*gib {
		return fmt.Errorf("%s %s: the file has %d bytes, want %d GiB", kind, id, info.Size(), sizeGiB)
	}
	if err := want.compare(sizeGiB, reader(f)); err != nil {
		return fmt.Errorf("%s %s (%s): %w", kind, id, f.Name(), err)
	}
	return nil
}
