package rabbit

import (
	"context"
	"encoding/json"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/wire"
	"github.com/clinker/clinker/internal/oslo/notification"
	"github.com/clinker/clinker/internal/reqctx"
)

var _ notification.Publisher = (*Transport)(nil)

// Publish implements notification.Publisher: the message lies in the queue of its topic, which is made if nobody has done so,
// when it returns. What the context says of who asked goes along without a token, as upstream's redacted copy.
func (t *Transport) Publish(ctx context.Context, topic string, m *notification.Message, version int) error {
	if t.isClosed() {
		return errClosed()
	}
	message, err := json.Marshal(m)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "", "The notification %s cannot be written.", m.EventType)
	}
	request := reqctx.From(ctx)
	request.AuthToken, request.ServiceCatalog, request.RemoteAddress = "", "", ""
	out := &broker.Message{ID: broker.NewID(), Exchange: t.opts.TopicExchange(), Key: topic, Mandatory: true}
	inner, err := wire.EncodeNotification(message, wire.Context{Request: request}, out.ID)
	if err != nil {
		return asFault(err, "The notification %s cannot be written.", m.EventType)
	}
	if version == 1 {
		out.Body = inner
	} else if err := t.opts.seal(out, inner); err != nil {
		return err
	}
	ctx, cancel := t.bounded(ctx, t.opts.CallTimeout)
	defer cancel()
	return t.deliver(ctx, out, t.opts.TopicQueue(topic), m.EventType)
}
