package apitest

import (
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Volume asks for a volume of 1 GiB, with more in its body, and gives its id. It is available then.
func (c Caller) Volume(more ...any) string {
	c.TB.Helper()
	body := map[string]any{"size": 1}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	id := c.Post("/volumes", map[string]any{"volume": body}).OK(202).Text("volume", "id")
	if v := c.Row(id); v.Status != block.VolumeAvailable {
		c.TB.Fatalf("the volume that was made is %s", v.Status)
	}
	return id
}

// Snapshot asks for a snapshot of a volume and gives its id. It is available then.
func (c Caller) Snapshot(volumeID string, more ...any) string {
	c.TB.Helper()
	body := map[string]any{"volume_id": volumeID}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	id := c.Post("/snapshots", map[string]any{"snapshot": body}).OK(202).Text("snapshot", "id")
	if s := c.SnapshotRow(id); s.Status != block.SnapshotAvailable {
		c.TB.Fatalf("the snapshot that was made is %s", s.Status)
	}
	return id
}

// Row is a volume's row as it stands; nil if there is none.
func (c Caller) Row(id string) *block.Volume {
	c.TB.Helper()
	v, err := c.Store.Volume(c.TB.Context(), id, "")
	c.there(err)
	return v
}

// SnapshotRow is Row for snapshots.
func (c Caller) SnapshotRow(id string) *block.Snapshot {
	c.TB.Helper()
	s, err := c.Store.Snapshot(c.TB.Context(), id, "")
	c.there(err)
	return s
}

// AttachmentRow is Row for attachments.
func (c Caller) AttachmentRow(id string) *block.Attachment {
	c.TB.Helper()
	a, err := c.Store.Attachment(c.TB.Context(), id, "")
	c.there(err)
	return a
}

// TypeRow is Row for volume types.
func (c Caller) TypeRow(id string) *block.VolumeType {
	c.TB.Helper()
	t, err := c.Store.VolumeType(c.TB.Context(), id, "")
	c.there(err)
	return t
}

// there fails the test for any error but that a row is missing.
func (c Caller) there(err error) {
	c.TB.Helper()
	if err != nil && !fault.Is(err, fault.NotFound) {
		c.TB.Fatal(err)
	}
}

// Change changes rows behind the API's back, to bring about what only a failure would.
func (c Caller) Change(fn func(tx store.Tx) error) {
	c.TB.Helper()
	if err := c.Store.Update(c.TB.Context(), fn); err != nil {
		c.TB.Fatal(err)
	}
}

// Set changes a volume's row behind the API's back.
func (c Caller) Set(id string, set store.VolumeSet) {
	c.TB.Helper()
	c.Change(func(tx store.Tx) error {
		_, err := tx.UpdateVolume(c.TB.Context(), id, store.VolumeWhen{}, set)
		return err
	})
}

// SetStatus is Set for the status alone.
func (c Caller) SetStatus(id string, status block.VolumeStatus) {
	c.TB.Helper()
	c.Set(id, store.VolumeSet{Status: &status})
}

// SetBootable marks a volume as bootable behind the API's back.
func (c Caller) SetBootable(id string) {
	c.TB.Helper()
	c.Set(id, store.VolumeSet{Bootable: new(true)})
}
