package manager

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
)

// listener is a Notifier that keeps the events.
type listener struct{ events []string }

func (l *listener) Notify(_ context.Context, event string, payload map[string]any) {
	status, _ := payload["status"].(string)
	l.events = append(l.events, event+" "+status)
}

// TestNotify: an end is told of with the row as it is, or is no more; and of temporary volumes coming and going nobody is told.
func TestNotify(t *testing.T) {
	w := managertest.NewWorld(t)
	m, transport := newManager(w)
	l := &listener{}
	m.Notifier = l
	v := w.AddVolume(t, nil)
	before := *v
	before.Status = block.VolumeCreating
	gone := &block.Volume{ID: "gone", UseQuota: true, Status: block.VolumeDeleting}
	for _, event := range []string{"create.start", "create.end"} {
		m.notifyVolume(t.Context(), event, &before)
	}
	m.notifyVolume(t.Context(), "delete.end", gone)
	m.notifyVolume(t.Context(), "delete.end", nil)
	temporary := *gone
	temporary.UseQuota = false
	for _, event := range []string{"delete.start", "delete.end", "unmanage.start"} {
		m.notifyVolume(t.Context(), event, &temporary)
	}
	m.notifySnapshot(t.Context(), "delete.start", &block.Snapshot{ID: "gone", Status: block.SnapshotDeleting}, v)
	m.notifySnapshot(t.Context(), "delete.end", &block.Snapshot{ID: "gone", Status: block.SnapshotDeleting}, v)
	s := w.AddSnapshot(t, v, block.SnapshotAvailable)
	m.notifySnapshot(t.Context(), "create.end", &block.Snapshot{ID: s.ID, Status: block.SnapshotCreating}, v)
	want := []string{"volume.create.start creating", "volume.create.end available", "volume.delete.end deleted",
		"snapshot.delete.start deleting", "snapshot.delete.end deleted", "snapshot.create.end available"}
	if d := cmp.Diff(want, l.events); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}

	m.capacity.report(t.Context(), true)
	var reports []string
	for _, msg := range transport.sent() {
		reports = append(reports, msg.Method)
	}
	if d := cmp.Diff([]string{rpcapi.MethodUpdateServiceCapabilities, rpcapi.MethodNotifyServiceCapabilities}, reports); d != "" {
		t.Errorf("reports (-want +got):\n%s", d)
	}
}
