package chaos

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

var connector = object{"host": "chaos", "initiator": "iqn.2026-11.example:chaos", "ip": "127.0.0.1", "multipath": false}

// attach takes a volume in the new way, in two or three requests.
func (c *client) attach(ctx context.Context, v *volume) error {
	v.use = use{}
	asked := object{"volume_uuid": v.id, "instance_uuid": c.uuid()}
	atOnce := c.random.IntN(2) == 0
	if atOnce {
		asked["connector"] = connector
	}
	_, answer, err := c.ask(ctx, "POST", "/attachments", object{"attachment": asked}, 200)
	if err != nil {
		return err
	}
	a := answer.object("attachment")
	v.use.attachmentID = a.text("id")
	if atOnce {
		v.use.uri = a.object("connection_info").text("uri")
	} else if err := c.connect(ctx, v); err != nil {
		return err
	}
	return c.complete(ctx, v)
}

func (c *client) connect(ctx context.Context, v *volume) error {
	_, answer, err := c.ask(ctx, "PUT", "/attachments/"+v.use.attachmentID, object{"attachment": object{"connector": connector}}, 200)
	v.use.uri = answer.object("attachment").object("connection_info").text("uri")
	return err
}

func (c *client) complete(ctx context.Context, v *volume) error {
	_, _, err := c.ask(ctx, "POST", "/attachments/"+v.use.attachmentID+"/action", object{"os-complete": nil}, 204)
	v.use.held = err == nil
	return err
}

// attachOldWay takes a volume as clients did before attachments.
func (c *client) attachOldWay(ctx context.Context, v *volume) error {
	v.use = use{}
	if _, _, err := c.act(ctx, v, "os-reserve", nil, 202); err != nil {
		return err
	}
	_, answer, err := c.act(ctx, v, "os-initialize_connection", object{"connector": connector}, 200)
	if err != nil {
		return err
	}
	uri := answer.object("connection_info").object("data").text("uri")
	if _, _, err := c.act(ctx, v, "os-attach", object{"instance_uuid": c.uuid(), "mountpoint": "/dev/vdb", "mode": "rw"}, 202); err != nil {
		return err
	}
	v.use.uri, v.use.held = uri, true
	return nil
}

func (c *client) detach(ctx context.Context, v *volume) error {
	v.use.held = false
	if v.use.attachmentID != "" {
		if _, _, err := c.ask(ctx, "DELETE", "/attachments/"+v.use.attachmentID, nil, 200); err != nil {
			return err
		}
	} else if err := c.detachOldWay(ctx, v); err != nil {
		return err
	}
	v.use = use{}
	return c.await(ctx, "volume", v.id, "available")
}

func (c *client) detachOldWay(ctx context.Context, v *volume) error {
	if _, _, err := c.act(ctx, v, "os-begin_detaching", nil, 202); err != nil {
		return err
	}
	return c.finishOldDetach(ctx, v)
}

func (c *client) finishOldDetach(ctx context.Context, v *volume) error {
	if _, _, err := c.act(ctx, v, "os-terminate_connection", object{"connector": connector}, 202); err != nil {
		return err
	}
	_, _, err := c.act(ctx, v, "os-detach", object{}, 202)
	return err
}

func (c *client) uuid() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(c.random.Uint32())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return uuid.UUID(b).String()
}

// resumeUse does what a consumer that was cut off owes: an attach or detach that waits for the consumer is completed or
// given up, as chance has it. What the service had accepted as done must be so still.
func (c *client) resumeUse(ctx context.Context, v *volume, status string) error {
	_, answer, err := c.ask(ctx, "GET", "/attachments/detail?volume_id="+v.id, nil, 200)
	if err != nil {
		return err
	}
	attachments := answer.list("attachments")
	held := v.use.held
	switch {
	case len(attachments) > 1:
		return fmt.Errorf("volume %s has %d attachments, but nobody asked for more than one", v.id, len(attachments))
	case len(attachments) == 0 && held:
		return fmt.Errorf("volume %s is %s and has lost its attachment", v.id, status)
	case len(attachments) == 0:
		return c.resumeOldAttach(ctx, v, status)
	}
	a := attachments[0]
	state := a.text("status")
	if held && (state != "attached" || status != "in-use") {
		return fmt.Errorf("volume %s is %s, its attachment %s; its consumer was told that it is attached", v.id, status, state)
	}
	if held {
		return c.checkUse(v, a)
	}
	if status == "detaching" { // only a consumer of the old way says so
		return c.ended(ctx, v, c.finishOldDetach(ctx, v))
	}
	v.use = use{attachmentID: a.text("id"), uri: a.object("connection_info").text("uri")}
	switch giveUp := c.random.IntN(2) == 0; {
	case state == "attached" && status == "in-use": // a detach that came to nothing, or an attach that was not answered
		return c.ended(ctx, v, c.detach(ctx, v))
	case giveUp || state == "error_attaching":
	case state == "attaching" && v.use.uri != "":
		return c.complete(ctx, v)
	case state == "reserved":
		if err := c.connect(ctx, v); err != nil {
			return err
		}
		return c.complete(ctx, v)
	default:
		return fmt.Errorf("volume %s is %s, its attachment %s, which waits for nobody", v.id, status, state)
	}
	_, _, err = c.ask(ctx, "DELETE", "/attachments/"+v.use.attachmentID, nil, 200)
	return c.ended(ctx, v, err)
}

// resumeOldAttach gives up an attach of the old way that got no further than the reservation.
func (c *client) resumeOldAttach(ctx context.Context, v *volume, status string) error {
	switch status {
	case "available":
		v.use = use{}
		return nil
	case "attaching":
		_, _, err := c.act(ctx, v, "os-terminate_connection", object{"connector": connector}, 202)
		return c.ended(ctx, v, err)
	case "detaching":
		return c.ended(ctx, v, c.finishOldDetach(ctx, v))
	}
	return fmt.Errorf("volume %s is %s without an attachment", v.id, status)
}

func (c *client) ended(ctx context.Context, v *volume, err error) error {
	if err != nil {
		return err
	}
	v.use = use{}
	return c.await(ctx, "volume", v.id, "available")
}

// checkUse demands that a consumer finds its volume where it was told, with its bytes.
func (c *client) checkUse(v *volume, a object) error {
	if uri := a.object("connection_info").text("uri"); v.use.attachmentID != "" && uri != v.use.uri {
		return fmt.Errorf("volume %s: the consumer was told %s, the attachment says %s", v.id, v.use.uri, uri)
	}
	d, err := openDisk(v.use.uri)
	if err != nil {
		return fmt.Errorf("volume %s is attached, but %s cannot be opened: %w", v.id, v.use.uri, err)
	}
	defer d.close()
	if err := v.contents.compare(v.sizeGiB, d.read); err != nil {
		return fmt.Errorf("volume %s over NBD: %w", v.id, err)
	}
	return nil
}
