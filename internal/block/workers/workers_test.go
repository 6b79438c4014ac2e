package workers

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
)

// desk is a database with two volume services, of which the first cleans up.
type desk struct {
	*testing.T
	*sqlstore.Store
	typeID   string
	services []*block.Service
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	kind, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, Store: s, typeID: kind.ID}
	d.update(func(ctx context.Context, tx store.Tx) error {
		for _, host := range []string{"n@a", "n@b"} {
			row, err := tx.RegisterService(ctx, &block.Service{Host: host, Binary: block.BinaryVolume, Topic: "cinder-volume"})
			if err != nil {
				return err
			}
			d.services = append(d.services, row)
		}
		return nil
	})
	return d
}

func (d *desk) update(fn func(ctx context.Context, tx store.Tx) error) {
	d.Helper()
	if err := d.Update(d.Context(), func(tx store.Tx) error { return fn(d.Context(), tx) }); err != nil {
		d.Fatal(err)
	}
}

// leave enters a volume of a status, and a row that says a service has it in hand with another status.
func (d *desk) leave(id string, is, was block.VolumeStatus, serviceID int64, attachments ...block.Attachment) {
	d.Helper()
	d.update(func(ctx context.Context, tx store.Tx) error {
		if is != "" {
			v := &block.Volume{ID: id, ProjectID: "p", VolumeTypeID: d.typeID, SizeGiB: 1, Status: is, AttachStatus: block.AttachDetached}
			if err := tx.CreateVolume(ctx, v); err != nil {
				return err
			}
		}
		for _, a := range attachments {
			a.ID, a.VolumeID = "of "+id, id
			if err := tx.CreateAttachment(ctx, &a); err != nil {
				return err
			}
		}
		return tx.LeaveWorker(ctx, store.Worker{ResourceType: resourceVolume, ResourceID: id, Status: string(was), ServiceID: serviceID})
	})
}

// states are the status of every volume that is there, and "+" behind it if there is a row of workers for it.
func (d *desk) states() map[string]string {
	d.Helper()
	volumes, err := d.Volumes(d.Context(), store.VolumeQuery{})
	if err != nil {
		d.Fatal(err)
	}
	states := map[string]string{}
	for _, v := range volumes {
		states[v.ID] = string(v.Status)
	}
	left, err := d.Workers(d.Context(), store.WorkerQuery{})
	if err != nil {
		d.Fatal(err)
	}
	for _, w := range left {
		states[w.ResourceID] += "+"
	}
	return states
}

func (d *desk) cleaner(remove func(context.Context, string) error) *Cleaner {
	return &Cleaner{Store: d.Store, Host: "n@a", Binary: block.BinaryVolume, Delete: remove, Log: slog.New(slog.DiscardHandler)}
}

// TestWhatAPythonServiceLeft is what cinder/manager.py makes of each.
func TestWhatAPythonServiceLeft(t *testing.T) {
	d := newDesk(t)
	mine, other := d.services[0].ID, d.services[1].ID
	d.leave("creating", "creating", "creating", mine)
	d.leave("downloading", "downloading", "downloading", mine)
	d.leave("uploading", "uploading", "uploading", mine)
	d.leave("uploading-in-use", "uploading", "uploading", mine, block.Attachment{AttachStatus: block.AttachAttached})
	d.leave("deleting", "deleting", "deleting", mine)
	d.leave("done meanwhile", "available", "creating", mine)
	d.leave("not deleting", "available", "deleting", mine)
	d.leave("gone", "", "creating", mine)
	d.leave("gone too", "", "deleting", mine)
	d.leave("of another", "creating", "creating", other)
	d.leave("of nobody", "creating", "creating", 0)
	snapshot := &block.Snapshot{ID: "s", VolumeID: "done meanwhile", ProjectID: "p", VolumeTypeID: d.typeID, Status: block.SnapshotCreating}
	d.update(func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateSnapshot(ctx, snapshot); err != nil {
			return err
		}
		return tx.LeaveWorker(ctx, store.Worker{ResourceType: resourceSnapshot, ResourceID: "s", Status: "creating", ServiceID: mine})
	})
	var deleted []string
	remove := func(ctx context.Context, id string) error {
		deleted = append(deleted, id)
		return d.Update(ctx, func(tx store.Tx) error { return tx.ForgetWorker(ctx, resourceVolume, id) })
	}
	if err := d.cleaner(remove).Own(t.Context(), rpcapi.CleanupRequest{Until: time.Now().Add(time.Second)}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"creating": "error", "downloading": "error", "uploading": "available", "uploading-in-use": "in-use", "deleting": "deleting",
		"done meanwhile": "available", "not deleting": "available", "of another": "creating+", "of nobody": "creating+"}
	if diff := cmp.Diff(want, d.states()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"deleting"}, deleted); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	if s, err := d.Snapshot(t.Context(), "s", ""); err != nil || s.Status != block.SnapshotError {
		t.Errorf("the snapshot is %+v, %v", s, err)
	}
}

// TestARequestChooses: by service, resource and time.
func TestARequestChooses(t *testing.T) {
	d := newDesk(t)
	mine, other := d.services[0].ID, d.services[1].ID
	for _, id := range []string{"a", "b"} {
		d.leave(id, "creating", "creating", mine)
		d.leave("other-"+id, "creating", "creating", other)
	}
	c := d.cleaner(nil)
	clean := func(r rpcapi.CleanupRequest, want map[string]string) {
		t.Helper()
		if err := c.Clean(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, d.states()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", r, diff)
		}
	}
	before := map[string]string{"a": "creating+", "b": "creating+", "other-a": "creating+", "other-b": "creating+"}
	clean(rpcapi.CleanupRequest{ServiceID: mine, Until: time.Now().Add(-time.Minute)}, before)
	clean(rpcapi.CleanupRequest{ServiceID: mine, ResourceType: resourceSnapshot}, before)
	clean(rpcapi.CleanupRequest{ServiceID: mine, ResourceID: "a"}, map[string]string{"a": "error", "b": "creating+", "other-a": "creating+", "other-b": "creating+"})
	clean(rpcapi.CleanupRequest{ServiceID: other}, map[string]string{"a": "error", "b": "creating+", "other-a": "error", "other-b": "error"})
	if err := c.Clean(t.Context(), &rpcapi.CleanupRequest{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no service: %v", err)
	}
	c.Host = "n"
	if err := c.Own(t.Context(), rpcapi.CleanupRequest{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("without a row: %v", err)
	}
}

// TestADeletionThatCannotBegin stays for the next time, and does not keep the others from being cleaned up.
func TestADeletionThatCannotBegin(t *testing.T) {
	d := newDesk(t)
	mine := d.services[0].ID
	d.leave("deleting", "deleting", "deleting", mine)
	d.leave("later", "creating", "creating", mine)
	var log strings.Builder
	c := d.cleaner(func(context.Context, string) error { return errors.New("no journal") })
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := c.Own(t.Context(), rpcapi.CleanupRequest{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"deleting": "deleting+", "later": "error"}, d.states()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(log.String(), "no journal") {
		t.Errorf("the log says nothing of it:\n%s", log.String())
	}
	c.Delete = nil // a scheduler
	if err := c.Own(t.Context(), rpcapi.CleanupRequest{}); err != nil || d.states()["deleting"] != "deleting+" {
		t.Errorf("a scheduler: %v, %v", d.states(), err)
	}
}
