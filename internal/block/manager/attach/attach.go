// Package attach is what the volume service does when a consumer comes and goes: attachment_update and attachment_delete
// as journalled flows, and the four messages of the old way (initialize_connection, terminate_connection, attach_volume,
// detach_volume).
//
// What must not live here: how an export is made (export has that), and which attach a caller is allowed: the use cases
// in app have decided that before.
package attach

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/hold"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Options of a Service.
type Options struct {
	Backend string // "host@backend": which volumes are ours, and the journal's owner
	Store   store.Store
	Flows   *flow.Engine[store.Tx]
	Exports *export.Exports
	Locks   hold.Locks // Cinder's, between processes
	// Timeout bounds one call of the storage or target; 0 means a minute.
	Timeout time.Duration
	// Notify is called with upstream's event names ("attach.start"); nil means nobody listens.
	Notify func(ctx context.Context, event string, v *block.Volume)
	// Tell tells the user that something came to nothing, with the ids of upstream's user messages; nil means nobody does.
	Tell func(ctx context.Context, v *block.Volume, action, detail string, cause error)
	Now  func() time.Time // nil means time.Now
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	update *flow.Flow[updateState, store.Tx]
	del    *flow.Flow[deleteState, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, string, *block.Volume) {}
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, *block.Volume, string, string, error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Service{Options: o}
	s.update, s.del = s.updateFlow(), s.deleteFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodAttachmentUpdate:     messaging.Replying(s.Update),
		rpcapi.MethodAttachmentDelete:     messaging.Silent(s.Delete),
		rpcapi.MethodInitializeConnection: messaging.Replying(s.Initialize),
		rpcapi.MethodTerminateConnection:  messaging.Silent(s.Terminate),
		rpcapi.MethodAttachVolume:         messaging.Replying(s.Attach),
		rpcapi.MethodDetachVolume:         messaging.Silent(s.Detach),
	}
}

// Resume is how the records of attachments in the journal are seen to: an update is undone, because whoever waited for
// its connection is gone; a delete is finished.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{
		rpcapi.FlowAttachmentUpdate: s.undoUpdate,
		rpcapi.FlowAttachmentDelete: journal.Again(s.Flows, s.del),
	}
}

func (s *Service) record(name, attachmentID string) flow.Record {
	return flow.Record{ID: uuid.NewString(), Name: name, Owner: s.Backend, ResourceType: "attachment", ResourceID: attachmentID}
}

// ours reads a volume and refuses one of another back end.
func (s *Service) ours(ctx context.Context, r store.VolumeReader, id string) (*block.Volume, error) {
	v, err := r.Volume(ctx, id, "")
	if err != nil {
		return nil, err
	}
	if v.Queue().Backend() != s.Backend {
		return nil, fault.New(fault.Invalid, "Invalid", "Invalid Volume: Volume %s is not local to %s.", id, s.Backend)
	}
	return v, nil
}

// find is the attachment of v with this id.
func find(v *block.Volume, id string) (*block.Attachment, bool) {
	for i := range v.Attachments {
		if v.Attachments[i].ID == id {
			return &v.Attachments[i], true
		}
	}
	return nil, false
}

// addQoS says what the hypervisor is to enforce.
func (s *Service) addQoS(ctx context.Context, data map[string]any, t *block.VolumeType, sizeGiB int64) error {
	if t.QoSSpecsID == "" {
		return nil
	}
	q, err := s.Store.QoSSpecs(ctx, t.QoSSpecsID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if specs := q.ForConsumer(sizeGiB); specs != nil {
		data["qos_specs"] = specs
	}
	return nil
}

// connection adds to what storage or target said of a connection all that upstream's manager adds (facts §8.5).
func (s *Service) connection(ctx context.Context, v *block.Volume, info block.ConnectionInfo, readOnly bool, c block.Connector) (map[string]any, error) {
	data := make(map[string]any, len(info.Data)+8)
	for key, value := range info.Data {
		data[key] = value
	}
	data["qos_specs"] = nil
	data["access_mode"] = "rw"
	if readOnly {
		data["access_mode"] = "ro"
	}
	if data["encrypted"] == nil {
		data["encrypted"] = v.EncryptionKeyID != ""
	}
	cacheable := false
	if v.VolumeTypeID != "" {
		t, err := s.Store.VolumeType(ctx, v.VolumeTypeID, "")
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		if err == nil {
			if err := s.addQoS(ctx, data, t, v.SizeGiB); err != nil {
				return nil, err
			}
		}
		cacheable = err == nil && t.ExtraSpecs["cacheable"] == "<is> True"
	}
	if said, ok := data["cacheable"].(bool); ok {
		cacheable = cacheable && said
	}
	data["cacheable"] = cacheable
	data["enforce_multipath"] = c["enforce_multipath"] == true
	return data, nil
}
