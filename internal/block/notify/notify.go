// Package notify is the notifications of Block Storage: the events there are, who publishes them, and their payloads, all
// as upstream has them (cinder/volume/volume_utils.py; what they look like on the wire was asked of a running Cinder 26).
//
// What must not live here: how notifications travel (internal/oslo/notification), and when something is told: services
// and use cases call where upstream does.
package notify

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
	"github.com/clinker/clinker/internal/oslo/notification"
)

// Sender takes notifications without making anybody wait; a *notification.Notifier.
type Sender interface {
	Send(ctx context.Context, publisherID, eventType string, priority notification.Priority, payload map[string]any)
}

// Events sends what one service tells. A nil *Events tells nobody anything. It is safe for concurrent use.
type Events struct {
	sender Sender
	host   string
}

// New makes the Events of the service on host: the node's name, or "node@backend" for a volume service. A nil sender
// gives nil.
func New(sender Sender, host string) *Events {
	if sender == nil {
		return nil
	}
	return &Events{sender: sender, host: host}
}

// On says whether anybody is told: then payloads are worth being made.
func (e *Events) On() bool { return e != nil }

// Notify tells of an event ("volume.create.start"). payload must be JSON values, and is the receiver's to keep.
func (e *Events) Notify(ctx context.Context, event string, payload map[string]any) {
	if e != nil {
		e.sender.Send(ctx, e.publisher(event, payload), event, notification.Info, payload)
	}
}

// NotifyError is Notify with the priority ERROR: for what upstream tells when something failed.
func (e *Events) NotifyError(ctx context.Context, event string, payload map[string]any) {
	if e != nil {
		e.sender.Send(ctx, e.publisher(event, payload), event, notification.Error, payload)
	}
}

// publishers are the names of publishers whose events do not begin with them, by the part of the event before the first dot.
var publishers = map[string]string{
	"image_volume_cache":      "volume",
	"groups":                  "groupStatusUpdate",
	"groupsnapshots":          "groupSnapshotStatusUpdate",
	"volume_type":             "volumeType",
	"volume_type_extra_specs": "volumeTypeExtraSpecs",
	"volume_type_encryption":  "volumeTypeEncryption",
	"group_type":              "groupType",
	"group_type_specs":        "groupTypeSpecs",
	"qos_specs":               "QoSSpecs",
}

// publisher is the publisher_id of an event: the family it belongs to, and the host. Volumes being made or managed are
// published by their pool, as upstream's flows have it, and images' volumes by the node.
func (e *Events) publisher(event string, payload map[string]any) string {
	family, _, _ := strings.Cut(event, ".")
	name, host := family, e.host
	if other, ok := publishers[family]; ok {
		name = other
	}
	if strings.HasPrefix(event, "volume.create.") || strings.HasPrefix(event, "volume.manage_existing.") {
		if pool, ok := payload["host"].(string); ok {
			host = pool
		}
	}
	if family == "image_volume_cache" {
		host, _, _ = strings.Cut(host, "@")
	}
	return name + "." + host
}

// Volume tells of an event of a volume, without the "volume." before it; of no volume, nothing is told.
func (e *Events) Volume(ctx context.Context, event string, v *block.Volume) {
	if e != nil && v != nil {
		e.Notify(ctx, "volume."+event, Volume(v))
	}
}

// Snapshot tells of an event of a snapshot of v, without the "snapshot." before it. v may be nil where it is not known.
func (e *Events) Snapshot(ctx context.Context, event string, s *block.Snapshot, v *block.Volume) {
	if e != nil && s != nil {
		e.Notify(ctx, "snapshot."+event, Snapshot(s, v))
	}
}

// Outcome tells of something that was done or refused: of success with the payload done, of a failure with failed and the
// error_message. Of a refusal by policy upstream tells nobody.
func (e *Events) Outcome(ctx context.Context, event string, err error, done, failed map[string]any) {
	switch {
	case e == nil, fault.Is(err, fault.Forbidden):
	case err == nil:
		e.Notify(ctx, event, done)
	default:
		failed["error_message"] = Exception(err)
		e.NotifyError(ctx, event, failed)
	}
}

// Exception is how an error stands in a payload: as Python writes an exception.
func Exception(err error) string {
	name := fault.NameOf(err)
	if name == "" {
		name = "CinderException"
	}
	return name + "(" + bodyschema.PythonRepr(fault.UserText(err)) + ")"
}
