package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
)

// rival uses volumes that others use at the same moment, without a care: it extends what is being deleted, copies what is
// going, and attaches what is attached. It knows of nothing it did before and cannot tell what its volumes should
// hold; but no answer may be the service's failure, and after a restart all that it left must come to rest.
type rival struct {
	api    api
	name   string
	random *rand.Rand
}

// most is how many volumes the rivals share; more than quota allows, so that it is refused often.
const most = 12

// ask sends a request whose answer may be anything but a failure of the service.
func (r *rival) ask(ctx context.Context, method, path string, body any) (object, error) {
	status, answer, err := r.api.call(ctx, method, path, body)
	if err == nil && status >= 500 {
		err = fmt.Errorf("%s %s %v: status %d (%s)", method, path, body, status, answer.fault())
	}
	return answer, err
}

func (r *rival) act(ctx context.Context, id, action string, argument any) error {
	_, err := r.ask(ctx, http.MethodPost, "/volumes/"+id+"/action", object{action: argument})
	return err
}

func (r *rival) create(ctx context.Context, kind string, body object) error {
	if kind != "attachment" {
		body["name"] = r.name
	}
	_, err := r.ask(ctx, http.MethodPost, "/"+kind+"s", object{kind: body})
	return err
}

// one gives one of the resources there are, at random; the empty object if there is none.
func (r *rival) one(ctx context.Context, kind string) (o object, n int, err error) {
	answer, err := r.ask(ctx, http.MethodGet, "/"+kind, nil)
	if err != nil {
		return nil, 0, err
	}
	list := answer.list(kind)
	if len(list) == 0 {
		return object{}, 0, nil
	}
	return list[r.random.IntN(len(list))], len(list), nil
}

// step does one random thing to one random volume, snapshot or attachment.
func (r *rival) step(ctx context.Context) error {
	v, n, err := r.one(ctx, "volumes")
	if err != nil {
		return err
	}
	id := v.text("id")
	if n < 3 || n < most && r.random.IntN(4) == 0 {
		return r.create(ctx, "volume", object{"size": 1})
	}
	switch r.random.IntN(16) {
	case 0:
		return r.create(ctx, "volume", object{"source_volid": id})
	case 1:
		s, n, err := r.one(ctx, "snapshots")
		if err != nil || n == 0 {
			return err
		}
		return r.create(ctx, "volume", object{"snapshot_id": s.text("id")})
	case 2:
		return r.create(ctx, "snapshot", object{"volume_id": id, "force": true})
	case 3:
		s, n, err := r.one(ctx, "snapshots")
		if err != nil || n == 0 {
			return err
		}
		_, err = r.ask(ctx, http.MethodDelete, "/snapshots/"+s.text("id"), nil)
		return err
	case 4, 5:
		return r.act(ctx, id, "os-extend", object{"new_size": 2 + r.random.IntN(3)})
	case 6:
		_, err = r.ask(ctx, http.MethodDelete, "/volumes/"+id, nil)
		return err
	case 7:
		_, err = r.ask(ctx, http.MethodDelete, "/volumes/"+id+"?cascade=true", nil)
		return err
	case 8:
		_, err := r.ask(ctx, http.MethodPost, "/volumes/"+id+"/metadata", object{"metadata": object{r.name: id}})
		return err
	default:
		return r.attachOrDetach(ctx, id)
	}
}

func (r *rival) attachOrDetach(ctx context.Context, id string) error {
	switch action := []string{"attach", "attach", "complete", "detach", "os-reserve", "os-unreserve", "os-begin_detaching", "os-roll_detaching",
		"os-detach", "os-attach", "os-initialize_connection", "os-terminate_connection"}[r.random.IntN(12)]; action {
	case "attach":
		asked := object{"volume_uuid": id}
		if r.random.IntN(2) == 0 {
			asked["connector"] = connector
		}
		return r.create(ctx, "attachment", asked)
	case "complete", "detach":
		a, n, err := r.one(ctx, "attachments")
		if err != nil || n == 0 {
			return err
		}
		method, path, body := http.MethodDelete, "/attachments/"+a.text("id"), any(nil)
		if action == "complete" {
			method, path, body = http.MethodPost, path+"/action", object{"os-complete": nil}
		}
		_, err = r.ask(ctx, method, path, body)
		return err
	case "os-detach":
		return r.act(ctx, id, action, object{})
	case "os-attach":
		return r.act(ctx, id, action, object{"host_name": r.name, "mountpoint": "/dev/vdb"})
	case "os-initialize_connection", "os-terminate_connection":
		return r.act(ctx, id, action, object{"connector": connector})
	default:
		return r.act(ctx, id, action, nil)
	}
}

// clearUp ends, for all rivals, every attach and detach that waits for a client.
func (r *rival) clearUp(ctx context.Context) error {
	answer, err := r.ask(ctx, http.MethodGet, "/attachments", nil)
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range answer.list("attachments") {
		if status, answer, err := r.api.call(ctx, http.MethodDelete, "/attachments/"+a.text("id"), nil); err != nil || status != 200 {
			errs = append(errs, fmt.Errorf("deleting attachment %s: %v, status %d (%s)", a.text("id"), err, status, answer.fault()))
		}
	}
	if answer, err = r.ask(ctx, http.MethodGet, "/volumes/detail", nil); err != nil {
		return err
	}
	for _, v := range answer.list("volumes") {
		var err error
		switch v.text("status") {
		case "attaching", "reserved":
			err = r.act(ctx, v.text("id"), "os-unreserve", nil)
		case "detaching":
			err = r.act(ctx, v.text("id"), "os-detach", object{})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
