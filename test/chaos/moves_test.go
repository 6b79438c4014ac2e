package chaos

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// The two back ends of the test of moves. There is a volume type of the name of each, which asks for it, and one that asks
// for none.
const (
	left, right, anywhere = "left", "right", "anywhere"

	twoBackends = `[DEFAULT]
enabled_backends = left, right
[left]
volume_driver = file
target_port = 10809
[right]
volume_driver = file
target_port = 10810
`
)

// TestChaosMoves strikes while volumes are moved between two back ends and change their types, and are used or deleted
// meanwhile. After each restart every volume is in one place, with all its bytes, and nothing is left in the other.
func TestChaosMoves(t *testing.T) {
	s := newStorm(t, twoBackends, (*client).moveAbout)
	for _, name := range []string{left, right, anywhere} {
		specs := object{}
		if name != anywhere {
			specs["volume_backend_name"] = name
		}
		_, _, err := s.clients[0].ask(t.Context(), "POST", "/types", object{"volume_type": object{"name": name, "extra_specs": specs}}, 200)
		if err != nil {
			t.Fatal(err)
		}
	}
	s.run()
}

// moveAbout does one random thing with volumes that move.
func (c *client) moveAbout(ctx context.Context) error {
	mine := c.mine()
	if len(mine) == 0 || len(mine) < 3 && c.random.IntN(4) == 0 {
		return c.counted("create", c.create(ctx, nil, nil))
	}
	v := mine[c.random.IntN(len(mine))]
	switch {
	case v.use.held && c.random.IntN(2) == 0:
		return c.counted("detach", c.detach(ctx, v))
	case v.use.held:
		return c.counted("write", c.write(v))
	case c.random.IntN(4) == 0:
		return c.counted("attach, whatever it does", c.attachHastily(ctx, v))
	}
	o, err := c.rested(ctx, v)
	if err != nil {
		return err
	}
	switch n := c.random.IntN(10); {
	case n < 2:
		return c.counted("attach", c.attach(ctx, v))
	case n < 3:
		return c.counted("delete", c.delete(ctx, v))
	case n < 6:
		return c.counted("retype", c.retype(ctx, v, o))
	default:
		return c.counted("migrate", c.migrate(ctx, v, o))
	}
}

// rested waits until nobody moves a volume any more.
func (c *client) rested(ctx context.Context, v *volume) (object, error) {
	for end := time.Now().Add(patience); ; {
		_, answer, err := c.ask(ctx, "GET", "/volumes/"+v.id, nil, 200)
		if err != nil {
			return nil, err
		}
		o := answer.object("volume")
		migration := o.text("os-vol-mig-status-attr:migstat")
		if slices.Contains(atRest, migration) && o.text("status") == "available" {
			return o, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("volume %s is still %s, %s after %s", v.id, o.text("status"), migration, patience)
		}
		select {
		case <-ctx.Done():
			return nil, errCut
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// migrate asks for the other back end. A volume whose type asks for the one it is on stays there.
func (c *client) migrate(ctx context.Context, v *volume, o object) error {
	to := left
	if backend(o) == left {
		to = right
	}
	_, _, err := c.act(ctx, v, "os-migrate_volume", object{"host": fmt.Sprintf("clinker@%[1]s#%[1]s", to),
		"force_host_copy": c.random.IntN(2) == 0, "lock_volume": c.random.IntN(2) == 0}, 202)
	return err
}

func (c *client) retype(ctx context.Context, v *volume, o object) error {
	types := slices.DeleteFunc([]string{left, right, anywhere}, func(name string) bool { return name == o.text("volume_type") })
	policy := []string{"on-demand", "on-demand", "never"}
	_, _, err := c.act(ctx, v, "os-retype", object{"new_type": types[c.random.IntN(len(types))], "migration_policy": policy[c.random.IntN(len(policy))]}, 202)
	return err
}

// attachHastily attaches a volume that may be moved just now: then that comes to nothing, or the attach is refused. What
// is attached is written to.
func (c *client) attachHastily(ctx context.Context, v *volume) error {
	v.use = use{}
	status, answer, err := c.ask(ctx, "POST", "/attachments", object{"attachment": object{"volume_uuid": v.id, "instance_uuid": c.uuid()}}, 200, 400)
	if err != nil || status == 400 {
		return err
	}
	v.use.attachmentID = answer.object("attachment").text("id")
	if err := c.connect(ctx, v); err != nil {
		return err
	}
	if err := c.complete(ctx, v); err != nil {
		return err
	}
	return c.write(v)
}
