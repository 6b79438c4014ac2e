// Package attachments is the use cases of attachments (3.27): one consumer's use of one volume, from reserving it to
// letting it go.
package attachments

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/reqctx"
)

// Attachments is the use cases of attachments. It is safe for concurrent use.
type Attachments struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Attachments { return &Attachments{Core: core} }

// CreateRequest is what a caller asks of a new attachment.
type CreateRequest struct {
	VolumeID     string
	InstanceUUID string
	Mode         string          // "rw", "ro" or upstream's "null"; empty is "null"
	Connector    block.Connector // nil or empty, as the cinder command sends it: only reserve
}

// modeUnsaid is what upstream stores for a mode nobody gave.
const modeUnsaid = "null"

// Create reserves a volume for a consumer and, with a connector, exports it right away. What it returns is, but for the
// connection, as it was reserved: upstream answers so. Invalid InvalidVolume if the volume is in use and not multiattach, or in
// any other state that does not allow it.
func (u *Attachments) Create(ctx context.Context, r CreateRequest) (*block.Attachment, error) {
	v, err := u.VolumeUnread(ctx, r.VolumeID, "volume:attachment_create")
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(v.Status), "error") {
		return nil, block.InvalidVolume("Volume attachments can not be created if the volume is in an error state. "+
			"The Volume %s currently has a status of: %s ", v.ID, v.Status)
	}
	if v.Multiattach && v.Status == block.VolumeInUse && v.Bootable {
		if err := u.Policy.Check(ctx, "volume:multiattach_bootable_volume", app.Target(v.ProjectID, v.UserID)); err != nil {
			return nil, err
		}
	}
	a := &block.Attachment{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: v.ProjectID, InstanceUUID: r.InstanceUUID,
		AttachStatus: block.AttachReserved, AttachMode: attachMode(v, r.Mode)}
	a.CreatedAt = u.Now()
	err = u.Store.Update(ctx, func(tx store.Tx) (err error) {
		v, err = reserve(ctx, tx, r.VolumeID, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(r.Connector) > 0 {
		ctx, release, err := u.connecting(ctx, v.ID, r.Connector)
		if err != nil {
			return nil, err
		}
		defer release()
		if a.Connection, err = u.export(ctx, v, a.ID, r.Connector); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// attachMode is "ro" for a read-only volume whatever was asked.
func attachMode(v *block.Volume, asked string) string {
	switch {
	case v.ReadOnly():
		return "ro"
	case asked == "":
		return modeUnsaid
	}
	return asked
}

// reserve marks the volume reserved and enters the attachment, and gives the volume as it is then. A volume that another
// attachment of the same instance holds may be reserved again: that is how an instance moves between hosts.
func reserve(ctx context.Context, tx store.Tx, volumeID string, a *block.Attachment) (*block.Volume, error) {
	v, err := tx.Volume(ctx, volumeID, "")
	if err != nil {
		return nil, err
	}
	from, words := []block.VolumeStatus{block.VolumeAvailable, block.VolumeDownloading}, "available or downloading"
	if v.Multiattach {
		from = []block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse, block.VolumeDownloading}
		words = "available or in-use or downloading"
	}
	ok, err := tx.UpdateVolume(ctx, volumeID, store.VolumeWhen{Status: from}, store.VolumeSet{Status: new(block.VolumeReserved)})
	if err != nil {
		return nil, err
	}
	if !ok && !sameInstance(v, a.InstanceUUID) {
		return nil, block.InvalidVolume("Volume %s status must be %s to reserve, but the current status is %s.", volumeID, words, v.Status)
	}
	if ok {
		v.Status = block.VolumeReserved
	}
	if v.Migrating() {
		if err := store.Using(ctx, tx, volumeID); err != nil {
			return nil, err
		}
	}
	v.Attachments = append(v.Attachments, *a)
	return v, tx.CreateAttachment(ctx, a)
}

func sameInstance(v *block.Volume, instanceUUID string) bool {
	if instanceUUID == "" || v.Status != block.VolumeInUse && v.Status != block.VolumeReserved {
		return false
	}
	for _, a := range v.Attachments {
		if a.InstanceUUID == instanceUUID {
			return true
		}
	}
	return false
}

// export has the volume exported to a connector, and gives the connection.
func (u *Attachments) export(ctx context.Context, v *block.Volume, attachmentID string, c block.Connector) (connection map[string]any, err error) {
	if v.Host == "" {
		return nil, block.InvalidVolume("Volume %s has not been scheduled to any host; its status is %s.", v.ID, v.Status)
	}
	err = u.VolumeService.Call(ctx, v.Queue(), "3.9", rpcapi.MethodAttachmentUpdate,
		&rpcapi.AttachmentUpdate{VolumeID: v.ID, AttachmentID: attachmentID, Connector: c, AtHand: rpcapi.AtHand{Volume: v}}, &connection)
	if err != nil {
		return nil, err
	}
	// A Python volume service leaves it to the API to keep the connection.
	if ours, err := u.Ours(ctx, u.Store, v.Queue().Backend()); err != nil || ours {
		return connection, err
	}
	return connection, u.Store.Update(ctx, func(tx store.Tx) error {
		_, err := tx.UpdateAttachment(ctx, attachmentID, nil, store.AttachmentSet{Connection: &connection})
		return err
	})
}

// get reads an attachment the caller may see and may do what rule stands for to.
func (u *Attachments) get(ctx context.Context, id, rule string) (*block.Attachment, error) {
	a, err := u.Store.Attachment(ctx, id, app.ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	return a, u.Policy.Check(ctx, rule, app.Target(a.ProjectID, ""))
}

// connectPatience is how long a consumer waits for another that connects the same volume to the same host.
const connectPatience = time.Minute

// connecting keeps another API, which may be Python's, from connecting the volume to the same host at the same time.
func (u *Attachments) connecting(ctx context.Context, volumeID string, c block.Connector) (held context.Context, release func(), err error) {
	host := c.Text("host")
	if u.Locks == nil || host == "" {
		return ctx, func() {}, nil
	}
	return lock.Within(ctx, u.Locks, connectPatience, block.LockConnecting(volumeID, host))
}

// Update gives a reserved attachment its connector and exports the volume to it. What it returns is, but for the connection,
// as it was before: upstream answers so. Conflict ResourceConflict if the volume is
// in an error state or is exported to another host without being multiattach.
func (u *Attachments) Update(ctx context.Context, id string, c block.Connector) (*block.Attachment, error) {
	a, err := u.get(ctx, id, "volume:attachment_update")
	if err != nil {
		return nil, err
	}
	ctx, release, err := u.connecting(ctx, a.VolumeID, c)
	if err != nil {
		return nil, err
	}
	defer release()
	v, err := u.Store.Volume(ctx, a.VolumeID, "")
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(v.Status), "error") {
		return nil, fault.New(fault.Conflict, "ResourceConflict", "Resource conflict: Volume attachments can not be updated "+
			"if the volume is in an error state. The Volume %s currently has a status of: %s ", v.ID, v.Status)
	}
	if len(v.Attachments) > 1 && !v.Multiattach {
		for _, other := range v.Attachments {
			if other.ID != id && len(other.Connection) > 0 && other.InstanceUUID != a.InstanceUUID {
				return nil, fault.New(fault.Conflict, "ResourceConflict", "Resource conflict: duplicate connectors detected on volume %s", v.ID)
			}
		}
	}
	if a.Connection, err = u.export(ctx, v, id, c); err != nil {
		return nil, err
	}
	return a, nil
}

// Complete says that the consumer uses the volume now. Upstream has no condition on the attachment's state, nor have we:
// a consumer repeats it after a failure. The time of attaching is that of the export, and stays. A volume that is being
// deleted is refused, Invalid InvalidVolume; the status of one that another operation has in hand is left to that.
func (u *Attachments) Complete(ctx context.Context, id string) error {
	a, err := u.get(ctx, id, "volume:attachment_complete")
	if err != nil {
		return err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		v, err := tx.Volume(ctx, a.VolumeID, "")
		if err != nil {
			return err
		}
		if v.Status == block.VolumeDeleting {
			return block.InvalidVolume("Volume %s cannot be attached while its status is %s.", v.ID, v.Status)
		}
		set := store.AttachmentSet{AttachStatus: new(block.AttachAttached)}
		ok, err := tx.UpdateAttachment(ctx, id, nil, set)
		if err != nil {
			return err
		}
		if !ok {
			return block.AttachmentNotFound(id)
		}
		states := store.VolumeSet{AttachStatus: new(block.AttachAttached)}
		if v.Migrating() || v.StatusFollowsAttachments() {
			states.Status = new(block.VolumeInUse)
		}
		_, err = tx.UpdateVolume(ctx, a.VolumeID, store.VolumeWhen{}, states)
		return err
	})
	if err == nil {
		u.TellVolume(ctx, "attach.end", a.VolumeID)
	}
	return err
}

// Get reads one attachment.
func (u *Attachments) Get(ctx context.Context, id string) (*block.Attachment, error) {
	return u.Store.Attachment(ctx, id, app.ProjectScope(ctx))
}

// List reads the attachments q chooses; allProjects is for administrators.
func (u *Attachments) List(ctx context.Context, q store.AttachmentQuery, allProjects bool) ([]*block.Attachment, error) {
	if r := reqctx.From(ctx); !r.IsAdmin || !allProjects {
		q.ProjectID = r.ProjectID
	}
	return u.Store.Attachments(ctx, q)
}

// Delete ends an attachment and its export, and gives the attachments the volume still has. The volume service does it
// even for one that was only reserved: it alone derives the volume's status from the attachments that are left. Faults: those of
// CheckDetach.
func (u *Attachments) Delete(ctx context.Context, id string) ([]block.Attachment, error) {
	a, err := u.get(ctx, id, "volume:attachment_delete")
	if err != nil {
		return nil, err
	}
	v, err := u.Store.Volume(ctx, a.VolumeID, "")
	if err != nil {
		return nil, err
	}
	if err := u.CheckDetach(ctx, v, id); err != nil {
		return nil, err
	}
	err = u.VolumeService.Call(ctx, v.Queue(), "3.9", rpcapi.MethodAttachmentDelete,
		&rpcapi.AttachmentDelete{VolumeID: v.ID, AttachmentID: id, AtHand: rpcapi.AtHand{Volume: v}}, nil)
	if err != nil {
		return nil, err
	}
	if v, err = u.Store.Volume(ctx, v.ID, ""); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(v.Attachments, func(left block.Attachment) bool { return left.ID == id }) {
		return v.Attachments, nil
	}
	return u.finishDetach(ctx, v.ID, id)
}

// finishDetach ends an attachment whose export is gone: a Python volume service leaves that to the API.
func (u *Attachments) finishDetach(ctx context.Context, volumeID, id string) ([]block.Attachment, error) {
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.DestroyAttachment(ctx, id); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := tx.DeleteVolumeAdminMetadata(ctx, volumeID, "attached_mode"); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		return store.Settle(ctx, tx, volumeID)
	})
	if err != nil {
		return nil, err
	}
	v, err := u.Store.Volume(ctx, volumeID, "")
	if err != nil {
		return nil, err
	}
	u.TellVolume(ctx, "detach.end", volumeID)
	return v.Attachments, nil
}
